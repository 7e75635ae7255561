"""Workbooks of Excel as tables."""

from __future__ import annotations

import warnings
import zipfile
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

from finetune_kit.datasets.tables import Table
from finetune_kit.errors import ConfigurationError, DatasetError, FormatError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Excel", "read_excel"]


@dataclass(frozen=True, slots=True)
class Excel:
    """Which sheet of a workbook to read.

    Example:
        >>> Excel(sheet="Tickets").sheet
        'Tickets'
    """

    sheet: str | None = None
    """The name of the sheet; by default the only one that has rows."""


def read_excel(path: Path, sheet: str | None = None) -> Table:
    """Read a sheet of an .xlsx file, its first filled row as the header; needs openpyxl (extra `tables`).

    Raises:
        DatasetError: It is no workbook, or has no rows.
        ConfigurationError: There is no such sheet, or several have rows and none is named.
        FormatError: The header has an empty cell, or a name twice.
    """
    sheets = _load(path)
    if sheet is not None:
        if sheet not in sheets:
            raise ConfigurationError(f"{str(path)!r} has no sheet {sheet!r}; the sheets are {_named(sheets)}")
        return _table(path, sheets[sheet])
    filled = {name: rows for name, rows in sheets.items() if len(rows) > 1}
    if len(filled) > 1:
        raise ConfigurationError(
            f"{str(path)!r} has several sheets with rows, {_named(filled)}: name one, format=Excel(sheet='...')"
        )
    if not filled:
        raise DatasetError(f"{str(path)!r} has no rows: no sheet has a header and a row under it")
    return _table(path, next(iter(filled.values())))


_Cells = list[tuple[int, tuple[Any, ...]]]


def _load(path: Path) -> dict[str, _Cells]:
    try:
        import openpyxl
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError as error:
        raise MissingExtraError("reading Excel", "tables", package="openpyxl") from error
    broken = (InvalidFileException, zipfile.BadZipFile, ParseError, KeyError, ValueError, TypeError, AttributeError)
    try:
        with warnings.catch_warnings():
            # It warns of parts of a workbook that no table needs, such as drop-down lists.
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            try:
                return {sheet.title: _filled(sheet.iter_rows(values_only=True)) for sheet in book.worksheets}
            finally:
                book.close()
    except (*broken, OSError) as error:
        remedy = "save it in Excel as .xlsx or as CSV UTF-8"
        raise DatasetError(f"cannot read {str(path)!r} as Excel: {type(error).__name__}. Remedy: {remedy}") from error


def _filled(rows: Iterable[tuple[Any, ...]]) -> _Cells:
    return [(line, cells) for line, cells in enumerate(rows, 1) if any(cell is not None for cell in cells)]


def _table(path: Path, rows: _Cells) -> Table:
    if not rows:
        raise DatasetError(f"{str(path)!r} has no rows: the sheet is empty")
    line, header = rows[0]
    columns = _header(path, line, header)
    records = [dict(zip(columns, map(_value, cells), strict=False)) for _, cells in rows[1:]]
    return Table(columns, records, [line for line, _ in rows[1:]], is_typed=True)


def _header(path: Path, line: int, header: tuple[Any, ...]) -> list[str]:
    named = list(header)
    while named and named[-1] is None:
        named.pop()
    columns = ["" if cell is None else str(cell).strip() for cell in named]
    if "" in columns or len(set(columns)) < len(columns):
        remedy = "give each column a name of its own"
        raise FormatError("the header has an empty cell, or a name twice", path=str(path), line=line, remedy=remedy)
    return columns


def _value(cell: Any) -> Any:
    return cell.isoformat() if isinstance(cell, datetime | date | time) else cell


def _named(sheets: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in sheets)
