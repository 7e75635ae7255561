"""Graders that read an answer as plain text."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

from finetune_kit.errors import ConfigurationError
from finetune_kit.evaluation.graders.score import Score

if TYPE_CHECKING:
    from finetune_kit.evaluation.item import Item

__all__ = ["NO_EXPECTED", "ExactMatch", "Regex"]

NO_EXPECTED = Score.failed("the item has no expected answer")


@dataclass(frozen=True, slots=True)
class ExactMatch:
    """1 where the answer is the expected one, else 0.

    Example:
        >>> ExactMatch(casefold=True).name
        'exact_match'
    """

    strip: bool = True
    """Leave out white space at both ends."""
    casefold: bool = False
    """Take upper and lower case for the same, in any script."""
    _: KW_ONLY
    name: str = "exact_match"

    def grade(self, answer: str, item: Item) -> Score:
        """Score an answer to an item."""
        if item.expected is None:
            return NO_EXPECTED
        return Score(float(self._normal(answer) == self._normal(item.expected)))

    def _normal(self, text: str) -> str:
        text = text.strip() if self.strip else text
        return text.casefold() if self.casefold else text


@dataclass(frozen=True, slots=True)
class Regex:
    r"""1 where the pattern is found in the answer, else 0.

    Example:
        >>> Regex(r"#\d{6}").pattern
        '#\\d{6}'
    """

    pattern: str
    """As Python's `re` reads it."""
    _: KW_ONLY
    full: bool = False
    """The whole answer must match, but for white space at both ends."""
    name: str = "regex"

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ConfigurationError(f"Regex({self.pattern!r}): not a pattern: {error}. See Python's re.") from error

    def grade(self, answer: str, item: Item) -> Score:  # noqa: ARG002 - the pattern says what is wanted
        """Score an answer to an item."""
        found = re.fullmatch(self.pattern, answer.strip()) if self.full else re.search(self.pattern, answer)
        return Score(float(found is not None))
