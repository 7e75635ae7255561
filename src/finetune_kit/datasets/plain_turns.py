"""What formats of plain turns need to know of messages: their text, their calls, and what is lost."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Any

from finetune_kit.datasets.convert import UnfitRowError

if TYPE_CHECKING:
    from collections.abc import Callable

    Lose = Callable[[str], None]

__all__ = ["call_arguments", "in_call_order", "lose_options", "lose_role", "message_text"]


def message_text(message: dict[str, Any]) -> str:
    """Return the text of a message; raise UnfitRowError where there are images in it, or a refusal alone."""
    content = message.get("content")
    if content is None and message.get("refusal") is not None:
        raise UnfitRowError("a message is a refusal, which the format does not hold", "write it as content")
    if isinstance(content, list):
        if any(part.get("type") != "text" for part in content):
            raise UnfitRowError("a message has images, which the format does not hold", "leave the example out")
        return "".join(part["text"] for part in content)
    return content or ""


def lose_options(row: dict[str, Any], lose: Lose, *, keys: tuple[str, ...] = ()) -> None:
    """Name what a format of plain turns does not hold: keys of the row and options of messages, but for `keys`."""
    for key in ("tools", "functions", "parallel_tool_calls"):
        if key in row and key not in keys:
            lose(key)
    for message in row["messages"]:
        lose_role(message, lose)
        if isinstance(message.get("content"), list) and len(message["content"]) > 1 and "parts" not in keys:
            lose("the borders between the parts of a text")
        for key in ("name", "weight", "refusal"):
            if message.get(key) is not None and key not in keys and not (key == "weight" and message[key] == 1):
                lose(f"{key} of messages")


def lose_role(message: dict[str, Any], lose: Lose) -> None:
    """Name the role of developers, which the format calls system."""
    if message.get("role") == "developer":
        lose("the role developer: it is system there")


def in_call_order(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages with the results of calls in the order of these, where a format tells them apart by it alone."""
    ordered: list[dict[str, Any]] = []
    for is_result, run in groupby(messages, key=lambda message: message.get("role") == "tool"):
        calls = [call["id"] for call in (ordered[-1].get("tool_calls") if ordered else None) or ()]
        results = list(run)
        known = is_result and all(result.get("tool_call_id") in calls for result in results)
        ordered += sorted(results, key=lambda result: calls.index(result["tool_call_id"])) if known else results
    return ordered


def call_arguments(function: dict[str, Any]) -> Any:
    """Return the arguments of a call as an object; raise UnfitRowError where they are not JSON."""
    try:
        return json.loads(function["arguments"])
    except (ValueError, RecursionError) as error:
        raise UnfitRowError("the arguments of a call are not JSON", "run validate() on the dataset") from error
