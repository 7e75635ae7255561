"""The thread that serves the application: its socket, its event loop, its end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import threading
from typing import TYPE_CHECKING

import uvicorn

from finetune_kit.errors import LocalServerError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from starlette.types import ASGIApp

__all__ = ["ServingThread", "listen"]

_START_SECONDS = 30.0
_RUN_SECONDS = 60.0
_STOP_SECONDS = 10.0
_GRACEFUL_SECONDS = 2
_BACKLOG = 512


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raise LocalServerError where that is impossible."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, for asyncio switches Nagle's algorithm (40 ms an answer) off only where it sees TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":
            # A port that a server left a moment ago can be taken again at once. On Windows
            # the same option would let two servers have it.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else "not a port"
        raise LocalServerError(
            f"The local server cannot listen on {host} port {port} ({reason}): "
            "end what uses that port, or take port 0, which finds a free one"
        ) from error
    return listener


class ServingThread:
    """Serves an application on a socket, in an event loop and a thread of its own.

    The thread is a daemon, so it holds up no interpreter, and uvicorn installs signal
    handlers in a main thread only.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        """Where the server answers."""
        host, port = self._listener.getsockname()[:2]
        return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"

    def start(self, app: ASGIApp) -> None:
        """Begin, and return when requests are answered."""
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACEFUL_SECONDS,
        )
        ready = threading.Event()
        self._server = server = _AnnouncingServer(config, ready)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(server)), name="finetune_kit serving")
        self._thread.daemon = True
        self._thread.start()
        if not ready.wait(_START_SECONDS):
            self.stop()
            raise LocalServerError(f"The local server did not answer within {_START_SECONDS:.0f} seconds: try again")

    def run(self, work: Coroutine[None, None, None]) -> None:
        """Run something in the server's event loop, from another thread, and wait for it."""
        if self._loop is None or self._loop.is_closed():
            work.close()
            return
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        with contextlib.suppress(TimeoutError):
            future.result(_RUN_SECONDS)

    def stop(self) -> None:
        """End, after the requests that are being answered, or soon regardless."""
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)

    async def _serve(self, server: uvicorn.Server) -> None:
        self._loop = asyncio.get_running_loop()
        await server.serve(sockets=[self._listener])


class _AnnouncingServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()
