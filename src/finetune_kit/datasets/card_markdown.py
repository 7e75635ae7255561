"""The card of a dataset as Markdown, with the sections of a datasheet (Gebru et al. 2021)."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final

from finetune_kit.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from finetune_kit.datasets.card import DatasetCard
    from finetune_kit.datasets.provenance import SourceCount

__all__ = ["card_markdown", "demands", "personal_data"]

NOT_STATED: Final = "not stated"
_NAMED_ANNOTATORS: Final = 1


def card_markdown(card: DatasetCard) -> str:
    """Return the card as Markdown; what nobody has said is "not stated"."""
    sections = {
        "Motivation": _motivation(card),
        "Composition": _composition(card),
        "Collection process": _collection(card),
        "Preprocessing, cleaning and labelling": _preprocessing(card),
        "Uses": _uses(card),
        "Distribution": _distribution(card),
        "Maintenance": [_fact("Care", card.statements.maintenance)],
        "Audit": _audit(card),
    }
    parts = [f"# {_plain(card.name)}", "\n".join(_head(card))]
    parts += [f"## {title}\n\n" + "\n".join(lines) for title, lines in sections.items()]
    return "\n\n".join(parts) + f"\n\nMade by finetune_kit {__version__}.\n"


def demands(source: SourceCount) -> str:
    """Return in words what the licence of a source asks."""
    terms = source.terms
    said = [
        ("no commercial use", terms.non_commercial),
        ("no derivatives", terms.no_derivatives),
        ("share alike", terms.share_alike),
    ]
    found = ", ".join(words for words, true in said if true)
    known = "not known" if terms.spdx is None else "none of these"
    return found or (NOT_STATED if source.licence is None else known)


def personal_data(card: DatasetCard) -> list[str]:
    """Return what is known of personal data: what people say, then what the audit found."""
    found = card.personal_findings
    checks = card.personal_checks
    said = [card.statements.personal_data] if card.statements.personal_data else []
    if found is None:
        return [*said, "No check for personal data or secrets has run."]
    what = ", ".join(f"{rule} {count}" for rule, count in sorted(found.items())) or "nothing"
    ran = ", ".join(each.id for each in checks if each.state != "not run") or "not stated"
    missed = ", ".join(each.id for each in checks if each.state == "not run")
    return [*said, f"The audit found: {what} (by {ran}{f'; not run: {missed}' if missed else ''})."]


def _head(card: DatasetCard) -> Iterator[str]:
    yield from ("| | |", "|---|---|")
    tokens = (
        f"{card.tokens.total:,} ({'' if card.tokens.exact else 'about, '}{card.tokens.model})" if card.tokens else ""
    )
    facts = {
        "Version": card.version,
        "SHA-256": card.sha256,
        "Examples": f"{card.n_examples:,} for {card.method} tuning",
        "Size": f"{card.n_bytes:,} bytes",
        "Tokens": tokens or "not counted",
        "Languages": ", ".join(card.languages),
        "Domains": ", ".join(card.statements.domains),
        "Licences": ", ".join(card.licences),
    }
    for name, value in facts.items():
        yield f"| {name} | {_cell(value)} |"


def _motivation(card: DatasetCard) -> list[str]:
    said = card.statements
    return [_fact("Purpose", said.purpose), _fact("Made by", ", ".join(said.creators)), _fact("Funding", said.funding)]


def _composition(card: DatasetCard) -> list[str]:
    rows = [(source.source, source.licence, f"{source.n_rows:,}", demands(source)) for source in card.sources]
    splits = [(split.name, f"{split.n_examples:,}", split.sha256) for split in card.splits]
    return [
        *_table(("source", "licence", "rows", "asks"), rows),
        "",
        *(_table(("split", "examples", "SHA-256"), splits) if splits else [_fact("Splits", None)]),
        "",
        _fact("Personal data", " ".join(personal_data(card))),
        _fact("Biases", card.statements.biases),
        _fact("Limitations", card.statements.limitations),
    ]


def _collection(card: DatasetCard) -> list[str]:
    return [
        _fact("How", card.statements.collection),
        _fact("When", " to ".join(dict.fromkeys(card.collected or ()))),
        _fact("Consent or other ground", ", ".join(card.consents)),
    ]


def _preprocessing(card: DatasetCard) -> list[str]:
    # Several entries are people's names or numbers, which a card is no place for.
    few = len(card.annotators) <= _NAMED_ANNOTATORS
    who = ", ".join(card.annotators) if few else f"{len(card.annotators)} different entries"
    steps = [f"  {number}. {_plain(step)}" for number, step in enumerate(card.history, 1)]
    return [_fact("Labelling", card.statements.annotation), _fact("Annotators", who), "- Steps:", *steps]


def _uses(card: DatasetCard) -> list[str]:
    return [
        _fact("Meant for", card.statements.uses),
        _fact("To avoid", card.statements.uses_to_avoid),
        _fact("Social impact", card.statements.social_impact),
        _fact("Fine-tuning jobs", ", ".join(card.jobs)),
    ]


def _distribution(card: DatasetCard) -> list[str]:
    said = card.statements
    return [
        _fact("Terms", said.distribution),
        _fact("Published", said.published),
        _fact("Address", said.url),
        _fact("Citation", said.citation),
    ]


def _audit(card: DatasetCard) -> list[str]:
    if not card.checks:
        return ["Not audited."]
    rows = [
        (each.id, each.state, str(each.n_found), each.method, each.why or each.threshold or "none")
        for each in card.checks
    ]
    not_run = sum(each.state == "not run" for each in card.checks)
    note = f"{not_run} of {len(card.checks)} checks did not run: these have neither passed nor failed."
    head = ("check", "state", "found", "method", "threshold, or why it did not run")
    return [*_table(head, rows), *(["", note] if not_run else [])]


def _fact(name: str, value: str | None) -> str:
    return f"- {name}: {_plain(value) if value else NOT_STATED}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str | None, ...]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return lines + [f"| {' | '.join(map(_cell, row))} |" for row in rows]


def _cell(value: str | None) -> str:
    return _plain(value).replace("|", "\\|") if value else NOT_STATED


def _plain(text: str) -> str:
    """Return a text on one line that Markdown does not read as HTML."""
    return html.escape(" ".join(text.split()), quote=False)
