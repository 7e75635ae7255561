"""Mending what is mechanically wrong in a dataset, and the report of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from finetune_kit.datasets.accept import ChatAcceptor
from finetune_kit.datasets.edited_rows import EditedRows
from finetune_kit.datasets.findings import Place
from finetune_kit.datasets.fixers import Edit, fix_row
from finetune_kit.datasets.repairs import repair_line
from finetune_kit.datasets.validate import line_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from finetune_kit.datasets.findings import ValidationReport
    from finetune_kit.datasets.rows import Rows
    from finetune_kit.datasets.rules import MethodName

__all__ = ["Change", "FixReport", "fix_rows"]

_KEPT_PER_RULE: Final = 1000
_SHOWN: Final = 20
# The bytes, plain or escaped, of the characters that `fix_row` takes out: U+200B, U+2060, U+FEFF, U+00AD, U+E00xx.
_MAY_BE_INVISIBLE: Final = re.compile(
    rb"\xe2\x80\x8b|\xe2\x81\xa0|\xef\xbb\xbf|\xc2\xad|\xf3\xa0|\\u(?i:200b|2060|feff|00ad|db40)"
)


class Change(NamedTuple):
    """One change that `fix` made: where, by which rule, and what kind of thing became what; never the texts."""

    place: Place
    rule: str
    pointer: str
    before: str
    after: str

    def __str__(self) -> str:
        where = f"{self.place}, {self.pointer}" if self.pointer else str(self.place)
        return f"{where}: {self.before} -> {self.after} [{self.rule}]"


@dataclass(frozen=True, slots=True)
class FixReport:
    """What `fix` changed in a dataset, and what it could not.

    `changes` holds the first thousand of each rule, `counts` has how many there were.
    """

    n_examples: int
    changes: tuple[Change, ...]
    counts: Mapping[str, int]
    remaining: ValidationReport
    """What is still wrong, among it every row that no mechanical fix can mend."""
    moved: Mapping[Place, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    """The keys that the format does not have, with their values, by the row that they stood in."""

    @property
    def n_changes(self) -> int:
        """How many changes were made."""
        return sum(self.counts.values())

    def __str__(self) -> str:
        shown = [f"  {change}" for change in self.changes[:_SHOWN]]
        more = [f"  and {self.n_changes - len(shown)} more"] if self.n_changes > len(shown) else []
        return "\n".join([self._summary(), *shown, *more, f"still to do: {self.remaining}"])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(str(each.place))}</td><td>{escape(each.pointer)}</td><td>{escape(each.rule)}</td>"
            f"<td>{escape(each.before)}</td><td>{escape(each.after)}</td></tr>"
            for each in self.changes[:_SHOWN]
        )
        head = "<tr><th>row</th><th>where</th><th>rule</th><th>before</th><th>after</th></tr>"
        left = self.remaining._repr_html_()
        return f"<p>{escape(self._summary())}</p><table>{head}{rows}</table>{left}"

    def _summary(self) -> str:
        by_rule = ", ".join(f"{rule} {count:,}" for rule, count in self.counts.items())
        return f"{self.n_examples} examples, {self.n_changes} changes" + (f": {by_rule}" if by_rule else "")


class FixedRows(NamedTuple):
    """The rows after mending, what was changed, and the keys that were moved out of them."""

    rows: EditedRows
    changes: tuple[Change, ...]
    counts: Mapping[str, int]
    moved: Mapping[Place, Mapping[str, Any]]

    def report(self, remaining: ValidationReport) -> FixReport:
        """Return the report, given what is still wrong."""
        return FixReport(remaining.n_examples, self.changes, self.counts, remaining, self.moved)


def fix_rows(rows: Rows, picks: Sequence[int], method: MethodName, before: ValidationReport) -> FixedRows:
    """Mend every row that can be mended; rows that cannot stay as they are."""
    edited = EditedRows(rows)
    accepts = ChatAcceptor().accepts if method == "supervised" else _accepts_nothing
    log = _Log()
    moved: dict[Place, Mapping[str, Any]] = {}
    for finding in before.findings:
        if finding.rule in _BETWEEN_ROWS and finding.line is not None:
            log.add(Place(finding.path, finding.line), _BETWEEN_ROWS[finding.rule])
    for index in picks:
        place = Place(*rows.place(index))
        mended = _mended(rows.raw(index), method, accepts)
        if mended is None:
            edited.keep(index)
            continue
        lines, edits, extra = mended
        for edit in edits:
            log.add(place, edit)
        if extra:
            moved[place] = extra
        for line in lines:
            edited.replace(index, line, extra)
    return FixedRows(edited, tuple(log.changes), dict(log.counts), moved)


class _Log:
    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.counts: Counter[str] = Counter()

    def add(self, place: Place, edit: Edit) -> None:
        self.counts[edit.rule] += 1
        if self.counts[edit.rule] <= _KEPT_PER_RULE:
            self.changes.append(Change(place, *edit))


# Rows come without these, and `write` leaves them out.
_BETWEEN_ROWS: Final = {
    "bom": Edit("bom", "", "a byte order mark", "left out"),
    "crlf": Edit("crlf", "", "lines that end with CR LF", "lines that end with LF"),
    "blank_line": Edit("blank_line", "", "a blank line", "left out"),
}
_BYTES: Final = {
    "bom": _BETWEEN_ROWS["bom"],
    "json": Edit("json", "", "a dict as Python prints it", "JSON"),
    "json_several": Edit("json_several", "", "several objects on one line", "a row for each"),
    "duplicate_key": Edit("duplicate_key", "", "a key that stands twice with one value", "once"),
    "surrogate": Edit("surrogate", "", "half of a surrogate pair", "U+FFFD"),
}


def _accepts_nothing(_raw: bytes) -> bool:
    return False


def _mended(
    raw: bytes, method: MethodName, accepts: Callable[[bytes], bool]
) -> tuple[list[bytes], list[Edit], dict[str, Any]] | None:
    """Return the lines to stand for a row, what was changed and moved; None where nothing is to be done."""
    broken = not accepts(raw) and any(True for _ in line_problems(raw, method))
    if not broken and not _MAY_BE_INVISIBLE.search(raw):
        return None
    repaired = repair_line(raw)
    if repaired is None:
        return None
    edits = [_BYTES[rule] for rule in repaired.rules]
    lines: list[bytes] = []
    moved: dict[str, Any] = {}
    for value in repaired.values:
        if not isinstance(value, dict):
            return None
        fixed, more, extra = fix_row(value, method)
        edits += more
        moved |= extra
        lines.append(_encoded(fixed))
    return (lines, edits, moved) if edits else None


def _encoded(row: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(row)
    except TypeError:
        # Integers of more than 64 bits.
        return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
