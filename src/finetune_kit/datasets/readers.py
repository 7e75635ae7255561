"""Reading rows from what people have: files, directories, tables, lists."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from finetune_kit.datasets.findings import Place
from finetune_kit.datasets.jsonl import JsonlFile
from finetune_kit.datasets.rows import EncodedRows, JoinedRows, Rows, Skipped
from finetune_kit.datasets.sources.columns import from_columns
from finetune_kit.datasets.sources.excel import Excel
from finetune_kit.datasets.sources.formats import FileFormat, RecordFormat
from finetune_kit.datasets.sources.found import SYSTEM_ROLES, Found, Lost, OnError, Options
from finetune_kit.datasets.sources.frames import frame_table
from finetune_kit.datasets.sources.guess import FORMATS, FormatName, guess_path, guess_table
from finetune_kit.datasets.sources.protocol import from_protocol
from finetune_kit.datasets.sources.records import JSON_SUFFIXES, is_one_document, jsonl_table, read_table, table_of
from finetune_kit.datasets.templates import text_maker
from finetune_kit.errors import ConfigurationError, DatasetError, FormatError

if TYPE_CHECKING:
    from finetune_kit.datasets.sources.formats import Yielded
    from finetune_kit.datasets.tables import Table
    from finetune_kit.types.examples import Example

_LOOKED_AT_TO_GUESS = 20

__all__ = ["DataFrame", "Format", "Reading", "Source", "read_source"]


class DataFrame(Protocol):
    """A data frame of pandas or polars."""

    @property
    def columns(self) -> Any:
        """The names of its columns."""


Source = str | os.PathLike[str] | Iterable["Mapping[str, Any] | Example | str"] | DataFrame
"""A path of a file or directory; dicts, examples or texts; a frame or a dataset of Hugging Face."""

Format = FormatName | FileFormat | Excel
"""The name of a format, or the format with its settings."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading gave: rows, the name of the source for people to read, and what was done to how many rows."""

    rows: Rows
    name: str
    notes: tuple[str, ...] = ()


def read_source(source: Source, options: Options, chosen: Format | None = None, on_error: OnError = "skip") -> Reading:
    """Return the rows of a source.

    Raises:
        DatasetError: The source cannot be read, or nothing in it can be used.
        FormatError: With `on_error="raise"`, something in it cannot be used; else, nothing can, and this is why.
        ConfigurationError: The format is in doubt, or a column that is named is not there.
    """
    if on_error not in ("skip", "raise"):
        raise ConfigurationError(f"unknown on_error={on_error!r}: use 'skip' or 'raise'")
    sheet = chosen.sheet if isinstance(chosen, Excel) else None
    known = None if isinstance(chosen, Excel) else _format(chosen)
    keep = _Collector(options, strict=on_error == "raise")
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        rows = _read_path(path, options, known, keep, sheet)
        return Reading(rows, str(source), keep.notes())
    table = frame_table(source)
    name = "rows in memory" if table is None else "a data frame"
    rows = keep.rows(_read_table(table or _in_memory(source), options, known), None, name)
    return Reading(rows, name, keep.notes())


def _format(chosen: FormatName | FileFormat | None) -> FileFormat | str | None:
    if chosen is None or isinstance(chosen, FileFormat) or chosen in ("rows", "table"):
        return chosen
    if chosen not in FORMATS:
        names = ", ".join(repr(name) for name in ("rows", "table", *FORMATS))
        raise ConfigurationError(f"unknown format {chosen!r}: use one of {names}, or a format with its settings")
    return FORMATS[chosen]()


def _read_path(
    path: Path, options: Options, known: FileFormat | str | None, keep: _Collector, sheet: str | None
) -> Rows:
    if not path.exists():
        remedy = "check the path" if path.is_absolute() else "check the path; it is relative to the working directory"
        raise DatasetError(f"there is no file {str(path)!r}. Remedy: {remedy}")
    if path.is_file() and not path.stat().st_size:
        raise DatasetError(f"{str(path)!r} has no rows: it is empty")
    form = known or guess_path(path, options)
    if isinstance(form, FileFormat):
        form.check(options)
        return keep.joined(form.read_files(path, options), str(path))
    if path.is_dir():
        raise ConfigurationError(f"{str(path)!r} is a directory: name the format of the files in it, format='...'")
    if path.suffix.lower() in JSON_SUFFIXES and not is_one_document(path):
        return _read_jsonl(JsonlFile(path), options, form, keep)
    return keep.rows(_read_table(read_table(path, sheet=sheet), options, form), path, str(path))


def _read_jsonl(file: JsonlFile, options: Options, form: FileFormat | str | None, keep: _Collector) -> Rows:
    if form == "rows" or (form is None and _is_for_mapping(file, options)):
        return file
    return keep.rows(_read_table(jsonl_table(file), options, form), Path(file.path), file.path)


def _is_for_mapping(file: JsonlFile, options: Options) -> bool:
    """Tell whether the lines are the rows, as they are unless the options or their keys say otherwise."""
    if options.user is not None or options.assistant is not None or options.system is not None:
        return False
    return guess_table(table_of(list(_first_records(file))), options) is None


def _first_records(file: JsonlFile) -> Iterator[dict[str, Any]]:
    for index in range(min(len(file), _LOOKED_AT_TO_GUESS)):
        try:
            record = orjson.loads(file.raw(index))
        except orjson.JSONDecodeError:
            continue
        if isinstance(record, dict):
            yield record


def _read_table(table: Table, options: Options, known: FileFormat | str | None) -> Yielded:
    if not table.records:
        return iter(table.lost)
    form = known or guess_table(table, options)
    if isinstance(form, RecordFormat):
        form.check(options)
        return form.read_table(table, options)
    if isinstance(form, FileFormat):
        raise ConfigurationError(f"{type(form).__name__} reads files, not records: give a path")
    if options.roles is not None:
        raise ConfigurationError("roles are for conversations: a table has none; leave them out, or name the format")
    if form == "table" or (form is None and options.user is not None):
        return from_columns(table, options)
    return from_protocol(table, options)


def _in_memory(source: object) -> Table:
    if not isinstance(source, Iterable):
        raise ConfigurationError(f"cannot read a dataset from {type(source).__name__}: give a path, rows or a frame")
    return table_of([_as_record(row, number) for number, row in enumerate(source, 1)])


def _as_record(row: object, number: int) -> Mapping[str, Any]:
    if isinstance(row, Mapping):
        return row
    from finetune_kit.types.examples import PreferenceExample, ReinforcementExample, SupervisedExample

    if isinstance(row, ReinforcementExample):
        # An item's field may be null on purpose, and a message's may not.
        return row.model_dump(mode="json", exclude_none=True) | (row.model_extra or {})
    if isinstance(row, SupervisedExample | PreferenceExample):
        return row.model_dump(mode="json", exclude_none=True)
    raise ConfigurationError(f"row {number} is a {type(row).__name__}: give dicts or examples")


class _Collector:
    """Turns what sources yield into rows, and keeps count of what they lost."""

    def __init__(self, options: Options, *, strict: bool) -> None:
        self._options = options
        self._strict = strict
        self._notes: Counter[str] = Counter()

    def notes(self) -> tuple[str, ...]:
        return tuple(f"{note}: {count} rows" for note, count in self._notes.items())

    def joined(self, files: Iterable[tuple[Path, Yielded]], name: str) -> Rows:
        parts = [self._encode(found, path) for path, found in files]
        if len(parts) == 1:
            return self._checked(parts[0], name)
        return self._checked(JoinedRows([(part, range(len(part))) for part in parts]), name)

    def rows(self, yielded: Yielded, path: Path | None, name: str) -> Rows:
        return self._checked(self._encode(yielded, path), name)

    def _encode(self, yielded: Yielded, path: Path | None) -> EncodedRows:
        name = None if path is None else str(path)
        rows: list[tuple[bytes, int, Mapping[str, Any]]] = []
        skipped: list[Skipped] = []
        for found in yielded:
            encoded = found if isinstance(found, Lost) else self._dump(found)
            if isinstance(encoded, Lost):
                skipped.append(self._skip(encoded, name))
            elif isinstance(found, Found):
                rows.append((encoded, found.line, found.extra))
                self._notes.update(found.notes)
        skipped.sort(key=lambda skip: skip.place.line)
        raw, lines, extras = zip(*rows, strict=True) if rows else ((), (), ())
        return EncodedRows(raw, path=name, lines=lines, extras=extras if any(extras) else None, skipped=skipped)

    def _skip(self, lost: Lost, path: str | None) -> Skipped:
        if self._strict:
            raise FormatError(lost.reason, path=path, line=lost.line, remedy=lost.remedy)
        return Skipped(Place(path, lost.line), lost.reason, lost.remedy)

    def _dump(self, found: Found) -> bytes | Lost:
        row = self._instructed(found)
        try:
            # What orjson returns holds on to 4 kB, however short the row; its copy is as long as the row.
            return bytes(memoryview(orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY)))
        except TypeError as error:
            remedy = "use strings, numbers, booleans, None, lists and dicts with string keys"
            return Lost(found.line, f"the row cannot be written as JSON: {error}", remedy)

    def _instructed(self, found: Found) -> dict[str, Any]:
        """Return the row with the system message of the options, where it has none of its own."""
        system = self._options.system
        holder = found.row.get("input", found.row)
        messages = holder.get("messages") if isinstance(holder, dict) else None
        if system is None or not isinstance(messages, list) or any(_role(item) in SYSTEM_ROLES for item in messages):
            return found.row
        make = text_maker(system, list(found.extra), argument="system", literal=True)
        role = "developer" if self._options.method == "reinforcement" else "system"
        held = {**holder, "messages": [{"role": role, "content": make(found.extra)}, *messages]}
        return held if holder is found.row else {**found.row, "input": held}

    def _checked(self, rows: Rows, name: str) -> Rows:
        if len(rows):
            return rows
        if not rows.skipped:
            raise DatasetError(f"{name!r} has no rows")
        first = rows.skipped[0]
        rest = f" (nor are {len(rows.skipped) - 1} others)" if len(rows.skipped) > 1 else ""
        reason = f"nothing in the source can be used: {first.reason}{rest}"
        raise FormatError(reason, path=first.place.path, line=first.place.line, remedy=first.remedy)


def _role(message: object) -> object:
    return message.get("role") if isinstance(message, dict) else None
