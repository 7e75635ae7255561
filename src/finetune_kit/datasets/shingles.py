"""Sets of 5-character shingles as numbers: for sketches of texts, and their Jaccard similarity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["SHINGLE", "jaccards", "shingle_hashes"]

SHINGLE: Final = 5
"""Characters of a shingle."""

# Odd 64-bit constants: the golden ratio's, and those of the finalizer of splitmix64
# (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX: Final = np.uint64(0xBF58476D1CE4E5B9)
_HALF: Final = np.uint64(32)

# Few enough for the sorting to stay in the cache of a core.
_PAIRS_AT_ONCE: Final = 64
_PAIR_BITS: Final = np.uint64(12)
_SIDE: Final = np.uint64(1)


def shingle_hashes(texts: Sequence[str], size: int = SHINGLE) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the hashes of the shingles of all texts, one after the other, and where each text begins, with the end.

    A text has as many hashes as characters: its last ones, where no whole shingle begins, repeat its first
    shingle, which changes no set. Every text must be as long as a shingle at least.
    """
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    offsets = np.concatenate(([0], lengths.cumsum()))
    hashes = _window_hashes(_code_points("".join(texts)), size)
    tails = (offsets[1:, None] - np.arange(1, size)).ravel()
    hashes[tails] = np.repeat(hashes[offsets[:-1]], size - 1)
    return hashes, offsets


def jaccards(firsts: Sequence[str], seconds: Sequence[str]) -> NDArray[np.float64]:
    """Return |A and B| / |A or B| of the sets of shingles of each pair of texts."""
    parts = [
        _few_jaccards(firsts[start : start + _PAIRS_AT_ONCE], seconds[start : start + _PAIRS_AT_ONCE])
        for start in range(0, len(firsts), _PAIRS_AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _few_jaccards(firsts: Sequence[str], seconds: Sequence[str]) -> NDArray[np.float64]:
    """Sort the hashes of all pairs at once, each behind the number of its pair and before its side.

    Of a hash, 51 bits are left: two of a thousand shingles agree by chance in one pair of a billion.
    """
    n_pairs = len(firsts)
    keys = _keys(firsts, seconds)
    keys.sort()
    keys = keys[np.concatenate(([True], keys[1:] != keys[:-1]))]
    pairs = (keys >> (np.uint64(64) - _PAIR_BITS)).astype(np.int64)
    both = (keys[1:] >> _SIDE) == (keys[:-1] >> _SIDE)
    n_both = np.bincount(pairs[1:][both], minlength=n_pairs)
    ratios: NDArray[np.float64] = n_both / (np.bincount(pairs, minlength=n_pairs) - n_both)
    return ratios


def _keys(firsts: Sequence[str], seconds: Sequence[str]) -> NDArray[np.uint64]:
    hashes, offsets = shingle_hashes([*firsts, *seconds])
    pairs = np.arange(len(firsts), dtype=np.uint64) << (np.uint64(64) - _PAIR_BITS)
    prefixes = np.repeat(np.concatenate([pairs, pairs | _SIDE]), np.diff(offsets))
    keys: NDArray[np.uint64] = ((hashes >> (_PAIR_BITS + _SIDE)) << _SIDE) | prefixes
    return keys


def _code_points(text: str) -> NDArray[np.uint64]:
    if text.isascii():
        return np.frombuffer(text.encode(), np.uint8).astype(np.uint64)
    return np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), np.uint32).astype(np.uint64)


def _window_hashes(codes: NDArray[np.uint64], size: int) -> NDArray[np.uint64]:
    """Return a hash of the `size` codes that begin at each place; the last `size` - 1 places are left as they are."""
    n_windows = len(codes) - size + 1
    hashes = codes.copy()
    window = hashes[:n_windows]
    for place in range(1, size):
        window *= _STEP
        # Folding the high half in keeps early characters from leaving through the top.
        window ^= window >> _HALF
        window += codes[place : place + n_windows]
    window *= _MIX
    window ^= window >> _HALF
    return hashes
