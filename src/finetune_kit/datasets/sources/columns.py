"""Rows from columns: names and templates that say what the messages are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from finetune_kit.datasets.sources.found import Found, Lost, Options
from finetune_kit.datasets.templates import Text, text_maker
from finetune_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from finetune_kit.datasets.tables import Table

__all__ = ["from_columns"]

Record = Mapping[str, Any]


def from_columns(table: Table, options: Options) -> Iterator[Found | Lost]:
    """Yield a row for each record, made as the options say; a column that is no message by itself is kept beside it.

    Raises:
        ConfigurationError: A column that is named is not there, or the options do not fit the method.
    """
    _check_method(options)
    makers = _message_makers(table.columns, options)
    is_reinforced = options.method == "reinforcement"
    spent = {text for text in (options.user, options.assistant, options.system) if isinstance(text, str)}
    for line, record in table.numbered():
        messages = [{"role": role, "content": content(record)} for role, content in makers]
        if is_reinforced:
            yield Found({**record, "messages": messages}, line)
        else:
            yield Found({"messages": messages}, line, {key: record[key] for key in record if key not in spent})
    yield from table.lost


def _check_method(options: Options) -> None:
    if options.method == "dpo":
        raise ConfigurationError(
            "preferences are not made from columns: give rows of input, preferred_output and non_preferred_output, "
            "or of prompt, chosen and rejected"
        )
    is_reinforced = options.method == "reinforcement"
    if options.assistant is None and not is_reinforced:
        raise ConfigurationError("assistant is missing: name the column of the answer, or method='reinforcement'")
    if options.assistant is not None and is_reinforced:
        raise ConfigurationError("a reinforcement example has no answer: leave assistant out; graders read the columns")


def _message_makers(names: list[str], options: Options) -> list[tuple[str, Callable[[Record], str]]]:
    instructions = "developer" if options.method == "reinforcement" else "system"
    wanted = ((instructions, "system", options.system), ("user", "user", options.user))
    return [
        (role, text_maker(text, names, argument=argument, literal=argument == "system"))
        for role, argument, text in (*wanted, ("assistant", "assistant", _one_text(options)))
        if text is not None
    ]


def _one_text(options: Options) -> Text | None:
    text = options.assistant
    if text is None or isinstance(text, str) or callable(text):
        return text
    raise ConfigurationError("assistant names several speakers: of a table, name one column, a template or a function")
