"""What a row says, as plain text: what is asked, under which instructions, and what is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from finetune_kit.datasets.duplicates import digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from finetune_kit.datasets.rules import MethodName

__all__ = ["answer_text", "asked_text", "instruction_text", "row_text", "without_answer"]

_INSTRUCT: Final = ("system", "developer")
_OUTPUTS: Final = ("preferred_output", "non_preferred_output")
_PROMPT_KEYS: Final = frozenset({"messages", "tools", "parallel_tool_calls", "functions", "response_format"})
_CALLS: Final = ("tool_calls", "function_call")


def asked_text(row: Mapping[str, Any], method: MethodName) -> str:
    """Return what all messages before the answer say, those that instruct left out; of an image, its digest."""
    prompt = [message for message in _prompt(row, method) if message.get("role") not in _INSTRUCT]
    return "\n".join(text for message in prompt for text in _said(message))


def answer_text(row: Mapping[str, Any], method: MethodName) -> str:
    """Return what is taught: the answer with its calls, both outputs of a preference, or the fields for graders."""
    if method == "dpo":
        outputs = (message for key in _OUTPUTS for message in _messages(row.get(key)))
        return "\n".join(text for message in outputs for text in _said(message))
    if method == "reinforcement":
        return "\n".join(_scalars({key: row[key] for key in sorted(row.keys() - _PROMPT_KEYS)}))
    messages = _messages(row.get("messages"))
    return "\n".join(text for message in messages[_answer_at(messages) :] for text in _said(message))


def instruction_text(row: Mapping[str, Any], method: MethodName) -> str:
    """Return what the row is to be answered by: system and developer messages, and the tools declared."""
    given = row.get("input") if method == "dpo" else row
    chat = given if isinstance(given, dict) else {}
    declared = {key: chat[key] for key in sorted(_PROMPT_KEYS & chat.keys() - {"messages"})}
    instructing = [message for message in _prompt(row, method) if message.get("role") in _INSTRUCT]
    return "\n".join([*(text for message in instructing for text in _said(message)), *_scalars(declared)])


def row_text(row: Mapping[str, Any]) -> str:
    """Return all keys and values of a row, one after the other."""
    return "\n".join(_scalars(row))


def without_answer(row: Mapping[str, Any], method: MethodName) -> dict[str, Any]:
    """Return the part of a row that a model would be given."""
    if method == "dpo":
        return {"input": row.get("input")}
    if method == "reinforcement":
        return {key: row[key] for key in row if key in _PROMPT_KEYS}
    messages = row.get("messages")
    if not isinstance(messages, list):
        return dict(row)
    kept = messages[: _answer_at(messages)]
    return {**row, "messages": kept}


def _prompt(row: Mapping[str, Any], method: MethodName) -> list[dict[str, Any]]:
    if method == "dpo":
        prompt = row.get("input")
        return _messages(prompt.get("messages")) if isinstance(prompt, dict) else []
    messages = _messages(row.get("messages"))
    return messages if method == "reinforcement" else messages[: _answer_at(messages)]


def _answer_at(messages: list[Any]) -> int:
    """Return where the last assistant message stands; the end if there is none."""
    places = (at for at in range(len(messages) - 1, -1, -1) if _role(messages[at]) == "assistant")
    return next(places, len(messages))


def _said(message: Mapping[str, Any]) -> Iterator[str]:
    content = message.get("content")
    if isinstance(content, list):
        for part in content:
            yield from _scalars(part["text"]) if isinstance(part, dict) and "text" in part else _scalars(part)
    else:
        yield from _scalars(content)
    for key in _CALLS:
        for call in message[key] if isinstance(message.get(key), list) else [message.get(key)]:
            # The id of a call is made up anew each time.
            yield from _scalars(call.get("function", call) if isinstance(call, dict) else call)


def _scalars(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield digest(value.encode(errors="surrogatepass")).hex() if value.startswith("data:") else value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _scalars(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _scalars(inner)
    elif value is not None:
        yield orjson.dumps(value).decode()


def _messages(value: Any) -> list[dict[str, Any]]:
    return [message for message in value if isinstance(message, dict)] if isinstance(value, list) else []


def _role(message: Any) -> object:
    return message.get("role") if isinstance(message, dict) else None
