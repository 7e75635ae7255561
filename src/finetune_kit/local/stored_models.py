"""The models tuned by the embedded server: final ones, checkpoints, and who may use those."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import orjson

from finetune_kit.local.identifiers import CHECKPOINT_MARK, new_id
from finetune_kit.local.pages import PageOf, Window, cut_page

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from finetune_kit.local.database import Database

__all__ = ["StoredCheckpoint", "StoredModel", "StoredModels", "StoredPermission"]

_CHECKPOINTS_KEPT = 3


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A tuned model, or a checkpoint of one; `adapter` is the directory that holds it."""

    id: str
    created_at: int
    base: str
    adapter: Path


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """The model as it was after a step; `name` is its model id."""

    id: str
    job_id: str
    created_at: int
    name: str
    step: int
    metrics: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredPermission:
    """Leave for a project to use a checkpoint."""

    id: str
    created_at: int
    project_id: str


class StoredModels:
    """The tuned models of one server directory."""

    def __init__(self, database: Database, directory: Path, now: Callable[[], float]) -> None:
        self._database = database
        self._directory = directory
        self._now = now

    def add(self, model: str, job_id: str, base: str, adapter: Path) -> None:
        """Keep the final model of a job."""
        self._database.write(
            "INSERT OR REPLACE INTO models VALUES (?, ?, ?, ?, ?)",
            *(model, job_id, int(self._now()), base, self._relative(adapter)),
        )

    def get(self, model: str) -> StoredModel | None:
        """Return a tuned model or a checkpoint by its model id, or None."""
        row = self._database.row("SELECT id, created_at, base, adapter FROM models WHERE id = ?", model)
        if row is None and CHECKPOINT_MARK in model:
            row = self._database.row(
                "SELECT c.name AS id, c.created_at, j.base, c.adapter FROM checkpoints AS c "
                "JOIN jobs AS j ON j.id = c.job_id WHERE c.name = ?",
                model,
            )
        return self._model(row) if row else None

    def finals(self) -> list[StoredModel]:
        """Return the final models, newest first."""
        sql = "SELECT id, created_at, base, adapter FROM models ORDER BY created_at DESC, id"
        return [self._model(row) for row in self._database.rows(sql)]

    def adapters(self, job_id: str) -> set[PurePosixPath]:
        """Return the directories of a job's models, relative to the job's own."""
        rows = self._database.rows(
            "SELECT adapter FROM models WHERE job_id = ? UNION SELECT adapter FROM checkpoints WHERE job_id = ?",
            *(job_id, job_id),
        )
        return {PurePosixPath(row["adapter"]).relative_to(f"jobs/{job_id}") for row in rows}

    def delete(self, model: str) -> bool:
        """Delete a tuned model with its checkpoints, or one checkpoint; free what they hold."""
        with self._database.transaction():
            rows = self._database.rows(
                "SELECT c.name, c.adapter FROM checkpoints AS c LEFT JOIN models AS m ON m.job_id = c.job_id "
                "WHERE c.name = ? OR m.id = ?",
                *(model, model),
            )
            rows += self._database.rows("SELECT id AS name, adapter FROM models WHERE id = ?", model)
            for row in rows:
                self._database.write("DELETE FROM checkpoints WHERE name = ?", row["name"])
                self._database.write("DELETE FROM permissions WHERE checkpoint = ?", row["name"])
                self._database.write("DELETE FROM models WHERE id = ?", row["name"])
        self._free([row["adapter"] for row in rows])
        return bool(rows)

    def add_checkpoint(self, job_id: str, model: str, step: int, metrics: Mapping[str, Any], adapter: Path) -> bool:
        """Keep a checkpoint, and forget all but the newest three of its job; return whether it is new."""
        with self._database.transaction():
            added = self._database.write(
                "INSERT OR IGNORE INTO checkpoints (id, job_id, created_at, name, step, metrics, adapter) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                *(new_id("ftckpt_"), job_id, int(self._now()), f"{model}{CHECKPOINT_MARK}{step}", step),
                *(orjson.dumps(metrics).decode(), self._relative(adapter)),
            )
            old = self._database.rows(
                "SELECT name, adapter FROM checkpoints WHERE job_id = ? ORDER BY step DESC LIMIT -1 OFFSET ?",
                *(job_id, _CHECKPOINTS_KEPT),
            )
            for row in old:
                self._database.write("DELETE FROM checkpoints WHERE name = ?", row["name"])
        self._free([row["adapter"] for row in old])
        return bool(added)

    def checkpoints(self, job_id: str, window: Window) -> PageOf[StoredCheckpoint] | None:
        """Return a page of a job's checkpoints, newest first; None if `after` is none of them."""
        sql = "SELECT step FROM checkpoints WHERE id = ? AND job_id = ?"
        start = self._database.row(sql, window.after, job_id) if window.after else None
        if window.after and start is None:
            return None
        rows = self._database.rows(
            "SELECT id, job_id, created_at, name, step, metrics FROM checkpoints WHERE job_id = ? AND step < ? "
            "ORDER BY step DESC LIMIT ?",
            *(job_id, start["step"] if start else 2**62, window.limit + 1),
        )
        return cut_page([_checkpoint(row) for row in rows], window.limit)

    def permit(self, checkpoint: str, project_ids: Sequence[str]) -> list[StoredPermission]:
        """Let projects use a checkpoint; return the permission of each."""
        with self._database.transaction():
            for project in project_ids:
                self._database.write(
                    "INSERT OR IGNORE INTO permissions (id, checkpoint, project_id, created_at) VALUES (?, ?, ?, ?)",
                    *(new_id("cp_"), checkpoint, project, int(self._now())),
                )
            rows = self._database.rows(
                "SELECT id, created_at, project_id FROM permissions WHERE checkpoint = ? ORDER BY seq", checkpoint
            )
        return [StoredPermission(*tuple(row)) for row in rows if row["project_id"] in set(project_ids)]

    def permissions(self, checkpoint: str, window: Window, project: str | None) -> PageOf[StoredPermission] | None:
        """Return a page of a checkpoint's permissions; None if `after` is none of them."""
        rows = self._database.rows(
            "SELECT id, created_at, project_id FROM permissions WHERE checkpoint = ? "
            "AND project_id = coalesce(?, project_id) ORDER BY seq",
            *(checkpoint, project),
        )
        found = [StoredPermission(*tuple(row)) for row in (rows if window.ascending else reversed(rows))]
        if window.after:
            ids = [permission.id for permission in found]
            if window.after not in ids:
                return None
            found = found[ids.index(window.after) + 1 :]
        return cut_page(found[: window.limit + 1], window.limit)

    def revoke(self, checkpoint: str, permission_id: str) -> bool:
        """Take a permission back; return whether it was there."""
        sql = "DELETE FROM permissions WHERE checkpoint = ? AND id = ?"
        return bool(self._database.write(sql, checkpoint, permission_id))

    def _model(self, row: sqlite3.Row) -> StoredModel:
        return StoredModel(row["id"], row["created_at"], row["base"], self._directory / row["adapter"])

    def _relative(self, adapter: Path) -> str:
        return adapter.relative_to(self._directory).as_posix()

    def _free(self, adapters: Sequence[str]) -> None:
        for adapter in adapters:
            shared = self._database.row(
                "SELECT 1 FROM models WHERE adapter = ? UNION SELECT 1 FROM checkpoints WHERE adapter = ?",
                *(adapter, adapter),
            )
            if not shared:
                shutil.rmtree(self._directory / adapter, ignore_errors=True)


def _checkpoint(row: sqlite3.Row) -> StoredCheckpoint:
    values = {name: row[name] for name in ("id", "job_id", "created_at", "name", "step")}
    return StoredCheckpoint(**values, metrics=orjson.loads(row["metrics"]))
