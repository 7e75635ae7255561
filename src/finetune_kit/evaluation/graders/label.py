"""A grader of classifications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetune_kit.errors import ConfigurationError
from finetune_kit.evaluation.graders.score import Score
from finetune_kit.evaluation.graders.structured import json_object
from finetune_kit.evaluation.graders.text import NO_EXPECTED

if TYPE_CHECKING:
    from finetune_kit.evaluation.item import Item

__all__ = ["Label"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """1 where the answer names the expected label, else 0, whatever the case and the white space.

    Example:
        >>> Label(labels=("refund", "shipping"), field="intent").field
        'intent'
    """

    labels: tuple[str, ...] | None = None
    """The labels there are; an item that expects another is not scored. None: those of the dataset."""
    field: str | None = None
    """Where answers are JSON objects, the member that holds the label; None: the whole answer is."""
    name: str = "label"

    def __post_init__(self) -> None:
        if self.labels is None:
            return
        if isinstance(self.labels, str) or not self.labels:
            raise ConfigurationError(f"Label(labels={self.labels!r}): give a sequence of at least one label, or None")
        object.__setattr__(self, "labels", tuple(self.labels))

    def grade(self, answer: str, item: Item) -> Score:
        """Score an answer to an item."""
        if item.expected is None:
            return NO_EXPECTED
        wanted, given = self._label(item.expected), self._label(answer)
        if wanted is None:
            return Score.failed(f"the expected answer has no label in {self.field!r}")
        if self.labels is not None and wanted not in map(_normal, self.labels):
            return Score.failed("the expected label is not one of the labels")
        if given is None:
            return Score(0.0, "the answer has no label")
        return Score(float(given == wanted))

    def _label(self, text: str) -> str | None:
        if self.field is None:
            return _normal(text)
        value = (json_object(text) or {}).get(self.field)
        return _normal(value) if isinstance(value, str) else None


def _normal(label: str) -> str:
    return " ".join(label.split()).casefold()
