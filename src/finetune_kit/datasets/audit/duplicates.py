"""Checks for rows that say again what an earlier row says."""

from __future__ import annotations

from collections import defaultdict
from itertools import compress
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from finetune_kit.datasets.audit.check import AuditRule, AuditSettings, Check, Hit
from finetune_kit.datasets.audit.classification import folded, is_classification
from finetune_kit.datasets.audit.likeness import Likeness, check_near_extra
from finetune_kit.datasets.audit.sides import Sides, Spot, sides, spot
from finetune_kit.datasets.duplicates import exact_key, text_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from finetune_kit.datasets.audit.row import AuditRow
    from finetune_kit.datasets.rules import Severity

__all__ = ["CHECKS", "Duplicate", "NearDuplicate"]

_LEE: Final = "Lee et al. 2022, Deduplicating Training Data Makes Language Models Better"


class Duplicate(Check):
    """Rows that are the same as an earlier one, as JSON or but for case, spaces and punctuation."""

    id = "duplicate"
    method = "128-bit digests of the canonical JSON, and of the normalised conversation without the system prompt"
    rules: ClassVar[Mapping[str, AuditRule]] = MappingProxyType(
        {
            "exact_duplicate": AuditRule("warning", _LEE, "keep one of the rows: the model would see it several times"),
            "normalised_duplicate": AuditRule("warning", _LEE, "keep one of the rows: they differ in spelling alone"),
        }
    )
    defaults: ClassVar[Mapping[str, float]] = MappingProxyType({"error_share": 0.05})

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self._first: dict[bytes, _Seen] = {}
        self._found: list[tuple[str, _Seen, _Seen]] = []

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Compare a row with all before it."""
        self.n_examined += 1
        said = sides(row)
        here = _Seen(spot(row), said.setting)
        earlier = {"exact_duplicate": self._first.setdefault(exact_key(row.raw), here)}
        if said.whole.strip():
            earlier["normalised_duplicate"] = self._first.setdefault(text_key(said.whole), here)
        rule = next((rule for rule, other in earlier.items() if other is not here), None)
        if rule:
            self._found.append((rule, here, earlier[rule]))
        return ()

    def finish(self) -> Iterator[Hit]:
        """Yield the rows that repeat others; errors, if they are many."""
        n_alike = sum(here.setting == earlier.setting for _, here, earlier in self._found)
        many = n_alike / max(self.n_examined, 1) > self.thresholds["error_share"]
        for rule, here, earlier in self._found:
            same_setting = here.setting == earlier.setting
            severity: Severity | None = ("error" if many else None) if same_setting else "hint"
            how = "the same as" if rule == "exact_duplicate" else "the same, but for case, spaces and punctuation, as"
            under = "" if same_setting else " under another system prompt or other tools"
            yield Hit(
                rule,
                f"the row is {how} an earlier one{under}",
                place=here.spot.place,
                example=here.spot.number,
                related=earlier.spot.place,
                severity=severity,
            )


class _Seen(NamedTuple):
    spot: Spot
    setting: bytes


class _Kept(NamedTuple):
    spot: Spot
    sides: Sides


class NearDuplicate(Check):
    """Rows that are nearly the same as an earlier one."""

    id = "near_duplicate"
    method = (
        "Jaccard similarity of 5-character shingles (Broder 1997), of short texts rapidfuzz's ratio: of the questions "
        "with the same label in a classification, else of conversations without the system prompt with like answers"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = MappingProxyType(
        {
            "near_duplicate": AuditRule("hint", _LEE, "keep one of the rows, unless what they differ in matters"),
            "many_near_duplicates": AuditRule(
                "warning", _LEE, "look at the near-duplicates, and keep one of each group"
            ),
        }
    )
    defaults: ClassVar[Mapping[str, float]] = MappingProxyType({"jaccard": 0.7, "ratio": 0.9, "warning_share": 0.02})

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        check_near_extra()
        self._likeness = Likeness(jaccard=self.thresholds["jaccard"], ratio=self.thresholds["ratio"])
        self._seen: set[bytes] = set()
        self._kept: list[_Kept] = []

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Keep what a row says, if no earlier one says the same."""
        self.n_examined += 1
        said = sides(row)
        key = text_key(said.whole)
        if said.asked.strip() and key not in self._seen:
            self._seen.add(key)
            self._kept.append(_Kept(spot(row), said))
        return ()

    def finish(self) -> Iterator[Hit]:
        """Yield each row that is nearly an earlier one."""
        found = sorted(self._found(), key=lambda pair: pair[1].number)
        if len(found) > self.thresholds["warning_share"] * self.n_examined:
            share = len(found) / self.n_examined
            yield Hit("many_near_duplicates", f"{len(found)} rows ({share:.1%}) are nearly the same as earlier ones")
        for earlier, here, similarity in found:
            yield Hit(
                "near_duplicate",
                f"the row is nearly the same as an earlier one (similarity {similarity:.2f})",
                place=here.place,
                example=here.number,
                related=earlier.place,
                confidence=similarity,
            )

    def _found(self) -> Iterator[tuple[Spot, Spot, float]]:
        if not is_classification(kept.sides.taught for kept in self._kept):
            yield from self._alike(self._kept, whole=True)
            return
        by_label: dict[str, list[_Kept]] = defaultdict(list)
        for kept in self._kept:
            by_label[folded(kept.sides.taught)].append(kept)
        for rows in by_label.values():
            yield from self._alike(rows, whole=False)

    def _alike(self, rows: list[_Kept], *, whole: bool) -> Iterator[tuple[Spot, Spot, float]]:
        asked = [kept.sides.asked for kept in rows]
        near = self._likeness.pairs([kept.sides.whole for kept in rows] if whole else asked)
        pairs = [*near, *self._likeness.longer_pairs(asked)]
        good = [self._likeness.agree(rows[pair.first].sides.taught, rows[pair.second].sides.taught) for pair in pairs]
        best: dict[int, tuple[float, int]] = {}
        for pair in compress(pairs, good):
            best[pair.second] = max(best.get(pair.second, (0.0, 0)), (pair.similarity, pair.first))
        for second, (similarity, first) in best.items():
            yield rows[first].spot, rows[second].spot, similarity


CHECKS: Final[tuple[type[Check], ...]] = (Duplicate, NearDuplicate)
