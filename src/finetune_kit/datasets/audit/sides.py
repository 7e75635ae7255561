"""The two sides of a row: what is asked, and what is taught as its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from finetune_kit.datasets.duplicates import text_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from finetune_kit.datasets.audit.row import AuditRow
    from finetune_kit.datasets.findings import Place

__all__ = ["Sides", "Spot", "sides", "spot"]

_ASKED_IN_EVERY_METHOD: Final = {"messages", "tools", "parallel_tool_calls"}


class Sides(NamedTuple):
    """What a row asks, without the system prompt, and what it teaches, with its tool calls."""

    asked: str
    taught: str
    setting: bytes
    """Digest of the system prompt and the tools that it is asked under."""

    @property
    def whole(self) -> str:
        """Both, one after the other."""
        return f"{self.asked}\n{self.taught}"


class Spot(NamedTuple):
    """Where a row stands, for checks that keep no rows."""

    place: Place
    number: int
    """Number of the example, counted from 1."""


def spot(row: AuditRow) -> Spot:
    """Return where a row stands."""
    return Spot(row.place, row.number)


def sides(row: AuditRow) -> Sides:
    """Return both sides of a row; for a preference, what is taught are both outputs."""
    # The role of a single question would make all short questions more alike.
    asked = row.prompt.removeprefix("user: ") + _images(row)
    setting = text_key(f"{row.system}\n{row.tools}")
    if row.method == "dpo":
        return Sides(asked, f"{row.answer or ''}\n{row.rejected or ''}", setting)
    if row.method == "reinforcement":
        return Sides(asked, _reference(row.row), setting)
    return Sides(asked, (row.answer or "") + _calls(row), setting)


def _reference(row: Mapping[str, Any]) -> str:
    return orjson.dumps(
        {key: row[key] for key in row if key not in _ASKED_IN_EVERY_METHOD}, option=orjson.OPT_SORT_KEYS
    ).decode()


def _images(row: AuditRow) -> str:
    parts = [part for message in row.messages for part in _dicts(message.get("content"))]
    shown = [part["image_url"] for part in parts if "image_url" in part]
    return f"\n{text_key(str(shown)).hex()}" if shown else ""


def _calls(row: AuditRow) -> str:
    last: dict[str, Any] = next(
        (message for message in reversed(row.messages) if message.get("role") == "assistant"), {}
    )
    made = [call.get("function") for call in _dicts(last.get("tool_calls"))]
    return orjson.dumps(made, option=orjson.OPT_SORT_KEYS).decode() if made else ""


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
