"""How many rows of each label there are, evened out."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Literal, NamedTuple

from finetune_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

__all__ = ["Balanced", "To", "balanced"]

To = Literal["min", "median", "max"] | int
"""How many rows each label gets: as many as the rarest, the middle or the most frequent one has, or a count."""


class Balanced(NamedTuple):
    """Positions in ascending order, those of repeated rows several times, and what was done."""

    positions: list[int]
    n_each: int
    n_labels: int
    n_left_out: int
    n_repeated: int

    def __str__(self) -> str:
        return (
            f"{self.n_labels} labels of {self.n_each} rows each, {self.n_left_out} rows left out, "
            f"{self.n_repeated} repeated"
        )


def balanced(labels: Sequence[Hashable], to: To, seed: int) -> Balanced:
    """Choose rows so that each label has the same number of them.

    Of a frequent label, rows are chosen at random; of a rare one, all are repeated as often as needed, and
    some at random once more.
    """
    classes: dict[Hashable, list[int]] = {}
    for position, label in enumerate(labels):
        classes.setdefault(label, []).append(position)
    n_each = _target(sorted(map(len, classes.values())), to)
    generator = Random(seed)  # noqa: S311 - repeatable on purpose, guards nothing
    chosen = [_chosen(rows, n_each, generator) for rows in classes.values()]
    left_out = sum(max(len(rows) - n_each, 0) for rows in classes.values())
    repeated = sum(max(n_each - len(rows), 0) for rows in classes.values())
    return Balanced(sorted(row for rows in chosen for row in rows), n_each, len(classes), left_out, repeated)


def _target(sizes: Sequence[int], to: To) -> int:
    if isinstance(to, int) and not isinstance(to, bool) and to > 0:
        return to
    places = {"min": 0, "median": len(sizes) // 2, "max": len(sizes) - 1}
    if to not in places:
        raise ConfigurationError(f"to={to!r}: give 'min', 'median', 'max' or a count of rows above 0")
    return sizes[places[str(to)]]


def _chosen(rows: Sequence[int], n: int, generator: Random) -> list[int]:
    """Return all rows as often as `n` holds them, and the rest by ascending draw, as in `split`."""
    times, rest = divmod(n, len(rows))
    draws = {row: generator.random() for row in rows}
    return [*rows] * times + sorted(rows, key=draws.__getitem__)[:rest]
