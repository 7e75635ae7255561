from __future__ import annotations

import asyncio
import inspect

import pytest

from finetune_kit.wire.io import AsyncIO, BlockingIO
from finetune_kit.wire.modes import Async, M, Moded, Sync, drive, listing, operation


class Counter(Moded[M]):
    """A resource that counts."""

    @operation
    async def double(self, number: int) -> int:
        """Return twice the number."""
        return 2 * number

    @operation
    async def suspend(self) -> None:
        await asyncio.sleep(0)

    @listing
    async def upto(self, end: int):
        for number in range(end):
            yield number


class Outer(Moded[M]):
    @operation
    async def quadruple(self, number: int) -> int:
        inner = Counter[Async](self._io, awaited=True)
        return await inner.double(await inner.double(number))


def test_an_operation_blocks_on_a_blocking_io():
    assert Counter[Sync](BlockingIO()).double(4) == 8


def test_an_operation_is_awaited_on_an_async_io():
    assert asyncio.run(Counter[Async](AsyncIO()).double(4)) == 8


def test_a_blocking_operation_works_inside_a_running_loop():
    async def notebook_cell() -> int:
        return Counter[Sync](BlockingIO()).double(4)

    assert asyncio.run(notebook_cell()) == 8


@pytest.mark.parametrize("io", [BlockingIO(), AsyncIO()])
def test_an_operation_made_of_others_awaits_them_in_both_modes(io):
    answer = Outer(io).quadruple(3)
    assert (answer if io.blocking else asyncio.run(answer)) == 12


def test_a_listing_is_an_iterator_on_a_blocking_io():
    assert list(Counter[Sync](BlockingIO()).upto(3)) == [0, 1, 2]


def test_a_listing_is_an_async_iterator_on_an_async_io():
    async def collect() -> list[int]:
        return [number async for number in Counter[Async](AsyncIO()).upto(3)]

    assert asyncio.run(collect()) == [0, 1, 2]


def test_a_listing_that_is_left_early_is_closed():
    closed = []

    class Closing(Moded[M]):
        @listing
        async def forever(self):
            try:
                while True:
                    yield 1
            finally:
                closed.append(True)

    items = Closing[Sync](BlockingIO()).forever()
    assert next(items) == 1
    items.close()
    assert closed == [True]


def test_a_coroutine_that_suspends_under_a_blocking_client_is_refused_with_a_sentence():
    with pytest.raises(RuntimeError, match="waited for an event loop"):
        Counter[Sync](BlockingIO()).suspend()


def test_an_error_passes_through_the_driver():
    async def fail() -> None:
        raise ValueError("as it is")

    with pytest.raises(ValueError, match="as it is"):
        drive(fail())


def test_a_bound_operation_keeps_name_docstring_and_signature():
    for io in (BlockingIO(), AsyncIO()):
        method = Counter(io).double
        assert method.__name__ == "double"
        assert method.__doc__ == "Return twice the number."
        assert list(inspect.signature(method).parameters) == ["number"]
