"""What a source yields: examples found, and places that gave none."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from finetune_kit.datasets.rows import NO_EXTRA

if TYPE_CHECKING:
    from finetune_kit.datasets.rules import MethodName
    from finetune_kit.datasets.templates import Text

__all__ = ["SYSTEM_ROLES", "Found", "Lost", "OnError", "Options", "Roles", "UnusableError"]

SYSTEM_ROLES = frozenset({"system", "developer"})
"""The roles of messages that instruct."""

OnError = Literal["skip", "raise"]
Roles = Mapping[str, str | None]
"""The role of each speaker; None leaves the speaker's turns out."""


class Found(NamedTuple):
    """An example as a row, what is kept beside it, the line that it begins on, and what was done to it."""

    row: dict[str, Any]
    line: int
    extra: Mapping[str, Any] = NO_EXTRA
    notes: tuple[str, ...] = ()


class Lost(NamedTuple):
    """A place that gave no example: its line (or number), why, and what to do; never what it says."""

    line: int
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller of `Dataset.read` said about the messages."""

    user: Text | None = None
    assistant: Text | Collection[str] | None = None
    system: Text | None = None
    method: MethodName | None = None
    """What the examples are for; those of reinforcement keep the columns beside the messages, for graders."""
    roles: Roles | None = None

    @property
    def assistants(self) -> frozenset[str]:
        """The speakers who are the assistant."""
        if self.assistant is None or callable(self.assistant):
            return frozenset()
        return frozenset([self.assistant] if isinstance(self.assistant, str) else self.assistant)


class UnusableError(ValueError):
    """A record cannot become an example."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy
