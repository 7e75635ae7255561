"""The server's side of the answering process: starts it, asks it, and hands its answers to those who wait."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import finetune_kit
from finetune_kit.errors import BadRequestError, FinetuneKitError, LocalServerError
from finetune_kit.local.engines.base import ChatPiece

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

    from finetune_kit.local.engines.base import ChatRequest

__all__ = ["AnsweringProcess"]

DRAIN_SECONDS: Final = 120.0
"""How long answers in the making may take when the process is asked to end."""

_LONGEST_LINE_BYTES: Final = 2**24
_EXIT_SECONDS: Final = 5.0


@dataclass(slots=True)
class _Pending:
    """A request that is being answered: where its pieces go, and how many answers are still open."""

    pieces: asyncio.Queue[ChatPiece | FinetuneKitError]
    unfinished: int


@dataclass(slots=True)
class _Link:
    """One running process and the requests it is answering."""

    process: Process
    pending: dict[int, _Pending] = field(default_factory=dict)
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    reader: asyncio.Task[None] | None = None

    async def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None  # noqa: S101 - it was started with a pipe
        try:
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            await self.process.stdin.drain()
        except ConnectionError:
            return  # it has died; its reader tells all who wait

    def add(self, number: int, answers: int) -> _Pending:
        self.idle.clear()
        self.pending[number] = _Pending(asyncio.Queue(), answers)
        return self.pending[number]

    def drop(self, number: int) -> bool:
        """Forget a request; return whether it was still being answered."""
        dropped = self.pending.pop(number, None)
        if not self.pending:
            self.idle.set()
        return dropped is not None

    async def read(self) -> None:
        """Hand out what the process writes until it ends, then tell those who still wait."""
        assert self.process.stdout is not None  # noqa: S101 - it was started with a pipe
        async for line in self.process.stdout:
            self._deliver(json.loads(line))
        death = _death(await self.process.wait())
        for pending in self.pending.values():
            pending.pieces.put_nowait(death)
        self.pending.clear()
        self.idle.set()

    def _deliver(self, message: dict[str, Any]) -> None:
        number = message.pop("id")
        pending = self.pending.get(number)
        if pending is None:
            return  # who asked has gone away
        if "error" in message:
            pending.pieces.put_nowait(_refusal(message["error"]))
            self.drop(number)
            return
        piece = ChatPiece(**message)
        pending.pieces.put_nowait(piece)
        pending.unfinished -= piece.finish_reason is not None
        if not pending.unfinished:
            self.drop(number)


class AnsweringProcess:
    """Answers chats in a process of its own, which starts with the first chat and can be ended at any time."""

    def __init__(self) -> None:
        self._link: _Link | None = None
        self._gate: asyncio.Lock | None = None
        self._numbers = itertools.count(1)

    async def chat(self, request: ChatRequest) -> AsyncIterator[ChatPiece]:
        """Yield the pieces of all answers to a request.

        Raises:
            BadRequestError: the chat is longer than the model's context.
            LocalServerError: the model cannot be loaded, or the process has died; the next chat gets a new one.
        """
        number = next(self._numbers)
        async with self._lock():
            link = await self._running()
            pending = link.add(number, request.n)
        try:
            await link.send(_message(number, request))
            for _ in range(request.n):
                async for piece in _one_answer(pending):
                    yield piece
        finally:
            if link.drop(number):
                await link.send({"cancel": number})

    async def end(self, *, grace_seconds: float = DRAIN_SECONDS) -> None:
        """End the process, once it has answered or the grace is over; chats that come meanwhile wait for a new one."""
        async with self._lock():
            link, self._link = self._link, None
            if link is None:
                return
            if link.pending:
                await _within(grace_seconds, link.idle.wait())
            await _stop(link)

    def _lock(self) -> asyncio.Lock:
        # Made late: an engine is made before there is an event loop.
        if self._gate is None:
            self._gate = asyncio.Lock()
        return self._gate

    async def _running(self) -> _Link:
        if self._link is not None and self._link.reader is not None and not self._link.reader.done():
            return self._link
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "finetune_kit.local.inference",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(),
            limit=_LONGEST_LINE_BYTES,
        )
        self._link = _Link(process)
        self._link.reader = asyncio.create_task(self._link.read())
        return self._link


def _environment() -> dict[str, str]:
    """Return this process's environment, and where this very package is imported from."""
    source = str(Path(finetune_kit.__file__ or "").resolve().parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))}


async def _one_answer(pending: _Pending) -> AsyncIterator[ChatPiece]:
    """Yield pieces, of whichever answer, until one answer has ended."""
    while True:
        piece = await pending.pieces.get()
        if isinstance(piece, FinetuneKitError):
            raise piece
        yield piece
        if piece.finish_reason is not None:
            return


async def _stop(link: _Link) -> None:
    assert link.process.stdin is not None and link.reader is not None  # noqa: S101, PT018 - so it was started
    link.process.stdin.close()
    if not await _within(_EXIT_SECONDS, asyncio.shield(link.reader)):
        link.process.kill()
        await link.reader


async def _within(seconds: float, waiting: Any) -> bool:
    try:
        await asyncio.wait_for(waiting, seconds)
    except TimeoutError:
        return False
    return True


def _message(number: int, request: ChatRequest) -> dict[str, Any]:
    return {
        "id": number,
        "base": request.model.base,
        "adapter": str(request.model.adapter) if request.model.adapter else None,
        "messages": [dict(message) for message in request.messages],
        "tools": [dict(tool) for tool in request.tools],
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "n": request.n,
        "seed": request.seed,
        "stop": list(request.stop),
        "stream": request.stream,
    }


def _refusal(error: dict[str, Any]) -> FinetuneKitError:
    if error["kind"] == "context":
        return BadRequestError(
            f"The chat has {error['tokens']} tokens, and the model's context length is {error['limit']}. "
            "Shorten the messages",
            status_code=400,
            code="context_length_exceeded",
            param="messages",
            type="invalid_request_error",
        )
    if error["kind"] == "refused":
        return LocalServerError(error["message"])
    return LocalServerError(f"The model could not answer: {error['message']}. Ask again with a shorter chat")


def _death(code: int) -> LocalServerError:
    how = f"with exit code {code}"
    if code < 0:
        how = f"by {signal.Signals(-code).name}" + (", probably out of memory" if code == -signal.SIGKILL else "")
    return LocalServerError(f"The answering process ended {how}. Ask again: the next chat starts a new one")
