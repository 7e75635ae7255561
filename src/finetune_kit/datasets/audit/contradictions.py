"""A check for rows that answer the same question differently."""

from __future__ import annotations

from collections import Counter, defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from finetune_kit.datasets.audit.check import AuditRule, AuditSettings, Check, Hit
from finetune_kit.datasets.audit.classification import LONGEST_LABEL, folded, is_classification
from finetune_kit.datasets.audit.sides import Spot, sides, spot
from finetune_kit.datasets.duplicates import text_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from finetune_kit.datasets.audit.row import AuditRow

__all__ = ["CHECKS", "Contradiction"]

_NORTHCUTT: Final = "Northcutt et al. 2021, Pervasive Label Errors in Test Sets"


class _Answer(NamedTuple):
    spot: Spot
    said: str


class Contradiction(Check):
    """Rows that ask the same under the same system prompt and tools, and are answered differently."""

    id = "contradiction"
    method = "digests of system prompt, tools and normalised input; answers compared without case and punctuation"
    rules: ClassVar[Mapping[str, AuditRule]] = MappingProxyType(
        {
            "contradictory_label": AuditRule("error", _NORTHCUTT, "decide on one label for the same input"),
            "contradictory_answer": AuditRule(
                "hint", _NORTHCUTT, "keep one answer, unless the task allows several for the same input"
            ),
        }
    )
    applies_to = ("supervised", "reinforcement")

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self._answers: dict[bytes, list[_Answer]] = defaultdict(list)

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Remember what a row asks, and its answer."""
        said = sides(row)
        if said.asked.strip() and said.taught.strip():
            self.n_examined += 1
            # An answer of signs alone, such as an emoji, folds to nothing.
            short = len(said.taught) <= LONGEST_LABEL and folded(said.taught)
            self._answers[text_key(said.asked) + said.setting].append(
                _Answer(spot(row), short or text_key(said.taught).hex() * 2)
            )
        return ()

    def finish(self) -> Iterator[Hit]:
        """Yield the rows whose answer is not the one that most rows with their question have."""
        answers = (answer.said for group in self._answers.values() for answer in group)
        rule = "contradictory_label" if is_classification(answers) else "contradictory_answer"
        what = "label" if rule == "contradictory_label" else "answer"
        for group in self._answers.values():
            usual = Counter(answer.said for answer in group).most_common(1)[0][0]
            first = next(answer.spot for answer in group if answer.said == usual)
            for here, said in group:
                if said != usual:
                    reason = f"the same input has another {what} elsewhere"
                    yield Hit(rule, reason, place=here.place, example=here.number, related=first.place)


CHECKS: Final[tuple[type[Check], ...]] = (Contradiction,)
