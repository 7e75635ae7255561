"""The texts of a row with the strings inside its tool calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune_kit.datasets.audit.row import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from finetune_kit.datasets.audit.row import AuditRow

__all__ = ["row_values"]


def row_values(row: AuditRow) -> Iterator[Text]:
    """Yield every text of a row, and the arguments of every tool call as they are written."""
    yield from row.texts
    base = "/input/messages" if row.method == "dpo" else "/messages"
    for index, message in enumerate(row.messages):
        calls = message.get("tool_calls")
        for number, call in enumerate(calls if isinstance(calls, list) else ()):
            function = call.get("function") if isinstance(call, dict) else None
            arguments = function.get("arguments") if isinstance(function, dict) else None
            if isinstance(arguments, str):
                yield Text(f"{base}/{index}/tool_calls/{number}/function/arguments", "assistant", arguments)
