"""One source for two clients: each operation is written once, and its resource's mode decides how it runs.

An operation is an `async def` over an injected `IO`. On a resource of mode `Async` it is
just that. On one of mode `Sync`, every awaitable below it is a blocking call in an
`async def` that never suspends, so that one `send(None)` runs it to its end: no event
loop, no thread, and it works inside a running loop (a notebook) too.

    class Jobs(Resource[M]):
        @operation
        async def retrieve(self, job: str) -> Job: ...

    Jobs[Sync]().retrieve("ftjob-1")           # Job
    await Jobs[Async]().retrieve("ftjob-1")    # Job

`@listing` does the same for async generators. An operation that is made of others awaits
them on resources made with `awaited=True`: `await Jobs[Async](io, ..., awaited=True).retrieve(...)`.
"""

from __future__ import annotations

import functools
from types import MethodType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator

    from finetune_kit.wire.io import IO

__all__ = ["Async", "M", "Moded", "Sync", "drive", "listing", "operation"]


class Sync:
    """The mode of a client whose calls block."""


class Async:
    """The mode of a client whose calls are awaited."""


M = TypeVar("M", Sync, Async)
P = ParamSpec("P")
R = TypeVar("R", bound="Moded[Any]")
T = TypeVar("T")


class Moded(Generic[M]):
    """Something whose operations run in one of the two modes.

    It runs as its `io` does; `awaited` makes it `Async` over a blocking `io` too, for use
    inside other operations, which await their parts in both modes.
    """

    def __init__(self, io: IO, *, awaited: bool = False) -> None:
        self._io = io
        self._awaited = awaited

    @property
    def blocking(self) -> bool:
        """Whether operations block (mode `Sync`)."""
        return self._io.blocking and not self._awaited


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, and return its result.

    Raises:
        RuntimeError: The coroutine suspended: something in it awaits an event loop.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    coroutine.close()
    message = (
        f"{coroutine!r} waited for an event loop, but runs under a blocking client. "
        "Await only the client's own io in an operation, or use AsyncClient."
    )
    raise RuntimeError(message)


def _iterate(items: AsyncGenerator[T, None]) -> Iterator[T]:
    try:
        while True:
            try:
                item = drive(items.__anext__())
            except StopAsyncIteration:
                return
            yield item
    finally:
        drive(items.aclose())


class Operation(Generic[R, P, T]):
    """A method that returns T on a blocking client, and a coroutine of T on an async one."""

    def __init__(self, coroutine: Callable[Concatenate[R, P], Coroutine[Any, Any, T]]) -> None:
        functools.update_wrapper(self, coroutine)  # type: ignore[arg-type]
        self._coroutine = coroutine

        @functools.wraps(coroutine)
        def blocking(resource: R, /, *args: P.args, **kwargs: P.kwargs) -> T:
            return drive(coroutine(resource, *args, **kwargs))

        self._blocking = blocking

    @overload
    def __get__(self, resource: None, owner: type) -> Self: ...
    @overload
    def __get__(self, resource: Moded[Sync], owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, resource: Moded[Async], owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, resource: Any, owner: type) -> Any:
        if resource is None:
            return self
        return MethodType(self._blocking if resource.blocking else self._coroutine, resource)


class Listing(Generic[R, P, T]):
    """A method that returns an iterator on a blocking client, and an async one on an async client."""

    def __init__(self, generator: Callable[Concatenate[R, P], AsyncGenerator[T, None]]) -> None:
        functools.update_wrapper(self, generator)  # type: ignore[arg-type]
        self._generator = generator

        @functools.wraps(generator)
        def blocking(resource: R, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
            return _iterate(generator(resource, *args, **kwargs))

        self._blocking = blocking

    @overload
    def __get__(self, resource: None, owner: type) -> Self: ...
    @overload
    def __get__(self, resource: Moded[Sync], owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, resource: Moded[Async], owner: type) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, resource: Any, owner: type) -> Any:
        if resource is None:
            return self
        return MethodType(self._blocking if resource.blocking else self._generator, resource)


def operation(coroutine: Callable[Concatenate[R, P], Coroutine[Any, Any, T]]) -> Operation[R, P, T]:
    """Make an `async def` of a resource run in the resource's mode."""
    return Operation(coroutine)


def listing(generator: Callable[Concatenate[R, P], AsyncGenerator[T, None]]) -> Listing[R, P, T]:
    """Make an async generator of a resource run in the resource's mode."""
    return Listing(generator)
