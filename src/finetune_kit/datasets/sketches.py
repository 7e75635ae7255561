"""MinHash sketches of texts, and the pairs of texts that may be alike by them.

Broder 1997, "On the resemblance and containment of documents"; bands as in Leskovec, Rajaraman
and Ullman, "Mining of Massive Datasets", section 3.4. The sketches are those of rensa (RMinHash
over all shingles); of each of the values, 64 for long texts, the low 16 bits are kept: 128 bytes a text.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from finetune_kit.datasets.shingles import shingle_hashes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Candidates", "Sides", "Sketches", "band_keys", "band_rows", "candidate_pairs"]

VALUES: Final = 64
"""Values of a sketch: enough for bands, since the texts of all candidates are compared themselves."""

_SEED: Final = 42
# Few enough for hashes and sketches to stay in the cache of a core.
_TEXTS_AT_ONCE: Final = 128
# Of the pairs right at the threshold, the bands find this share at least.
_RECALL: Final = 0.985
# Of the texts under one key each is paired with each, those of small groups first, until there are so many pairs;
# in the groups left each is paired with the first and the next. Groups of 16 are always small.
_PAIRS_OF_A_BAND: Final = 1 << 16
_CLIQUE: Final = 16
_PAIRS_AT_ONCE: Final = 1 << 14
# Standard errors of the estimate within which a pair is looked at more closely.
_SLACK: Final = 3.0


@dataclass(frozen=True, slots=True)
class Sides:
    """Which texts can be the first of a pair and which the second (within one collection all both), and their kinds."""

    left: NDArray[np.bool_]
    right: NDArray[np.bool_]
    kinds: NDArray[np.int64]
    """Texts of different kinds are never paired."""

    def may_pair(self, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which pairs have one text of each side, both of one kind."""
        first, second = pairs[:, 0], pairs[:, 1]
        across = (self.left[first] & self.right[second]) | (self.left[second] & self.right[first])
        may: NDArray[np.bool_] = across & (first != second) & (self.kinds[first] == self.kinds[second])
        return may


class Candidates(NamedTuple):
    """Pairs (n x 2, ascending) to look at more closely, and whether none was left out for the sake of time."""

    pairs: NDArray[np.int64]
    complete: bool


class Sketches:
    """Sketches that are made as the texts come by, so that the texts need not be kept."""

    def __init__(self, shingle: int, n_values: int = VALUES) -> None:
        self._shingle = shingle
        self._n_values = n_values
        self._packed = Struct(f"={n_values}I").pack
        self._waiting: list[str] = []
        self._values = bytearray()

    def add(self, text: str) -> None:
        """Take the next text, as long as a shingle at least."""
        self._waiting.append(text)
        if len(self._waiting) == _TEXTS_AT_ONCE:
            self._sketch()

    def matrix(self) -> NDArray[np.uint16]:
        """Return one row of values for each text."""
        if self._waiting:
            self._sketch()
        return np.frombuffer(self._values, np.uint16).reshape(-1, self._n_values)

    def _sketch(self) -> None:
        from rensa import RMinHash  # type: ignore[import-untyped,unused-ignore]

        hashes, offsets = shingle_hashes(self._waiting, self._shingle)
        digests = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, self._n_values, _SEED)
        # Faster than handing numpy the lists.
        values = b"".join([self._packed(*row) for row in digests.to_rows()])
        self._values += np.frombuffer(values, np.uint32).astype(np.uint16).tobytes()
        self._waiting.clear()


def band_rows(threshold: float) -> int:
    """Return how many values a band has: as many as still find nearly all pairs at the threshold.

    Of pairs with Jaccard similarity s, b bands of r values find 1 - (1 - s^r)^b.
    """
    found = (rows for rows in range(32, 0, -1) if 1 - (1 - threshold**rows) ** (VALUES // rows) >= _RECALL)
    return next(found, 1)


def candidate_pairs(matrix: NDArray[np.uint16], sides: Sides, *, rows: int, threshold: float) -> Candidates:
    """Return the pairs that share a band and whose sketches do not speak against the threshold."""
    n_texts, n_values = matrix.shape
    least = threshold - _SLACK * (threshold * (1 - threshold) / n_values) ** 0.5
    codes = [np.zeros(0, np.int64)]
    complete = True
    for start in range(0, n_values - rows + 1, rows):
        runs = _Runs.of(_band_keys(matrix[:, start : start + rows], sides.kinds))
        complete = complete and bool(runs.is_small.all())
        for pairs in _equal_pairs(runs, sides):
            pairs.sort(axis=1)
            near = pairs[sides.may_pair(pairs) & (_agreement(matrix, pairs) >= least)]
            codes.append(near[:, 0] * n_texts + near[:, 1])
    pairs = np.stack(np.divmod(np.unique(np.concatenate(codes)), max(n_texts, 1)), axis=1)
    return Candidates(pairs, complete)


def band_keys(matrix: NDArray[np.uint16], threshold: float) -> Iterator[tuple[bytes, ...]]:
    """Yield the keys of the bands of each text: the number of the band, and 8 bytes."""
    rows = band_rows(threshold)
    kinds = np.zeros(len(matrix), np.int64)
    bands = [_band_keys(matrix[:, start : start + rows], kinds) for start in range(0, VALUES - rows + 1, rows)]
    for keys in zip(*bands, strict=True):
        yield tuple(bytes([band]) + key.tobytes() for band, key in enumerate(keys))


def _band_keys(values: NDArray[np.uint16], kinds: NDArray[np.int64]) -> NDArray[np.uint64]:
    keys = kinds.astype(np.uint64)
    for column in values.T:
        keys = (keys ^ column) * np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return keys


class _Runs(NamedTuple):
    """The texts that share a key with others, run by run."""

    run: NDArray[np.int64]
    member: NDArray[np.int64]
    size: NDArray[np.int64]
    """How many members the run has."""
    is_small: NDArray[np.bool_]
    """Whether the run of the member is so small that all its pairs are looked at."""

    @classmethod
    def of(cls, keys: NDArray[np.uint64]) -> _Runs:
        """Find the runs of equal keys."""
        order = np.argsort(keys)
        ordered = keys[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))[: len(keys)]
        sizes = np.diff(np.append(starts, len(keys)))
        shared = sizes > 1
        run = np.repeat(np.arange(len(starts))[shared], sizes[shared])
        size = sizes[run]
        return cls(run, order[np.repeat(shared, sizes)], size, size <= _largest_small(sizes[shared]))

    def only(self, some: NDArray[np.bool_]) -> _Runs:
        """Return the runs of some members."""
        return _Runs(self.run[some], self.member[some], self.size[some], self.is_small[some])

    def at_distance(self, step: int) -> NDArray[np.int64]:
        """Return the pairs of members of one run that stand so far from each other."""
        together = self.run[step:] == self.run[:-step]
        return np.stack([self.member[:-step][together], self.member[step:][together]], axis=1)


def _largest_small(sizes: NDArray[np.int64]) -> int:
    """Return up to which size all pairs of all runs are few enough."""
    ascending = np.sort(sizes)
    n_fitting = np.searchsorted(np.cumsum(ascending * (ascending - 1) // 2), _PAIRS_OF_A_BAND, side="right")
    return max(int(ascending[n_fitting - 1]) if n_fitting else 0, _CLIQUE)


def _equal_pairs(runs: _Runs, sides: Sides) -> Iterator[NDArray[np.int64]]:
    """Yield pairs of texts with equal keys: all of a small run; of a long one, each with the firsts and the next."""
    yield runs.at_distance(1)
    small, long = runs.only(runs.is_small), runs.only(~runs.is_small)
    for step in range(2, int(small.size.max(initial=0))):
        small = small.only(small.size > step)
        yield small.at_distance(step)
    for side in (sides.left, sides.right):
        yield _stars(long.run, long.member, side)


def _stars(run: NDArray[np.int64], member: NDArray[np.int64], side: NDArray[np.bool_]) -> NDArray[np.int64]:
    on_side = np.flatnonzero(side[member])
    runs, where = np.unique(run[on_side], return_index=True)
    has_first = np.isin(run, runs)
    first = member[on_side[where]][np.searchsorted(runs, run[has_first])]
    return np.stack([first, member[has_first]], axis=1)


def _agreement(matrix: NDArray[np.uint16], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    shares = [
        (matrix[some[:, 0]] == matrix[some[:, 1]]).mean(axis=1)
        for some in (pairs[start : start + _PAIRS_AT_ONCE] for start in range(0, len(pairs), _PAIRS_AT_ONCE))
    ]
    return np.concatenate(shares) if shares else np.zeros(0)
