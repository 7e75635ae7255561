"""Who speaks: from the turns of a conversation to its messages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from finetune_kit.datasets.sources.found import SYSTEM_ROLES, Found, UnusableError
from finetune_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from finetune_kit.datasets.sources.found import Options

__all__ = ["CUT", "KNOWN_SPEAKERS", "Speakers", "conversation", "merged"]

Turn = tuple[str, str]
"""A speaker and what was said; or a role and what was said."""

CUT: Final = "turns after the last answer left out"

KNOWN_SPEAKERS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("user", "human", "customer", "client", "caller", "visitor", "guest", "prompter"), "user"),
    **dict.fromkeys(("end-user", "end user", "requester", "patient", "student", "question", "q", "me"), "user"),
    **dict.fromkeys(("assistant", "agent", "bot", "ai", "gpt", "chatgpt", "model", "chatbot"), "assistant"),
    **dict.fromkeys(("support", "advisor", "representative", "rep", "operator", "helper"), "assistant"),
    **dict.fromkeys(("support agent", "customer service", "answer", "a", "bing", "claude", "bard"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
}
"""Names of speakers whose role is beyond doubt, in lower case."""

_NUMBER: Final = re.compile(r"\s*#?\s*\d+$")
_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool"})
_ASK: Final = "say who the assistant is: assistant='...', or roles={'...': 'assistant', '...': 'user'}"


@dataclass(frozen=True, slots=True)
class Speakers:
    """Who is the assistant, who the user, and whose turns are left out; names without regard to case."""

    roles: Mapping[str, str | None]
    others: str | None
    """The role of a speaker who is not named; None where every speaker must be known."""

    @classmethod
    def of(cls, options: Options) -> Speakers:
        """Return what the caller said, else the names that are known.

        Raises:
            ConfigurationError: A role is none of system, developer, user, assistant and tool.
        """
        for role in (options.roles or {}).values():
            if role is not None and role not in _ROLES:
                raise ConfigurationError(f"roles: unknown role {role!r}: use one of {', '.join(sorted(_ROLES))}, None")
        given = {name.strip().casefold(): role for name, role in (options.roles or {}).items()}
        given |= {name.strip().casefold(): "assistant" for name in options.assistants}
        if not given:
            return cls(KNOWN_SPEAKERS, None)
        return cls(given, None if "user" in given.values() else "user")

    @property
    def are_complete(self) -> bool:
        """Whether every speaker is named, so that no other name begins a turn."""
        return self.others is None and self.roles is not KNOWN_SPEAKERS

    def knows(self, speaker: str) -> bool:
        """Tell whether a speaker is named."""
        return self._name(speaker) in self.roles

    def role(self, speaker: str) -> str | None:
        """Return the role of a speaker, None where the turns are left out.

        Raises:
            UnusableError: The speaker has no role.
        """
        name = self._name(speaker)
        if name in self.roles:
            return self.roles[name]
        if self.others is None:
            raise UnusableError("a speaker has no role", _ASK)
        return self.others

    def _name(self, speaker: str) -> str:
        """Return what a speaker is known by: "Agent 2" is an agent where nobody said who that is."""
        name = speaker.strip().casefold()
        return name if name in self.roles else _NUMBER.sub("", name)

    def turns(self, spoken: Sequence[Turn]) -> list[Turn]:
        """Return roles for speakers, without the turns that are left out; a "system" that begins is an instruction."""
        instructs = bool(spoken) and spoken[0][0].casefold() in SYSTEM_ROLES and not self.knows(spoken[0][0])
        named = [(self.role(speaker), text) for speaker, text in spoken[instructs:]]
        return [("system", spoken[0][1])] * instructs + [(role, text) for role, text in named if role is not None]


def conversation(turns: Iterable[Turn], line: int, extra: Mapping[str, Any]) -> Found:
    """Return turns of roles as a chat that ends with an answer: turns of one role that follow each other are one.

    Raises:
        UnusableError: Nobody asks, or nobody answers.
    """
    messages = merged(turns)
    last = max((n for n, message in enumerate(messages) if message["role"] == "assistant"), default=None)
    if last is None:
        raise UnusableError("no turn is the assistant's", _ASK)
    kept = messages[: last + 1]
    if not any(message["role"] == "user" for message in kept):
        raise UnusableError("no turn of a user stands before the last answer", _ASK)
    return Found({"messages": kept}, line, extra, () if len(kept) == len(messages) else (CUT,))


def merged(turns: Iterable[Turn]) -> list[dict[str, str]]:
    """Return turns as messages: empty ones left out, neighbours of one role joined, instructions first."""
    said = [(role, text.strip()) for role, text in turns if text.strip()]
    ordered = sorted(said, key=lambda turn: turn[0] not in SYSTEM_ROLES)
    runs = groupby(ordered, key=lambda turn: turn[0])
    return [{"role": role, "content": "\n".join(text for _, text in run)} for role, run in runs]
