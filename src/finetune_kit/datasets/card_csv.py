"""The card of a dataset as one record of CSV, for a register of datasets."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from finetune_kit.datasets.card import DatasetCard

__all__ = ["card_csv"]


def card_csv(card: DatasetCard) -> str:
    """Return a header and one record; what nobody has said is empty."""
    record = _record(card)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(record), lineterminator="\n")
    writer.writeheader()
    writer.writerow(record)
    return out.getvalue()


def _record(card: DatasetCard) -> dict[str, Any]:
    statements = card.statements.model_dump(exclude={"languages", "creators", "domains"})
    found = card.personal_findings
    return {
        "name": card.name,
        "version": card.version,
        "sha256": card.sha256,
        "method": card.method,
        "examples": card.n_examples,
        "bytes": card.n_bytes,
        "tokens": card.tokens.total if card.tokens else None,
        "tokens_model": card.tokens.model if card.tokens else None,
        "languages": _joined(card.languages),
        "domains": _joined(card.statements.domains),
        "creators": _joined(card.statements.creators),
        "sources": _joined(f"{one.source or 'not stated'} ({one.n_rows})" for one in card.sources),
        "licences": _joined(card.licences),
        "collected": " to ".join(dict.fromkeys(card.collected or ())),
        "consent": _joined(card.consents),
        "personal_findings": None if found is None else _joined(f"{rule} {n}" for rule, n in found.items()) or "none",
        "splits": _joined(f"{split.name} {split.n_examples} {split.sha256}" for split in card.splits),
        "jobs": _joined(card.jobs),
        "audit_found": _joined(f"{each.id} {each.n_found}" for each in card.checks if each.state == "found"),
        "audit_clean": _joined(each.id for each in card.checks if each.state == "clean"),
        "audit_not_run": _joined(each.id for each in card.checks if each.state == "not run"),
        **statements,
    }


def _joined(items: Iterable[str]) -> str:
    return "; ".join(items)
