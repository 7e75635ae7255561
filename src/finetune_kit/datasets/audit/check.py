"""What a check of an audit is: it sees every row once, and says what it found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from finetune_kit.datasets.rules import METHODS, MethodName, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from finetune_kit.datasets.audit.row import AuditRow
    from finetune_kit.datasets.findings import Place

__all__ = ["AuditRule", "AuditSettings", "Check", "Hit"]

_NOTHING: Mapping[str, float] = MappingProxyType({})


class AuditRule(NamedTuple):
    """One kind of finding of an audit: how grave it is, where the rule comes from, and what to do."""

    severity: Severity
    source: str
    fix: str


class Hit(NamedTuple):
    """What a check found; it never quotes what a message says."""

    rule: str
    """A key of the check's `rules`."""
    reason: str
    row: AuditRow | None = None
    """The row it is in; None for the whole dataset."""
    pointer: str = ""
    """JSON pointer to the place inside the row; empty for the whole row."""
    related: Place | None = None
    confidence: float | None = None
    severity: Severity | None = None
    """Where the finding is graver or lighter than its rule says."""
    place: Place | None = None
    """Where the finding stands, for checks that keep the places of rows and not the rows."""
    example: int | None = None
    """Number of that example, counted from 1."""


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """What an audit may be told about the data.

    Example:
        >>> AuditSettings(regions=("DE", "FR"), thresholds={"near_duplicate.jaccard": 0.8}).regions
        ('DE', 'FR')
    """

    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Values in place of the checks' own, by "check.name" such as "near_duplicate.jaccard"."""
    severities: Mapping[str, Severity] = field(default_factory=dict)
    """Severities in place of the rules' own, by the id of the rule, such as {"pii_email": "error"}."""
    regions: tuple[str, ...] = ("US", "GB", "CA", "AU", "IN", "DE", "FR", "ES", "IT", "NL", "BR", "JP")
    """Countries (ISO 3166, two letters) whose national phone numbers are looked for; others are found by "+"."""
    reference: str | None = None
    """Key of the rows, or column, with the right answer, for checks that need one."""


class Check(ABC):
    """One check of an audit: made for one audit, given every row once, in order, then asked to finish.

    It keeps only what it needs of a row, so that files larger than memory can be audited.
    To be made, it raises MissingExtraError where its library is not installed: the audit
    then reports it as not run.
    """

    id: ClassVar[str]
    """Name of the check, such as "near_duplicate"."""
    method: ClassVar[str]
    """How it decides, in one sentence, with the reference."""
    rules: ClassVar[Mapping[str, AuditRule]]
    """What it can find."""
    defaults: ClassVar[Mapping[str, float]] = _NOTHING
    """Its thresholds by name."""
    applies_to: ClassVar[tuple[MethodName, ...]] = METHODS
    """The methods of tuning whose rows it can judge."""
    on_request: ClassVar[bool] = False
    """Whether it takes so long that it runs only where it is named in `only`."""

    def __init__(self, settings: AuditSettings) -> None:
        self.settings = settings
        self.thresholds = {
            name: settings.thresholds.get(f"{self.id}.{name}", value) for name, value in self.defaults.items()
        }
        self.n_examined = 0
        """How many rows (or texts, or pairs) it has judged; 0 at the end means that it did not run."""
        self.why_not_run = "no row has what this check looks at"

    @abstractmethod
    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Look at the next row; return what is found in it alone."""

    def see_held_out(self, row: AuditRow) -> Iterable[Hit]:
        """Look at a row of a held-out dataset; called after all rows have been seen."""
        del row
        return ()

    def finish(self) -> Iterable[Hit]:
        """Return what only shows over all rows."""
        return ()
