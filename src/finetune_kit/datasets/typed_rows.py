"""Rows as typed examples: what is asked for one by one, and not needed to check or to copy them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from finetune_kit.datasets.rows import explain, parse_row
from finetune_kit.errors import FormatError
from finetune_kit.types.examples import Example, PreferenceExample, ReinforcementExample, SupervisedExample

if TYPE_CHECKING:
    from finetune_kit.datasets.rows import Rows
    from finetune_kit.datasets.rules import MethodName

__all__ = ["build_example"]

_EXAMPLES: dict[MethodName, type[SupervisedExample | PreferenceExample | ReinforcementExample]] = {
    "supervised": SupervisedExample,
    "dpo": PreferenceExample,
    "reinforcement": ReinforcementExample,
}


def build_example(rows: Rows, index: int, method: MethodName) -> Example:
    """Return a row as a typed example; raise FormatError where it is none."""
    row = parse_row(rows, index, method)
    try:
        return _EXAMPLES[method].model_validate(row)
    except ValidationError as error:
        raise explain(rows, index, method, _as_format_error(rows, index, error)) from None


def _as_format_error(rows: Rows, index: int, error: ValidationError) -> FormatError:
    path, line = rows.place(index)
    first = error.errors(include_input=False, include_url=False)[0]
    pointer = "".join(f"/{part}" for part in first["loc"])
    return FormatError(first["msg"], path=path, line=line, pointer=pointer, remedy="run validate() on the dataset")
