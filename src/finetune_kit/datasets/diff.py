"""What differs between two versions of a dataset."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from finetune_kit.datasets.deduplicate import Likeness, row_identities

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from finetune_kit.datasets.decontaminate import Part
    from finetune_kit.datasets.deduplicate import Of

__all__ = ["DatasetDiff", "ExamplePair", "diff_parts"]


class ExamplePair(NamedTuple):
    """An example of the old version and one of the new, by their numbers from 1."""

    old: int
    new: int


@dataclass(frozen=True, slots=True)
class DatasetDiff:
    """What differs between two versions, by the numbers, from 1, of their examples; never quotes them.

    Example:
        >>> print(DatasetDiff(n_old=3, n_new=4, added=(4,), changed=(ExamplePair(2, 2),)))
        3 -> 4 examples: 1 added, 0 removed, 1 with another answer, 0 moved, 2 unchanged
    """

    n_old: int
    n_new: int
    added: tuple[int, ...] = field(default=(), repr=False)
    """Examples of the new version that the old one lacks."""
    removed: tuple[int, ...] = field(default=(), repr=False)
    """Examples of the old version that the new one lacks."""
    changed: tuple[ExamplePair, ...] = field(default=(), repr=False)
    """The same input with another answer."""
    moved: tuple[ExamplePair, ...] = field(default=(), repr=False)
    """The same example out of order: as few as explain the new order."""

    @property
    def n_unchanged(self) -> int:
        """How many examples are in both versions, in order."""
        return self.n_new - len(self.added) - len(self.changed) - len(self.moved)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.moved)

    def __str__(self) -> str:
        return (
            f"{self.n_old:,} -> {self.n_new:,} examples: {len(self.added):,} added, {len(self.removed):,} removed, "
            f"{len(self.changed):,} with another answer, {len(self.moved):,} moved, {self.n_unchanged:,} unchanged"
        )


def diff_parts(old: Part, new: Part) -> DatasetDiff:
    """Compare versions by their rows as JSON values, and what is left by what a model would be given."""
    same, only_old, only_new = _matched(*(list(_keys(part, part.picks, "row")) for part in (old, new)))
    by_old = [*zip(only_old, _keys(old, [old.picks[at] for at in only_old], "input"), strict=True)]
    by_new = [*zip(only_new, _keys(new, [new.picks[at] for at in only_new], "input"), strict=True)]
    changed, gone, come = _matched([key for _, key in by_old], [key for _, key in by_new])
    pairs = [ExamplePair(by_old[one][0] + 1, by_new[other][0] + 1) for one, other in changed]
    return DatasetDiff(
        n_old=len(old.picks),
        n_new=len(new.picks),
        added=tuple(by_new[at][0] + 1 for at in come),
        removed=tuple(by_old[at][0] + 1 for at in gone),
        changed=tuple(sorted(pairs)),
        moved=tuple(ExamplePair(one + 1, other + 1) for one, other in _out_of_order(same)),
    )


def _keys(part: Part, picks: Sequence[int], of: Of) -> Iterator[Hashable]:
    return row_identities(part.rows, picks, part.method, Likeness("exact", of))


def _matched(old: Sequence[Hashable], new: Sequence[Hashable]) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Pair equal keys, each in turn; return the pairs in the order of `new`, and what is left of both."""
    waiting: dict[Hashable, list[int]] = defaultdict(list)
    for position in range(len(old) - 1, -1, -1):
        waiting[old[position]].append(position)
    pairs = []
    only_new = []
    for position, key in enumerate(new):
        there = waiting.get(key)
        if there:
            pairs.append((there.pop(), position))
        else:
            only_new.append(position)
    return pairs, sorted(position for there in waiting.values() for position in there), only_new


def _out_of_order(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the pairs outside a longest run that is ascending in both (patience sorting)."""
    pairs = list(pairs)
    tops: list[int] = []
    at_top: list[int] = []
    before = [-1] * len(pairs)
    for at, (one, _) in enumerate(pairs):
        pile = bisect_left(tops, one)
        before[at] = at_top[pile - 1] if pile else -1
        tops[pile : pile + 1] = [one]
        at_top[pile : pile + 1] = [at]
    in_order = set()
    at = at_top[-1] if at_top else -1
    while at >= 0:
        in_order.add(at)
        at = before[at]
    return [pair for at, pair in enumerate(pairs) if at not in in_order]
