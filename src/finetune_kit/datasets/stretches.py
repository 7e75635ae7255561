"""Reading stretches of one file in several processes, with the outcome of a single one."""

from __future__ import annotations

import io
import itertools
import multiprocessing
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from finetune_kit.datasets.scan import Partial, Scan
from finetune_kit.errors import DatasetError, FinetuneKitError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess
    from pathlib import Path

    from finetune_kit.datasets.rules import MethodName

__all__ = ["READ_BYTES", "Reading", "scan_stretches", "stretches"]

READ_BYTES: Final = 1 << 20
"""How much of a file is read at once."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the processes read lines for."""

    method: MethodName
    model: str | None
    tokens: bool


def scan_stretches(scan: Scan, path: Path, reading: Reading, processes: int) -> None:
    """Read a file in several processes, and merge what they find into `scan` in the order of the file.

    The processes are spawned, not forked, and gone when this returns or raises.

    Raises:
        DatasetError: A process died.
        OSError: The file cannot be read.
    """
    workers = [_started(path, start, end, reading) for start, end in stretches(path, processes)]
    try:
        for _, answers in workers:
            scan.merge(_received(answers))
    finally:
        for process, answers in workers:
            answers.close()
            process.terminate()
            process.join()


def stretches(path: Path, n: int) -> list[tuple[int, int]]:
    """Return the offsets of at most `n` stretches of whole lines, about equal in size, that make up a file."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        bounds = {0, size}
        for part in range(1, n):
            # From the byte before, so that a bound that falls on the start of a line stays there.
            file.seek(max(size * part // n - 1, 0))
            file.readline()
            bounds.add(min(file.tell(), size))
    return list(itertools.pairwise(sorted(bounds)))


def _started(path: Path, start: int, end: int, reading: Reading) -> tuple[SpawnProcess, Connection]:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, path, start, end, reading), daemon=True)
    process.start()
    # Held by the worker alone, so that its death ends the reading.
    sender.close()
    return process, receiver


def _received(answers: Connection) -> Partial:
    try:
        answer: Partial | FinetuneKitError | OSError = answers.recv()
    except EOFError:
        remedy = "call it below `if __name__ == '__main__':`, look for a lack of memory, or take processes=1"
        raise DatasetError(f"a process that read a part of the file died. Remedy: {remedy}") from None
    if isinstance(answer, Partial):
        return answer
    raise answer


def _work(sender: Connection, path: Path, start: int, end: int, reading: Reading) -> None:
    # Ctrl-C reaches the whole group; the caller ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answer: Partial | FinetuneKitError | OSError
    try:
        scan = Scan(reading.method, reading.model, tokens=reading.tokens)
        with path.open("rb", buffering=0) as file:
            file.seek(start)
            scan.lines(_lines(file, end - start), str(path))
        answer = scan.partial()
    except (FinetuneKitError, OSError) as error:
        answer = error
    sender.send(answer)


def _lines(file: io.RawIOBase, size: int) -> Iterator[bytes]:
    return iter(io.BufferedReader(_Stretch(file, size), READ_BYTES))


class _Stretch(io.RawIOBase):
    """The next `size` bytes of a file, as a file."""

    def __init__(self, file: io.RawIOBase, size: int) -> None:
        self._file = file
        self._left = size

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read some of what is left."""
        read = self._file.readinto(memoryview(buffer)[: self._left]) or 0
        self._left -= read
        return read
