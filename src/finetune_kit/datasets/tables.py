"""Tables as sources of rows: CSV, TSV, Excel and Parquet."""

from __future__ import annotations

import csv
import io
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from finetune_kit.datasets.sources.found import Lost
from finetune_kit.datasets.sources.texts import SAVE_AS_UTF8, is_decoded, read_text, undecodable_byte
from finetune_kit.datasets.syntax import shown
from finetune_kit.errors import DatasetError, FormatError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["Table", "read_delimited", "read_parquet"]

_QUOTES: Final = "close the quotes, and write a quote inside a quoted cell twice"
_RAGGED: Final = "quote cells that hold the delimiter or a line break"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows by column name; `lines` has the line, counted from 1, that each row begins on."""

    columns: list[str]
    records: Sequence[Mapping[str, Any]]
    lines: Sequence[int] | None = None
    lost: Sequence[Lost] = ()
    """The lines that are no rows, each with the reason."""
    is_typed: bool = False
    """Whether a null stands for nothing, and what the protocol does not know is no part of a row: so it is in typed
    tables, and in documents that are no training files themselves."""
    around: Mapping[str, Any] = field(default_factory=dict)
    """What stands beside the rows in their document, such as the users of an export of tickets."""

    def numbered(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Iterate over the rows with their lines, or numbers where there are no lines."""
        lines = self.lines if self.lines is not None else range(1, len(self.records) + 1)
        return zip(lines, self.records, strict=True)


def read_delimited(path: Path, *, delimiter: str | None = None) -> Table:
    """Read a table with a header line; without a delimiter, comma or (if the header has none) semicolon or tab.

    Takes what Excel writes: a byte order mark, CR LF, quoted line breaks. Rows that have
    more or fewer cells than the header, or bytes that are not UTF-8, are among the lost.

    Raises:
        FormatError: The header cannot be used, or the file is UTF-16.
    """
    text = read_text(path)
    header = text.partition("\n")[0]
    if not is_decoded(header):
        reason = f"byte {undecodable_byte(header)} is not UTF-8"
        raise FormatError(reason, path=str(path), line=1, remedy=SAVE_AS_UTF8)
    with _long_cells():
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter or _delimiter(header), strict=True)
        return _parse(path, reader)


def read_parquet(path: Path) -> Table:
    """Read a Parquet file; needs pyarrow (extra `tables`)."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("reading Parquet", "tables", package="pyarrow") from error
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"cannot read {str(path)!r} as Parquet: {type(error).__name__}") from error
    return Table(list(table.column_names), table.to_pylist(), is_typed=True)


def _delimiter(header: str) -> str:
    return next((mark for mark in ",;\t" if mark in header), ",")


def _parse(path: Path, reader: Any) -> Table:
    rows = _rows(reader)
    first = next(rows, (1, []))
    if isinstance(first, Lost):
        raise FormatError(first.reason, path=str(path), line=first.line, remedy=first.remedy)
    columns = first[1]
    _check_header(path, columns)
    records: list[dict[str, str]] = []
    lines: list[int] = []
    lost: list[Lost] = []
    for row in rows:
        found = row if isinstance(row, Lost) else _loss(*row, len(columns))
        if found is not None:
            lost.append(found)
            continue
        records.append(dict(zip(columns, row[1], strict=True)))
        lines.append(row[0])
    return Table(columns, records, lines, lost, is_typed=True)


def _loss(line: int, cells: list[str], n_columns: int) -> Lost | None:
    if len(cells) != n_columns:
        return Lost(line, f"the row has {len(cells)} cells, the header has {n_columns}", _RAGGED)
    broken = next((cell for cell in cells if not is_decoded(cell)), None)
    return None if broken is None else Lost(line, f"byte {undecodable_byte(broken)} is not UTF-8", SAVE_AS_UTF8)


def _rows(reader: Any) -> Iterator[tuple[int, list[str]] | Lost]:
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # The reader goes on in the middle of the broken row: nothing after it can be trusted.
            yield Lost(line, f"from here on not a table: {error}", _QUOTES)
            return
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
