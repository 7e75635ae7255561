"""Quick acceptance of rows for each method of tuning."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from finetune_kit.datasets.accept import ChatAcceptor, is_text
from finetune_kit.datasets.syntax import hides_nothing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from finetune_kit.datasets.rules import MethodName

__all__ = ["Acceptor", "new_acceptor"]


class Acceptor(Protocol):
    """Tells the rows of one method that keep all rules for certain from those that need a closer look."""

    n_lines: int
    n_images: int

    @property
    def parses(self) -> tuple[bytes, ...]:
        """The ends of the lines that are parsed by the function that the acceptor was made with, whole and once."""

    def doubtful(self, lines: Iterable[bytes], longest: int) -> Iterator[tuple[int, bytes]]:
        """Yield the lines that need a closer look or are longer than `longest` bytes, with their numbers from 1."""


def new_acceptor(method: MethodName, loads: Callable[[bytes], Any] = orjson.loads) -> Acceptor:
    """Return the acceptor of rows for a method; lines that end with one of its `parses` are parsed by `loads`."""
    if method == "supervised":
        return ChatAcceptor(loads)
    return _PreferenceAcceptor() if method == "dpo" else _ReinforcementAcceptor()


class _RowAcceptor(ABC):
    """Judges row by row; lines that end with CR LF are looked at until one was."""

    parses: tuple[bytes, ...] = ()

    def __init__(self) -> None:
        self.n_lines = 0
        self.n_images = 0

    def doubtful(self, lines: Iterable[bytes], longest: int) -> Iterator[tuple[int, bytes]]:
        """Yield the lines that need a closer look or are longer than `longest` bytes, with their numbers from 1."""
        number = 0
        crlf_seen = False
        for number, raw in enumerate(lines, 1):
            first_crlf = not crlf_seen and raw.endswith(b"\r\n")
            if first_crlf or len(raw) > longest or not self._accepts(raw):
                crlf_seen = crlf_seen or first_crlf
                yield number, raw
        self.n_lines = number

    def _accepts(self, raw: bytes) -> bool:
        try:
            row = orjson.loads(raw)
            return self._keeps_rules(row) and hides_nothing(raw, row)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            return False

    @abstractmethod
    def _keeps_rules(self, row: Any) -> bool:
        """Tell whether all rules hold for certain; any error of a wrong shape means no."""


class _PreferenceAcceptor(_RowAcceptor):
    """Accepts pairs of plain answers to plain chats that end with the user."""

    def _keeps_rules(self, row: Any) -> bool:
        prompt, (preferred,), (other,) = row["input"], row["preferred_output"], row["non_preferred_output"]
        messages = prompt["messages"]
        return (
            len(row) == 3  # noqa: PLR2004 - the input and both outputs
            and len(prompt) == 1
            and _is_plain_chat(messages, "system")
            and messages[-1]["role"] == "user"
            and _is_plain(preferred, "assistant")
            and _is_plain(other, "assistant")
            and preferred["content"] != other["content"]
        )


class _ReinforcementAcceptor(_RowAcceptor):
    """Accepts plain chats that end with the user; what stands beside them has no rules, but for response formats."""

    def _keeps_rules(self, row: Any) -> bool:
        messages = row["messages"]
        return _BOUND.isdisjoint(row) and _is_plain_chat(messages, "developer") and messages[-1]["role"] == "user"


# Keys of reinforcement rows that rules look into.
_BOUND = frozenset({"tools", "parallel_tool_calls", "functions", "response_format"})


def _is_plain_chat(messages: Any, instruction: str) -> bool:
    if type(messages) is not list:
        return False
    return all(
        _is_plain(message, message["role"]) and message["role"] in ("user", "assistant")
        for message in messages[messages[0]["role"] == instruction :]
    ) and _is_plain(messages[0], messages[0]["role"])


def _is_plain(message: Any, role: str) -> bool:
    return len(message) == 2 and message["role"] == role and is_text(message["content"])  # noqa: PLR2004
