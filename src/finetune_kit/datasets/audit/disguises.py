"""Reading orders that are hidden from people: in comments, in codes, in letters set apart."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["comments", "disguised"]

_COMMENTS: Final = re.compile(
    r"<!--(.*?)(?:-->|\Z)|\[//\]: # [(\"'](.*?)[)\"']|/\*(.*?)\*/|\{#(.*?)#\}|<(?:hidden|comment)>(.*?)</"
    r"|<(\w+)[^>]*(?:display:\s?none|visibility:\s?hidden|font-size:\s?0|color:\s?(?:white|#fff))[^>]*>(.*?)</\6>",
    re.DOTALL | re.IGNORECASE,
)
_BASE64: Final = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{20,}={0,2}(?![A-Za-z0-9+/_=-])")
_HEX: Final = re.compile(r"(?<![0-9A-Za-z])(?:[0-9a-fA-F]{2}[ :]?){16,}(?![0-9A-Za-z])")
_APART: Final = re.compile(r"(?<![A-Za-z])(?:[A-Za-z][ .*_-]){4,}[A-Za-z]\b")
_GAPS: Final = re.compile(r"[ .*_-]")
_READABLE: Final = re.compile(r"[^\W\d_]{2,}")
_FEWEST_WORDS: Final = 3
_LETTERS: Final = 0.8


def comments(text: str) -> Iterator[str]:
    """Yield what stands in comments and in elements that a page does not show."""
    if "<" in text or "[//]" in text or "/*" in text or "{#" in text:
        for match in _COMMENTS.finditer(text):
            yield next((part for part in match.groups()[::-1] if part), "")


def disguised(text: str) -> Iterator[str]:
    """Yield readable texts that a text holds as base64, as hexadecimal, with its letters apart or turned by 13."""
    for match in _BASE64.finditer(text):
        yield from _decoded(match.group().replace("-", "+").replace("_", "/"))
    for match in _HEX.finditer(text):
        yield from _readable(bytes.fromhex(match.group().replace(":", " ")))
    if _APART.search(text):
        yield _APART.sub(lambda match: _GAPS.sub("", match.group()), text)
    if "rot13" in text.lower() or "rot-13" in text.lower():
        yield codecs.decode(text, "rot13")


def _decoded(written: str) -> Iterator[str]:
    try:
        data = base64.b64decode(written.rstrip("=") + "=" * (-len(written.rstrip("=")) % 4), validate=True)
    except (binascii.Error, ValueError):
        return
    yield from _readable(data)


def _readable(data: bytes) -> Iterator[str]:
    """Yield the bytes as text if they are words, as no key or picture is."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    n_letters = sum(letter.isalpha() or letter.isspace() for letter in text)
    if len(_READABLE.findall(text)) >= _FEWEST_WORDS and n_letters >= _LETTERS * len(text):
        yield text
