"""The events of a job, each once and in order, from pages that may overlap or come shuffled."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from finetune_kit.types.jobs import Event
    from finetune_kit.types.pages import Page

__all__ = ["EventLog", "in_order"]

PAGE_SIZE = 100


class EventLog:
    """Remembers which events of a job have been given already."""

    def __init__(self, fetch: Callable[[str | None], Awaitable[Page[Event]]]) -> None:
        self._fetch = fetch
        self._seen: set[str] = set()

    async def fresh(self) -> list[Event]:
        """Return the events that have not been given yet, oldest first.

        Reads from the newest page on and stops at one that reaches back to what is known:
        whatever is older was given before. A service that lists the oldest first is read
        to its end.
        """
        found: dict[str, Event] = {}
        newest_first = True
        after: str | None = None
        while True:
            page = await self._fetch(after)
            new = {event.id: event for event in page.data if event.id not in self._seen and event.id not in found}
            known = any(event.id in self._seen for event in page.data)
            newest_first = newest_first and not _ascending(page.data)
            found.update(new)
            if not page.has_more or not page.data or (known and newest_first) or not (new or known):
                break
            cursor = in_order(page.data)[0 if newest_first else -1].id
            if cursor == after:
                break
            after = cursor
        self._seen.update(found)
        return in_order(list(found.values()))


def in_order(events: Sequence[Event]) -> list[Event]:
    """Sort events by when they happened.

    Ids that end in a sequence number decide, where all do. Else the time decides, whose
    whole seconds leave ties: those stay as they came, turned around if newest came first.
    """
    numbers = {event.id: _sequence_number(event.id) for event in events}
    if None not in numbers.values():
        return sorted(events, key=lambda event: numbers[event.id] or 0)
    arrived = list(events) if _ascending(events) else list(reversed(events))
    return sorted(arrived, key=lambda event: event.created_at or 0)


def _sequence_number(identifier: str) -> int | None:
    tail = identifier.rpartition("-")[2]
    return int(tail) if tail.isdecimal() and tail.isascii() else None


def _ascending(events: Sequence[Event]) -> bool:
    """Say whether events come oldest first: no step back in time, and at least one forward."""
    times = [event.created_at or 0 for event in events]
    return times == sorted(times) and len(set(times)) > 1
