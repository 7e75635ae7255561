"""Pages of the server's listings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PageOf", "Window", "cut_page"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a listing is wanted: at most `limit` rows, behind the row with the id `after`."""

    limit: int
    after: str | None = None
    ascending: bool = False


@dataclass(frozen=True, slots=True)
class PageOf(Generic[T]):
    """Some rows of a listing, and whether there are more behind them."""

    rows: tuple[T, ...]
    has_more: bool


def cut_page(rows: Sequence[T], limit: int) -> PageOf[T]:
    """Return a page from rows that were fetched with one more than `limit`."""
    return PageOf(tuple(rows[:limit]), len(rows) > limit)
