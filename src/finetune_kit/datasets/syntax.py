"""What is wrong with the bytes of a line that should be one JSON object."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import orjson

from finetune_kit.datasets.rules import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "BOM",
    "UNREADABLE",
    "child",
    "count_keys",
    "has_hidden_keys",
    "has_more_keys",
    "hides_nothing",
    "parse_line",
    "shown",
]

BOM: Final = b"\xef\xbb\xbf"
UNREADABLE: Final = object()

_SHOWN_CHARACTERS = 40
_SPACED_COLON: Final = re.compile(rb'"[ \t\r]+:')


def shown(value: object) -> str:
    """Describe a JSON value that is structure: a key, a role or a number as it is, else only its type."""
    if isinstance(value, str):
        return repr(value if len(value) <= _SHOWN_CHARACTERS else value[: _SHOWN_CHARACTERS - 1] + "…")
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value!r}"[:_SHOWN_CHARACTERS]
    return "an array" if isinstance(value, list) else "an object"


def child(pointer: str, key: str) -> str:
    """Return the JSON pointer to a key of the object at `pointer`; a very long key is cut."""
    cut = key if len(key) <= _SHOWN_CHARACTERS else key[: _SHOWN_CHARACTERS - 1] + "…"
    printable = cut.encode("utf-8", "replace").decode()
    return f"{pointer}/{printable.replace('~', '~0').replace('/', '~1')}"


def parse_line(raw: bytes) -> tuple[Any, list[Problem]]:
    """Return the value on a line, or UNREADABLE, with every problem of its bytes.

    Stricter than any one parser: also finds duplicate keys, NaN and Infinity, and halves
    of surrogate pairs. A value with duplicate keys counts as unreadable.
    """
    problems: list[Problem] = []
    if raw.startswith(BOM):
        problems.append(Problem("bom", "", "the line begins with a UTF-8 byte order mark (EF BB BF)"))
        raw = raw.removeprefix(BOM)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return UNREADABLE, [*problems, Problem("utf8", "", _undecodable(raw, error))]
    value, found = _parse_text(text)
    if value is UNREADABLE:
        return value, problems + found
    found = _refused_by_orjson(raw, value)
    is_json = all(problem.rule == "surrogate" for problem in found)
    return value if is_json else UNREADABLE, problems + found


def has_hidden_keys(raw: bytes, value: object) -> bool:
    """Tell whether the line may have more keys than its parsed value, that is, duplicates.

    False is certain. Lines without duplicates say "maybe", too, where white space stands
    before a colon, a string begins with a colon, or a key ends with a backslash.
    """
    return has_more_keys(raw, count_keys(value))


def has_more_keys(raw: bytes, n_keys: int) -> bool:
    """Tell, as `has_hidden_keys` does, whether a line may have more keys than the `n_keys` of its value."""
    colons = raw.count(b'":')
    if colons != n_keys and (b'\\\\":' in raw or colons - raw.count(b'\\":') != n_keys):
        return True
    return _SPACED_COLON.search(raw) is not None


def hides_nothing(raw: bytes, value: object) -> bool:
    """Tell whether a line has, for certain, no key beside those of its value; quickest where it is compact."""
    written = orjson.dumps(value)
    return written == raw or written == raw[:-1] or not has_hidden_keys(raw, value)


def count_keys(value: object) -> int:
    """Return the number of keys of all objects in a JSON value."""
    keys = 0
    inner = [value]
    while inner:
        item = inner.pop()
        if isinstance(item, dict):
            keys += len(item)
            inner.extend(item.values())
        elif isinstance(item, list):
            inner.extend(item)
    return keys


def _undecodable(raw: bytes, error: UnicodeDecodeError) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "the line begins like UTF-16, not UTF-8"
    return f"byte 0x{raw[error.start]:02X} at offset {error.start} of the line is not UTF-8"


class _DuplicateKeyError(ValueError):
    """A key stands twice in one object; the argument is the key."""


class _NotFiniteError(ValueError):
    """NaN or an infinity stands where a number should; the argument is its name."""


def _parse_text(text: str) -> tuple[Any, list[Problem]]:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant), []
    except _DuplicateKeyError as error:
        return UNREADABLE, [Problem("duplicate_key", "", f"the key {shown(error.args[0])} stands twice in one object")]
    except _NotFiniteError as error:
        return UNREADABLE, [Problem("not_finite", "", f"{error.args[0]} is not JSON")]
    except json.JSONDecodeError as error:
        return UNREADABLE, [_misplaced(text, error)]
    except RecursionError:
        return UNREADABLE, [Problem("json", "", "the line is nested too deeply")]
    except ValueError:
        return UNREADABLE, [Problem("json", "", "a number has too many digits")]


def _misplaced(text: str, error: json.JSONDecodeError) -> Problem:
    column = error.pos + 1
    if error.msg != "Extra data":
        return Problem("json", "", f"not JSON: {error.msg[:1].lower()}{error.msg[1:]} at column {column}")
    if text[error.pos :].lstrip().startswith(("{", "[")):
        return Problem("json_several", "", f"a second JSON value begins at column {column}")
    return Problem("json", "", f"not JSON: something follows the value at column {column}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) == len(pairs):
        return row
    keys = Counter(key for key, _ in pairs)
    raise _DuplicateKeyError(keys.most_common(1)[0][0])


def _refuse_constant(name: str) -> Any:
    raise _NotFiniteError(name)


def _refused_by_orjson(raw: bytes, value: Any) -> list[Problem]:
    halves = [
        Problem("surrogate", pointer, "half of a surrogate pair (\\uD800 to \\uDFFF) is no character")
        for pointer in _half_characters(value, "")
    ]
    if halves:
        return halves
    try:
        orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return [Problem("json", "", f"not JSON: {error.msg} at column {error.colno}")]
    return []


def _half_characters(value: Any, pointer: str) -> Iterator[str]:
    if isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            yield pointer
    elif isinstance(value, dict):
        for key, item in value.items():
            if any("\ud800" <= character <= "\udfff" for character in key):
                yield pointer
            yield from _half_characters(item, child(pointer, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _half_characters(item, f"{pointer}/{index}")
