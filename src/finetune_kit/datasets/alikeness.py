"""How alike two texts must be to count as nearly the same."""

from __future__ import annotations

from dataclasses import dataclass

from finetune_kit.datasets.normalise import normalised
from finetune_kit.errors import ConfigurationError

__all__ = ["Alikeness"]


@dataclass(frozen=True, slots=True)
class Alikeness:
    """The least similarities, and which of the two measures is for which texts.

    Example:
        >>> Alikeness(jaccard=0.8).short
        60
    """

    jaccard: float = 0.7
    """The least Jaccard similarity of the sets of 5-character shingles of long texts."""
    ratio: float = 0.9
    """The least rapidfuzz ratio, from 0 to 1, where a text is short."""
    short: int = 60
    """Below this many characters, after normalisation, a text is short."""

    def __post_init__(self) -> None:
        for name, value in (("jaccard", self.jaccard), ("ratio", self.ratio)):
            if not 0 < value <= 1:
                raise ConfigurationError(f"{name}={value!r}: give a similarity above 0 and at most 1")

    def similarity(self, first: str, second: str) -> float:
        """Return how alike two texts are, 0 where they are less than they must be."""
        from rapidfuzz import fuzz

        from finetune_kit.datasets.shingles import SHINGLE, jaccards

        one, other = normalised(first), normalised(second)
        if one == other:
            return 1.0
        is_short = min(len(one), len(other)) < max(self.short, SHINGLE)
        found = fuzz.ratio(one, other) / 100 if is_short else float(jaccards([one], [other])[0])
        return found if found >= (self.ratio if is_short else self.jaccard) else 0.0
