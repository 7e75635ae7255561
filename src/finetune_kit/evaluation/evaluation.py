"""What to measure: the items of a dataset, the graders, and how models are asked."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from finetune_kit.errors import ConfigurationError, EvaluationError
from finetune_kit.evaluation.graders.function import Function, GraderFunction
from finetune_kit.evaluation.graders.score import Grader, Score, grade_answer
from finetune_kit.evaluation.item import Item
from finetune_kit.evaluation.results import EvaluationSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from finetune_kit.datasets import Dataset

__all__ = ["Evaluation"]


@dataclass(frozen=True)
class Evaluation:
    """What to measure: the items of a dataset, the graders, and how models are asked.

    The items are the dataset's examples: the prompt is what comes before the last assistant
    message, and that message is the expected answer. A grader is one of
    `finetune_kit.graders`, any object with a name and a `grade(answer, item)`, or just a
    function `(answer, item) -> bool | float | Score`.

    Example:
        >>> from finetune_kit import Dataset, graders
        >>> rows = [{"text": "Where is my order?", "label": "shipping"}]
        >>> test = Dataset.read(rows, user="text", assistant="label")
        >>> Evaluation(test, graders=[graders.ExactMatch()]).items[0].expected
        'shipping'

    Raises:
        EvaluationError: The dataset has no example, or one that asks nothing.
        ConfigurationError: No grader, two of one name, or something that is no grader.
    """

    dataset: Dataset
    graders: Iterable[Grader | GraderFunction] = field(repr=False)
    """What scores the answers, at least one; the first decides unless another is named."""
    _: KW_ONLY
    name: str | None = None
    """The name in reports."""
    max_tokens: int | None = 512
    """Limit of an answer in tokens; None leaves it to the service. A cut answer counts as it is."""
    temperature: float | None = 0.0
    """0 asks for the likeliest answer; None leaves it to the service, as models that reason need."""
    seed: int | None = 0
    """Sent where not None, for services that can repeat their answers."""

    def __post_init__(self) -> None:
        graders = tuple(_grader(given) for given in self.graders)
        names = [grader.name for grader in graders]
        if not graders:
            raise ConfigurationError("Evaluation needs at least one grader, such as graders.ExactMatch()")
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigurationError(f"two graders are named {repeated[0]!r}: give one of them another name=")
        if len(self.dataset) == 0:
            raise EvaluationError("the dataset of the evaluation has no example: nothing would be measured")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise ConfigurationError(f"max_tokens={self.max_tokens!r}: give at least 1, or None")
        object.__setattr__(self, "graders", graders)

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """The items, in the order of the dataset."""
        return tuple(Item.of(example, index=index) for index, example in enumerate(self.dataset))

    @property
    def grader_names(self) -> tuple[str, ...]:
        """The names of the graders, in order."""
        return tuple(grader.name for grader in self._graders)

    @property
    def settings(self) -> EvaluationSettings:
        """How models are asked, as the report keeps it."""
        return EvaluationSettings(max_tokens=self.max_tokens, temperature=self.temperature, seed=self.seed)

    def grade(self, answer: str, item: Item) -> dict[str, Score]:
        """Return the score of each grader for an answer, by the grader's name."""
        return {grader.name: grade_answer(grader, answer, item) for grader in self._graders}

    @cached_property
    def _graders(self) -> tuple[Grader, ...]:
        return tuple(_grader(given) for given in self.graders)


def _grader(given: Grader | GraderFunction) -> Grader:
    if isinstance(given, type):
        raise ConfigurationError(f"{given.__name__} is a class: give an instance, {given.__name__}(...)")
    if isinstance(given, Grader):
        return given
    if callable(given):
        return Function(given)
    raise ConfigurationError(
        f"{type(given).__name__!r} is no grader: give one of finetune_kit.graders, a function (answer, item), "
        "or an object with `name` and `grade`"
    )
