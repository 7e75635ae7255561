"""Doing something that must not happen twice, over a wire that loses answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from finetune_kit.errors import APIError, APIStatusError
from finetune_kit.wire.retry import ambiguous

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from finetune_kit.wire.io import IO

__all__ = ["GRACE_SECONDS", "once", "unsettled"]

T = TypeVar("T")

GRACE_SECONDS = (0.0, 0.5, 1.5, 3.0, 5.0)
"""Waits between looks for what may have been done: a service may list it a little later."""


async def once(io: IO, act: Callable[[], Awaitable[T]], find: Callable[[], Awaitable[T | None]], *, what: str) -> T:
    """Act, and if the answer is lost, look for what was done instead of doing it again.

    Found: that is the answer. Not found after the grace period: one more try, since the
    request then never arrived; none where the service said that a repeat cannot help.
    Whatever cannot be settled is raised, with what to do.

    Raises:
        APIError: The service refused; or it cannot be told whether it has acted.
    """
    again = True
    while True:
        try:
            return await act()
        except APIError as error:
            if not ambiguous(error):
                raise
            final = isinstance(error, APIStatusError) and error.should_retry is False
            found = await _look(io, find, error, what, GRACE_SECONDS[:1] if final else GRACE_SECONDS)
            if found is not None:
                return found
            if final:
                raise
            if not again:
                raise unsettled(error, what) from error
            again = False


async def _look(
    io: IO, find: Callable[[], Awaitable[T | None]], lost: APIError, what: str, waits: Sequence[float]
) -> T | None:
    for seconds in waits:
        if seconds:
            await io.sleep(seconds)
        try:
            found = await find()
        except APIError as error:
            raise unsettled(lost, what) from error
        if found is not None:
            return found
    return None


def unsettled(error: APIError, what: str) -> APIError:
    """Return the same kind of error, saying that the outcome is open and how to settle it."""
    note = f" It is not known whether {what}. Make the same call again: it looks for the first before it acts."
    error.args = (f"{error.message}{note}",)
    return error
