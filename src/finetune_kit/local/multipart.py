"""Multipart bodies, streamed to disk as they come: memory stays flat whatever their size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from finetune_kit.local.problems import bad_request
from finetune_kit.local.requests import bounded_stream

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

__all__ = ["Form", "read_form"]

_MAX_FIELD_BYTES = 64 * 1024
_MAX_FIELDS = 20
_OVERHEAD_BYTES = 1024 * 1024


@dataclass(slots=True)
class Form:
    """The fields of a form, and the name of the file that was written to disk, None if there was none."""

    fields: dict[str, str] = field(default_factory=dict)
    filename: str | None = None


async def read_form(request: Request, *, file_field: str, target: Path, max_bytes: int) -> Form:
    """Read a form; the bytes of `file_field`, at most `max_bytes`, are written to `target`."""
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise bad_request("The body must be multipart/form-data with a boundary.")
    with target.open("wb") as handle:
        reader = _FormReader(file_field, handle)
        try:
            parser = MultipartParser(options[b"boundary"], reader.callbacks())  # type: ignore[arg-type]
            async for piece in bounded_stream(request, max_bytes + _OVERHEAD_BYTES):
                parser.write(piece)
            parser.finalize()
        except MultipartParseError as error:
            raise bad_request("The body is not valid multipart/form-data.") from error
    if not reader.ended:
        raise bad_request("The body ends before the end of its last part.")
    if reader.file_bytes > max_bytes:
        raise bad_request(f"The file is too large: at most {max_bytes} bytes are allowed here.", file_field)
    return reader.form


class _FormReader:
    """Takes what the parser finds."""

    def __init__(self, file_field: str, handle: BinaryIO) -> None:
        self.form = Form()
        self.file_bytes = 0
        self.ended = False
        self._file_field = file_field
        self._handle = handle
        self._header = (bytearray(), bytearray())
        self._disposition = b""
        self._name = ""
        self._value = bytearray()

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _part_begin(self) -> None:
        self._disposition, self._name, self._value = b"", "", bytearray()

    def _header_end(self) -> None:
        name, value = self._header
        if bytes(name).lower() == b"content-disposition":
            self._disposition = bytes(value)
        self._header = (bytearray(), bytearray())

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode(errors="replace")
        if self._name == self._file_field:
            if self.form.filename is not None:
                raise bad_request(f"There is more than one '{self._name}'.", self._name)
            self.form.filename = options.get(b"filename", b"").decode(errors="replace")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._name == self._file_field:
            self.file_bytes += self._handle.write(data[start:end])
        elif len(self._value) + end - start > _MAX_FIELD_BYTES or len(self.form.fields) >= _MAX_FIELDS:
            raise bad_request("The form has too many or too long fields.", self._name)
        else:
            self._value += data[start:end]

    def _part_end(self) -> None:
        if self._name != self._file_field:
            self.form.fields[self._name] = self._value.decode(errors="replace")

    def _end(self) -> None:
        self.ended = True
