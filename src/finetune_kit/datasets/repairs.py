"""Reading lines that are almost JSON, where there is one way only to read them."""

from __future__ import annotations

import ast
import json
from typing import Any, NamedTuple

from finetune_kit.datasets.syntax import BOM

__all__ = ["Repaired", "repair_line"]


class Repaired(NamedTuple):
    """The values on a line, and the rules that the line broke before they could be read."""

    values: tuple[Any, ...]
    rules: tuple[str, ...]


def repair_line(raw: bytes) -> Repaired | None:
    """Read a line, with the breaches of JSON that can be mended without guessing; None where there are others.

    Mended are a byte order mark, several objects on a line, a key that stands twice with
    the same value, a dict as Python prints it, and halves of surrogate pairs, which are no
    characters and become U+FFFD.
    """
    rules = ["bom"] if raw.startswith(BOM) else []
    try:
        text = raw.removeprefix(BOM).decode().strip()
    except UnicodeDecodeError:
        return None
    values = _values(text, rules)
    if values is None:
        return None
    whole = tuple(_without_halves(value) for value in values)
    if whole != values:
        rules.append("surrogate")
    return Repaired(whole, tuple(rules))


def _values(text: str, rules: list[str]) -> tuple[Any, ...] | None:
    repeated: list[str] = []
    decoder = json.JSONDecoder(object_pairs_hook=_merging(repeated), parse_constant=_refuse)
    values: list[Any] = []
    at = 0
    try:
        while at < len(text):
            value, end = decoder.raw_decode(text, at)
            values.append(value)
            at = end + len(text[end:]) - len(text[end:].lstrip())
    except (ValueError, RecursionError):
        return None if values else _python_literal(text, rules)
    if len(values) > 1:
        if not all(isinstance(value, dict) for value in values):
            return None
        rules.append("json_several")
    return tuple(values) if not repeated or _noted(rules, "duplicate_key") else None


def _noted(rules: list[str], rule: str) -> bool:
    rules.append(rule)
    return True


def _merging(repeated: list[str]) -> Any:
    def merge(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for key, value in pairs:
            if key in row:
                if not _same(row[key], value):
                    raise ValueError(key)
                repeated.append(key)
            row[key] = value
        return row

    return merge


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _same(one: Any, other: Any) -> bool:
    # As JSON: Python holds 1, 1.0 and True for the same.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _python_literal(text: str, rules: list[str]) -> tuple[Any, ...] | None:
    if not text.startswith("{'"):
        return None
    try:
        value = ast.literal_eval(text)
        again = json.loads(json.dumps(value, allow_nan=False))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
    if not isinstance(value, dict) or again != value:
        return None
    rules.append("json")
    return (again,)


def _without_halves(value: Any) -> Any:
    if isinstance(value, str):
        return "".join("\ufffd" if "\ud800" <= each <= "\udfff" else each for each in value)
    if isinstance(value, dict):
        return {_without_halves(key): _without_halves(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_halves(item) for item in value]
    return value
