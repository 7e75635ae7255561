"""What formats of plain turns need to know of messages: their text, their calls, and what is lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from finetune_kit.datasets.convert import UnfitRowError

if TYPE_CHECKING:
    from collections.abc import Callable

    Lose = Callable[[str], None]

__all__ = ["call_arguments", "lose_options", "message_text"]


def message_text(message: dict[str, Any]) -> str:
    """Return the text of a message; raise UnfitRowError where there are images in it."""
    content = message.get("content")
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
        for key in ("name", "weight", "refusal"):
            if message.get(key) is not None and key not in keys and not (key == "weight" and message[key] == 1):
                lose(f"{key} of messages")


def call_arguments(function: dict[str, Any]) -> Any:
    """Return the arguments of a call as an object; raise UnfitRowError where they are not JSON."""
    try:
        return json.loads(function["arguments"])
    except (ValueError, RecursionError) as error:
        raise UnfitRowError("the arguments of a call are not JSON", "run validate() on the dataset") from error
