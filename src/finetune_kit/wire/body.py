"""Reading the body of an answer within a bound, before and after decompression."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from finetune_kit.errors import APIResponseValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BoundedBody"]

_WINDOWS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class BoundedBody:
    """Collects the chunks of a body, decompressing as they come.

    A bomb is noticed when it has passed the bound, not when it has filled the memory:
    each chunk is inflated to at most one byte more than what is still allowed.
    """

    def __init__(self, headers: Mapping[str, str], limit_bytes: int, status_code: int) -> None:
        self._limit = limit_bytes
        self._status = status_code
        self._received = 0
        self._produced = 0
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity", *_WINDOWS):
            raise self._error(f"uses the content encoding {encoding!r}, which was not asked for")
        self._inflate = zlib.decompressobj(_WINDOWS[encoding]) if encoding in _WINDOWS else None

    def feed(self, chunk: bytes) -> bytes:
        """Return what the chunk adds to the decompressed body."""
        self._received += len(chunk)
        plain = chunk if self._inflate is None else self._decompress(self._inflate, chunk)
        self._produced += len(plain)
        if max(self._received, self._produced) > self._limit:
            raise self._error(f"is larger than the {self._limit:,} bytes allowed for it")
        return plain

    def end(self) -> None:
        """Check that a compressed body has come to its end."""
        if self._inflate and self._received and not self._inflate.eof:
            raise self._error("ends in the middle of its compressed data")

    def _decompress(self, inflate: zlib._Decompress, chunk: bytes) -> bytes:
        try:
            return inflate.decompress(chunk, self._limit - self._produced + 1)
        except zlib.error as error:
            raise self._error("cannot be decompressed") from error

    def _error(self, what: str) -> APIResponseValidationError:
        return APIResponseValidationError(
            f"The body of an answer with status {self._status} {what}. "
            "Check that the base URL is that of the service itself.",
            status_code=self._status,
        )
