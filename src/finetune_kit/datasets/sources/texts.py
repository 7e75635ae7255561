"""Text of files, decoded as far as it is UTF-8."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from finetune_kit.datasets.syntax import BOM
from finetune_kit.errors import DatasetError, FormatError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SAVE_AS_UTF8", "first_line", "is_decoded", "read_bytes", "read_text", "undecodable_byte"]

SAVE_AS_UTF8: Final = "save it as UTF-8 (in Excel: CSV UTF-8)"

# What Python's `surrogateescape` makes of the bytes 0x80 to 0xFF where they are not UTF-8.
_ESCAPED: Final = re.compile("[\udc80-\udcff]")
_ESCAPE_BASE: Final = 0xDC00


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        DatasetError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def first_line(path: Path) -> tuple[bytes, bool]:
    """Return the first line that is not blank, without a byte order mark, and whether more than blanks follow.

    Raises:
        DatasetError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            filled = (line.removeprefix(BOM).strip() for line in file)
            lines = [line for line, _ in zip((line for line in filled if line), range(2), strict=False)]
    except OSError as error:
        raise _unreadable(path, error) from error
    return (lines or [b""])[0], len(lines) > 1


def read_text(path: Path) -> str:
    """Return the text of a file, without a byte order mark; a byte that is not UTF-8 is escaped: see `is_decoded`.

    Raises:
        DatasetError: The file cannot be read.
        FormatError: It is UTF-16.
    """
    raw = read_bytes(path).removeprefix(BOM)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FormatError("the file is UTF-16, not UTF-8", path=str(path), line=1, remedy=SAVE_AS_UTF8)
    return raw.decode(errors="surrogateescape")


def is_decoded(text: str) -> bool:
    """Tell whether every byte of a text was UTF-8."""
    return _ESCAPED.search(text) is None


def undecodable_byte(text: str) -> str:
    """Return the first byte of a text that is not UTF-8, such as "0xE9"."""
    found = _ESCAPED.search(text)
    return f"0x{ord(found[0]) - _ESCAPE_BASE:02X}" if found else "none"


def _unreadable(path: Path, error: OSError) -> DatasetError:
    remedy = "check the path and its permissions"
    return DatasetError(f"cannot read {str(path)!r}: {error.strerror or error}. Remedy: {remedy}")
