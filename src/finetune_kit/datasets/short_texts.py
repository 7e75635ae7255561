"""Pairs of short texts that are alike by the ratio of what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from rapidfuzz import fuzz, process

from finetune_kit.datasets.sketches import Sketches, candidate_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from finetune_kit.datasets.sketches import Sides

__all__ = ["ShortPairs", "longest_partner", "short_pairs"]

# Up to here each text is compared with each of a fitting length: a few seconds of a core.
_COMPARED_WITH_ALL: Final = 20_000
_ROWS_AT_ONCE: Final = 256
_PAIRS_AT_ONCE: Final = 1 << 16

# Texts with ratio .9 share half of their 3-character shingles in the mean, of which 32 bands of four values
# find 87 %, and 99 % of those that share .6.
_SHINGLE: Final = 3
_VALUES: Final = 128
_BAND_ROWS: Final = 4
_SHINGLES_SHARED: Final = 0.3

# What the arithmetic of a ratio loses at most.
_ROUNDING: Final = 1e-9


def longest_partner(length: int, ratio: float) -> int:
    """Return how long a text can be at most whose ratio with one of this length is `ratio`.

    The ratio is 2 m / (a + b), where m, the longest common subsequence, is no longer than the shorter text.
    """
    return int(length * (2 - ratio) / ratio + _ROUNDING)


class ShortPairs(NamedTuple):
    """Pairs (n x 2), their ratios, and whether there are certainly no more."""

    pairs: NDArray[np.int64]
    ratios: NDArray[np.float64]
    complete: bool


def short_pairs(texts: Sequence[str], sides: Sides, *, ratio: float, short: int) -> ShortPairs:
    """Return the pairs with at least this ratio of which one text at least is shorter than `short`.

    Complete up to 20,000 texts; above, the candidates come from sketches.
    """
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    complete = len(texts) <= _COMPARED_WITH_ALL
    found = [(np.zeros((0, 2), np.int64), np.zeros(0))]
    for pairs, ratios in _compared(texts, lengths, ratio) if complete else _sketched(texts, sides, ratio):
        good = sides.may_pair(pairs) & (lengths[pairs].min(axis=1) < short) & (ratios >= ratio - _ROUNDING)
        found.append((pairs[good], ratios[good]))
    pairs, ratios = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return ShortPairs(pairs, ratios, complete)


def _compared(
    texts: Sequence[str], lengths: NDArray[np.int64], ratio: float
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Compare texts in the order of their lengths, each with those that are long enough and not too long."""
    order = np.argsort(lengths, kind="stable")
    ordered = [texts[index] for index in order]
    sizes = lengths[order]
    for start in range(0, len(texts), _ROWS_AT_ONCE):
        stop = min(start + _ROWS_AT_ONCE, len(texts))
        end = int(np.searchsorted(sizes, longest_partner(int(sizes[stop - 1]), ratio), side="right"))
        scores = _ratios(ordered[start:stop], ordered[start:end], ratio)
        row, column = np.nonzero(scores)
        later = row < column
        pairs = np.stack([order[start + row[later]], order[start + column[later]]], axis=1)
        yield np.sort(pairs, axis=1), scores[row[later], column[later]]


def _ratios(rows: Sequence[str], columns: Sequence[str], ratio: float) -> NDArray[np.float64]:
    cutoff = 100 * (ratio - _ROUNDING)
    scores: NDArray[np.float64] = process.cdist(rows, columns, scorer=fuzz.ratio, score_cutoff=cutoff, dtype=np.float64)
    return scores / 100


def _sketched(
    texts: Sequence[str], sides: Sides, ratio: float
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    sketches = Sketches(_SHINGLE, _VALUES)
    for text in texts:
        sketches.add(f" {text} ")
    candidates = candidate_pairs(sketches.matrix(), sides, rows=_BAND_ROWS, threshold=_SHINGLES_SHARED).pairs
    for start in range(0, len(candidates), _PAIRS_AT_ONCE):
        pairs = candidates[start : start + _PAIRS_AT_ONCE]
        firsts, seconds = ([texts[index] for index in column] for column in pairs.T)
        cutoff = 100 * (ratio - _ROUNDING)
        scores = process.cpdist(firsts, seconds, scorer=fuzz.ratio, score_cutoff=cutoff, dtype=np.float64)
        yield pairs, np.asarray(scores, np.float64) / 100
