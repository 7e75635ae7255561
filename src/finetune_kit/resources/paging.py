"""Walking through a listing, page by page, whatever the service does with its cursors."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from finetune_kit.types.pages import Page

__all__ = ["Identified", "every"]

_log = logging.getLogger("finetune_kit")


class Identified(Protocol):
    """Something with an id."""

    @property
    def id(self) -> str:
        """What the service calls it."""


T = TypeVar("T", bound=Identified)


async def every(
    fetch: Callable[[str | None], Awaitable[Page[T]]], *, after: str | None = None
) -> AsyncGenerator[T, None]:
    """Give each item of a listing once.

    Ends at the last page, or at a page that brings nothing new although the service says
    that there is more (a repeated cursor): such a listing would never end.
    """
    seen: set[str] = set()
    while True:
        page = await fetch(after)
        fresh = list({item.id: item for item in page.data if item.id not in seen}.values())
        seen.update(item.id for item in fresh)
        for item in fresh:
            yield item
        if not page.has_more or not fresh:
            if page.has_more and page.data:
                _log.warning("A listing repeats itself after %d items; taken as its end.", len(seen))
            return
        after = page.last_id or page.data[-1].id
