"""Records that have the protocol's own shapes: chats, preferences and items for graders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson

from finetune_kit.datasets.sources.found import Found, Lost, Options
from finetune_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from finetune_kit.datasets.tables import Table

__all__ = ["from_protocol", "pruned_message"]

_CHAT_KEYS: Final = frozenset({"messages", "tools", "parallel_tool_calls", "functions", "response_format"})
_PREFERENCE_KEYS: Final = frozenset({"input", "preferred_output", "non_preferred_output"})
_NESTED: Final = ("messages", "tools", "functions", "input", "preferred_output", "non_preferred_output")


def from_protocol(table: Table, options: Options) -> Iterator[Found | Lost]:
    """Yield the records as they are; those of a typed table without its empty cells, other columns beside them.

    Raises:
        ConfigurationError: The records have neither messages nor an input.
    """
    _check_shape(table.columns, options)
    for line, record in table.numbered():
        yield _typed_row(record, line, options) if table.is_typed else Found(_untyped(record), line)
    yield from table.lost


def pruned_message(message: object) -> object:
    """Return a message without the keys that are null, as typed tables fill them in; a null content stays."""
    if not isinstance(message, Mapping):
        return message
    return {key: value for key, value in message.items() if value is not None or key == "content"}


def _untyped(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record of cells as JSON: a table of text holds messages as JSON in strings."""
    return {key: _parsed(value) if key in _NESTED else value for key, value in record.items()}


def _typed_row(record: Mapping[str, Any], line: int, options: Options) -> Found:
    row = _untyped(record)
    for key in ("messages", "preferred_output", "non_preferred_output"):
        if isinstance(row.get(key), list):
            row[key] = [pruned_message(message) for message in row[key]]
    if isinstance(row.get("input"), dict):
        row["input"] = _pruned_input(row["input"])
    keys = _own_keys(row, options)
    # The fields of an item may be null on purpose.
    own = {key: value for key, value in row.items() if key in keys and (value is not None or keys == row.keys())}
    return Found(own, line, {key: value for key, value in record.items() if key not in own})


def _pruned_input(value: dict[str, Any]) -> dict[str, Any]:
    held = {key: item for key, item in value.items() if item is not None}
    if isinstance(held.get("messages"), list):
        held["messages"] = [pruned_message(message) for message in held["messages"]]
    return held


def _own_keys(row: Mapping[str, Any], options: Options) -> frozenset[str]:
    if "preferred_output" in row:
        return _PREFERENCE_KEYS
    messages = row.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    asks = isinstance(last, dict) and last.get("role") == "user"
    is_item = options.method == "reinforcement" or (options.method is None and asks)
    return frozenset(row) if is_item else _CHAT_KEYS


def _parsed(value: object) -> object:
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _check_shape(names: list[str], options: Options) -> None:
    there = ", ".join(repr(name) for name in names)
    if options.assistant is not None or (options.system is not None and not _shapes(names)):
        raise ConfigurationError(f"user is missing: name the column of the question; the columns are {there}")
    if names and not _shapes(names):
        raise ConfigurationError(
            f"the rows have no messages: name the columns that make them, user=... and assistant=..., or the format, "
            f"format='...'; the columns are {there}"
        )


def _shapes(names: list[str]) -> bool:
    return "messages" in names or "input" in names
