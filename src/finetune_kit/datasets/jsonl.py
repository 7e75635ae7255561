"""A JSONL file whose rows stay bytes: mapped into memory, with an index of where each row begins."""

from __future__ import annotations

import contextlib
import mmap
import os
import secrets
from array import array
from itertools import accumulate
from operator import methodcaller
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

from finetune_kit.datasets.syntax import BOM
from finetune_kit.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from finetune_kit.datasets.rows import Skipped

__all__ = ["JsonlFile", "write_lines"]

_READ_BYTES: Final = 1 << 20
_BLOCK_BYTES: Final = 1 << 22
# A row that is read maps up to sixteen pages around it.
_PAGE_BYTES: Final = 1 << 16
_TOUCHED_ROWS: Final = 256

_ends_with_cr = methodcaller("endswith", b"\r\n")


class JsonlFile:
    """The rows of one file, read when asked for; blank lines are no rows.

    Costs eight bytes of memory a row. A row is what stands on its line, without the line
    end and without a byte order mark, well-formed or not.
    """

    skipped: tuple[Skipped, ...] = ()
    """Nothing: a malformed line is a row, too, for `validate` to explain."""

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._touched = 0
        try:
            with Path(path).open("rb", buffering=_READ_BYTES) as file:
                index = index_lines(file)
                if not index.starts:
                    raise DatasetError(f"{self.path!r} has no rows: it is empty or blank")
                self._starts, self._lines, self._is_plain = index
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                self._identity = _identity(os.fstat(file.fileno()))
        except OSError as error:
            remedy = "check the path and its permissions"
            raise DatasetError(f"cannot read {self.path!r}: {error.strerror or error}. Remedy: {remedy}") from error

    def __len__(self) -> int:
        return len(self._starts)

    def __reduce__(self) -> tuple[Callable[[str, int], JsonlFile], tuple[str, int]]:
        return (_reopened, (self.path, len(self._map)))

    def raw(self, index: int) -> bytes:
        """Return the bytes of a row."""
        self._touched += 1
        if self._touched >= _TOUCHED_ROWS:
            self._release()
        start = self._starts[index]
        end = self._map.find(b"\n", start)
        return self._map[start : end if end >= 0 else len(self._map)].rstrip(b"\r\n")

    def place(self, index: int) -> tuple[str, int]:
        """Return the path and the physical line, counted from 1, of a row."""
        return self.path, self._lines[index] if self._lines is not None else index + 1

    def extra(self, index: int) -> Mapping[str, Any]:  # noqa: ARG002 - every row has the same: nothing
        """Return an empty mapping: whatever a line has is in its row."""
        return {}

    def blocks(self, picks: Sequence[int]) -> Iterator[bytes | memoryview]:
        """Yield the lines of some rows as `Dataset.lines` has them, neighbours in the file together.

        A block is good until the next is asked for.
        """
        if not self._is_plain:
            yield from (self.raw(index) + b"\n" for index in picks)
            return
        with self._opened() as file:
            for start, end in self._spans(picks):
                # Reading a row by itself maps no pages, which are many more bytes than a row.
                if file is not None and end - start <= _PAGE_BYTES:
                    yield os.pread(file.fileno(), end - start, start)
                else:
                    yield from self._pieces(start, end)

    def write(self, picks: Sequence[int], path: str | Path) -> None:
        """Write the lines of some rows to a file as `write_lines` does, long runs by the system itself."""
        with _appearing(path) as target, self._opened() as file:
            if file is None or not self._is_plain:
                target.writelines(self.blocks(picks))
                return
            for start, end in self._spans(picks):
                if end - start <= _PAGE_BYTES:
                    target.write(os.pread(file.fileno(), end - start, start))
                else:
                    target.writelines(self._pieces(_copied(file, target, start, end), end))

    def n_bytes(self, picks: Sequence[int]) -> int:
        """Return the size of the lines of some rows."""
        if not self._is_plain:
            return sum(len(self.raw(index)) + 1 for index in picks)
        return sum(end - start for start, end in self._spans(picks))

    def is_at_path(self) -> bool:
        """Tell whether the path still leads to the file that was read."""
        try:
            return _identity(Path(self.path).stat()) == self._identity
        except OSError:
            return False

    def check_unchanged(self) -> None:
        """Raise DatasetError if the file was rewritten in place since it was read."""
        # Touching mapped pages beyond the end of a file that has shrunk would kill the process.
        if self._map.size() != len(self._map):
            remedy = "read it again; replace files by renaming, not by writing into them"
            raise DatasetError(f"{self.path!r} has changed since it was read. Remedy: {remedy}")

    def _spans(self, picks: Sequence[int]) -> Iterator[tuple[int, int]]:
        starts, n_rows, size = self._starts, len(self._starts), len(self._map)
        for first, after in runs(picks):
            yield starts[first], starts[after] if after < n_rows else size

    def _pieces(self, start: int, end: int) -> Iterator[memoryview]:
        with memoryview(self._map) as view:
            for begin in range(start, end, _BLOCK_BYTES):
                with view[begin : min(end, begin + _BLOCK_BYTES)] as piece:
                    yield piece
                self._release()

    def _opened(self) -> AbstractContextManager[BinaryIO | None]:
        can_read_at = hasattr(os, "pread") and self.is_at_path()
        return Path(self.path).open("rb", buffering=0) if can_read_at else contextlib.nullcontext()

    def _release(self) -> None:
        # Mapped pages that were read count as memory of this process until they are given back.
        self._touched = 0
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)


def write_lines(path: str | Path, lines: Iterable[bytes | memoryview]) -> None:
    """Write lines to a file that appears whole or not at all.

    Raises:
        DatasetError: The disk is full, or the directory missing or closed to writing.
    """
    with _appearing(path) as file:
        file.writelines(lines)


@contextlib.contextmanager
def _appearing(path: str | Path) -> Iterator[BinaryIO]:
    final = Path(path)
    part = final.with_name(f".{final.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with part.open("xb", buffering=_READ_BYTES) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(final)
    except OSError as error:
        remedy = "free space on the disk, or choose another directory that exists and may be written to"
        raise DatasetError(f"cannot write {str(path)!r}: {error.strerror or error}. Remedy: {remedy}") from error
    finally:
        # Gone after the rename; left over only when writing failed.
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _copied(source: BinaryIO, target: BinaryIO, start: int, end: int) -> int:
    """Have the system copy bytes from file to file, and return the offset up to which it did."""
    if not hasattr(os, "copy_file_range"):
        return start
    target.flush()
    try:
        while start < end:
            done = os.copy_file_range(source.fileno(), target.fileno(), end - start, start)
            if not done:
                break
            start += done
    except OSError:
        # Not between these file systems, or no room: writing the rest will tell.
        return start
    return start


def _reopened(path: str, size: int) -> JsonlFile:
    rows = JsonlFile(path)
    if len(rows._map) != size:  # noqa: SLF001 - of this module
        raise DatasetError(f"{path!r} has changed since the dataset was pickled. Remedy: read it again")
    return rows


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


class LineIndex(NamedTuple):
    """Where the rows of a file stand."""

    starts: array[int]
    lines: array[int] | None
    """The number of each row's line; None where rows and lines are the same."""
    is_plain: bool
    """Whether each row goes from its start to the next, with one LF at its end, and nothing stands between."""


def index_lines(file: BinaryIO) -> LineIndex:
    """Find the rows of a file."""
    starts, numbers = array("Q"), array("Q")
    offset = line = 0
    is_plain = True
    while lines := file.readlines(_READ_BYTES):
        # Before "{" in the order of bytes stands all white space, and after it the byte order mark.
        ordinary = min(lines) > b"!" and max(lines) < BOM and not any(map(_ends_with_cr, lines))
        is_plain = is_plain and ordinary and lines[-1].endswith(b"\n")
        if ordinary:
            first = len(starts)
            starts.extend(accumulate(map(len, lines), initial=offset))
            offset = starts.pop()
            numbers.extend(range(line + 1, line + len(lines) + 1) if numbers or line != first else ())
            line += len(lines)
            continue
        for raw in lines:
            line += 1
            if not raw.isspace():
                # Files that were joined have a mark further down, too.
                starts.append(offset + len(BOM) if raw.startswith(BOM) else offset)
                if numbers or line != len(starts):
                    numbers.append(line)
            offset += len(raw)
    return LineIndex(starts, _all_lines(len(starts), numbers), is_plain)


def runs(picks: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first of each run of neighbours in their order, and what would come after its last."""
    if isinstance(picks, range) and picks.step == 1:
        if picks:
            yield picks.start, picks.stop
        return
    first = after = -1
    for pick in picks:
        if pick != after:
            if after >= 0:
                yield first, after
            first = pick
        after = pick + 1
    if after >= 0:
        yield first, after


def _all_lines(n_rows: int, after_blank: array[int]) -> array[int] | None:
    if not after_blank:
        return None
    before = n_rows - len(after_blank)
    return array("Q", range(1, before + 1)) + after_blank
