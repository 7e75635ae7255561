"""The card of a dataset: one record of one version, as Markdown, Croissant JSON-LD and CSV."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from finetune_kit.datasets.card_languages import identified_languages
from finetune_kit.datasets.jsonl import write_lines
from finetune_kit.datasets.provenance import summarise
from finetune_kit.errors import ConfigurationError, DatasetError
from finetune_kit.types.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from finetune_kit.datasets.audit.report import AuditReport, CheckResult
    from finetune_kit.datasets.dataset import Dataset
    from finetune_kit.datasets.provenance import SourceCount
    from finetune_kit.datasets.tokens import TokenCount

__all__ = ["DatasetCard", "SplitRecord", "Statements", "make_card"]

_PERSONAL_RULES: Final = ("pii", "secret")


class Statements(Value):
    """What only people know about a dataset; the card says "not stated" of what is left out.

    The questions are those of Gebru et al. 2021, Datasheets for Datasets
    (https://arxiv.org/abs/1803.09010).

    Example:
        >>> Statements(purpose="Route help-desk messages to intents.", languages=("en",)).languages
        ('en',)
    """

    purpose: str | None = None
    """For what the dataset was made."""
    creators: tuple[str, ...] = ()
    """Who made it: organizations, teams."""
    funding: str | None = None
    languages: tuple[str, ...] = ()
    """BCP 47 tags, such as "en" or "pt-BR"; where none is stated, the card identifies them in a sample."""
    domains: tuple[str, ...] = ()
    """Subjects, such as "retail banking"."""
    collection: str | None = None
    """How the rows were gathered, and how they were chosen."""
    annotation: str | None = None
    """How answers or labels were made, by whom, and how they were checked."""
    personal_data: str | None = None
    """Which personal or sensitive data are in it, on which ground, and what was done about them."""
    biases: str | None = None
    limitations: str | None = None
    social_impact: str | None = None
    uses: str | None = None
    """What it is meant for."""
    uses_to_avoid: str | None = None
    distribution: str | None = None
    """Who may have it, and under which terms as a whole."""
    maintenance: str | None = None
    """Who looks after it, for how long, and how an error or a wish to be forgotten is told."""
    url: str | None = None
    published: str | None = None
    """Day of publication, YYYY-MM-DD."""
    citation: str | None = None


@dataclass(frozen=True, slots=True)
class SplitRecord:
    """One part of a dataset, such as "train"."""

    name: str
    n_examples: int
    n_bytes: int
    sha256: str
    """Of the file that `write` makes of it."""


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """What is known about one version of a dataset. It holds no row of it.

    Example:
        >>> from finetune_kit import Dataset
        >>> data = Dataset.read([{"q": "Where is it?", "a": "tracking"}], user="q", assistant="a")
        >>> card = data.with_provenance(source="help desk", licence="CC-BY-4.0").card("Help desk")
        >>> card.sources[0].licence
        'CC-BY-4.0'
    """

    name: str
    version: str | None
    sha256: str
    """Of the file that `write` makes: the same rows in the same order have the same."""
    n_bytes: int
    n_examples: int
    method: str
    """"supervised", "dpo" or "reinforcement"."""
    statements: Statements
    languages: tuple[str, ...] = ()
    """As stated; else as identified in a sample (extra `audit`)."""
    sources: tuple[SourceCount, ...] = ()
    collected: tuple[str, str] | None = None
    """The earliest and the latest time of collection."""
    consents: tuple[str, ...] = ()
    annotators: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    tokens: TokenCount | None = None
    splits: tuple[SplitRecord, ...] = ()
    jobs: tuple[str, ...] = ()
    """Ids of the fine-tuning jobs that used it."""
    checks: tuple[CheckResult, ...] = ()
    """The audit, check by check."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Rule -> how many findings the audit has of it."""

    @property
    def licences(self) -> tuple[str, ...]:
        """The different licences of the rows, those of most rows first."""
        return tuple(dict.fromkeys(source.licence for source in self.sources if source.licence))

    @property
    def personal_findings(self) -> Mapping[str, int] | None:
        """What the audit found of personal data and secrets; None where no such check ran."""
        ran = any(check.state != "not run" for check in self.personal_checks)
        found = {rule: count for rule, count in self.counts.items() if count and rule.startswith(_PERSONAL_RULES)}
        return found if ran or found else None

    @property
    def personal_checks(self) -> tuple[CheckResult, ...]:
        """The checks of the audit for personal data and secrets, run or not."""
        return tuple(check for check in self.checks if check.id.startswith(_PERSONAL_RULES))

    def to_markdown(self) -> str:
        """Return the card as Markdown, with the sections of a datasheet."""
        from finetune_kit.datasets.card_markdown import card_markdown

        return card_markdown(self)

    def to_croissant(self) -> str:
        """Return the card as Croissant 1.1 JSON-LD, with the responsible-AI fields and the audit."""
        from finetune_kit.datasets.croissant import card_croissant

        return card_croissant(self)

    def to_csv(self) -> str:
        """Return the card as a line of CSV below its header, for a register of datasets."""
        from finetune_kit.datasets.card_csv import card_csv

        return card_csv(self)

    def save(self, directory: str | Path) -> tuple[Path, ...]:
        """Write dataset-card.md, croissant.json and dataset-card.csv to a directory; return their paths.

        Raises:
            DatasetError: The directory cannot be made, or written to.
        """
        home = Path(directory)
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            remedy = "choose another directory that may be written to"
            raise DatasetError(f"cannot make {str(home)!r}: {error.strerror or error}. Remedy: {remedy}") from error
        texts = {
            "dataset-card.md": self.to_markdown(),
            "croissant.json": self.to_croissant(),
            "dataset-card.csv": self.to_csv(),
        }
        for name, text in texts.items():
            write_lines(home / name, [text.encode()])
        return tuple(home / name for name in texts)


def make_card(
    data: Dataset,
    name: str,
    *,
    version: str | None = None,
    statements: Statements | None = None,
    audit: AuditReport | None = None,
    tokens: TokenCount | None = None,
    splits: Mapping[str, Dataset] | None = None,
    jobs: Sequence[str] = (),
) -> DatasetCard:
    """Return the card of a dataset.

    Raises:
        ConfigurationError: The name is empty, or the audit or the token count is of other rows.
    """
    if not name.strip():
        raise ConfigurationError("give the card a name, such as 'Help-desk intents'")
    _check_belongs(data, "audit", audit.n_examples if audit else None)
    _check_belongs(data, "token count", len(tokens.per_example) if tokens else None)
    said = statements or Statements()
    known = summarise(data.provenance(position) for position in range(len(data)))
    return DatasetCard(
        name=name,
        version=version,
        sha256=data.fingerprint,
        n_bytes=data.nbytes,
        n_examples=len(data),
        method=data.method,
        statements=said,
        languages=said.languages or identified_languages(data),
        sources=known.sources,
        collected=known.collected,
        consents=known.consents,
        annotators=known.annotators,
        history=tuple(map(_without_directory, data.history)),
        tokens=tokens,
        splits=tuple(
            SplitRecord(part, len(rows), rows.nbytes, rows.fingerprint) for part, rows in (splits or {}).items()
        ),
        jobs=tuple(jobs),
        checks=audit.checks if audit else (),
        counts=dict(audit.counts) if audit else {},
    )


def _check_belongs(data: Dataset, what: str, n_examples: int | None) -> None:
    if n_examples is not None and n_examples != len(data):
        raise ConfigurationError(
            f"the {what} is of {n_examples} examples, but the dataset has {len(data)}: make it of the same dataset"
        )


def _without_directory(step: str) -> str:
    """Return a step of a history without the directory of the file, which is nobody else's business."""
    if not step.startswith("read "):
        return step
    source, colon, rest = step.removeprefix("read ").rpartition(":")
    return f"read {Path(source).name}{colon}{rest}"
