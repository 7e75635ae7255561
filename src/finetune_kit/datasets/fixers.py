"""The mechanical fixes of a row: each changes how something is written, never what it says."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from finetune_kit.datasets.syntax import child
from finetune_kit.datasets.tool_fixers import fix_call, fix_function, fix_tool

if TYPE_CHECKING:
    from finetune_kit.datasets.rules import MethodName

__all__ = ["Edit", "fix_row", "has_invisible"]

_ROW_KEYS: Final = {
    "supervised": frozenset({"messages", "tools", "parallel_tool_calls", "functions"}),
    "dpo": frozenset({"input", "preferred_output", "non_preferred_output"}),
}
_INPUT_KEYS: Final = frozenset({"messages", "tools", "parallel_tool_calls"})
_MESSAGE_KEYS: Final = frozenset(
    ("role", "content", "name", "tool_calls", "tool_call_id", "function_call", "refusal", "weight")
)
_ROLES: Final = ("system", "developer", "user", "assistant", "tool", "function")
_ALIASES: Final = {
    "human": "user",
    "prompter": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "chatbot": "assistant",
    "ai": "assistant",
    "model": "assistant",
}
_WEIGHTS: Final = {"True": 1, "1.0": 1, "'1'": 1, "False": 0, "0.0": 0, "'0'": 0}
# Zero-width space, word joiner, byte order mark, soft hyphen; and tag characters but for those of a flag. The joiners
# U+200C and U+200D and the marks of direction stay: scripts and emoji need them.
_INVISIBLE: Final = re.compile(
    "[\u200b\u2060\ufeff\u00ad]|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e007f]+"
)


class Edit(NamedTuple):
    """One change of a row: the rule that asked for it, where, and what kind of thing became what."""

    rule: str
    pointer: str
    before: str
    after: str


def has_invisible(text: str) -> bool:
    """Tell whether a text has characters that nobody sees and that mean nothing."""
    return _INVISIBLE.search(text) is not None


def fix_row(row: dict[str, Any], method: MethodName) -> tuple[dict[str, Any], list[Edit], dict[str, Any]]:
    """Return the row with its mechanical faults mended, what was changed, and the keys that were taken out."""
    fixer = _Fixer(method)
    fixed = fixer.row(row)
    return fixed, fixer.edits, fixer.moved


class _Fixer:
    """Mends the parts of one row, and remembers what it did."""

    def __init__(self, method: MethodName) -> None:
        self.edits: list[Edit] = []
        self.moved: dict[str, Any] = {}
        self._method = method

    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a mended row."""
        if self._method == "supervised" and row.keys().isdisjoint(("messages", "input")):
            row = self._chat_of(row)
        if self._method == "dpo":
            if "input" not in row or not isinstance(row["input"], dict):
                return row
            row = self._without_extra(row, _ROW_KEYS["dpo"], "")
            row = {**row, "input": self._holder(row["input"], _INPUT_KEYS, "/input")}
            for key in ("preferred_output", "non_preferred_output"):
                row = {**row, key: self._messages(row[key], f"/{key}")} if key in row else row
            return row
        return self._holder(row, _ROW_KEYS.get(self._method), "") if "messages" in row else row

    def _note(self, rule: str, pointer: str, before: str, after: str) -> None:
        self.edits.append(Edit(rule, pointer, before, after))

    def _chat_of(self, row: dict[str, Any]) -> dict[str, Any]:
        prompt, completion = row.get("prompt"), row.get("completion")
        # A label says whether the completion is wanted at all.
        if not isinstance(prompt, str) or not isinstance(completion, str) or isinstance(row.get("label"), bool):
            return row
        self._note("legacy_format", "", "prompt and completion", "messages of the user and the assistant")
        rest = {key: value for key, value in row.items() if key not in ("prompt", "completion")}
        chat = [{"role": "user", "content": prompt}, {"role": "assistant", "content": completion}]
        return {"messages": chat, **rest}

    def _without_extra(self, row: dict[str, Any], known: frozenset[str], pointer: str) -> dict[str, Any]:
        for key in row.keys() - known:
            place = child(pointer, key)
            self._note("extra_key", place, "a key that the format does not have", "kept beside the row")
            self.moved[place.removeprefix("/") if pointer else key] = row[key]
        return {key: value for key, value in row.items() if key in known}

    def _without_null(self, holder: dict[str, Any], keys: tuple[str, ...], pointer: str) -> dict[str, Any]:
        nulls = [key for key in keys if key in holder and holder[key] is None]
        for key in nulls:
            self._note("null_field", f"{pointer}/{key}", "null", "left out")
        return {key: value for key, value in holder.items() if key not in nulls}

    def _holder(self, holder: dict[str, Any], known: frozenset[str] | None, pointer: str) -> dict[str, Any]:
        if known is not None:
            holder = self._without_extra(holder, known, pointer)
        holder = self._without_null(holder, ("tools", "functions", "parallel_tool_calls"), pointer)
        if isinstance(holder.get("tools"), list):
            tools = [
                fix_tool(tool, f"{pointer}/tools/{index}", self._note) for index, tool in enumerate(holder["tools"])
            ]
            holder = {**holder, "tools": tools}
        if isinstance(holder.get("messages"), list):
            here = f"{pointer}/messages"
            holder = {**holder, "messages": self._system_first(self._messages(holder["messages"], here), here)}
        return holder

    def _messages(self, messages: Any, pointer: str) -> Any:
        if not isinstance(messages, list):
            return messages
        messages = self._named_roles(messages, pointer)
        return [self._message(message, f"{pointer}/{index}") for index, message in enumerate(messages)]

    def _named_roles(self, messages: list[Any], pointer: str) -> list[Any]:
        roles = [message.get("role") if isinstance(message, dict) else None for message in messages]
        named = [_role(role) for role in roles]
        if named == roles or _has_neighbours(named) > _has_neighbours(roles):
            return messages
        for index, (old, new) in enumerate(zip(roles, named, strict=True)):
            if old != new:
                self._note("role", f"{pointer}/{index}/role", "another name of the role", new)
        pairs = zip(messages, named, strict=True)
        return [{**message, "role": role} if isinstance(message, dict) and role else message for message, role in pairs]

    def _message(self, message: Any, pointer: str) -> Any:
        if not isinstance(message, dict):
            return message
        for key in message.keys() - _MESSAGE_KEYS:
            place = child(pointer, key)
            self._note("message_key", place, "a key that the format does not have", "kept beside the row")
            self.moved[place.removeprefix("/")] = message[key]
        message = {key: value for key, value in message.items() if key in _MESSAGE_KEYS}
        message = self._without_null(message, ("name", "tool_calls", "weight"), pointer)
        message = self._instructed(message, pointer)
        message = self._weighted(message, pointer)
        message = self._called(message, pointer)
        return self._written(message, pointer)

    def _instructed(self, message: dict[str, Any], pointer: str) -> dict[str, Any]:
        old, new = ("system", "developer") if self._method == "reinforcement" else ("developer", "system")
        if message.get("role") != old:
            return message
        self._note(f"{old}_role", f"{pointer}/role", old, new)
        return {**message, "role": new}

    def _weighted(self, message: dict[str, Any], pointer: str) -> dict[str, Any]:
        if "weight" not in message:
            return message
        place, weight = f"{pointer}/weight", message["weight"]
        if repr(weight) in _WEIGHTS:
            weight = _WEIGHTS[repr(weight)]
            self._note("weight", place, "a weight that is no integer", str(weight))
        if weight == 0 and message.get("role") in ("system", "user", "tool"):
            # Only what the assistant says is learnt at all.
            self._note("weight", place, "weight 0 of a message that is never learnt", "left out")
            return {key: value for key, value in message.items() if key != "weight"}
        return {**message, "weight": weight}

    def _called(self, message: dict[str, Any], pointer: str) -> dict[str, Any]:
        if isinstance(message.get("function_call"), dict):
            here = f"{pointer}/function_call/arguments"
            message = {**message, "function_call": fix_function(message["function_call"], here, self._note)}
        calls = message.get("tool_calls")
        if not isinstance(calls, list):
            return message
        return {
            **message,
            "tool_calls": [
                fix_call(call, f"{pointer}/tool_calls/{index}", self._note) for index, call in enumerate(calls)
            ],
        }

    def _written(self, message: dict[str, Any], pointer: str) -> dict[str, Any]:
        content = message.get("content")
        here = f"{pointer}/content"
        if type(content) is int or (type(content) is float and not content.is_integer()):
            self._note("content_type", here, "a number", "the number as text")
            return {**message, "content": json.dumps(content)}
        if isinstance(content, str):
            return {**message, "content": self._visible(content, here)}
        if isinstance(content, list):
            return {**message, "content": [self._part(part, f"{here}/{at}") for at, part in enumerate(content)]}
        return message

    def _part(self, part: Any, pointer: str) -> Any:
        if isinstance(part, str):
            self._note("content_part", pointer, "a bare string", "a part of type text")
            part = {"type": "text", "text": part}
        if not isinstance(part, dict) or not isinstance(part.get("text"), str):
            return part
        return {**part, "text": self._visible(part["text"], f"{pointer}/text")}

    def _visible(self, text: str, pointer: str) -> str:
        kept, count = _INVISIBLE.subn("", text)
        if count:
            self._note("invisible", pointer, f"{count} invisible character(s) or run(s) of them", "left out")
        return kept

    def _system_first(self, messages: Any, pointer: str) -> Any:
        found = [at for at, each in enumerate(messages) if isinstance(each, dict) and each.get("role") == "system"]
        if len(found) != 1 or found == [0]:
            return messages
        self._note("system_not_first", f"{pointer}/{found[0]}", "the system message after others", "the first message")
        return [messages[found[0]], *messages[: found[0]], *messages[found[0] + 1 :]]


def _role(role: Any) -> Any:
    if not isinstance(role, str) or role in _ROLES:
        return role
    plain = role.strip().lower()
    return plain if plain in _ROLES else _ALIASES.get(plain, role)


def _has_neighbours(roles: list[Any]) -> int:
    return sum(one == other and one in ("user", "assistant") for one, other in pairwise(roles))
