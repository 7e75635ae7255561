"""Where each distinct text of a sequence stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator, Sequence

__all__ = ["TextPlaces", "star"]


class TextPlaces:
    """One sequence of texts, with the number of the distinct text at each position, and the first position of each."""

    def __init__(self, texts: Sequence[str], numbers: array[int]) -> None:
        self.texts = texts
        self.numbers = numbers
        self.first: dict[int, int] = {}
        self._again: dict[int, list[int]] = {}
        for position, number in enumerate(numbers):
            if self.first.setdefault(number, position) != position:
                self._again.setdefault(number, []).append(position)

    def positions(self, number: int) -> list[int]:
        """Return all positions of a distinct text."""
        return [self.first[number], *self._again.get(number, ())]


def star(firsts: Sequence[int], seconds: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Pair every one of one side with the first of the other, so that copies cost no square."""
    for first in firsts:
        yield first, seconds[0]
    for second in seconds[1:]:
        yield firsts[0], second
