"""Where a finding will stand, kept by checks that judge a row only after all have been seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from finetune_kit.datasets.audit.check import Hit

if TYPE_CHECKING:
    from finetune_kit.datasets.audit.row import AuditRow
    from finetune_kit.datasets.findings import Place
    from finetune_kit.datasets.rules import Severity

__all__ = ["Spot", "answer_spot", "spot"]


class Spot(NamedTuple):
    """The place of a row and a pointer into it: much smaller than the row."""

    place: Place
    number: int
    pointer: str

    def hit(self, rule: str, reason: str, *, confidence: float | None = None, severity: Severity | None = None) -> Hit:
        """Return what was found here."""
        return Hit(
            rule,
            reason,
            pointer=self.pointer,
            place=self.place,
            example=self.number,
            confidence=confidence,
            severity=severity,
        )


def spot(row: AuditRow, pointer: str = "") -> Spot:
    """Return the place of a row, or of a pointer in it."""
    return Spot(row.place, row.number, pointer)


def answer_spot(row: AuditRow) -> Spot:
    """Return the place of the answer of a row."""
    return Spot(row.place, row.number, row.answer_pointer)
