"""Rows that an operation took out of a dataset, and why."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, overload

from finetune_kit.datasets.findings import Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from finetune_kit.datasets.rows import Rows

__all__ = ["Removals", "Removed"]

_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Removed:
    """One row that was taken out: where it stands, the row that it is like, and how much so.

    Example:
        >>> print(Removed(Place("a.jsonl", 7), Place("a.jsonl", 3), 1.0, "deduplicate by=normalised of=row"))
        a.jsonl, line 7: like a.jsonl, line 3 (1.00, deduplicate by=normalised of=row)
    """

    place: Place
    like: Place
    similarity: float
    """From 0 to 1; 1 where both are the same as far as the step looked."""
    step: str

    def __str__(self) -> str:
        return f"{self.place}: like {self.like} ({self.similarity:.2f}, {self.step})"


class _Batch(NamedTuple):
    rows: Rows
    indexes: array[int]
    like_rows: Rows
    like_indexes: array[int]
    similarities: array[float]
    step: str


class Removals(Sequence[Removed]):
    """The rows that were taken out on the way to a dataset, in order; 20 bytes each until one looks."""

    def __init__(self, batches: tuple[_Batch, ...] = ()) -> None:
        self._batches = batches

    @classmethod
    def of(cls, rows: Rows, like_rows: Rows, taken: Iterable[tuple[int, int, float]], *, step: str) -> Removals:
        """Make removals of index, index of the row that it is like, and similarity."""
        batch = _Batch(rows, array("Q"), like_rows, array("Q"), array("f"), step)
        for index, like, similarity in taken:
            batch.indexes.append(index)
            batch.like_indexes.append(like)
            batch.similarities.append(similarity)
        return cls((batch,) if batch.indexes else ())

    def __len__(self) -> int:
        return sum(len(batch.indexes) for batch in self._batches)

    @overload
    def __getitem__(self, index: int) -> Removed: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Removed, ...]: ...

    def __getitem__(self, index: int | slice) -> Removed | tuple[Removed, ...]:
        if isinstance(index, slice):
            return tuple(self[position] for position in range(len(self))[index])
        position = range(len(self))[index]
        for batch in self._batches:
            if position < len(batch.indexes):
                return _removed(batch, position)
            position -= len(batch.indexes)
        raise IndexError(index)

    def __add__(self, other: Removals) -> Removals:
        return Removals((*self._batches, *(batch for batch in other._batches if batch not in self._batches)))

    def __repr__(self) -> str:
        return f"Removals({len(self)} rows)"

    def __str__(self) -> str:
        more = len(self) - _SHOWN
        return "\n".join([*map(str, self[:_SHOWN]), *([f"and {more} more"] if more > 0 else [])])


def _removed(batch: _Batch, position: int) -> Removed:
    place = Place(*batch.rows.place(batch.indexes[position]))
    like = Place(*batch.like_rows.place(batch.like_indexes[position]))
    return Removed(place, like, batch.similarities[position], batch.step)
