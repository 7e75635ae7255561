"""What a message of e-mail holds: its headers decoded, its date, its text."""

from __future__ import annotations

from email.errors import HeaderParseError
from email.header import decode_header
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from finetune_kit.datasets.sources.found import UnusableError
from finetune_kit.datasets.sources.markup import plain_text

if TYPE_CHECKING:
    from email.message import Message

__all__ = ["body_text", "header", "sent_at"]

_CHARSET: Final = "save the message as UTF-8"


def header(message: Message, name: str) -> str:
    """Return a header as people read it, on one line; empty where there is none."""
    value = str(message.get(name, ""))
    try:
        parts = decode_header(value)
    except HeaderParseError:
        return value
    return " ".join("".join(_decoded_part(part, charset) for part, charset in parts).split())


def _decoded_part(part: str | bytes, charset: str | None) -> str:
    if isinstance(part, str):
        return part
    try:
        return part.decode(charset or "ascii", "replace")
    except LookupError:
        return part.decode("ascii", "replace")


def sent_at(message: Message) -> tuple[str, float | None]:
    """Return the date of a message in ISO 8601, and in seconds; empty and None where it has none."""
    try:
        date = parsedate_to_datetime(header(message, "Date"))
        return date.isoformat(), date.timestamp()
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return "", None


def body_text(message: Message) -> tuple[str, bool]:
    """Return the plain text of a message, else that of its HTML, and whether there is anything attached."""
    parts = [part for part in message.walk() if not part.is_multipart()]
    shown = [part for part in parts if part.get_content_disposition() != "attachment"]
    plain = [part for part in shown if part.get_content_type() == "text/plain"]
    marked_up = [part for part in shown if part.get_content_type() == "text/html"]
    n_texts = len(plain) + len(marked_up)
    if plain:
        return "\n".join(_decoded(part) for part in plain), len(parts) > n_texts
    return "\n".join(plain_text(_decoded(part)) for part in marked_up), len(parts) > n_texts


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    charset = part.get_content_charset("utf-8")
    if not isinstance(payload, bytes):
        return ""
    try:
        return payload.decode(charset).replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        byte = f"0x{payload[error.start]:02X}"
        raise UnusableError(f"the byte {byte} of the text is not {charset}", _CHARSET) from None
    except LookupError:
        raise UnusableError("the text has an encoding that is not known", _CHARSET) from None
