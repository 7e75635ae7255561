"""Rewriting examples from one shape into another, with a report of what the other cannot hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from finetune_kit.datasets.edited_rows import EditedRows
from finetune_kit.datasets.findings import Place
from finetune_kit.datasets.rows import Skipped, parse_row
from finetune_kit.datasets.shapes import row_problems
from finetune_kit.datasets.typed_rows import build_example
from finetune_kit.errors import DatasetError, FormatError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from finetune_kit.datasets.rows import Rows
    from finetune_kit.datasets.rules import MethodName

__all__ = ["Conversion", "ConversionReport", "Loss", "UnfitRowError", "convert_rows"]

_SHOWN: Final = 20
_FIRST: Final = "run fix() on the dataset first"
# Breaches of these leave a row in no shape to be rewritten.
_SHAPELESS: Final = frozenset(
    ("messages", "message_type", "role", "content_type", "content_part", "message_field", "tools", "tool_calls")
)


class UnfitRowError(Exception):
    """A row has no form in the shape that is wanted; the arguments are why, and what to do."""


class Loss(NamedTuple):
    """Something that the new shape does not hold: what it is, in how many examples, and the first of them."""

    what: str
    n_examples: int
    first: Place

    def __str__(self) -> str:
        return f"lost: {self.what}, in {self.n_examples:,} example(s), first in {self.first}"


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """What became of the examples of a dataset in another shape."""

    to: str
    n_examples: int
    """How many examples there were."""
    n_converted: int
    """How many of them have the new shape now."""
    losses: tuple[Loss, ...]
    """What of the converted examples the new shape does not hold."""
    skipped: tuple[Skipped, ...]
    """The examples that were left out since they have no form in the new shape, each with its reason."""

    def __str__(self) -> str:
        shown = [f"  left out: {each}" for each in self.skipped[:_SHOWN]]
        more = len(self.skipped) - len(shown)
        tail = [f"  and {more} more left out"] if more else []
        return "\n".join([self._summary(), *(f"  {loss}" for loss in self.losses), *shown, *tail])

    def _repr_html_(self) -> str:
        losses = "".join(f"<li>{escape(str(loss))}</li>" for loss in self.losses)
        skipped = "".join(f"<li>left out: {escape(str(each))}</li>" for each in self.skipped[:_SHOWN])
        return f"<p>{escape(self._summary())}</p><ul>{losses}{skipped}</ul>"

    def _summary(self) -> str:
        return f"{self.n_converted:,} of {self.n_examples:,} examples converted to {self.to}"


Conversion = Callable[[dict[str, Any], Callable[[str], None]], dict[str, Any]]
"""Makes a row of the new shape, and names each thing that is lost; raises UnfitRowError where there is no form."""


def convert_rows(
    rows: Rows, picks: Sequence[int], method: MethodName, conversion: Conversion, *, to: str
) -> tuple[EditedRows, ConversionReport]:
    """Convert some rows of a method; those without a form in the new shape are left out and named."""
    edited = EditedRows(rows)
    counts: dict[str, int] = {}
    first: dict[str, Place] = {}
    skipped: list[Skipped] = []
    for index in picks:
        place = Place(*rows.place(index))
        lost: dict[str, None] = {}
        try:
            line = _encoded(conversion(_checked(rows, index, method), lost.setdefault))
        except UnfitRowError as error:
            skipped.append(Skipped(place, *error.args))
            continue
        for what in lost:
            counts[what] = counts.get(what, 0) + 1
            first.setdefault(what, place)
        edited.replace(index, line, {})
    if picks and not len(edited):
        raise DatasetError(f"no example can be converted to {to}: {skipped[0]}")
    edited.skip(skipped)
    losses = tuple(Loss(what, count, first[what]) for what, count in counts.items())
    return edited, ConversionReport(to, len(picks), len(edited), losses, tuple(skipped))


def _checked(rows: Rows, index: int, method: MethodName) -> dict[str, Any]:
    try:
        build_example(rows, index, method)
    except FormatError as error:
        raise UnfitRowError(error.reason, error.remedy or _FIRST) from error
    row = parse_row(rows, index, method)
    broken = next((each for each in row_problems(row, method) if each.rule in _SHAPELESS), None)
    if broken:
        raise UnfitRowError(f"{broken.pointer}: {broken.reason}", _FIRST)
    return row


def _encoded(row: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(row)
    except TypeError:
        # Integers of more than 64 bits.
        return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
