"""The ends of lines that declare tools: the same in many lines, checked once and then known by their bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson

from finetune_kit.datasets.schemas import quick_acceptor
from finetune_kit.datasets.syntax import hides_nothing
from finetune_kit.datasets.tools import declaration_problems

__all__ = ["NO_TOOLS", "Tail", "TailMemory"]

_OPENING: Final = b'],"tools":['
_SPACED_OPENING: Final = b'], "tools": ['
_SPACED: Final = b'{"messages": '
_STAND_IN: Final = b'{"messages":['
_KEYS: Final = frozenset({"tools", "parallel_tool_calls"})
_MOST_TOOLS: Final = 128
_REMEMBERED_BYTES: Final = 6_000_000
_REMEMBERED_TOOLS: Final = 512

Test = Callable[[dict[str, Any]], bool]
"""A quick test of arguments."""


class Tail(NamedTuple):
    """What a line declares after its messages."""

    tools: dict[str, Test | None]
    """The tools by name, each with the quick test of its arguments, None where there is no such test."""
    single_calls: bool
    """Whether messages promise to have one call at most."""


NO_TOOLS: Final = Tail({}, single_calls=False)
"""The tail of a line that ends with its messages."""


class TailMemory:
    """Splits lines into their messages and what they declare, and knows again what was declared before.

    Splitting is exact. Inside a JSON string no quote stands bare, so the opening of a tail
    can only be the end of an array and the key after it; and as the tail alone, after an
    empty array, is an object with nothing but tools, the line is an object if and only if
    its beginning, with the array and the object closed, is one.
    """

    def __init__(self) -> None:
        self._tails: dict[bytes, Tail | None] = {}
        self._n_bytes = 0
        self._tools: dict[bytes, tuple[str, Test | None] | None] = {}

    def split(self, raw: bytes) -> tuple[bytes, Tail]:
        """Return the line without a tail that breaks no rule, and the tail; else the line as it is."""
        start = raw.rfind(_SPACED_OPENING if raw.startswith(_SPACED) else _OPENING)
        if start < 0:
            return raw, NO_TOOLS
        tail = self._known(raw[start:])
        return (raw, NO_TOOLS) if tail is None else (raw[:start] + b"]}", tail)

    def declared(self, row: dict[str, Any]) -> Tail | None:
        """Return what a whole row declares beside its messages; None if that may break a rule."""
        rest = {key: value for key, value in row.items() if key != "messages"}
        return self._known(b"]," + orjson.dumps(rest)[1:])

    def _known(self, raw: bytes) -> Tail | None:
        if raw not in self._tails:
            self._n_bytes += len(raw)
            if self._n_bytes > _REMEMBERED_BYTES:
                self._tails.clear()
                self._n_bytes = len(raw)
            self._tails[raw] = self._checked(_STAND_IN + raw)
        return self._tails[raw]

    def _checked(self, raw: bytes) -> Tail | None:
        try:
            row = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return None
        tools, single = row.get("tools"), row.get("parallel_tool_calls", True)
        if row.pop("messages") != [] or not row.keys() <= _KEYS or type(tools) is not list or type(single) is not bool:
            return None
        if len(tools) > _MOST_TOOLS or not hides_nothing(raw, {"messages": [], **row}):
            return None
        checked = [self._known_tool(tool) for tool in tools]
        by_name = dict(each for each in checked if each is not None)
        # A tool with a fault, or two of one name.
        return None if len(by_name) < len(tools) else Tail(by_name, single_calls=not single)

    def _known_tool(self, tool: Any) -> tuple[str, Test | None] | None:
        key = orjson.dumps(tool)
        if key not in self._tools:
            if len(self._tools) >= _REMEMBERED_TOOLS:
                self._tools.clear()
            self._tools[key] = _checked_tool(tool)
        return self._tools[key]


def _checked_tool(tool: Any) -> tuple[str, Test | None] | None:
    if any(True for _ in declaration_problems({"tools": [tool]}, "")):
        return None
    function = tool["function"]
    return function["name"], quick_acceptor(function.get("parameters", {}))
