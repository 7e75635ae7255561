"""Mixing datasets by weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import floor, lcm
from typing import TYPE_CHECKING, NamedTuple

from finetune_kit.datasets.split import seeded_order, share_out
from finetune_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from finetune_kit.datasets.dataset import Dataset

__all__ = ["MixedPart", "mixed_picks", "mixed_sizes", "named_parts"]


class MixedPart(NamedTuple):
    """One dataset of a mixture."""

    name: str
    data: Dataset
    weight: float


def named_parts(
    parts: Mapping[str, tuple[Dataset, float]] | Sequence[Dataset], weights: Sequence[float] | None
) -> list[MixedPart]:
    """Return the datasets with names and weights; those of a list are named by their source."""
    if isinstance(parts, Mapping):
        if weights is not None:
            raise ConfigurationError("weights= goes with a list of datasets: those with names have theirs beside them")
        named = [MixedPart(name, data, weight) for name, (data, weight) in parts.items()]
    else:
        given = [1.0] * len(parts) if weights is None else weights
        if len(given) != len(parts):
            raise ConfigurationError(f"{len(given)} weights for {len(parts)} datasets: give one for each")
        named = [MixedPart(data.source, data, weight) for data, weight in zip(parts, given, strict=True)]
    if not all(len(part.data) for part in named) or not named:
        raise ConfigurationError("nothing to mix: give datasets, each with one row at least")
    return named


def mixed_sizes(sizes: Sequence[int], weights: Sequence[float], n: int | None) -> list[int]:
    """Return how many rows come from each dataset, in proportion to the weights.

    Without `n`, as many in all as there can be while no row comes twice.

    Raises:
        ConfigurationError: A weight is not above 0, or `n` is.
    """
    exact = [_weight(weight) for weight in weights]
    whole = sum(exact)
    if n is None:
        n = floor(min(size * whole / weight for size, weight in zip(sizes, exact, strict=True)))
    if n < len(sizes):
        raise ConfigurationError(f"n={n}: a mixture of {len(sizes)} datasets has {len(sizes)} rows at least")
    scale = lcm(*(weight.denominator for weight in exact))
    shares = [int(weight * scale) for weight in exact]
    return share_out(n, shares, [n] * len(sizes))


def mixed_picks(size: int, n: int, seed: int) -> list[int]:
    """Return `n` positions of a dataset: all as often as `n` holds them, and the rest chosen at random."""
    times, rest = divmod(n, size)
    chosen = sorted(seeded_order(size, seed)[:rest]) if rest else []
    return [*range(size)] * times + chosen


def _weight(weight: float) -> Fraction:
    try:
        exact = Fraction(str(weight))
    except (ValueError, ZeroDivisionError):
        exact = Fraction(0)
    if exact <= 0:
        raise ConfigurationError(f"weight {weight!r}: give a number above 0")
    return exact
