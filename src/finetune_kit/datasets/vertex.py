"""Chats in the shape of Google's Vertex: contents of parts, with the system message beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finetune_kit.datasets.convert import UnfitRowError
from finetune_kit.datasets.plain_turns import call_arguments, in_call_order, lose_options, message_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Lose = Callable[[str], None]

__all__ = ["vertex_row"]


def vertex_row(row: dict[str, Any], lose: Lose) -> dict[str, Any]:
    """Return a chat in the shape of Vertex, and name what that does not hold."""
    lose_options(row, lose, keys=("tools", "parts"))
    names: dict[str, str] = {}
    contents: list[dict[str, Any]] = []
    system = [message_text(message) for message in row["messages"] if message["role"] in ("system", "developer")]
    for message in in_call_order(row["messages"]):
        if message["role"] not in ("system", "developer"):
            role = "model" if message["role"] == "assistant" else "user"
            contents.append({"role": role, "parts": _vertex_parts(message, names, lose)})
    made: dict[str, Any] = {"contents": contents}
    if system:
        made = {"systemInstruction": {"role": "system", "parts": [{"text": text} for text in system]}, **made}
    if row.get("tools"):
        made["tools"] = [{"functionDeclarations": [_declaration(tool["function"], lose) for tool in row["tools"]]}]
    return made


def _vertex_parts(message: dict[str, Any], names: dict[str, str], lose: Lose) -> list[dict[str, Any]]:
    if message["role"] == "tool":
        called = names.get(message.get("tool_call_id") or "")
        if called is None:
            raise UnfitRowError("a tool message answers no call before it", "run validate() on the dataset")
        return [{"functionResponse": {"name": called, "response": {"content": message_text(message)}}}]
    if message["role"] == "function" or message.get("function_call"):
        raise UnfitRowError("the chat uses functions, the form before tools", "rewrite functions as tools")
    parts = _content_parts(message, lose)
    for call in message.get("tool_calls") or ():
        lose("ids of calls: results belong to the calls before them")
        names[call["id"]] = call["function"]["name"]
        parts.append({"functionCall": {"name": call["function"]["name"], "args": call_arguments(call["function"])}})
    return parts


def _content_parts(message: dict[str, Any], lose: Lose) -> list[dict[str, Any]]:
    content = message.get("content")
    if not isinstance(content, list):
        text = message_text(message)
        return [{"text": text}] if text else []
    return [_content_part(part, lose) for part in content]


def _content_part(part: dict[str, Any], lose: Lose) -> dict[str, Any]:
    if part.get("type") == "text":
        return {"text": part["text"]}
    url = (part.get("image_url") or {}).get("url", "")
    head, _, data = url.removeprefix("data:").partition(",")
    if not url.startswith("data:") or ";base64" not in head:
        raise UnfitRowError("an image is elsewhere, at a url", "put the image itself into the example, in base64")
    if part["image_url"].get("detail", "auto") != "auto":
        lose("detail of images")
    return {"inlineData": {"mimeType": head.partition(";")[0], "data": data}}


def _declaration(function: dict[str, Any], lose: Lose) -> dict[str, Any]:
    if function.get("strict"):
        lose("strict of tools")
    return {key: function[key] for key in ("name", "description", "parameters") if key in function}
