"""Which of rows that are alike are kept: as many as can be without two that are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from finetune_kit.datasets.near_duplicates import NearPair

__all__ = ["Duplicate", "Keep", "dropped"]

Keep = Literal["first", "last"]
"""Which of several rows that are alike stays."""


class Duplicate(NamedTuple):
    """A position that is to go, the one that it is like and that stays, and how much so."""

    position: int
    like: int
    similarity: float


def dropped(pairs: Iterable[NearPair], keep: Keep) -> list[Duplicate]:
    """Return which positions go, in ascending order.

    Rows that are the same stand and fall together. Of the others, each in turn is kept
    unless it is like one that was kept before: a chain of rows, each like the next, does not go
    as a whole. `pairs` are ascending, and pair copies with the first of them.
    """
    pairs = sorted(pairs)
    leader = _leaders(pairs)
    groups: dict[int, list[int]] = {}
    for position in sorted(leader):
        groups.setdefault(leader[position], []).append(position)
    like: dict[int, list[tuple[float, int]]] = {}
    for first, second, similarity in pairs:
        one, other = leader[first], leader[second]
        if one != other:
            like.setdefault(one, []).append((similarity, other))
            like.setdefault(other, []).append((similarity, one))
    return sorted(_in_turn(groups, like, keep))


def _leaders(pairs: Iterable[NearPair]) -> dict[int, int]:
    """Return for each position of a pair the first that it is the same as."""
    leader: dict[int, int] = {}
    for first, second, similarity in pairs:
        one = leader.setdefault(first, first)
        if similarity == 1.0 and leader.get(second, second) == second:
            leader[second] = one
        leader.setdefault(second, second)
    return leader


def _in_turn(groups: dict[int, list[int]], like: dict[int, list[tuple[float, int]]], keep: Keep) -> Iterator[Duplicate]:
    at = 0 if keep == "first" else -1
    stays: dict[int, int] = {}
    for number, members in sorted(groups.items(), key=lambda group: group[1][at], reverse=keep == "last"):
        kept = [(similarity, stays[other]) for similarity, other in like.get(number, ()) if other in stays]
        if kept:
            similarity, nearest = max(kept)
            yield from (Duplicate(position, nearest, similarity) for position in members)
            continue
        stays[number] = members[at]
        yield from (Duplicate(position, members[at], 1.0) for position in members if position != members[at])
