"""A person, by what identifies them, looked for in texts however these are written."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote

import orjson

from finetune_kit.datasets.phone_numbers import phone_pattern
from finetune_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Subject", "folded", "texts_of"]

_SHORTEST: Final = 4
_SHORTEST_UNSPACED: Final = 2
_SHORTEST_NUMBER: Final = 6

# Scripts that put no space between words: there a name may stand against any other letter.
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
# Not the underscore: it stands for a space where a name may hold none, as in the name of a message.
_LETTER: Final = rf"[^\W_{_UNSPACED}]"
_BETWEEN_NAMES: Final = r"[\s_.\-]+"
_BLANK: Final = re.compile(r"\\[nrtbf]")
_ENDS_IN_UNSPACED: Final = re.compile(rf"[{_UNSPACED}]$")

_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212"), "-")
_APOSTROPHES = dict.fromkeys(map(ord, "\u2018\u2019\u02bc\u00b4`"), "'")
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
_FOLDS: Final = _DASHES | _APOSTROPHES | _INVISIBLE | {ord("\u0130"): "i"}


class _Sought(NamedTuple):
    """One identifier: a word that is in every text that names it, and what decides."""

    needle: str
    pattern: re.Pattern[str]


class Subject:
    """A person by their identifiers: addresses, full names, phone numbers, customer numbers.

    Texts match whatever their case, width, dashes and apostrophes (Unicode NFKC and case
    folding), at word boundaries, also where they are escaped for JSON, HTML or a URL.
    Words of a name may be joined by "_", "-" or ".", and the last may come first, before a comma.
    Phone numbers match however their digits are grouped, with or without the code of their
    country. The repr shows no identifier.

    Example:
        >>> Subject(["anna@example.com", "Anna Meyer"]).found_in("Dear ANNA  MEYER,")
        (2,)
    """

    def __init__(self, identifiers: Sequence[str], *, allow_ambiguous: bool = False) -> None:
        """Make a subject.

        Raises:
            ConfigurationError: There is no identifier, or one would be found in texts about others.
        """
        if not identifiers or isinstance(identifiers, str):
            raise ConfigurationError("give at least one identifier, such as an e-mail address or a full name")
        known = [folded(each).strip() for each in identifiers]
        for number, identifier in enumerate(known, 1):
            _check(identifier, f"identifier {number} of {len(known)}", allow_ambiguous=allow_ambiguous)
        self._each = [_sought(identifier) for identifier in known]

    def found_in(self, text: str) -> tuple[int, ...]:
        """Return the numbers, counted from 1, of the identifiers that a text names."""
        read = [folded(reading) for reading in _readings(text)]
        return tuple(
            number
            for number, (needle, pattern) in enumerate(self._each, 1)
            if any(needle in reading and pattern.search(reading) for reading in read)
        )

    def may_be_in(self, raw: bytes) -> bool:
        """Return False where a row of valid JSON certainly names the subject nowhere; much faster than to read it."""
        if b"\\u" in raw or b"\\\\" in raw:
            return True
        text = raw.decode("utf-8", errors="replace")
        # Without those, what is left of escapes are quotes, slashes and white space.
        return bool(self.found_in(_BLANK.sub(" ", text).replace("\\", "") if "\\" in text else text))

    def __len__(self) -> int:
        return len(self._each)

    def __repr__(self) -> str:
        return f"Subject({len(self)} identifiers)"


def folded(text: str) -> str:
    """Return a text as it is compared: NFKC, case folded, one kind of dash and apostrophe, nothing invisible."""
    if text.isascii():
        return text.replace("`", "'").lower()
    plain = unicodedata.normalize("NFKC", text).translate(_FOLDS).casefold()
    return unicodedata.normalize("NFKC", plain)


def texts_of(value: Any) -> Iterator[tuple[str, str]]:
    """Yield every text and number in a JSON value, keys and JSON inside of strings included, with its JSON pointer."""
    # A stack of its own, since JSON may be nested deeper than Python's; pointers end at a string that is JSON itself.
    stack: list[tuple[str, Any, bool]] = [("", value, False)]
    while stack:
        pointer, item, in_string = stack.pop()
        if isinstance(item, dict | list | tuple):
            stack += reversed(list(_parts(pointer, item, in_string=in_string)))
        elif isinstance(item, str):
            yield pointer, item
            inner = _inner(item)
            if inner is not None:
                stack.append((pointer, inner, True))
        elif item is not None and not isinstance(item, bool):
            yield pointer, str(item)


def _parts(pointer: str, item: Any, *, in_string: bool) -> Iterator[tuple[str, Any, bool]]:
    pairs = item.items() if isinstance(item, dict) else enumerate(item)
    for key, value in pairs:
        below = pointer if in_string else f"{pointer}/{_escaped(str(key))}"
        if isinstance(key, str):
            yield below, key, in_string
        yield below, value, in_string


def _inner(text: str) -> Any:
    """Return what a string holds that is JSON itself, such as the arguments of a tool call; None for any other."""
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _readings(text: str) -> Iterator[str]:
    yield text
    if "%" in text:
        yield unquote(text)
    if "&" in text:
        yield html.unescape(text)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _check(identifier: str, which: str, *, allow_ambiguous: bool) -> None:
    """Raise where an identifier is too short or too common; the message does not quote it, for it names a person."""
    shortest = _SHORTEST_UNSPACED if _ENDS_IN_UNSPACED.search(identifier) else _SHORTEST
    if len(re.sub(r"[\W_]", "", identifier)) < shortest:
        reason = f"has fewer than {shortest} letters and digits, and would be found in rows about others"
    elif allow_ambiguous:
        return
    elif identifier.isdecimal() and len(identifier) < _SHORTEST_NUMBER:
        reason = f"is a number of fewer than {_SHORTEST_NUMBER} digits, which may be an amount or a year"
    elif identifier.isalpha() and shortest == _SHORTEST:
        reason = "is one word, which many people may be called"
    else:
        return
    remedy = "give the full name, the whole address, or the number with what stands before it"
    also = "" if shortest == _SHORTEST_UNSPACED or "fewer than 4" in reason else "; or allow_ambiguous=True"
    raise ConfigurationError(f"{which} {reason}. Remedy: {remedy}{also}")


def _sought(identifier: str) -> _Sought:
    if phone := phone_pattern(identifier):
        return _Sought("", phone)
    words = identifier.split()
    before = rf"(?<!{_LETTER})" if re.match(_LETTER, identifier) else ""
    after = rf"(?!{_LETTER})" if re.match(_LETTER, identifier[-1]) else ""
    if "@" in identifier:
        # A longer local part, or a longer domain, is somebody else's address.
        before += rf"(?<!{_LETTER}[._+%-])"
        after += rf"(?!\.[a-z]{{2,3}}(?!{_LETTER}))"
    said = _BETWEEN_NAMES.join(map(re.escape, words))
    if len(words) > 1:
        first_names = _BETWEEN_NAMES.join(map(re.escape, words[:-1]))
        said = rf"(?:{said}|{re.escape(words[-1])}\s*,\s*{first_names})"
    return _Sought(max(words, key=len), re.compile(before + said + after))
