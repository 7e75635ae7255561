"""What a grader says of an answer, and what makes something a grader."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from finetune_kit.errors import EvaluationError

if TYPE_CHECKING:
    from finetune_kit.evaluation.item import Item

__all__ = ["Grader", "Score", "grade_answer"]


@dataclass(frozen=True, slots=True)
class Score:
    """What a grader says of an answer: a finite number, or that it could not run.

    Example:
        >>> Score(1.0).scored
        True
        >>> Score.failed("the item has no expected answer").scored
        False
    """

    value: float | None
    """1 is right and 0 wrong; other numbers are graded. None where the grader could not run."""
    reason: str | None = None
    """Why; never holds a piece of the answer, as scores are logged."""

    def __post_init__(self) -> None:
        if self.value is not None and not math.isfinite(self.value):
            raise EvaluationError(f"a score is a finite number, not {self.value!r}: use Score.failed(reason) instead")

    @classmethod
    def failed(cls, reason: str) -> Self:
        """Return the third outcome: the grader could not run. It is counted apart, and is no 0."""
        return cls(None, reason)

    @property
    def scored(self) -> bool:
        """Whether the grader ran."""
        return self.value is not None


@runtime_checkable
class Grader(Protocol):
    """Something with a name that scores answers. A user's own needs no more than this."""

    @property
    def name(self) -> str:
        """The name in reports; one evaluation has no two graders of a name."""

    def grade(self, answer: str, item: Item) -> Score:
        """Score an answer to an item. May raise: that counts as a grader that could not run."""


def grade_answer(grader: Grader, answer: str, item: Item) -> Score:
    """Return the grader's score, or the failed one where it raises.

    Only the class of the exception is kept: its message may quote the answer.
    """
    try:
        return grader.grade(answer, item)
    except Exception as error:  # noqa: BLE001 - a user's grader may raise anything, and one item must not end the run
        return Score.failed(f"{grader.name} raised {type(error).__name__}")
