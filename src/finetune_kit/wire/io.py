"""The two ways to reach the network and to wait: blocking, and on an event loop.

The only module that imports httpx, so that a later move to its successor is one file.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import anyio
import httpx

from finetune_kit.errors import APIConnectionError, APITimeoutError, ConfigurationError
from finetune_kit.wire.body import BoundedBody
from finetune_kit.wire.call import Request, Response
from finetune_kit.wire.deadline import Deadline, DeadlineBackend
from finetune_kit.wire.modes import drive

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable, Iterator

__all__ = ["IO", "AsyncIO", "BlockingIO", "Clock", "SystemClock"]

T = TypeVar("T")

CONNECT_SECONDS = 10.0


class Clock(Protocol):
    """Where waiting happens. A test gives one that only pretends."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""

    def sleep(self, seconds: float) -> None:
        """Wait, blocking."""

    async def sleep_async(self, seconds: float) -> None:
        """Wait on the event loop."""


class SystemClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait, blocking."""
        time.sleep(seconds)

    async def sleep_async(self, seconds: float) -> None:
        """Wait on the event loop."""
        await anyio.sleep(seconds)


class IO(Protocol):
    """What operations need of the world."""

    blocking: bool

    async def exchange(self, request: Request) -> Response:
        """Make one exchange, and return its answer whole.

        Raises:
            APIConnectionError: No answer came; APITimeoutError: not within the request's time.
            APIResponseValidationError: The body is too large, or cannot be decompressed.
            ConfigurationError: The URL or a header cannot be sent.
        """

    def chunks(self, request: Request, check: Callable[[Response], None]) -> AsyncGenerator[bytes, None]:
        """Make one exchange, and give its body as it comes.

        An answer that is no success is read whole and handed to `check`, which raises.
        """

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    async def gather(self, tasks: Iterable[Callable[[], Coroutine[Any, Any, T]]], *, limit: int) -> list[T]:
        """Run tasks, at most `limit` at a time; return their results in order.

        The first error ends the rest and is raised.
        """

    def monotonic(self) -> float:
        """Return seconds that never go back."""

    async def close(self) -> None:
        """Close all connections."""


class BlockingIO:
    """Exchanges that block the calling thread. Each `async def` here completes without suspending."""

    blocking = True

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._deadline = Deadline()
        self._made = threading.Lock()
        self._client: httpx.Client | None = None

    async def exchange(self, request: Request) -> Response:
        """Make one exchange, and return its answer whole."""
        with self._answer(request) as answer:
            headers = dict(answer.headers)
            body = BoundedBody(headers, request.limit_bytes, answer.status_code)
            content = b"".join(body.feed(chunk) for chunk in answer.iter_raw())
            body.end()
        return Response(answer.status_code, headers, content)

    async def chunks(self, request: Request, check: Callable[[Response], None]) -> AsyncGenerator[bytes, None]:
        """Make one exchange, and give its body as it comes."""
        with self._answer(request) as answer:
            headers = dict(answer.headers)
            body = BoundedBody(headers, request.limit_bytes, answer.status_code)
            if not answer.is_success:
                check(Response(answer.status_code, headers, b"".join(map(body.feed, answer.iter_raw()))))
            for chunk in answer.iter_raw():
                if plain := body.feed(chunk):
                    yield plain
            body.end()

    async def sleep(self, seconds: float) -> None:
        """Wait, blocking."""
        self._clock.sleep(seconds)

    async def gather(self, tasks: Iterable[Callable[[], Coroutine[Any, Any, T]]], *, limit: int) -> list[T]:
        """Run tasks on at most `limit` threads; return their results in order."""
        results: dict[int, T] = {}
        waiting, lock, stop = enumerate(tasks), threading.Lock(), threading.Event()

        def work() -> None:
            while not stop.is_set():
                with lock:
                    index, task = next(waiting, (-1, None))
                if task is None:
                    return
                try:
                    results[index] = drive(task())
                except BaseException:
                    stop.set()
                    raise

        with ThreadPoolExecutor(max_workers=max(1, limit), thread_name_prefix="finetune_kit") as pool:
            workers = [pool.submit(work) for _ in range(max(1, limit))]
            try:
                for worker in workers:
                    worker.result()
            finally:
                stop.set()
        return [results[index] for index in sorted(results)]

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self._clock.monotonic()

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            self._client.close()

    @contextmanager
    def _answer(self, request: Request) -> Iterator[httpx.Response]:
        client = self._connected()
        with _mapped(request), self._deadline.within(request.timeout_seconds):
            answer = client.send(_build(client, request), stream=True)
            try:
                yield answer
            finally:
                answer.close()

    def _connected(self) -> httpx.Client:
        with self._made:
            if self._client is None:
                self._client = httpx.Client()
                self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
                _keep_deadlines(self._client, self._deadline)
            return self._client


class AsyncIO:
    """Exchanges on an event loop (asyncio or trio)."""

    blocking = False

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._client: httpx.AsyncClient | None = None

    async def exchange(self, request: Request) -> Response:
        """Make one exchange, and return its answer whole."""
        with _mapped(request), anyio.fail_after(request.timeout_seconds):
            async with self._answer(request) as answer:
                headers = dict(answer.headers)
                body = BoundedBody(headers, request.limit_bytes, answer.status_code)
                content = b"".join([body.feed(chunk) async for chunk in answer.aiter_raw()])
                body.end()
        return Response(answer.status_code, headers, content)

    async def chunks(self, request: Request, check: Callable[[Response], None]) -> AsyncGenerator[bytes, None]:
        """Make one exchange, and give its body as it comes."""
        until = time.monotonic() + request.timeout_seconds
        with _mapped(request):
            async with self._answer(request) as answer:
                headers = dict(answer.headers)
                body = BoundedBody(headers, request.limit_bytes, answer.status_code)
                coming = answer.aiter_raw()
                if not answer.is_success:
                    check(Response(answer.status_code, headers, b"".join([body.feed(c) async for c in coming])))
                while (chunk := await _next_chunk(coming, until)) is not None:
                    if plain := body.feed(chunk):
                        yield plain
                body.end()

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        await self._clock.sleep_async(seconds)

    async def gather(self, tasks: Iterable[Callable[[], Coroutine[Any, Any, T]]], *, limit: int) -> list[T]:
        """Run tasks, at most `limit` at a time; return their results in order."""
        results: dict[int, T] = {}
        waiting = enumerate(tasks)

        async def work() -> None:
            for index, task in waiting:
                results[index] = await task()

        try:
            async with anyio.create_task_group() as group:
                for _ in range(max(1, limit)):
                    group.start_soon(work)
        except BaseExceptionGroup as errors:
            raise _first(errors) from errors
        return [results[index] for index in sorted(results)]

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self._clock.monotonic()

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()

    @asynccontextmanager
    async def _answer(self, request: Request) -> AsyncIterator[httpx.Response]:
        if self._client is None:
            self._client = httpx.AsyncClient()
            self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        answer = await self._client.send(_build(self._client, request), stream=True)
        try:
            yield answer
        finally:
            await answer.aclose()


async def _next_chunk(coming: AsyncIterator[bytes], until: float) -> bytes | None:
    with anyio.fail_after(max(0.0, until - time.monotonic())):
        return await anext(coming, None)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _build(client: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
    timeout = httpx.Timeout(request.timeout_seconds, connect=min(CONNECT_SECONDS, request.timeout_seconds))
    form = request.form
    return client.build_request(
        request.method,
        request.url,
        params=list(request.query) or None,
        headers=dict(request.headers),
        content=request.content,
        data=dict(form.fields) if form else None,
        files={form.part: (form.filename, form.content, form.content_type)} if form else None,
        timeout=timeout,
    )


def _keep_deadlines(client: httpx.Client, deadline: Deadline) -> None:
    # httpx offers no public way to give a transport a network backend; httpcore's own
    # pool does (https://www.encode.io/httpcore/network-backends/). A test holds this.
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001
        if isinstance(transport, httpx.HTTPTransport):
            pool: Any = transport._pool  # noqa: SLF001
            pool._network_backend = DeadlineBackend(pool._network_backend, deadline)  # noqa: SLF001


@contextmanager
def _mapped(request: Request) -> Iterator[None]:
    """Turn what httpx raises into the kit's errors, with neither headers nor body in them."""
    where = f"{request.method} {request.url}"
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        message = f"{where}: no connection ({_reason(error)}). Check the base URL and the network."
        raise APIConnectionError(message, request_sent=False) from error
    except (httpx.TimeoutException, TimeoutError) as error:
        message = f"{where}: no whole answer within {request.timeout_seconds:g} seconds."
        raise APITimeoutError(message) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeEncodeError) as error:
        message = f"{where}: the request cannot be sent ({type(error).__name__}). Check the base URL and the API key."
        raise ConfigurationError(message) from None
    except httpx.HTTPError as error:
        raise APIConnectionError(f"{where}: the connection broke ({_reason(error)}).") from error


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
