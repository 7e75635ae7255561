from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_kit.resources.job_events import EventLog, in_order
from finetune_kit.types.jobs import Event
from finetune_kit.types.pages import Page
from finetune_kit.wire.modes import drive


class Events:
    """A listing of events, newest first, with the faults of real ones."""

    def __init__(self, *, numbered: bool = True, page_size: int = 5, fault: str = "") -> None:
        self.events: list[Event] = []
        self.numbered = numbered
        self.page_size = page_size
        self.fault = fault
        self.pages_read = 0
        self.random = random.Random(3)

    def happen(self, count: int, *, at: int = 100, apart: int = 1) -> None:
        for _ in range(count):
            number = len(self.events)
            identifier = f"ftevent-{number:012d}" if self.numbered else f"ftevent-{self.random.getrandbits(64):x}z"
            self.events.append(Event(id=identifier, created_at=at + apart * number, message=str(number)))

    async def fetch(self, after: str | None) -> Page[Event]:
        self.pages_read += 1
        listed = self.events if self.fault == "oldest first" else self.events[::-1]
        start = next((at + 1 for at, event in enumerate(listed) if event.id == after), 0)
        page = listed[start : start + self.page_size]
        more = start + self.page_size < len(listed)
        if self.fault == "shuffled":
            self.random.shuffle(page)
        if self.fault == "doubled":
            page = page + page[-1:]
        if self.fault == "overlapping" and start:
            page = listed[start - 1 : start] + page
        if self.fault == "endless":
            more, page = True, page or listed[-self.page_size :]
        return Page[Event](data=tuple(page), has_more=more)


def messages(log: EventLog) -> list[str]:
    return [event.message or "" for event in drive(log.fresh())]


FAULTS = ["", "shuffled", "doubled", "overlapping", "endless", "oldest first"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("numbered", [True, False])
def test_each_event_comes_once_and_in_order(fault, numbered):
    listing = Events(fault=fault, numbered=numbered)
    log = EventLog(listing.fetch)
    got = []
    for count in (0, 3, 12, 1, 0, 24):
        listing.happen(count)
        got += messages(log)
    assert got == [str(number) for number in range(40)]


@pytest.mark.parametrize("fault", ["", "shuffled", "doubled", "overlapping", "endless"])
def test_events_of_the_same_second_come_in_order_where_ids_are_numbered(fault):
    listing = Events(fault=fault)
    log = EventLog(listing.fetch)
    got = []
    for count in (7, 9):
        listing.happen(count, apart=0)
        got += messages(log)
    assert got == [str(number) for number in range(16)]


def test_events_of_the_same_second_without_numbers_come_as_the_service_lists_them():
    listing = Events(numbered=False)
    listing.happen(12, apart=0)
    assert messages(EventLog(listing.fetch)) == [str(number) for number in range(12)]


def test_a_clock_that_jumps_back_changes_nothing_where_ids_are_numbered():
    listing = Events()
    listing.happen(4, at=10_000)
    listing.happen(4, at=5)
    assert messages(EventLog(listing.fetch)) == [str(number) for number in range(8)]


def test_a_look_reads_no_further_back_than_what_is_known():
    listing = Events()
    listing.happen(50)
    log = EventLog(listing.fetch)
    messages(log)
    listing.pages_read = 0
    listing.happen(2)
    assert messages(log) == ["50", "51"]
    assert listing.pages_read == 1


@given(st.permutations(range(9)))
def test_numbered_events_are_put_in_order_from_any_arrangement(arrangement):
    events = [Event(id=f"ftevent-{number:06d}", created_at=7, message=str(number)) for number in arrangement]
    assert [event.message for event in in_order(events)] == [str(number) for number in range(9)]
