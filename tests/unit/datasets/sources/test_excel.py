"""Workbooks of Excel."""

from __future__ import annotations

import datetime as dt

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.sources.excel import Excel
from finetune_kit.errors import ConfigurationError, DatasetError, FormatError

openpyxl = pytest.importorskip("openpyxl")


@pytest.fixture
def book(tmp_path):
    def write(**sheets):
        workbook = openpyxl.Workbook()
        workbook.remove(workbook.active)
        for name, rows in sheets.items():
            sheet = workbook.create_sheet(name)
            for row in rows:
                sheet.append(row)
        workbook.save(tmp_path / "a.xlsx")
        return tmp_path / "a.xlsx"

    return write


ROWS = [["q", "a", "at"], ["Where?", 7, dt.date(2024, 1, 5)], [None, None, None], ["When?", None, None]]


def test_a_sheet_is_a_table(book, beside):
    data = Dataset.read(book(Tickets=ROWS, Empty=[]), user="q", assistant="{a}!")
    assert [example.messages[1].text for example in data] == ["7!", "!"]
    assert data._rows.place(1)[1] == 4
    assert beside(data, 0) == {"a": 7, "at": "2024-01-05T00:00:00"}


def test_one_of_several_sheets_is_named(book):
    path = book(One=ROWS, Two=[["q", "a"], ["x", "y"]])
    with pytest.raises(ConfigurationError, match=r"'One', 'Two'.*Excel\(sheet="):
        Dataset.read(path, user="q", assistant="a")
    assert len(Dataset.read(path, user="q", assistant="a", format=Excel(sheet="Two"))) == 1


def test_a_sheet_that_is_not_there_is_named_with_those_that_are(book):
    with pytest.raises(ConfigurationError, match="no sheet 'Three'; the sheets are 'One'"):
        Dataset.read(book(One=ROWS), user="q", assistant="a", format=Excel(sheet="Three"))


def test_a_header_must_name_every_column_once(book):
    with pytest.raises(FormatError, match="empty cell, or a name twice"):
        Dataset.read(book(One=[["q", "q"], ["a", "b"]]), user="q", assistant="q")


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"text"])
def test_what_is_no_workbook_is_refused(tmp_path, content):
    (tmp_path / "a.xlsx").write_bytes(content)
    with pytest.raises(DatasetError, match="as Excel"):
        Dataset.read(tmp_path / "a.xlsx", user="q", assistant="a")
