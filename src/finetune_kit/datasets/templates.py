"""How the columns of a table become the texts of messages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

from finetune_kit.errors import ConfigurationError

__all__ = ["Text", "text_maker"]

Record = Mapping[str, Any]
Text = str | Callable[[Record], str]
"""How to make a text from a row of a table:

- the name of a column takes its value;
- any other string is a template: `{column}` stands for the value as text, `{column!j}` for
  the value as JSON (quoted and escaped), `{{` and `}}` for braces;
- a function is called with the row.
"""


def text_maker(text: Text, columns: list[str], *, argument: str, literal: bool = False) -> Callable[[Record], str]:
    """Return the function that makes a text from a row.

    `literal` allows a template that names no column, such as a constant system message.

    Raises:
        ConfigurationError: A column that is named is not there, or the template is malformed.
    """
    if not isinstance(text, str):
        return _checked(text, columns, argument)
    if text in columns:
        return lambda record: _as_text(record.get(text))
    pieces = _parse(text, argument)
    named = [column for _, column, _ in pieces if column is not None]
    if not named and not literal:
        raise _no_column(argument, text, columns)
    for column in named:
        if column not in columns:
            raise _no_column(argument, column, columns)
    return lambda record: "".join(
        before if column is None else before + _fill(record.get(column), conversion)
        for before, column, conversion in pieces
    )


def _parse(template: str, argument: str) -> list[tuple[str, str | None, str | None]]:
    try:
        parsed = list(Formatter().parse(template))
    except ValueError as error:
        remedy = "write {column} for a value, {{ and }} for braces"
        raise ConfigurationError(f"{argument}={template!r} is no template: {error}. Remedy: {remedy}") from error
    for _, _, specification, conversion in parsed:
        if specification or conversion not in (None, "j"):
            raise ConfigurationError(
                f"{argument}={template!r}: after a column only !j is known. Remedy: give a function of the row"
            )
    return [(before, column, conversion) for before, column, _, conversion in parsed]


def _checked(function: Callable[[Record], str], columns: list[str], argument: str) -> Callable[[Record], str]:
    def make(record: Record) -> str:
        try:
            text = function(record)
        except KeyError as error:
            raise _no_column(argument, str(error.args[0]), columns) from error
        if not isinstance(text, str):
            raise ConfigurationError(f"the function given as {argument} returned {type(text).__name__}, not str")
        return text

    return make


def _no_column(argument: str, name: str, columns: list[str]) -> ConfigurationError:
    there = ", ".join(repr(column) for column in columns)
    return ConfigurationError(f"{argument}: there is no column {name!r}; the columns are {there}")


def _fill(value: Any, conversion: str | None) -> str:
    return json.dumps(_plain(value), ensure_ascii=False, default=str) if conversion == "j" else _as_text(value)


def _as_text(value: Any) -> str:
    plain = _plain(value)
    return "" if plain is None else str(plain)


def _plain(value: Any) -> Any:
    # Data frames mark a missing cell with NaN, the one value that differs from itself.
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124
