"""Instructions and answers: Alpaca, and tables of questions and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from finetune_kit.datasets.sources.formats import RecordFormat, text_of
from finetune_kit.datasets.sources.found import Found, UnusableError
from finetune_kit.datasets.sources.turns import messages_of, turns_key
from finetune_kit.datasets.templates import text_maker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from finetune_kit.datasets.sources.found import Options

_PAIR: Final = 2
_CONTEXTS: Final = ("context", "passage", "document")

__all__ = ["PAIRS", "Alpaca", "Pairs", "question_and_answer"]

PAIRS: Final = (
    ("question", "answer"),
    ("question", "answers"),
    ("questions", "answers"),
    ("prompt", "completion"),
    ("prompt", "response"),
    ("instruction", "response"),
    ("instruction", "answer"),
    ("question", "response"),
    ("query", "response"),
    ("query", "answer"),
    ("input", "output"),
    ("input", "target"),
    ("source", "target"),
    ("user", "assistant"),
    ("ticket", "reply"),
)
"""The columns in which questions and answers are found, the surest first."""


class Alpaca(RecordFormat):
    r"""Rows of instruction, input (may be empty) and output; `history` holds earlier pairs, `system` an instruction.

    Example:
        >>> rows = [{"instruction": "Translate to French.", "input": "cat", "output": "chat"}]
        >>> from finetune_kit import Dataset
        >>> Dataset.read(rows, format="alpaca")[0].messages[0].content
        'Translate to French.\n\ncat'
    """

    takes = frozenset({"user"})

    def convert(self, record: Mapping[str, Any], line: int, options: Options) -> Iterator[Found]:
        """Yield one chat."""
        messages: list[dict[str, str]] = []
        if isinstance(record.get("system"), str) and record["system"].strip():
            messages.append({"role": "system", "content": record["system"]})
        for asked, answered in _history(record.get("history")):
            messages.append({"role": "user", "content": asked})
            messages.append({"role": "assistant", "content": answered})
        messages.append({"role": "user", "content": _asked(record, options)})
        messages.append({"role": "assistant", "content": text_of(record.get("output"), "output")})
        used = {"instruction", "input", "output", "history", "system", "text"}
        yield Found({"messages": messages}, line, {key: item for key, item in record.items() if key not in used})


class Pairs(RecordFormat):
    """Rows of a question and an answer, in columns whose names say so (see `PAIRS`).

    A column of context or a passage follows the question. Of several answers the first is
    taken.
    """

    takes = frozenset({"user"})

    def convert(self, record: Mapping[str, Any], line: int, options: Options) -> Iterator[Found]:
        """Yield one chat."""
        names = question_and_answer(record)
        if names is None:
            remedy = "name the columns: user='...', assistant='...'"
            raise UnusableError("no two columns are named as question and answer are", remedy)
        beside = {key: item for key, item in record.items() if key not in names}
        if all(turns_key({"messages": record[name]}) for name in names):
            # Both sides are messages, as TRL writes prompt and completion.
            yield Found({"messages": messages_of([*record[names[0]], *record[names[1]]])}, line, beside)
            return
        asked, answered = text_of(record[names[0]], names[0]), text_of(_first(record[names[1]]), names[1])
        if options.user is not None:
            asked = text_maker(options.user, list(record), argument="user")(record)
        elif (given := next((key for key in _CONTEXTS if isinstance(beside.get(key), str)), None)) is not None:
            asked = f"{asked}\n\n{beside.pop(given)}".rstrip()
        messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
        yield Found({"messages": messages}, line, beside)


def question_and_answer(names: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the two columns of question and answer, whatever the case of their names; None if there are none."""
    folded = {name.strip().casefold(): name for name in names}
    return next(((folded[asks], folded[says]) for asks, says in PAIRS if asks in folded and says in folded), None)


def _first(answer: Any) -> Any:
    """Return the text of an answer that is one of several, or an object that holds it."""
    if isinstance(answer, Mapping):
        return _first(answer.get("text", answer.get("value")))
    return _first(answer[0]) if isinstance(answer, list) and answer else answer


def _asked(record: Mapping[str, Any], options: Options) -> str:
    if options.user is not None:
        return text_maker(options.user, list(record), argument="user")(record)
    instruction = text_of(record.get("instruction"), "instruction")
    given = record.get("input")
    return f"{instruction}\n\n{given}" if isinstance(given, str) and given.strip() else instruction


def _history(value: object) -> Iterator[tuple[str, str]]:
    for pair in value if isinstance(value, list) else ():
        if not isinstance(pair, list | tuple) or len(pair) != _PAIR:
            raise UnusableError("history is not a list of pairs", "write history as [[question, answer], ...]")
        yield text_of(pair[0], "question of the history"), text_of(pair[1], "answer of the history")
