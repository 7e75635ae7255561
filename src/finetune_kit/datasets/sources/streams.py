"""Answers of streamed calls, joined from their chunks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

__all__ = ["joined"]

_ENDS: Final = ("response.completed", "response.incomplete", "response.failed")


def joined(response: Any) -> Any:
    """Return the response that the chunks of a stream make up, in a list or as server-sent events; any other as it is.

    A stream without an end counts as cut off.
    """
    chunks = _events(response) if isinstance(response, str) and response.startswith("data:") else response
    if not isinstance(chunks, list) or not chunks or not all(isinstance(chunk, Mapping) for chunk in chunks):
        return response
    whole = next((chunk.get("response") for chunk in chunks if chunk.get("type") in _ENDS), None)
    if whole is not None:
        return whole
    choices = [choice for chunk in chunks for choice in _choices(chunk)]
    return {"id": chunks[0].get("id"), "choices": [_choice(choices)]} if choices else response


def _events(text: str) -> list[Any] | None:
    data = (line.removeprefix("data:").strip() for line in text.splitlines() if line.startswith("data:"))
    try:
        return [orjson.loads(each) for each in data if each and each != "[DONE]"]
    except orjson.JSONDecodeError:
        return None


def _choices(chunk: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the parts of the first answer that a chunk brings."""
    found = chunk.get("choices")
    parts = [part for part in found if isinstance(part, Mapping)] if isinstance(found, list) else []
    return [part for part in parts if isinstance(part.get("delta"), Mapping) and part.get("index", 0) == 0]


def _choice(parts: list[Mapping[str, Any]]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None}
    calls: dict[int, dict[str, Any]] = {}
    for part in parts:
        delta = part["delta"]
        for key in ("content", "refusal"):
            if isinstance(delta.get(key), str):
                message[key] = (message.get(key) or "") + delta[key]
        for call in delta["tool_calls"] if isinstance(delta.get("tool_calls"), list) else ():
            if isinstance(call, Mapping) and isinstance(call.get("index", 0), int):
                _join_call(calls.setdefault(call.get("index", 0), {"id": None, "type": "function"}), call)
    if calls:
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
    ends = [part["finish_reason"] for part in parts if part.get("finish_reason")]
    return {"message": message, "finish_reason": ends[-1] if ends else "incomplete"}


def _join_call(call: dict[str, Any], part: Mapping[str, Any]) -> None:
    """Add what a chunk brings of a call: its id and name come once, its arguments piece by piece."""
    given = part.get("function")
    function = call.setdefault("function", {"name": "", "arguments": ""})
    call["id"] = part.get("id") or call["id"]
    for key in ("name", "arguments"):
        piece = given.get(key) if isinstance(given, Mapping) else None
        function[key] += piece if isinstance(piece, str) else ""
