"""Checks for held-out rows that the training rows give away."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from finetune_kit.datasets.audit.check import AuditRule, AuditSettings, Check, Hit
from finetune_kit.datasets.audit.classification import folded, is_classification
from finetune_kit.datasets.audit.likeness import Likeness, check_near_extra
from finetune_kit.datasets.audit.sides import Sides, Spot, sides, spot
from finetune_kit.datasets.duplicates import digest, text_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from finetune_kit.datasets.audit.row import AuditRow
    from finetune_kit.datasets.findings import Place

__all__ = ["CHECKS", "Leak", "NearLeak"]

_SOURCES: Final = "Lewis et al. 2021 (test-train overlap in question answering); Sainz et al. 2023 (contamination)"
_NO_HELD_OUT: Final = "there are no held-out rows: give audit(held_out=...)"


class Leak(Check):
    """Held-out rows that ask what a training row asks."""

    id = "leak"
    method = "digests of the input without the system prompt, as it is and normalised, across both datasets"
    rules: ClassVar[Mapping[str, AuditRule]] = MappingProxyType(
        {
            "leak_exact": AuditRule(
                "error", _SOURCES, "take the row out of one of the datasets: a test must be unseen"
            ),
            "leak_normalised": AuditRule("error", _SOURCES, "take the row out of one of the datasets"),
        }
    )

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self.why_not_run = _NO_HELD_OUT
        self._exact: dict[bytes, _Seen] = {}
        self._normalised: dict[bytes, _Seen] = {}

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Remember what a training row asks."""
        said = sides(row)
        asked = said.asked.strip()
        if asked:
            seen = _Seen(row.place, said.setting, text_key(said.taught))
            self._exact.setdefault(_key(asked), seen)
            self._normalised.setdefault(text_key(asked), seen)
        return ()

    def see_held_out(self, row: AuditRow) -> Iterable[Hit]:
        """Look a held-out row up among the training rows."""
        said = sides(row)
        asked = said.asked.strip()
        self.n_examined += bool(asked)
        if seen := self._exact.get(_key(asked)):
            yield _hit("leak_exact", "the held-out row asks what a training row asks", row, seen)
        elif seen := self._normalised.get(text_key(asked)):
            reason = "the held-out row asks, but for case, spaces and punctuation, what a training row asks"
            yield _hit("leak_normalised", reason, row, seen)


class _Seen(NamedTuple):
    place: Place
    setting: bytes
    taught: bytes


def _hit(rule: str, reason: str, row: AuditRow, seen: _Seen) -> Hit:
    said = sides(row)
    if said.setting != seen.setting and text_key(said.taught) != seen.taught:
        reason = f"{reason}, for another task: system prompt, or tools, and answer differ"
        return Hit(rule, reason, row, related=seen.place, severity="hint")
    return Hit(rule, reason, row, related=seen.place)


class _Kept(NamedTuple):
    spot: Spot
    sides: Sides


class NearLeak(Check):
    """Held-out rows that ask nearly what a training row asks."""

    id = "near_leak"
    method = (
        "Jaccard similarity of 5-character shingles (Broder 1997), of short texts rapidfuzz's ratio, of the inputs "
        "across both datasets; in a classification, of inputs with the same label"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = MappingProxyType(
        {
            "leak_near": AuditRule(
                "warning", _SOURCES, "take the row out of one of the datasets, unless they do differ"
            ),
        }
    )
    defaults: ClassVar[Mapping[str, float]] = MappingProxyType({"jaccard": 0.7, "ratio": 0.9, "warning": 0.95})

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self.why_not_run = _NO_HELD_OUT
        check_near_extra()
        self._likeness = Likeness(jaccard=self.thresholds["jaccard"], ratio=self.thresholds["ratio"])
        self._known: set[bytes] = set()
        self._train: list[_Kept] = []
        self._held_out: list[_Kept] = []

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Keep what a training row asks."""
        said = sides(row)
        if said.asked.strip():
            self._known.add(text_key(said.asked))
            self._train.append(_Kept(spot(row), said))
        return ()

    def see_held_out(self, row: AuditRow) -> Iterable[Hit]:
        """Keep what a held-out row asks, if no training row asks the same."""
        said = sides(row)
        if said.asked.strip():
            self.n_examined += 1
            if text_key(said.asked) not in self._known:
                self._held_out.append(_Kept(spot(row), said))
        return ()

    def finish(self) -> Iterator[Hit]:
        """Yield each held-out row that is nearly a training row, with the nearest one."""
        if not self._held_out:
            return
        best: dict[int, tuple[float, int]] = {}
        for first, second, similarity in self._pairs():
            best[first] = max(best.get(first, (0.0, 0)), (similarity, second))
        for first, (similarity, second) in sorted(best.items()):
            here, related = self._held_out[first].spot, self._train[second].spot
            reason = f"the held-out row asks nearly what a training row asks (similarity {similarity:.2f})"
            yield Hit(
                "leak_near",
                reason,
                place=here.place,
                example=here.number,
                related=related.place,
                confidence=similarity,
                severity=None if similarity >= self.thresholds["warning"] else "hint",
            )

    def _pairs(self) -> Iterator[tuple[int, int, float]]:
        asked = [kept.sides.asked for kept in self._held_out]
        known = [kept.sides.asked for kept in self._train]
        pairs = [*self._likeness.pairs(asked, known), *self._likeness.longer_pairs(asked, known)]
        labelled = is_classification(kept.sides.taught for kept in self._train)
        for first, second, similarity in pairs:
            if not labelled or folded(self._held_out[first].sides.taught) == folded(self._train[second].sides.taught):
                yield first, second, similarity


def _key(text: str) -> bytes:
    return digest(text.encode(errors="surrogatepass"))


CHECKS: Final[tuple[type[Check], ...]] = (Leak, NearLeak)
