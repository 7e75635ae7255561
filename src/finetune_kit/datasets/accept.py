"""Quick acceptance of rows of chat that are beyond doubt, so that only the others cost an explanation."""

from __future__ import annotations

from typing import Any, Final

import orjson

from finetune_kit.datasets.syntax import count_keys
from finetune_kit.datasets.tools import declaration_problems

__all__ = ["ChatAcceptor"]

_NOT_ACCEPTED: Final = -1
# id, type and function; name and arguments.
_KEYS_OF_CALL: Final = 5
_KNOWN_TOP_KEYS: Final = frozenset({"messages", "tools", "parallel_tool_calls"})
_REMEMBERED_TOOL_LISTS: Final = 1024


class ChatAcceptor:
    """Says of a row of supervised chat whether all rules hold; False means only "look closer".

    Its loop over plain messages decides how fast files are validated, and is written for
    that: no calls but those of the interpreter. A list of tools that was seen before is
    known by its bytes. More colons than keys betray duplicate keys, which no fast parser
    reports.
    """

    def __init__(self) -> None:
        self._tool_lists: dict[bytes, tuple[int, frozenset[str]] | None] = {}

    def accepts(self, raw: bytes, row: Any) -> bool:
        """Tell whether the row, parsed from the line `raw`, keeps every rule for certain."""
        if type(row) is not dict:
            return False
        messages = row.get("messages")
        if type(messages) is not list:
            return False
        keys = _plain_keys(messages) if len(row) == 1 else _NOT_ACCEPTED
        if keys == _NOT_ACCEPTED:
            keys = self._keys(row, messages)
        if keys == _NOT_ACCEPTED:
            return False
        keys += len(row)
        colons = raw.count(b'":')
        return bool(colons == keys or colons - raw.count(b'\\":') == keys)

    def _keys(self, row: dict[str, Any], messages: list[Any]) -> int:
        declared = self._declared(row) if len(row) > 1 else (0, frozenset[str]())
        if declared is None:
            return _NOT_ACCEPTED
        keys, names = declared
        chat = _Chat(names)
        for message in messages:
            more = chat.keys_of(message)
            if more == _NOT_ACCEPTED:
                return _NOT_ACCEPTED
            keys += more
        return keys if chat.last_role == "assistant" else _NOT_ACCEPTED

    def _declared(self, row: dict[str, Any]) -> tuple[int, frozenset[str]] | None:
        if not row.keys() <= _KNOWN_TOP_KEYS:
            return None
        tools = row.get("tools")
        if type(row.get("parallel_tool_calls", True)) is not bool or type(tools) is not list:
            return None
        seen = orjson.dumps(tools)
        if seen not in self._tool_lists:
            if len(self._tool_lists) >= _REMEMBERED_TOOL_LISTS:
                self._tool_lists.clear()
            self._tool_lists[seen] = _checked_tools(tools)
        return self._tool_lists[seen]


def _plain_keys(messages: list[Any]) -> int:
    """Return the number of keys in messages of role and text alone, ending with the assistant."""
    role = None
    for message in messages:
        if type(message) is not dict or len(message) != 2:  # noqa: PLR2004 - role and content
            return _NOT_ACCEPTED
        before, role = role, message.get("role")
        if role != "user" and role != "assistant" and (role != "system" or before is not None):  # noqa: PLR1714 - faster
            return _NOT_ACCEPTED
        content = message.get("content")
        # Looking for one character first is several times as fast as looking for two.
        if type(content) is not str or not content or content.isspace() or ("|" in content and "<|" in content):
            return _NOT_ACCEPTED
    return 2 * len(messages) if role == "assistant" else _NOT_ACCEPTED


def _checked_tools(tools: list[Any]) -> tuple[int, frozenset[str]] | None:
    if any(True for _ in declaration_problems({"tools": tools}, "")):
        return None
    return count_keys(tools), frozenset(tool["function"]["name"] for tool in tools)


class _Chat:
    """What a chat has declared and called so far."""

    __slots__ = ("_names", "_waiting", "last_role")

    def __init__(self, names: frozenset[str]) -> None:
        self.last_role: Any = None
        self._names = names
        self._waiting: set[str] = set()

    def keys_of(self, message: Any) -> int:
        """Return the number of keys in the next message, or that it is not accepted."""
        if type(message) is not dict:
            return _NOT_ACCEPTED
        before, role = self.last_role, message.get("role")
        self.last_role = role
        if role == "tool":
            return self._keys_of_result(message)
        if self._waiting:
            return _NOT_ACCEPTED
        if role == "assistant":
            return self._keys_of_calls(message) if "tool_calls" in message else _keys_of_text(message, "weight")
        if role == "user":
            return _keys_of_text(message, "name")
        return _keys_of_text(message, None) if role == "system" and before is None else _NOT_ACCEPTED

    def _keys_of_result(self, message: dict[str, Any]) -> int:
        answered = message.get("tool_call_id")
        if len(message) != 3 or type(answered) is not str or answered not in self._waiting:  # noqa: PLR2004
            return _NOT_ACCEPTED
        self._waiting.remove(answered)
        return 3 if _is_text(message.get("content")) else _NOT_ACCEPTED

    def _keys_of_calls(self, message: dict[str, Any]) -> int:
        calls = message["tool_calls"]
        content = message.get("content")
        if type(calls) is not list or not calls or len(message) != 2 + ("content" in message):
            return _NOT_ACCEPTED
        if content is not None and not _is_text(content):
            return _NOT_ACCEPTED
        for call in calls:
            if not self._is_good_call(call):
                return _NOT_ACCEPTED
            self._waiting.add(call["id"])
        return len(message) + _KEYS_OF_CALL * len(calls)

    def _is_good_call(self, call: Any) -> bool:
        if type(call) is not dict or len(call) != 3 or call.get("type") != "function":  # noqa: PLR2004
            return False
        identity, function = call.get("id"), call.get("function")
        if type(identity) is not str or not identity or identity in self._waiting:
            return False
        if type(function) is not dict or len(function) != 2 or type(function.get("name")) is not str:  # noqa: PLR2004
            return False
        return function["name"] in self._names and _is_object(function.get("arguments"))


def _keys_of_text(message: dict[str, Any], option: str | None) -> int:
    content = message.get("content")
    keys = 2 if _is_text(content) else _keys_of_parts(content, message.get("role"))
    if keys == _NOT_ACCEPTED or len(message) == 2:  # noqa: PLR2004 - role and content
        return keys
    extra = message.get(option) if option else None
    good = type(extra) is str if option == "name" else type(extra) is int and extra == 1
    return keys + 1 if good and len(message) == 3 else _NOT_ACCEPTED  # noqa: PLR2004 - role, content and the option


def _keys_of_parts(parts: Any, role: Any) -> int:
    if type(parts) is not list or not parts or role != "user":
        return _NOT_ACCEPTED
    keys = 2
    for part in parts:
        if type(part) is not dict or len(part) != 2:  # noqa: PLR2004 - type, and what it is
            return _NOT_ACCEPTED
        image: Any = part.get("image_url")
        if part.get("type") == "text" and _is_text(part.get("text")):
            keys += 2
        elif part.get("type") == "image_url" and _is_image(image):
            keys += 2 + len(image)
        else:
            return _NOT_ACCEPTED
    return keys


def _is_image(image: Any) -> bool:
    if type(image) is not dict or type(image.get("url")) is not str:
        return False
    return len(image) == 1 or (len(image) == 2 and image.get("detail") in ("low", "high", "auto"))  # noqa: PLR2004


def _is_text(content: Any) -> bool:
    return type(content) is str and bool(content) and not content.isspace() and "<|" not in content


def _is_object(arguments: Any) -> bool:
    if type(arguments) is not str:
        return False
    try:
        return type(orjson.loads(arguments)) is dict
    except orjson.JSONDecodeError:
        return False
