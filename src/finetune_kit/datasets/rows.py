"""Rows of datasets as bytes, wherever they are kept."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import orjson

from finetune_kit.datasets.rules import METHODS, RULES, MethodName
from finetune_kit.datasets.validate import line_problems
from finetune_kit.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from finetune_kit.datasets.findings import Place

__all__ = [
    "NO_EXTRA",
    "EncodedRows",
    "JoinedRows",
    "Rows",
    "Skipped",
    "explain",
    "guess_method",
    "numbered_lines",
    "parse_row",
]

NO_EXTRA: Final[Mapping[str, Any]] = {}
"""What a row has beside it where it has nothing."""

_LOOKED_AT_TO_GUESS = 20


class Skipped(NamedTuple):
    """Something of a source that did not become a row: where it stands, why, and what to do; never what it says."""

    place: Place
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}. Remedy: {self.remedy}"


class Rows(Protocol):
    """Rows as bytes, each with the place that it came from."""

    def __len__(self) -> int: ...

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What of the source did not become rows."""

    def raw(self, index: int) -> bytes:
        """Return the bytes of a row, without a line end."""

    def place(self, index: int) -> tuple[str | None, int]:
        """Return the path of the row's file, None if it has none, and its line or number, counted from 1."""

    def extra(self, index: int) -> Mapping[str, Any]:
        """Return what stands beside the row and is not written: columns of its table, its thread, page or section."""

    def check_unchanged(self) -> None:
        """Raise DatasetError if the rows are no longer what was read."""


class EncodedRows:
    """Rows that were made in memory, or from a table."""

    def __init__(
        self,
        rows: Sequence[bytes],
        *,
        path: str | None = None,
        lines: Sequence[int] | None = None,
        extras: Sequence[Mapping[str, Any]] | None = None,
        skipped: Sequence[Skipped] = (),
    ) -> None:
        self.skipped = tuple(skipped)
        self._rows = rows
        self._path = path
        self._lines = lines
        self._extras = extras

    def __len__(self) -> int:
        return len(self._rows)

    def raw(self, index: int) -> bytes:
        """Return the bytes of a row."""
        return self._rows[index]

    def place(self, index: int) -> tuple[str | None, int]:
        """Return the path of the table and the line of the row in it."""
        return self._path, self._lines[index] if self._lines is not None else index + 1

    def extra(self, index: int) -> Mapping[str, Any]:
        """Return what stands beside the row and is not written."""
        return self._extras[index] if self._extras is not None else NO_EXTRA

    def check_unchanged(self) -> None:
        """Do nothing: memory does not change."""


class JoinedRows:
    """The rows of several datasets, one after the other."""

    def __init__(self, parts: Sequence[tuple[Rows, Sequence[int]]]) -> None:
        self._parts = parts
        self._ends = list(accumulate(len(picks) for _, picks in parts))

    def __len__(self) -> int:
        return self._ends[-1]

    def raw(self, index: int) -> bytes:
        """Return the bytes of a row."""
        rows, inner = self._find(index)
        return rows.raw(inner)

    def place(self, index: int) -> tuple[str | None, int]:
        """Return the place that the row has in its own part."""
        rows, inner = self._find(index)
        return rows.place(inner)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What the parts left out, each part once."""
        parts = {id(rows): rows for rows, _ in self._parts}
        return tuple(skipped for rows in parts.values() for skipped in rows.skipped)

    def extra(self, index: int) -> Mapping[str, Any]:
        """Return what stands beside the row in its own part."""
        rows, inner = self._find(index)
        return rows.extra(inner)

    def check_unchanged(self) -> None:
        """Check every part."""
        for rows, _ in self._parts:
            rows.check_unchanged()

    def _find(self, index: int) -> tuple[Rows, int]:
        part = bisect_right(self._ends, index)
        rows, picks = self._parts[part]
        return rows, picks[index - (self._ends[part - 1] if part else 0)]


def numbered_lines(rows: Rows, picks: Iterable[int]) -> Iterator[tuple[str | None, Iterator[tuple[int, bytes]]]]:
    """Yield the path of each run of rows from one file, and the rows with their lines."""
    placed = ((*rows.place(index), rows.raw(index)) for index in picks)
    for path, run in groupby(placed, key=lambda row: row[0]):
        yield path, ((line, raw) for _, line, raw in run)


def parse_row(rows: Rows, index: int, method: MethodName) -> dict[str, Any]:
    """Return a row as a dict; raise FormatError where it is none."""
    try:
        row = orjson.loads(rows.raw(index))
    except orjson.JSONDecodeError:
        # The parser's own error carries the line, which is a training example.
        raise explain(rows, index, method) from None
    if not isinstance(row, dict):
        raise explain(rows, index, method)
    return row


def guess_method(raw_rows: Iterable[bytes]) -> MethodName:
    """Return the method whose shape most of the first rows have; supervised if none has any."""
    votes: dict[MethodName, int] = dict.fromkeys(METHODS, 0)
    for raw, _ in zip(raw_rows, range(_LOOKED_AT_TO_GUESS), strict=False):
        try:
            row = orjson.loads(raw)
        except orjson.JSONDecodeError:
            continue
        if isinstance(row, dict):
            votes[_shape(row)] += 1
    return max(METHODS, key=lambda method: votes[method])


def _shape(row: dict[str, Any]) -> MethodName:
    if "preferred_output" in row or "non_preferred_output" in row:
        return "dpo"
    messages = row.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    asks = isinstance(last, dict) and last.get("role") == "user"
    has_fields = bool(row.keys() - {"messages", "tools", "parallel_tool_calls", "functions"})
    return "reinforcement" if asks and has_fields else "supervised"


def explain(rows: Rows, index: int, method: MethodName, otherwise: FormatError | None = None) -> FormatError:
    """Return why a row is no example: the first rule that it breaks, `otherwise` if it breaks none."""
    path, line = rows.place(index)
    for problem in line_problems(rows.raw(index), method):
        rule = RULES[problem.rule]
        if rule.severity == "error":
            return FormatError(problem.reason, path=path, line=line, pointer=problem.pointer or None, remedy=rule.fix)
    if otherwise is not None:
        return otherwise
    return FormatError("the row is not a JSON object", path=path, line=line, remedy="run validate() on the dataset")
