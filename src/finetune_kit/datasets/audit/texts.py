"""Checks of the characters that texts are made of."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final

from finetune_kit.datasets.audit.check import AuditRule, Check, Hit
from finetune_kit.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from finetune_kit.datasets.audit.check import AuditSettings
    from finetune_kit.datasets.audit.row import AuditRow

__all__ = ["CHECKS", "InvisibleCharacters", "Mojibake"]

_UNICODE: Final = "Unicode Technical Report 36, security considerations"
_HIDDEN: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_ENTITIES: Final = re.compile(
    r"&(?:amp|lt|gt|quot|apos|nbsp|#\d{2,5}|#x[0-9a-fA-F]{2,5}|[a-z]{2,6}(?:acute|grave|uml|cedil|tilde|circ));"
)
_ZERO_WIDTH_JOINERS: Final = "\u200c\u200d"
_MARKS: Final = "\u200e\u200f\u061c\u202a\u202b\u202c\u2066\u2067\u2068\u2069"
_JOINING_SCRIPTS: Final = frozenset(
    (
        *("ARABIC", "SYRIAC", "MONGOLIAN", "DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU"),
        *("KANNADA", "MALAYALAM", "SINHALA", "KHMER", "MYANMAR", "TIBETAN", "THAI", "LAO"),
    )
)
_RIGHT_TO_LEFT: Final = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_MIXED: Final = re.compile(
    "(?=\\w*[A-Za-z])\\w*[\u0370-\u052f\u0530-\u058f\u13a0-\u13f4\u2c80-\u2cff\ua640-\ua69f]\\w*"
)
_GREEK_TWINS: Final = frozenset("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαινορυχ")


class Mojibake(Check):
    """Texts that were decoded with the wrong encoding."""

    id: ClassVar[str] = "mojibake"
    method: ClassVar[str] = "ftfy's badness of sequences of characters, and the replacement character"
    rules: ClassVar[Mapping[str, AuditRule]] = {
        "mojibake": AuditRule(
            "error", "https://ftfy.readthedocs.io", "decode the source with its true encoding, or use ftfy.fix_text"
        ),
        "html_entity": AuditRule("hint", "https://html.spec.whatwg.org", "unescape the text with html.unescape"),
    }

    def __init__(self, settings: AuditSettings) -> None:
        try:
            from ftfy.badness import is_bad
        except ImportError as error:
            raise MissingExtraError("finding broken encodings", "audit", package="ftfy") from error
        super().__init__(settings)
        self._is_bad = lru_cache(maxsize=4096)(is_bad)

    def see(self, row: AuditRow) -> Iterator[Hit]:
        """Judge every text."""
        for text in row.texts:
            self.n_examined += 1
            if not text.text.isascii() and ("\ufffd" in text.text or self._is_bad(text.text)):
                yield Hit("mojibake", "characters were decoded with the wrong encoding", row, text.pointer)
            elif "&" in text.text and "```" not in text.text and _ENTITIES.search(text.text):
                yield Hit("html_entity", "an HTML entity stands in the text", row, text.pointer)


class InvisibleCharacters(Check):
    """Characters that nobody sees but a tokenizer, and letters of another script that look like Latin ones."""

    id: ClassVar[str] = "invisible_characters"
    method: ClassVar[str] = "characters of no width, bidirectional controls, tags, lone controls, words of mixed script"
    rules: ClassVar[Mapping[str, AuditRule]] = {
        "invisible_character": AuditRule("warning", _UNICODE, "remove the character"),
        "mixed_script": AuditRule("warning", _UNICODE, "write the word in one script"),
        "control_character": AuditRule("warning", _UNICODE, "remove the character"),
    }

    def see(self, row: AuditRow) -> Iterator[Hit]:
        """Judge every text."""
        for text in row.texts:
            self.n_examined += 1
            if (control := _CONTROLS.search(text.text)) is not None:
                reason = f"a control character, U+{ord(control.group()):04X}"
                yield Hit("control_character", reason, row, text.pointer)
            if text.text.isascii():
                continue
            if (code := _hidden(text.text)) is not None:
                yield Hit("invisible_character", f"a character that does not show, U+{code:04X}", row, text.pointer)
            if _is_mixed(text.text):
                yield Hit("mixed_script", "a Latin word with letters of another script", row, text.pointer)


def _hidden(text: str) -> int | None:
    for match in _HIDDEN.finditer(text):
        if not _is_legal(text, match.start()):
            return ord(match.group())
    return None


def _is_legal(text: str, index: int) -> bool:
    """Tell whether a hidden character does its work: joins emoji or letters, or directs right-to-left text."""
    sign, before, after = text[index], text[index - 1 : index], text[index + 1 : index + 2]
    if sign in _ZERO_WIDTH_JOINERS:
        joins_emoji = sign == "\u200d" and bool(before and after) and not (before + after).isascii()
        return _joins_letters(before) or _joins_letters(after) or (joins_emoji and not before.isalnum())
    if sign in _MARKS:
        return _RIGHT_TO_LEFT.search(text) is not None
    if sign == "\u200b":
        return any(script in _script(before) + _script(after) for script in ("THAI", "KHMER", "LAO", "MYANMAR"))
    if "\U000e0020" <= sign <= "\U000e007f":
        return "\U0001f3f4" in text[max(index - 8, 0) : index]
    return False


def _joins_letters(letter: str) -> bool:
    return _script(letter) in _JOINING_SCRIPTS


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0] if letter else ""


def _is_mixed(text: str) -> bool:
    return any(_is_disguised(match.group()) for match in _MIXED.finditer(text))


def _is_disguised(word: str) -> bool:
    """Tell whether foreign letters stand in a Latin word; Greek ones only amid it, since names of genes end in them."""
    for index, letter in enumerate(word):
        script = _script(letter)
        if (
            script == "GREEK"
            and letter in _GREEK_TWINS
            and _is_latin(word[index - 1 : index])
            and _is_latin(word[index + 1 : index + 2])
        ):
            return True
        if script in ("CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC"):
            return True
    return False


def _is_latin(letter: str) -> bool:
    return letter.isascii() and letter.isalpha()


CHECKS: Final[tuple[type[Check], ...]] = (Mojibake, InvisibleCharacters)
