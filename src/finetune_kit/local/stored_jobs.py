"""The fine-tuning jobs that the embedded server holds, and the statuses they pass through."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import orjson

from finetune_kit.local.pages import PageOf, Window, cut_page

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

    from finetune_kit.local.database import Database

__all__ = ["JobStatus", "StoredJob", "StoredJobs", "Wish"]

JobStatus = Literal["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"]
Wish = Literal["cancel", "pause"]
_JSON_COLUMNS = frozenset({"method", "resolved", "metadata", "integrations", "error"})


@dataclass(frozen=True, slots=True)
class StoredJob:
    """One job as it is now; times in unix seconds.

    `method` is the method as requested, `resolved` what its "auto" values became.
    `model` is the model to start from, `base` the base model under it. `reserved_model`
    is the id that the tuned model gets if the job succeeds. `resume` tells that an
    earlier try left a state behind, `wish` what the owner asked of a running job.
    """

    seq: int
    id: str
    status: JobStatus
    created_at: int
    model: str
    base: str
    seed: int
    method: Mapping[str, Any]
    resolved: Mapping[str, int | float]
    training_file: str
    reserved_model: str
    finished_at: int | None = None
    estimated_finish: int | None = None
    suffix: str | None = None
    validation_file: str | None = None
    metadata: Mapping[str, str] | None = None
    integrations: Sequence[Mapping[str, Any]] | None = None
    fine_tuned_model: str | None = None
    result_file: str | None = None
    error: Mapping[str, str | None] | None = None
    trained_tokens: int | None = None
    wish: Wish | None = None
    resume: bool = False


_COLUMNS = tuple(field.name for field in fields(StoredJob) if field.name != "seq")


class StoredJobs:
    """The jobs of one server directory. A status changes only from those it may follow."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def add(self, job: StoredJob) -> None:
        """Keep a new job."""
        marks = ", ".join("?" * len(_COLUMNS))
        sql = f"INSERT INTO jobs ({', '.join(_COLUMNS)}) VALUES ({marks})"  # noqa: S608 - names of our own columns
        self._database.write(sql, *(_cell(name, getattr(job, name)) for name in _COLUMNS))

    def get(self, identifier: str) -> StoredJob | None:
        """Return a job, or None if there is none with this id."""
        row = self._database.row("SELECT * FROM jobs WHERE id = ?", identifier)
        return _job(row) if row else None

    def require(self, identifier: str) -> StoredJob:
        """Return a job that is known to exist."""
        job = self.get(identifier)
        if job is None:
            raise KeyError(identifier)
        return job

    def page(
        self, window: Window, *, metadata: Mapping[str, str], without_metadata: bool = False
    ) -> PageOf[StoredJob] | None:
        """Return a page, newest first, of the jobs that carry this metadata; None if `after` is unknown."""
        start = self._database.row("SELECT seq FROM jobs WHERE id = ?", window.after) if window.after else None
        if window.after and start is None:
            return None
        sql = "SELECT * FROM jobs WHERE seq < ?"
        values: list[str | int] = [start["seq"] if start else 2**62]
        if without_metadata:
            sql += " AND metadata IS NULL"
        for pair in metadata.items():
            sql += " AND EXISTS (SELECT 1 FROM json_each(jobs.metadata) AS pair WHERE pair.key = ? AND pair.value = ?)"
            values.extend(pair)
        rows = self._database.rows(sql + " ORDER BY seq DESC LIMIT ?", *values, window.limit + 1)
        return cut_page([_job(row) for row in rows], window.limit)

    def oldest(self, status: JobStatus) -> StoredJob | None:
        """Return the job that has been waiting longest in a status."""
        row = self._database.row("SELECT * FROM jobs WHERE status = ? ORDER BY seq LIMIT 1", status)
        return _job(row) if row else None

    def move(self, identifier: str, status: JobStatus, *, where: Sequence[JobStatus], **changes: Any) -> bool:
        """Give a job a new status, and other values with it, if it now has one of those in `where`."""
        names = "".join(f", {name} = ?" for name in changes)
        marks = ", ".join("?" * len(where))
        sql = f"UPDATE jobs SET status = ?{names} WHERE id = ? AND status IN ({marks})"  # noqa: S608 - names of our own
        values = [_cell(name, value) for name, value in changes.items()]
        return bool(self._database.write(sql, status, *values, identifier, *where))

    def update(self, identifier: str, **changes: Any) -> None:
        """Change values of a job other than its status."""
        names = ", ".join(f"{name} = ?" for name in changes)
        sql = f"UPDATE jobs SET {names} WHERE id = ?"  # noqa: S608 - names of our own columns
        self._database.write(sql, *(_cell(name, value) for name, value in changes.items()), identifier)

    def recover(self) -> None:
        """Put the jobs that were running when a server ended back where they can go on."""
        with self._database.transaction():
            moment = int(self._now())
            self._database.write(
                "UPDATE jobs SET status = 'cancelled', finished_at = ?, estimated_finish = NULL "
                "WHERE status = 'running' AND wish = 'cancel'",
                moment,
            )
            self._database.write(
                "UPDATE jobs SET status = 'paused', estimated_finish = NULL, wish = NULL "
                "WHERE status = 'running' AND wish = 'pause'"
            )
            self._database.write("UPDATE jobs SET status = 'queued', resume = 1 WHERE status = 'running'")


def _cell(name: str, value: Any) -> Any:
    return orjson.dumps(value).decode() if name in _JSON_COLUMNS and value is not None else value


def _job(row: sqlite3.Row) -> StoredJob:
    values = {name: row[name] for name in row.keys()}  # noqa: SIM118 - iterating a Row gives values
    for name in _JSON_COLUMNS:
        values[name] = orjson.loads(values[name]) if values[name] is not None else None
    values["resume"] = bool(values["resume"])
    return StoredJob(**values)
