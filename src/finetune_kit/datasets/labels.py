"""What rows are stratified and grouped by."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

import orjson

from finetune_kit.datasets.rows import Rows, parse_row
from finetune_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from finetune_kit.datasets.rules import MethodName
    from finetune_kit.types.examples import Example

__all__ = ["Key", "row_keys"]

Key = str | Callable[["Example"], Hashable]
"""How to tell rows apart: "assistant" is the text of the last assistant message (of a preference, the
preferred one); any other string is a key of the row, or a column kept beside it; a function is called with the
typed example."""


def row_keys(rows: Rows, picks: Sequence[int], method: MethodName, key: Key) -> list[Hashable]:
    """Return the key of each row."""
    if not isinstance(key, str):
        from finetune_kit.datasets.typed_rows import build_example

        return [key(build_example(rows, index, method)) for index in picks]
    if key == "assistant":
        return [_answer(parse_row(rows, index, method)) for index in picks]
    return [_field(parse_row(rows, index, method), rows.extra(index), key) for index in picks]


def _answer(row: Mapping[str, Any]) -> Hashable:
    messages = row.get("preferred_output", row.get("messages"))
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "assistant":
            content = message.get("content")
            return content if isinstance(content, str) else orjson.dumps([content, message.get("tool_calls")])
    remedy = "give a key of the row, or a function of the example"
    raise ConfigurationError(f"an example has no assistant message to take the label from. Remedy: {remedy}")


def _field(row: Mapping[str, Any], extra: Mapping[str, Any], key: str) -> Hashable:
    source = row if key in row else extra
    if key not in source:
        there = ", ".join(repr(name) for name in (*row, *extra))
        raise ConfigurationError(f"the rows have no key {key!r}; they have {there}: give a function of the example")
    value = source[key]
    return value if isinstance(value, str) else orjson.dumps(value, default=str)
