"""The size of pictures that stand in an example as data: URLs, read from their first bytes."""

from __future__ import annotations

import base64
import binascii
from typing import Final

__all__ = ["picture_size"]

_PNG: Final = b"\x89PNG\r\n\x1a\n"
# Sizes stand at the beginning of PNG and WEBP; JPEG may put a profile and a thumbnail before.
_LOOKED_AT: Final = 4 * 65_536
_JPEG_SIZE_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def picture_size(url: str) -> tuple[int, int] | None:
    """Return the width and height in pixels of a PNG, JPEG or WEBP picture in a data: URL; None if that fails."""
    head, comma, body = url.partition(",")
    if not comma or not head.lower().startswith("data:") or not head.lower().endswith(";base64"):
        return None
    try:
        data = base64.b64decode(body[:_LOOKED_AT])
    except (binascii.Error, ValueError):
        return None
    if data.startswith(_PNG) and data[12:16] == b"IHDR" and len(data) >= 24:  # noqa: PLR2004 - end of the sizes
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data.startswith(b"\xff\xd8"):
        return _jpeg_size(data)
    return _webp_size(data) if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004 - every marker begins with it
        marker = data[at + 1]
        if marker in _JPEG_SIZE_MARKERS:
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")  # noqa: PLR2004 - a fill byte
    return None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """Read the three kinds of WEBP: lossy, lossless, extended (RFC 9649)."""
    kind = data[12:16]
    if len(data) < 30:  # noqa: PLR2004 - where the longest header ends
        return None
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8 ":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return None
