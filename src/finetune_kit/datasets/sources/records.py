"""Files of records: tables, and JSON in the shapes that exports have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from finetune_kit.datasets.jsonl import JsonlFile
from finetune_kit.datasets.sources.found import Lost
from finetune_kit.datasets.sources.texts import first_line, read_bytes
from finetune_kit.datasets.syntax import BOM, UNREADABLE, has_hidden_keys, parse_line, shown
from finetune_kit.datasets.tables import Table, read_delimited, read_parquet
from finetune_kit.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from finetune_kit.datasets.rules import Problem

__all__ = ["JSON_SUFFIXES", "TABLE_SUFFIXES", "is_one_document", "jsonl_table", "read_table", "table_of"]

JSON_SUFFIXES: Final = (".jsonl", ".ndjson", ".json")
TABLE_SUFFIXES: Final = (".csv", ".tsv", ".xlsx", ".parquet")

_ONE_OBJECT: Final = "write one JSON object on each line"


def read_table(path: Path, *, sheet: str | None = None) -> Table:
    """Read the records of a file by the end of its name: one of `JSON_SUFFIXES` or `TABLE_SUFFIXES`.

    Raises:
        DatasetError: The file cannot be read.
        FormatError: The whole of it cannot be used.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return read_parquet(path)
    if suffix == ".xlsx":
        from finetune_kit.datasets.sources.excel import read_excel

        return read_excel(path, sheet)
    if suffix in (".csv", ".tsv"):
        return read_delimited(path, delimiter="\t" if suffix == ".tsv" else None)
    return document_table(path) if is_one_document(path) else jsonl_table(JsonlFile(path))


def is_one_document(path: Path) -> bool:
    """Tell whether a .json file is one JSON document: an array, or an object over several lines."""
    if path.suffix.lower() != ".json":
        return False
    first, has_more = first_line(path)
    return first.startswith(b"[") or (first.startswith(b"{") and not (has_more and _is_json(first)))


def document_table(path: Path) -> Table:
    """Return the records of a JSON document: its array, the array of objects that it wraps, or its columns."""
    raw = read_bytes(path).removeprefix(BOM)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        # The parser's own error carries the document.
        raise FormatError(f"not JSON: {error.msg}", path=str(path), line=error.lineno) from None
    if isinstance(value, list):
        return _listed(value)
    if not isinstance(value, dict):
        raise FormatError(f"the document is {shown(value)}", path=str(path), remedy="give an array of objects")
    return _unwrapped(value)


def jsonl_table(rows: JsonlFile) -> Table:
    """Return the records of a JSONL file; lines that are no objects are among the lost."""
    records: list[Mapping[str, Any]] = []
    lines: list[int] = []
    lost: list[Lost] = []
    for index in range(len(rows)):
        value, problems = _parsed(rows.raw(index))
        line = rows.place(index)[1]
        if problems or value is UNREADABLE or not isinstance(value, dict):
            reason = problems[0].reason if problems else f"the line is {_kind(value)}, not an object"
            lost.append(Lost(line, reason, _ONE_OBJECT))
            continue
        records.append(value)
        lines.append(line)
    return Table(_columns(records), records, lines, lost)


def table_of(records: Sequence[Mapping[str, Any]]) -> Table:
    """Return records in memory as a table."""
    return Table(_columns(records), records)


def _parsed(raw: bytes) -> tuple[Any, list[Problem]]:
    """Return what `parse_line` does, fast where the line has no fault."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return parse_line(raw)
    return parse_line(raw) if has_hidden_keys(raw, value) else (value, [])


def _columns(records: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for record in records for key in record))


def _listed(items: list[Any]) -> Table:
    if items and _are_objects(items) and _are_turns(items):
        # The whole document is one conversation.
        return table_of([{"turns": items}])
    items = [{"turns": item} if isinstance(item, list) and item else item for item in items]
    lost = [
        Lost(number, f"item {number} of the array is {_kind(item)}, not an object", "give an array of objects")
        for number, item in enumerate(items, 1)
        if not isinstance(item, dict)
    ]
    kept = [(number, item) for number, item in enumerate(items, 1) if isinstance(item, dict)]
    records = [item for _, item in kept]
    # A JSON array has no lines of its own: its items are counted.
    return Table(_columns(records), records, [number for number, _ in kept], lost, is_typed=True)


def _unwrapped(value: dict[str, Any]) -> Table:
    columns = _column_wise(value)
    if columns is not None:
        return table_of(columns)
    key = _wrapping_key(value)
    if key is None:
        return replace(table_of([value]), is_typed=True)
    return replace(_listed(value[key]), around={name: item for name, item in value.items() if name != key})


def _wrapping_key(value: dict[str, Any]) -> str | None:
    lists = [key for key, item in value.items() if isinstance(item, list) and item and _are_objects(item)]
    wrapping = [key for key in lists if key not in _PARTS and not (key == "conversations" and _are_turns(value[key]))]
    known = [key for key in wrapping if key in _WRAPPERS]
    if known:
        return known[0]
    return wrapping[0] if len(wrapping) == 1 else None


def _are_turns(items: list[Any]) -> bool:
    return all({"role", "from", "speaker"} & item.keys() and _SAID & item.keys() for item in items)


_SAID: Final = frozenset({"value", "content", "text", "tool_calls"})
# What a conversation, a call or a ticket is made of is not what a document lists.
_PARTS: Final = frozenset({"messages", "tools", "choices", "comments", "turns", "users", "functions", "function"})
_WRAPPERS: Final = ("data", "rows", "items", "records", "examples", "conversations", "tickets", "results", "dialogues")


def _column_wise(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the rows of a table that is written column by column, as `DataFrame.to_json()` does; None for others."""
    columns = list(value.values())
    if len(columns) <= 1:
        return None
    if all(isinstance(column, dict) and column and column.keys() == columns[0].keys() for column in columns):
        keys = list(columns[0])
        if not all(key.isdigit() for key in keys):
            return None
        return [{name: value[name][key] for name in value} for key in keys]
    return None


def _are_objects(items: list[Any]) -> bool:
    return all(isinstance(item, dict) for item in items)


def _is_json(raw: bytes) -> bool:
    try:
        orjson.loads(raw)
    except orjson.JSONDecodeError:
        return False
    return True


def _kind(value: object) -> str:
    return "a string" if isinstance(value, str) else shown(value)
