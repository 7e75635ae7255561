"""Reading rows from what people have: files, tables, lists."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from finetune_kit.datasets.jsonl import JsonlFile
from finetune_kit.datasets.rows import EncodedRows, Rows
from finetune_kit.datasets.syntax import BOM, UNREADABLE, parse_line, shown
from finetune_kit.datasets.tables import Table, frame_table, read_delimited, read_parquet
from finetune_kit.datasets.templates import Text, text_maker
from finetune_kit.errors import ConfigurationError, DatasetError, FormatError
from finetune_kit.types.examples import Example, PreferenceExample, ReinforcementExample, SupervisedExample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from finetune_kit.datasets.rules import MethodName

__all__ = ["Columns", "DataFrame", "Source", "read_rows"]

_ROW_KEYS = frozenset({"messages", "input"})
_JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
_SUFFIXES = (*_JSON_SUFFIXES, ".csv", ".tsv", ".parquet")


class DataFrame(Protocol):
    """A data frame of pandas or polars."""

    @property
    def columns(self) -> Any:
        """The names of its columns."""


Source = str | os.PathLike[str] | Iterable[Mapping[str, Any] | Example] | DataFrame


@dataclass(frozen=True, slots=True)
class Columns:
    """What the messages are made of, where the source is a table; none given means rows in the protocol's shape."""

    user: Text | None = None
    assistant: Text | None = None
    system: Text | None = None
    method: MethodName | None = None
    """What the examples are for; those of reinforcement keep the columns beside the messages, for graders."""


def read_rows(source: Source, columns: Columns) -> tuple[Rows, str]:
    """Return the rows of a source, and its name for people to read.

    Raises:
        DatasetError: The source cannot be read, or has no rows.
        FormatError: A line of a table is malformed.
        ConfigurationError: A column that is named is not there.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return _read_path(path, columns), str(source)
    table = frame_table(source)
    if table is not None:
        return _encode(table, columns, path=None), "a data frame"
    if not isinstance(source, Iterable):
        raise ConfigurationError(f"cannot read a dataset from {type(source).__name__}: give a path, rows or a frame")
    records = [_as_record(row, number) for number, row in enumerate(source, 1)]
    return _encode(_table_of(records), columns, path=None), "rows in memory"


def _read_path(path: Path, columns: Columns) -> Rows:
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise ConfigurationError(
            f"cannot tell the format of {str(path)!r}: its name must end in {', '.join(_SUFFIXES)}"
        )
    if not path.is_file():
        remedy = (
            "check the path; it is relative to the working directory" if not path.is_absolute() else "check the path"
        )
        raise DatasetError(f"there is no file {str(path)!r}. Remedy: {remedy}")
    if suffix == ".parquet":
        return _encode(read_parquet(path), columns, path=path)
    if suffix in (".csv", ".tsv"):
        return _encode(read_delimited(path, delimiter="\t" if suffix == ".tsv" else None), columns, path=path)
    if suffix == ".json" and _is_array(path):
        return _encode(_json_array(path), columns, path=path)
    rows = JsonlFile(path)
    return rows if columns.user is None else _encode(_json_table(rows), columns, path=path)


def _is_array(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1 << 10).removeprefix(BOM).lstrip().startswith(b"[")


def _json_array(path: Path) -> Table:
    try:
        value = orjson.loads(path.read_bytes().removeprefix(BOM))
    except orjson.JSONDecodeError as error:
        # The parser's own error carries the document.
        raise FormatError(f"not JSON: {error.msg}", path=str(path), line=error.lineno) from None
    for number, row in enumerate(value, 1):
        if not isinstance(row, dict):
            raise FormatError("an item of the array is not an object", path=str(path), pointer=f"/{number - 1}")
    return _table_of(value)


def _json_table(rows: JsonlFile) -> Table:
    records: list[Mapping[str, Any]] = []
    lines: list[int] = []
    for index in range(len(rows)):
        value, problems = parse_line(rows.raw(index))
        path, line = rows.place(index)
        if problems or value is UNREADABLE or not isinstance(value, dict):
            reason = problems[0].reason if problems else f"the line is {shown(value)}, not an object"
            raise FormatError(reason, path=path, line=line, remedy="write one JSON object on each line")
        records.append(value)
        lines.append(line)
    return Table(list(dict.fromkeys(key for record in records for key in record)), records, lines)


def _table_of(records: Sequence[Mapping[str, Any]]) -> Table:
    return Table(list(dict.fromkeys(key for record in records for key in record)), records)


def _as_record(row: Mapping[str, Any] | Example, number: int) -> Mapping[str, Any]:
    if isinstance(row, ReinforcementExample):
        # An item's field may be null on purpose, and a message's may not.
        return row.model_dump(mode="json", exclude_none=True) | (row.model_extra or {})
    if isinstance(row, SupervisedExample | PreferenceExample):
        return row.model_dump(mode="json", exclude_none=True)
    if not isinstance(row, Mapping):
        raise ConfigurationError(f"row {number} is a {type(row).__name__}: give dicts or examples")
    return row


def _encode(table: Table, columns: Columns, *, path: Path | None) -> EncodedRows:
    name = str(path) if path else None
    if not table.records:
        raise DatasetError(f"{name or 'the source'!r} has no rows")
    make = _row_maker(table.columns, columns)
    lines = table.lines or range(1, len(table.records) + 1)
    encoded = [_dump(make(record), name, line) for record, line in zip(table.records, lines, strict=True)]
    return EncodedRows(encoded, path=name, lines=table.lines)


def _row_maker(names: list[str], columns: Columns) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    if columns.user is None:
        _check_row_shape(names, columns)
        return lambda record: record
    _check_columns_fit(columns)
    makers = _message_makers(names, columns)
    keeps_columns = columns.method == "reinforcement"

    def make(record: Mapping[str, Any]) -> dict[str, Any]:
        messages = [{"role": role, "content": content(record)} for role, content in makers]
        return {**record, "messages": messages} if keeps_columns else {"messages": messages}

    return make


def _check_columns_fit(columns: Columns) -> None:
    if columns.method == "dpo":
        raise ConfigurationError(
            "preferences are not made from columns: give rows of input, preferred_output and non_preferred_output"
        )
    reinforced = columns.method == "reinforcement"
    if columns.assistant is None and not reinforced:
        raise ConfigurationError("assistant is missing: name the column of the answer, or method='reinforcement'")
    if columns.assistant is not None and reinforced:
        raise ConfigurationError("a reinforcement example has no answer: leave assistant out; graders read the columns")


def _message_makers(names: list[str], columns: Columns) -> list[tuple[str, Callable[[Mapping[str, Any]], str]]]:
    instructions = "developer" if columns.method == "reinforcement" else "system"
    wanted = ((instructions, "system", columns.system), ("user", "user", columns.user))
    return [
        (role, text_maker(text, names, argument=argument, literal=argument == "system"))
        for role, argument, text in (*wanted, ("assistant", "assistant", columns.assistant))
        if text is not None
    ]


def _check_row_shape(names: list[str], columns: Columns) -> None:
    there = ", ".join(repr(name) for name in names)
    if columns.assistant is not None or columns.system is not None:
        raise ConfigurationError(f"user is missing: name the column of the question; the columns are {there}")
    if not _ROW_KEYS & set(names):
        raise ConfigurationError(
            f"the rows have no messages: name the columns that make them, user=... and assistant=...; "
            f"the columns are {there}"
        )


def _dump(row: Mapping[str, Any], path: str | None, line: int) -> bytes:
    try:
        return orjson.dumps(row if isinstance(row, dict) else dict(row), option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError as error:
        remedy = "use strings, numbers, booleans, None, lists and dicts with string keys"
        raise FormatError(f"the row cannot be written as JSON: {error}", path=path, line=line, remedy=remedy) from None
