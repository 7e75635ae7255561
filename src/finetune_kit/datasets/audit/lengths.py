"""The check of how long the texts of a row are, beside the other rows of the file."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, ClassVar, Final

from finetune_kit.datasets.audit.check import AuditRule, Check, Hit
from finetune_kit.datasets.audit.spots import Spot, answer_spot, spot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from finetune_kit.datasets.audit.check import AuditSettings
    from finetune_kit.datasets.audit.row import AuditRow

__all__ = ["CHECKS", "LengthOutliers"]


class LengthOutliers(Check):
    """Answers, questions and dialogues far longer or shorter than the others with the same instruction."""

    id: ClassVar[str] = "length_outlier"
    method: ClassVar[str] = (
        "log of the length beyond the quartiles by 3 interquartile ranges (Tukey 1977), and twice as far out as 97 %"
        " are, by instruction: of the answer, of the user's longest turn (long only), of the whole dialogue (long only)"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = {
        "length_outlier": AuditRule(
            "hint", "Tukey 1977, Exploratory data analysis", "read it: is it an example of this task?"
        )
    }
    defaults: ClassVar[Mapping[str, float]] = {"ranges": 3.0, "rows": 30, "times": 2.0}

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self._lengths: dict[tuple[str, str | None], list[tuple[float, Spot]]] = defaultdict(list)

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Remember the lengths of a row."""
        said = [text for text in row.texts if text.role == "user" and text.text]
        if row.answer and row.answer.strip():
            self.n_examined += 1
            self._remember("answer", row, answer_spot(row), len(row.answer.strip()))
        if said:
            longest = max(said, key=lambda text: len(text.text))
            self._remember("turn of the user", row, spot(row, longest.pointer), len(longest.text))
        if len(row.texts) > _TURNS_OF_A_DIALOGUE:
            self._remember("dialogue", row, spot(row), sum(len(text.text) for text in row.texts))
        return ()

    def finish(self) -> Iterator[Hit]:
        """Report the outliers of each instruction that has enough rows, and of the others together."""
        rest: dict[str, list[tuple[float, Spot]]] = defaultdict(list)
        reported: set[int] = set()
        for (what, _), lengths in self._lengths.items():
            if len(lengths) >= self.thresholds["rows"]:
                yield from self._outliers(what, lengths, reported)
            else:
                rest[what] += lengths
        for what, lengths in rest.items():
            if len(lengths) >= self.thresholds["rows"]:
                yield from self._outliers(what, lengths, reported)

    def _remember(self, what: str, row: AuditRow, place: Spot, length: int) -> None:
        self._lengths[what, row.system].append((math.log(length), place))

    def _outliers(self, what: str, lengths: list[tuple[float, Spot]], reported: set[int]) -> Iterator[Hit]:
        low, high = self._fences([length for length, _ in lengths])
        for length, place in lengths:
            is_short = length < low and what == "answer"
            if (length > high or is_short) and place.number not in reported:
                reported.add(place.number)
                side = "shorter" if is_short else "longer"
                yield place.hit(
                    "length_outlier", f"the {what} has {math.exp(length):.0f} characters, far {side} than others"
                )

    def _fences(self, lengths: list[float]) -> tuple[float, float]:
        """Return the logs of the lengths below and above which a text is an outlier."""
        ordered = sorted(lengths)
        n, margin = len(ordered), math.log(self.thresholds["times"])
        low, high = ordered[n // 4], ordered[3 * n // 4]
        reach = self.thresholds["ranges"] * max(high - low, _LEAST_RANGE)
        # Lengths are skewed: what is usual in a tail is no outlier.
        few = max(int(_TAIL * n), 1)
        return min(low - reach, ordered[few] - margin), max(high + reach, ordered[-1 - few] + margin)


# Answers of nearly one length, such as labels, differ by nothing that is worth a look.
_LEAST_RANGE: Final = 0.25
_TAIL: Final = 0.03
_TURNS_OF_A_DIALOGUE: Final = 3

CHECKS: Final[tuple[type[Check], ...]] = (LengthOutliers,)
