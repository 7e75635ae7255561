"""A check for arguments of tool calls that nobody has spoken of."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

import orjson

from finetune_kit.datasets.audit.check import AuditRule, AuditSettings, Check, Hit
from finetune_kit.datasets.audit.phrases import words
from finetune_kit.datasets.audit.sides import Spot, spot
from finetune_kit.datasets.normalise import normalised

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from finetune_kit.datasets.audit.row import AuditRow

__all__ = ["CHECKS", "UngroundedArgument"]

_SHORT_FORM: Final = re.compile(r"\b[A-Z]{2,5}\b")
_STEM: Final = 4
_MOST_WORDS: Final = 8
_FEW_USES: Final = 7
# A name that so many rows speak of is one for which the row may have a nickname.
_ROWS_OF_A_KNOWN_NAME: Final = 5


class UngroundedArgument(Check):
    """Names in the arguments of a tool call that occur nowhere before it."""

    id = "ungrounded_argument"
    method = (
        "string arguments that begin with a capital and hold no figure, none of whose words, cut to stems, nor their "
        "initials occur before the call in messages, tools or results; only of arguments that nearly always do occur, "
        "because others are categories, and of names that few other rows speak of, because others may have nicknames"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = MappingProxyType(
        {
            "ungrounded_argument": AuditRule(
                "hint",
                "Patil et al. 2024, Berkeley Function Calling Leaderboard (hallucinated arguments)",
                "look where the value comes from: a model learns to make up arguments from it",
            ),
        }
    )
    applies_to = ("supervised", "dpo")

    defaults: ClassVar[Mapping[str, float]] = MappingProxyType({"share": 0.15})

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self.why_not_run = "no tool is called with a name as argument"
        self._n_names: Counter[str] = Counter()
        self._said: Counter[str] = Counter()
        self._ungrounded: dict[str, list[_Argument]] = defaultdict(list)

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Look up the names among the arguments of a row in what was said before."""
        if not any(message.get("tool_calls") for message in row.messages):
            return ()
        said = _Said(row.tools)
        base = "/input/messages" if row.method == "dpo" else "/messages"
        for index, message in enumerate(row.messages):
            for number, call in enumerate(_dicts(message.get("tool_calls"))):
                pointer = f"{base}/{index}/tool_calls/{number}/function/arguments"
                self._see_call(call, said, _Argument(spot(row), pointer))
            said.hear(message)
        return ()

    def finish(self) -> Iterator[Hit]:
        """Yield the arguments that come from nowhere, where others of their name come from the conversation."""
        for name, found in self._ungrounded.items():
            n_names = self._n_names[name]
            few = n_names < _FEW_USES and len(found) == 1 < n_names
            if not few and len(found) > self.thresholds["share"] * n_names:
                continue
            for here, pointer, value in found:
                if self._said[value] >= _ROWS_OF_A_KNOWN_NAME:
                    continue
                reason = f"the value of argument {name!r} occurs nowhere before the call"
                yield Hit("ungrounded_argument", reason, pointer=pointer, place=here.place, example=here.number)

    def _see_call(self, call: Mapping[str, Any], said: _Said, here: _Argument) -> None:
        function = call.get("function")
        for name, value in _strings(function if isinstance(function, dict) else {}):
            if _is_name(value):
                self.n_examined += 1
                self._n_names[name] += 1
                if said.knows(value):
                    self._said[value] += 1
                else:
                    self._ungrounded[name].append(here._replace(value=value))


class _Argument(NamedTuple):
    spot: Spot
    pointer: str
    value: str = ""


class _Said:
    """What has been said up to a message."""

    def __init__(self, tools: list[dict[str, Any]]) -> None:
        self._text = normalised(orjson.dumps(tools).decode())
        self._stems: set[str] | None = None
        self._capitals: set[str] = set()

    def hear(self, message: Mapping[str, Any]) -> None:
        """Add what a message says; not its calls, which are judged themselves."""
        content = message.get("content")
        text = content if isinstance(content, str) else orjson.dumps(content).decode() if content else ""
        if text:
            self._text = f"{self._text} {normalised(text)}"
            self._capitals.update(word.casefold() for word in _SHORT_FORM.findall(text))
            self._stems = None

    def knows(self, value: str) -> bool:
        """Tell whether a value, a word of it, or its initials have been said."""
        plain = normalised(value)
        if plain in self._text:
            return True
        if self._stems is None:
            self._stems = {word[:_STEM] for word in self._text.split()}
        parts = plain.split()
        telling = [word for word in parts if word not in words("parts_of_places")] or parts
        return any(word[:_STEM] in self._stems for word in telling) or self._has_short_form(plain)

    def _has_short_form(self, plain: str) -> bool:
        """Tell whether "SF", "S.F." or "NYC" has been said for "San Francisco" or "New York"."""
        initials = "".join(word[0] for word in plain.split())
        spaced = f" {self._text} "
        if len(initials) > 1 and (f" {initials}" in spaced or f" {' '.join(initials)} " in spaced):
            return True
        return any(_abbreviates(word, plain) for word in self._capitals)


def _abbreviates(short: str, long: str) -> bool:
    """Tell whether a word begins as a text does, and has its letters in their order."""
    letters = iter(long)
    return short[0] == long[0] and all(letter in letters for letter in short)


def _strings(function: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the strings among the arguments, one level of lists and objects included."""
    arguments = function.get("arguments")
    try:
        parsed = orjson.loads(arguments) if isinstance(arguments, str) else arguments
    except orjson.JSONDecodeError:
        return
    for name, value in parsed.items() if isinstance(parsed, dict) else ():
        inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else [value]
        yield from ((name, item) for item in inner if isinstance(item, str))


def _is_name(value: str) -> bool:
    """Tell whether a value is a proper name: a few words that begin with capitals, without figures or signs."""
    words = value.split()
    return (
        0 < len(words) <= _MOST_WORDS
        and value[0].isupper()
        and not value.isupper()
        and not any(sign.isdigit() or sign in "_/@{}<>=\\:" for sign in value)
        and value not in {"True", "False", "None", "Null"}
    )


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


CHECKS: Final[tuple[type[Check], ...]] = (UngroundedArgument,)
