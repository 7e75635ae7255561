"""One spelling of texts that differ in case, white space, punctuation or compatibility forms alone."""

from __future__ import annotations

import string
import unicodedata
from functools import cache
from typing import Final

__all__ = ["ASCII_WORDS", "normalised"]

_WORD_BYTES: Final = (string.ascii_letters + string.digits + "_").encode()
ASCII_WORDS: Final = bytes(byte if byte in _WORD_BYTES or byte > 0x7F else 0x20 for byte in range(256)).lower()  # noqa: PLR2004
"""What becomes of the bytes of ASCII, in UTF-8; those beyond belong to longer characters, and stay."""
_ASCII_BYTES: Final = bytes(range(0x80))
# Marks that only choose the look of a sign are no part of a word.
_VARIATION_SELECTORS: Final = range(0xFE00, 0xFE10)


def normalised(text: str) -> str:
    r"""Return a text in NFKC and case-folded, with one space for each run of what is no word, none at the ends.

    Marks belong to the word they stand in, because vowels of Hindi or Thai are marks. A text
    without any word, such as an emoji or "!?", keeps its signs: nothing would tell it from others.

    Example:
        >>> normalised("  Where's my\u00a0ORDER?! ")
        'where s my order'
    """
    if text.isascii():
        words = text.encode().translate(ASCII_WORDS).decode()
    else:
        # Case folding can undo the normal form (U+0345), so that the form is made again.
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        words = _without_signs(text.encode(errors="surrogatepass").translate(ASCII_WORDS))
    return " ".join(words.split()) or " ".join(text.split())


def _without_signs(spaced: bytes) -> str:
    """Return the text with spaces for its signs beyond ASCII, of which a text has few different ones."""
    words = spaced.decode(errors="surrogatepass")
    beyond = spaced.translate(None, _ASCII_BYTES).decode(errors="surrogatepass")
    for character in set(beyond):
        if _is_sign(character):
            words = words.replace(character, " ")
    return words


@cache
def _is_sign(character: str) -> bool:
    """Tell whether a character is neither of a word nor a mark that stands in one."""
    is_mark = unicodedata.category(character)[0] == "M" and ord(character) not in _VARIATION_SELECTORS
    return not (character.isalnum() or character == "_" or is_mark)
