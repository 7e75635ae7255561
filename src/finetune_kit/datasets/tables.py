"""Tables as sources of rows: CSV, TSV, Parquet, and data frames."""

from __future__ import annotations

import csv
import io
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from finetune_kit.datasets.syntax import BOM, shown
from finetune_kit.errors import DatasetError, FormatError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["Table", "frame_table", "read_delimited", "read_parquet"]

_SAVE_AS_UTF8: Final = "save it as UTF-8 (in Excel: CSV UTF-8)"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows by column name; `lines` has the line, counted from 1, that each row begins on."""

    columns: list[str]
    records: Sequence[Mapping[str, Any]]
    lines: Sequence[int] | None = None


def read_delimited(path: Path, *, delimiter: str | None = None) -> Table:
    """Read a table with a header line; without a delimiter, comma or (if the header has none) semicolon.

    Takes what Excel writes: a byte order mark, CR LF, quoted line breaks.

    Raises:
        FormatError: A line is not UTF-8, or has more or fewer cells than the header.
    """
    text = _decode(path)
    header = text.partition("\n")[0]
    if delimiter is None:
        delimiter = ";" if ";" in header and "," not in header else ","
    try:
        with _long_cells():
            return _parse(path, csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except _MalformedError as error:
        remedy = "close the quotes, and write a quote inside a quoted cell twice"
        raise FormatError(str(error), path=str(path), line=error.line, remedy=remedy) from error


def read_parquet(path: Path) -> Table:
    """Read a Parquet file; needs pyarrow (extra `tables`)."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("reading Parquet", "tables", package="pyarrow") from error
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DatasetError(f"cannot read {str(path)!r} as Parquet: {type(error).__name__}") from error
    return Table(list(table.column_names), table.to_pylist())


def frame_table(source: object) -> Table | None:
    """Return a pandas or polars data frame as a table, None for anything else."""
    # Whoever holds a frame has imported its library; nobody else should pay for it.
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(source, pandas.DataFrame):
        return Table([str(column) for column in source.columns], _named(source.to_dict("records")))
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(source, polars.DataFrame):
        return Table(list(source.columns), source.to_dicts())
    return None


def _named(records: list[dict[Any, Any]]) -> list[dict[str, Any]]:
    return [{str(column): value for column, value in record.items()} for record in records]


def _decode(path: Path) -> str:
    try:
        raw = path.read_bytes().removeprefix(BOM)
    except OSError as error:
        remedy = "check the path and its permissions"
        raise DatasetError(f"cannot read {str(path)!r}: {error.strerror or error}. Remedy: {remedy}") from error
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise FormatError("the file is UTF-16, not UTF-8", path=str(path), line=1, remedy=_SAVE_AS_UTF8) from None
        reason = f"byte 0x{raw[error.start]:02X} is not UTF-8"
        # The decoder's own error carries the whole file.
        raise FormatError(reason, path=str(path), line=line, remedy=_SAVE_AS_UTF8) from None


class _MalformedError(ValueError):
    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.line = line


def _parse(path: Path, reader: Any) -> Table:
    rows = _rows(reader)
    columns = next(rows, (1, []))[1]
    _check_header(path, columns)
    records: list[dict[str, str]] = []
    lines: list[int] = []
    for line, cells in rows:
        if len(cells) != len(columns):
            reason = f"the row has {len(cells)} cells, the header has {len(columns)}"
            remedy = "quote cells that hold the delimiter or a line break"
            raise FormatError(reason, path=str(path), line=line, remedy=remedy)
        records.append(dict(zip(columns, cells, strict=True)))
        lines.append(line)
    return Table(columns, records, lines)


def _rows(reader: Any) -> Iterator[tuple[int, list[str]]]:
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _MalformedError(f"not a table: {error}", line) from None
        if cells:
            yield line, cells


def _check_header(path: Path, columns: list[str]) -> None:
    if not columns:
        raise DatasetError(f"{str(path)!r} has no rows: it is empty or blank")
    twice = next((column for index, column in enumerate(columns) if column in columns[:index]), None)
    if twice is not None:
        remedy = "give each column a name of its own"
        raise FormatError(f"two columns are named {shown(twice)}", path=str(path), line=1, remedy=remedy)


@contextmanager
def _long_cells() -> Iterator[None]:
    # The module refuses cells of more than 131,072 characters unless told otherwise; documents are longer.
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)
