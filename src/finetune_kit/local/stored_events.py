"""The events of jobs that the embedded server holds, each kept once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import orjson

from finetune_kit.local.identifiers import event_id, event_number
from finetune_kit.local.pages import PageOf, Window, cut_page

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from finetune_kit.local.database import Database

__all__ = ["Level", "StoredEvent", "StoredEvents"]

Level = Literal["info", "warn", "error"]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """Something that happened in a job, at `created_at` (unix seconds)."""

    id: str
    created_at: int
    level: Level
    type: Literal["message", "metrics"]
    message: str
    data: Mapping[str, Any]


class StoredEvents:
    """The events of one server directory.

    An event with a `key` is kept once for its job: a resumed run that goes over the same
    steps again adds nothing.
    """

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def say(self, job_id: str, message: str, *, level: Level = "info", key: str | None = None) -> None:
        """Add a message event."""
        self._add(job_id, level, "message", message, b"{}", key)

    def measure(self, job_id: str, message: str, data: Mapping[str, Any]) -> None:
        """Add a metrics event; `data` has its step."""
        self._add(job_id, "info", "metrics", message, orjson.dumps(data), f"step:{data['step']}")

    def page(self, job_id: str, window: Window) -> PageOf[StoredEvent] | None:
        """Return a page, newest first; None if `after` is no event of this job."""
        start = 2**62
        if window.after:
            number = event_number(window.after)
            if not self._database.row("SELECT 1 FROM events WHERE seq = ? AND job_id = ?", number, job_id):
                return None
            start = number or 0
        rows = self._database.rows(
            "SELECT * FROM events WHERE job_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
            *(job_id, start, window.limit + 1),
        )
        return cut_page([_event(row) for row in rows], window.limit)

    def metrics(self, job_id: str) -> list[Mapping[str, Any]]:
        """Return the data of the metrics events of a job, by step."""
        rows = self._database.rows("SELECT data FROM events WHERE job_id = ? AND type = 'metrics'", job_id)
        return sorted((orjson.loads(row["data"]) for row in rows), key=lambda data: int(data["step"]))

    def _add(self, job_id: str, level: Level, kind: str, message: str, data: bytes, key: str | None) -> None:
        self._database.write(
            "INSERT OR IGNORE INTO events (job_id, created_at, level, type, message, data, key) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(job_id, int(self._now()), level, kind, message, data.decode(), key),
        )


def _event(row: sqlite3.Row) -> StoredEvent:
    values = {name: row[name] for name in ("created_at", "level", "type", "message")}
    return StoredEvent(id=event_id(row["seq"]), data=orjson.loads(row["data"]), **values)
