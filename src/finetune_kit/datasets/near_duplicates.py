"""Pairs of texts that are nearly the same."""

from __future__ import annotations

from array import array
from dataclasses import replace
from importlib.util import find_spec
from itertools import repeat
from typing import TYPE_CHECKING, Final, NamedTuple

from finetune_kit.datasets.alikeness import Alikeness
from finetune_kit.datasets.duplicates import digest
from finetune_kit.datasets.normalise import normalised
from finetune_kit.datasets.text_places import TextPlaces, star
from finetune_kit.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from finetune_kit.datasets.sketches import Sides

__all__ = ["NearPair", "NearSearch", "near_keys", "near_pairs", "search_near"]

_NEEDED: Final = ("numpy", "rapidfuzz", "rensa")
_VERIFIED_AT_ONCE: Final = 4096


class NearPair(NamedTuple):
    """Two texts that are nearly the same, by their positions, and how much so: 1 after normalisation the same.

    Example:
        >>> NearPair(0, 7, 0.93).similarity
        0.93
    """

    first: int
    second: int
    similarity: float


def near_pairs(
    texts: Sequence[str],
    *,
    jaccard: float = 0.7,
    ratio: float = 0.9,
    short: int = 60,
    against: Sequence[str] | None = None,
) -> list[NearPair]:
    """Return the pairs of texts that are nearly the same, within `texts`, or between `texts` and `against`.

    Texts are compared after normalisation. Two of `short` characters and more by the Jaccard similarity
    of their sets of 5-character shingles, over candidates from MinHash; two of which one is shorter by
    rapidfuzz's ratio. Copies (similarity 1) are not paired each with each: every one is paired with
    the first, and other texts are paired with the first alone.

    Memory beside the texts: about 0.5 kB a text.

    Args:
        texts: The texts; may be read anew at each access, those that are alike are.
        jaccard: The least Jaccard similarity of long texts.
        ratio: The least ratio of short texts.
        short: Below this many characters, after normalisation, a text is short.
        against: The texts that `second` counts in; by default `texts`, with first < second.

    Raises:
        MissingExtraError: The extra `audit` is not installed.
        ConfigurationError: A threshold is not above 0 and at most 1.
    """
    return search_near(texts, Alikeness(jaccard, ratio, short), against=against).pairs


def near_keys(texts: Iterable[str], alike: Alikeness) -> Iterator[tuple[bytes, ...]]:
    """Yield the keys of the bands of each text, none for a short one; texts that share one are candidates."""
    _check_extra()
    from finetune_kit.datasets.shingles import SHINGLE
    from finetune_kit.datasets.sketches import Sketches, band_keys

    sketches = Sketches(SHINGLE)
    is_long = []
    for text in texts:
        plain = normalised(text)
        is_long.append(len(plain) >= max(alike.short, SHINGLE))
        if is_long[-1]:
            sketches.add(plain)
    keys = band_keys(sketches.matrix(), alike.jaccard)
    return (next(keys) if long else () for long in is_long)


class NearSearch(NamedTuple):
    """The pairs that were found, and whether no candidate was left out for the sake of time."""

    pairs: list[NearPair]
    complete: bool


def search_near(
    texts: Sequence[str],
    alike: Alikeness,
    *,
    against: Sequence[str] | None = None,
    apart: Sequence[Hashable] | None = None,
) -> NearSearch:
    """Find what `near_pairs` returns; texts of different values in `apart` are never paired."""
    _check_extra()
    distinct = _Distinct(texts, against, alike, apart)
    long, long_complete = distinct.alike_when_long()
    short, short_complete = distinct.alike_when_short()
    return NearSearch(sorted({*distinct.copies(), *long, *short}), long_complete and short_complete)


def _check_extra() -> None:
    for package in _NEEDED:
        if find_spec(package) is None:
            raise MissingExtraError("finding near-duplicates", "audit", package=package)


class _Distinct:
    """The distinct texts of one or two sequences, numbered as they come: sketched if long, kept if short."""

    def __init__(
        self,
        texts: Sequence[str],
        against: Sequence[str] | None,
        alike: Alikeness,
        apart: Sequence[Hashable] | None,
    ) -> None:
        from finetune_kit.datasets.shingles import SHINGLE
        from finetune_kit.datasets.short_texts import longest_partner
        from finetune_kit.datasets.sketches import Sketches

        self._alike = replace(alike, short=max(alike.short, SHINGLE))
        self._kept_up_to = longest_partner(self._alike.short - 1, alike.ratio)
        self._numbers: dict[bytes, int] = {}
        self._kinds: dict[Hashable, int] = {}
        self._kind_of = array("q")
        self._kept: list[str] = []
        self._kept_numbers = array("q")
        self._sketches = Sketches(SHINGLE)
        self._sketched_numbers = array("q")
        self._left = TextPlaces(texts, self._take(texts, apart))
        self._right = self._left if against is None else TextPlaces(against, self._take(against, None))

    def copies(self) -> Iterator[NearPair]:
        """Yield the pairs of texts that are the same after normalisation."""
        if self._right is not self._left:
            yield from self._placed((number, number, 1.0) for number in self._left.first.keys() & self._right.first)
            return
        first = self._left.first
        for position, number in enumerate(self._left.numbers):
            if first[number] != position:
                yield NearPair(first[number], position, 1.0)

    def alike_when_long(self) -> tuple[list[NearPair], bool]:
        """Return the pairs of long texts alike by Jaccard, and whether all candidates were looked at."""
        from finetune_kit.datasets.sketches import band_rows, candidate_pairs

        numbers, sides = self._sides(self._sketched_numbers)
        rows = band_rows(self._alike.jaccard)
        found = candidate_pairs(self._sketches.matrix(), sides, rows=rows, threshold=self._alike.jaccard)
        return [*self._placed(self._verified(numbers[found.pairs]))], found.complete

    def alike_when_short(self) -> tuple[list[NearPair], bool]:
        """Return the pairs with at least the ratio of which one text at least is short, and whether they are all."""
        from finetune_kit.datasets.short_texts import short_pairs

        numbers, sides = self._sides(self._kept_numbers)
        found = short_pairs(self._kept, sides, ratio=self._alike.ratio, short=self._alike.short)
        pairs = zip(numbers[found.pairs].tolist(), found.ratios.tolist(), strict=True)
        return [*self._placed((first, second, ratio) for (first, second), ratio in pairs)], found.complete

    def _verified(self, candidates: NDArray[np.int64]) -> Iterator[tuple[int, int, float]]:
        from finetune_kit.datasets.shingles import jaccards

        for start in range(0, len(candidates), _VERIFIED_AT_ONCE):
            pairs = candidates[start : start + _VERIFIED_AT_ONCE]
            similar = jaccards(*([self._text(number) for number in column] for column in pairs.T.tolist()))
            good = similar >= self._alike.jaccard
            for (first, second), similarity in zip(pairs[good].tolist(), similar[good].tolist(), strict=True):
                yield first, second, similarity

    def _take(self, texts: Sequence[str], apart: Sequence[Hashable] | None) -> array[int]:
        from finetune_kit.datasets.normalise_many import normalised_each

        taken = array("q")
        for plain, value in zip(normalised_each(texts), repeat(None) if apart is None else apart, strict=False):
            key = digest(plain.encode(errors="surrogatepass"))
            kind = 0
            if value is not None:
                kind = self._kinds.setdefault(value, len(self._kinds) + 1)
                key += kind.to_bytes(8)
            number = self._numbers.setdefault(key, len(self._numbers))
            taken.append(number)
            if number == len(self._kind_of):
                self._kind_of.append(kind)
                self._keep(plain, number)
        return taken

    def _keep(self, plain: str, number: int) -> None:
        if 0 < len(plain) <= self._kept_up_to:
            self._kept.append(plain)
            self._kept_numbers.append(number)
        if len(plain) >= self._alike.short:
            self._sketches.add(plain)
            self._sketched_numbers.append(number)

    def _sides(self, chosen: array[int]) -> tuple[NDArray[np.int64], Sides]:
        import numpy as np

        from finetune_kit.datasets.sketches import Sides

        left, right = (
            np.fromiter((number in side.first for number in chosen), np.bool_, len(chosen))
            for side in (self._left, self._right)
        )
        kinds = np.fromiter((self._kind_of[number] for number in chosen), np.int64, len(chosen))
        return np.array(chosen, np.int64), Sides(left, right, kinds)

    def _text(self, number: int) -> str:
        side = self._left if number in self._left.first else self._right
        return normalised(side.texts[side.first[number]])

    def _placed(self, alike: Iterable[tuple[int, int, float]]) -> Iterator[NearPair]:
        """Yield pairs of positions for pairs of numbers."""
        left, right = self._left, self._right
        for one, other, similarity in alike:
            if left is right:
                yield NearPair(left.first[one], left.first[other], similarity)
                continue
            for first, second in {(one, other), (other, one)}:
                if first in left.first and second in right.first:
                    places = star(left.positions(first), right.positions(second))
                    yield from (NearPair(here, there, similarity) for here, there in places)
