"""The check of what rows say about where they come from, and under which licence."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from finetune_kit.datasets.audit.check import AuditRule, Check, Hit
from finetune_kit.datasets.provenance import Provenance, provenance_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from finetune_kit.datasets.audit.check import AuditSettings
    from finetune_kit.datasets.audit.row import AuditRow
    from finetune_kit.datasets.findings import Place

__all__ = ["CHECKS", "Documentation"]

_LICENCES: Final = "https://spdx.org/licenses"
_DATASHEETS: Final = "Gebru et al. 2021, Datasheets for Datasets, https://arxiv.org/abs/1803.09010"


class Documentation(Check):
    """Looks for rows whose licence forbids or demands something, and for gaps between documented rows."""

    id: ClassVar[str] = "documentation"
    method: ClassVar[str] = (
        "SPDX id and terms of each row's licence; rows without source or licence among rows with them"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = {
        "licence_non_commercial": AuditRule(
            "warning", _LICENCES, "leave the row out of models for commercial use, or get another licence"
        ),
        "licence_no_derivatives": AuditRule(
            "warning", _LICENCES, "ask the owner: a tuned model may count as a work made of the data"
        ),
        "licence_share_alike": AuditRule(
            "warning", _LICENCES, "publish what is made of the row under the same licence, or leave the row out"
        ),
        "licence_unknown": AuditRule(
            "warning", _LICENCES, "find out the licence and give its SPDX id: Dataset.with_provenance(licence=...)"
        ),
        "provenance_missing": AuditRule(
            "warning", _DATASHEETS, "say where the rows come from: Dataset.with_provenance(source=..., licence=...)"
        ),
    }

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self.why_not_run = "no row says where it comes from: see Dataset.with_provenance"
        self._n_rows = 0
        self._n_without: dict[str, int] = {"source": 0, "licence": 0}
        self._first: dict[str, Place] = {}

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Judge the licence of a row."""
        self._n_rows += 1
        known = provenance_of(row.extra, row.row if row.method == "reinforcement" else {})
        self.n_examined += known.documented
        for fact, said in (("source", known.source), ("licence", known.licence)):
            if said is None:
                self._n_without[fact] += 1
                self._first.setdefault(fact, row.place)
        return [Hit(rule, reason, row) for rule, reason in _breaches(known)]

    def finish(self) -> Iterable[Hit]:
        """Tell how many rows lack what others have."""
        if not self.n_examined:
            return
        for fact, n_rows in self._n_without.items():
            if n_rows:
                reason = f"{n_rows} of {self._n_rows} rows say no {fact}; {self._first[fact]} is the first"
                yield Hit("provenance_missing", reason)


def _breaches(known: Provenance) -> Iterator[tuple[str, str]]:
    if known.licence is None:
        return
    terms = known.terms
    name = terms.spdx or known.licence
    if terms.non_commercial:
        yield "licence_non_commercial", f"the licence {name!r} forbids commercial use"
    if terms.no_derivatives:
        yield "licence_no_derivatives", f"the licence {name!r} forbids works made of the data"
    if terms.share_alike:
        yield "licence_share_alike", f"the licence {name!r} asks for the same licence on what is made of the data"
    if terms.spdx is None:
        yield "licence_unknown", f"the licence {name!r} is no SPDX id that is known"


CHECKS: Final[tuple[type[Check], ...]] = (Documentation,)
