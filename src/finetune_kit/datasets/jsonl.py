"""A JSONL file whose rows stay bytes: mapped into memory, with an index of where each row begins."""

from __future__ import annotations

import contextlib
import mmap
import os
import secrets
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Final

from finetune_kit.datasets.syntax import BOM
from finetune_kit.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["JsonlFile", "write_lines"]

_READ_BYTES: Final = 1 << 20


class JsonlFile:
    """The rows of one file, read when asked for; blank lines are no rows.

    Costs eight bytes of memory a row. A row is what stands on its line, without the line
    end and without a byte order mark, well-formed or not.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        try:
            with Path(path).open("rb", buffering=_READ_BYTES) as file:
                self._starts, self._lines = _index(file)
                if not self._starts:
                    raise DatasetError(f"{self.path!r} has no rows: it is empty or blank")
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
        start = self._starts[index]
        end = self._map.find(b"\n", start)
        return self._map[start : end if end >= 0 else len(self._map)].rstrip(b"\r\n")

    def place(self, index: int) -> tuple[str, int]:
        """Return the path and the physical line, counted from 1, of a row."""
        return self.path, self._lines[index] if self._lines is not None else index + 1

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


def write_lines(path: str | Path, lines: Iterable[bytes]) -> None:
    """Write lines to a file that appears whole or not at all.

    Raises:
        DatasetError: The disk is full, or the directory missing or closed to writing.
    """
    final = Path(path)
    part = final.with_name(f".{final.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with part.open("xb", buffering=_READ_BYTES) as file:
            file.writelines(lines)
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


def _reopened(path: str, size: int) -> JsonlFile:
    rows = JsonlFile(path)
    if len(rows._map) != size:  # noqa: SLF001 - of this module
        raise DatasetError(f"{path!r} has changed since the dataset was pickled. Remedy: read it again")
    return rows


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _index(lines: Iterable[bytes]) -> tuple[array[int], array[int] | None]:
    starts = array("Q")
    numbers = array("Q")
    offset = 0
    for number, line in enumerate(lines, 1):
        if not line.isspace():
            # Files that were joined have a mark further down, too.
            starts.append(offset + len(BOM) if line.startswith(BOM) else offset)
            if number != len(starts):
                numbers.append(number)
        offset += len(line)
    return starts, _all_lines(len(starts), numbers)


def _all_lines(n_rows: int, after_blank: array[int]) -> array[int] | None:
    if not after_blank:
        return None
    before = n_rows - len(after_blank)
    return array("Q", range(1, before + 1)) + after_blank
