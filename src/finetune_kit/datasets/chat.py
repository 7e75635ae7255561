"""The rules for the messages of one chat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finetune_kit.datasets.calls import call_problems, conversation_problems
from finetune_kit.datasets.images import image_list_problems
from finetune_kit.datasets.rules import SPECIAL_TOKENS, Problem
from finetune_kit.datasets.syntax import child, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ROLES", "is_plain_message", "is_refused_token", "message_list_problems", "message_problems"]

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})

_KEYS = frozenset({"role", "content", "name", "tool_calls", "tool_call_id", "function_call", "refusal", "weight"})
_ASSISTANT_ONLY = ("weight", "tool_calls", "function_call", "refusal")
_NEVER_NULL = ("name", "tool_calls", "weight")
_INSTRUCTIONS = ("system", "developer")
_MAY_BE_EMPTY = ("tool", "function")


def message_list_problems(messages: Any, pointer: str) -> Iterator[Problem]:
    """Yield what is wrong with the messages of a chat: each for itself, their order, their calls."""
    if not isinstance(messages, list):
        yield Problem("messages", pointer, f"messages is {shown_kind(messages)}, not an array")
        return
    if not messages:
        yield Problem("messages", pointer, "messages is empty")
        return
    for index, message in enumerate(messages):
        if not is_plain_message(message):
            yield from message_problems(message, f"{pointer}/{index}")
    yield from _order_problems(messages, pointer)
    yield from conversation_problems(messages, pointer)
    yield from image_list_problems(messages, pointer)


def message_problems(message: Any, pointer: str) -> Iterator[Problem]:
    """Yield what is wrong with one message by itself."""
    if not isinstance(message, dict):
        yield Problem("message_type", pointer, f"a message is {shown_kind(message)}, not an object")
        return
    for key in message.keys() - _KEYS:
        yield Problem("message_key", child(pointer, key), f"a message has the unknown key {shown(key)}")
    yield from _role_problems(message, pointer)
    yield from _content_problems(message, pointer)
    yield from _field_problems(message, pointer)
    yield from call_problems(message, pointer)


def is_refused_token(text: str) -> str | None:
    """Return the first special token that stands in a text, or None."""
    if "<|" not in text:
        return None
    return next((token for token in SPECIAL_TOKENS if token in text), None)


def is_plain_message(message: Any) -> bool:
    """Tell whether a message is a known role and a text, and nothing to object to by itself."""
    if type(message) is not dict or len(message) != 2:  # noqa: PLR2004 - role and content
        return False
    content = message.get("content")
    if type(content) is not str or not content or content.isspace() or "<|" in content:
        return False
    return message.get("role") in ("user", "assistant", "system")


def shown_kind(value: object) -> str:
    """Describe a value by its type alone, where its text could be a training example."""
    return "a string" if isinstance(value, str) else shown(value)


def _role_problems(message: dict[str, Any], pointer: str) -> Iterator[Problem]:
    if "role" not in message:
        yield Problem("role", pointer, "a message has no role")
        return
    role = message["role"]
    if not isinstance(role, str) or role not in ROLES:
        yield Problem("role", f"{pointer}/role", f"role {shown(role)} is none of system, user, assistant, tool")


def _content_problems(message: dict[str, Any], pointer: str) -> Iterator[Problem]:
    content = message.get("content")
    if content is None:
        if all(message.get(key) is None for key in ("tool_calls", "function_call", "refusal")):
            state = "null" if "content" in message else "missing"
            yield Problem("content_missing", f"{pointer}/content", f"content is {state}")
    elif isinstance(content, str):
        yield from _text_problems(content, message, f"{pointer}/content")
    elif isinstance(content, list) and message.get("role") == "function":
        yield Problem("content_type", f"{pointer}/content", "content of a function message is an array, not a string")
    elif isinstance(content, list):
        yield from _part_list_problems(content, message, f"{pointer}/content")
    else:
        reason = f"content is {shown(content)}, not a string or an array of parts"
        yield Problem("content_type", f"{pointer}/content", reason)


def _text_problems(text: str, message: dict[str, Any], pointer: str) -> Iterator[Problem]:
    needed = message.get("role") not in _MAY_BE_EMPTY and not message.get("tool_calls")
    if needed and (not text or text.isspace()):
        yield Problem("content_empty", pointer, "content is empty" if not text else "content is only white space")
    if token := is_refused_token(text):
        yield Problem("special_token", pointer, f"content has the special token {token}, which the service refuses")


def _part_list_problems(parts: list[Any], message: dict[str, Any], pointer: str) -> Iterator[Problem]:
    if not parts:
        yield Problem("content_empty", pointer, "content is an empty array")
    for index, part in enumerate(parts):
        yield from _part_problems(part, message.get("role"), f"{pointer}/{index}")


def _part_problems(part: Any, role: Any, pointer: str) -> Iterator[Problem]:
    if not isinstance(part, dict):
        yield Problem("content_part", pointer, f"a content part is {shown_kind(part)}, not an object")
        return
    kind = part.get("type")
    if kind == "text":
        yield from _text_part_problems(part, pointer)
    elif kind == "image_url":
        yield from _image_problems(part, role, pointer)
    elif kind == "refusal" and role == "assistant":
        if not isinstance(part.get("refusal"), str):
            yield Problem("content_part", f"{pointer}/refusal", "refusal of a content part is not a string")
    else:
        known = "text or image_url"
        reason = f"type {shown(kind)} of a content part is not {known}" if kind else "a content part has no type"
        yield Problem("content_part", f"{pointer}/type", reason)


def _text_part_problems(part: dict[str, Any], pointer: str) -> Iterator[Problem]:
    text = part.get("text")
    if not isinstance(text, str):
        yield Problem("content_part", f"{pointer}/text", f"text of a content part is {shown(text)}, not a string")
    elif token := is_refused_token(text):
        reason = f"content has the special token {token}, which the service refuses"
        yield Problem("special_token", f"{pointer}/text", reason)


def _image_problems(part: dict[str, Any], role: Any, pointer: str) -> Iterator[Problem]:
    image = part.get("image_url")
    if role != "user":
        yield Problem("content_part", f"{pointer}/type", "an image stands outside a user message")
    if not isinstance(image, dict) or not isinstance(image.get("url"), str):
        yield Problem("content_part", f"{pointer}/image_url", "image_url is not an object with a string url")
    elif image.get("detail", "auto") not in ("low", "high", "auto"):
        reason = f"detail {shown(image['detail'])} is none of low, high, auto"
        yield Problem("content_part", f"{pointer}/image_url/detail", reason)


def _field_problems(message: dict[str, Any], pointer: str) -> Iterator[Problem]:
    role = message.get("role")
    for key in _ASSISTANT_ONLY:
        if message.get(key) is not None and role != "assistant":
            rule = "weight" if key == "weight" else "message_field"
            yield Problem(rule, f"{pointer}/{key}", f"{key} stands in a message that is not of the assistant")
    for key in ("name", "refusal"):
        value = message.get(key)
        if value is not None and not isinstance(value, str):
            yield Problem("message_field", f"{pointer}/{key}", f"{key} is {shown(value)}, not a string")
    if role == "function" and not message.get("name"):
        yield Problem("message_field", f"{pointer}/name", "a function message has no name")
    for key in _NEVER_NULL:
        if key in message and message[key] is None:
            yield Problem("null_field", f"{pointer}/{key}", f"{key} is null, which the published format does not have")
    if message.get("weight") is not None and (type(message["weight"]) is not int or message["weight"] not in (0, 1)):
        yield Problem("weight", f"{pointer}/weight", f"weight is {shown(message['weight'])}, not 0 or 1")


def _order_problems(messages: list[Any], pointer: str) -> Iterator[Problem]:
    roles = [message.get("role") if isinstance(message, dict) else None for message in messages]
    opened = False
    for index, role in enumerate(roles):
        if opened and role in _INSTRUCTIONS:
            yield Problem("system_not_first", f"{pointer}/{index}", f"a {role} message stands after the chat has begun")
        opened = opened or role not in _INSTRUCTIONS
