"""When two texts of a dataset say nearly the same."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from finetune_kit.datasets.near_duplicates import NearPair, near_pairs
from finetune_kit.datasets.normalise import normalised
from finetune_kit.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Likeness", "check_near_extra"]

_FIGURES: Final = re.compile(r"\d+")
# In a longer text one figure more or less is an edit as any other.
_FIGURES_MATTER_BELOW: Final = 300
_ANSWERS_ALIKE: Final = 0.6
_FEWEST_WORDS: Final = 4


def check_near_extra() -> None:
    """Raise MissingExtraError where the libraries that compare texts are missing."""
    for package in ("numpy", "rensa", "rapidfuzz"):
        if find_spec(package) is None:
            raise MissingExtraError("finding near-duplicates", "audit", package=package)


class Likeness:
    """Finds pairs of texts that are nearly the same, and in short ones have the same figures."""

    def __init__(self, *, jaccard: float, ratio: float) -> None:
        self._jaccard = jaccard
        self._ratio = ratio

    def pairs(self, texts: Sequence[str], against: Sequence[str] | None = None) -> list[NearPair]:
        """Return the pairs within `texts`, or between these and `against`.

        "Set an alarm for 7" and "set an alarm for 8" are no pair: where texts are short, figures are what they say.
        """
        others = texts if against is None else against
        near = near_pairs(texts, jaccard=self._jaccard, ratio=self._ratio, against=against)
        return [pair for pair in near if _same_figures(texts[pair.first], others[pair.second])]

    def longer_pairs(self, texts: Sequence[str], against: Sequence[str] | None = None) -> list[NearPair]:
        """Return the pairs of which one text has a word more in front or behind, such as "please"."""
        others = texts if against is None else against
        longer = _one_word_longer(texts, against)
        return [pair for pair in longer if _same_figures(texts[pair.first], others[pair.second])]

    def agree(self, one: str, other: str) -> bool:
        """Tell whether two answers to nearly the same question are nearly the same, too."""
        from rapidfuzz import fuzz

        first, second = normalised(one), normalised(other)
        if first == second:
            return True
        return _same_figures(first, second) and fuzz.ratio(first, second) / 100 >= _ANSWERS_ALIKE


def _same_figures(one: str, other: str) -> bool:
    if min(len(one), len(other)) > _FIGURES_MATTER_BELOW:
        return True
    return sorted(_FIGURES.findall(one)) == sorted(_FIGURES.findall(other))


def _one_word_longer(texts: Sequence[str], against: Sequence[str] | None) -> Iterator[NearPair]:
    """Yield the pairs of which one text is the other with a word more at its beginning or end."""
    ours = [normalised(text) for text in texts]
    theirs = ours if against is None else [normalised(text) for text in against]
    places = {text: place for place, text in reversed(list(enumerate(theirs)))}
    for first, text in enumerate(ours):
        for shorter in _without_a_word(text):
            if (second := places.get(shorter)) is not None:
                yield NearPair(*_ordered(first, second, against), _ratio(text, shorter))
    if against is None:
        return
    own_places = {text: place for place, text in reversed(list(enumerate(ours)))}
    for second, text in enumerate(theirs):
        for shorter in _without_a_word(text):
            if (place := own_places.get(shorter)) is not None:
                yield NearPair(place, second, _ratio(text, shorter))


def _without_a_word(text: str) -> tuple[str, ...]:
    if text.count(" ") < _FEWEST_WORDS or len(text) > _FIGURES_MATTER_BELOW:
        return ()
    return text.partition(" ")[2], text.rpartition(" ")[0]


def _ordered(first: int, second: int, against: Sequence[str] | None) -> tuple[int, int]:
    return (first, second) if against is not None or first < second else (second, first)


def _ratio(longer: str, shorter: str) -> float:
    # rapidfuzz's ratio where one text holds the other whole.
    return 2 * len(shorter) / (len(longer) + len(shorter))
