"""The files that the embedded server holds: bytes on disk, a row for each in the database."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetune_kit.local.identifiers import new_id
from finetune_kit.local.pages import PageOf, Window, cut_page

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from finetune_kit.local.database import Database

__all__ = ["StoredFile", "StoredFiles", "sync_directory"]

_BEFORE_ALL = -(2**62)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file: times in unix seconds, `path` where its bytes are."""

    id: str
    created_at: int
    expires_at: int | None
    filename: str
    purpose: str
    bytes: int
    path: Path


class StoredFiles:
    """The files of one server directory.

    A file is there from the moment its row is: bytes are written to a temporary name,
    synced and renamed before. What a killed server left without a row, `sweep` removes.
    """

    def __init__(self, database: Database, directory: Path, now: Callable[[], float]) -> None:
        self._database = database
        self._directory = directory / "files"
        self._temporary = directory / "temporary"
        self._now = now
        self._directory.mkdir(exist_ok=True)
        self._temporary.mkdir(exist_ok=True)

    def temporary_path(self) -> Path:
        """Return a fresh path to write to, on the file system where files are kept."""
        return self._temporary / new_id("")

    def keep(self, temporary: Path, *, filename: str, purpose: str, keep_seconds: int | None = None) -> StoredFile:
        """Make a file of the bytes written to a temporary path, which is gone afterwards."""
        identifier = new_id("file-")
        created = int(self._now())
        path = self._directory / identifier
        size = _sync(temporary)
        temporary.replace(path)
        sync_directory(self._directory)
        expires = None if keep_seconds is None else created + keep_seconds
        try:
            self._database.write(
                "INSERT INTO files (id, created_at, expires_at, filename, purpose, bytes) VALUES (?, ?, ?, ?, ?, ?)",
                *(identifier, created, expires, filename, purpose, size),
            )
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return StoredFile(identifier, created, expires, filename, purpose, size, path)

    def get(self, identifier: str) -> StoredFile | None:
        """Return a file, or None if it never was, was deleted or has expired."""
        row = self._database.row(
            "SELECT * FROM files WHERE id = ? AND (expires_at IS NULL OR expires_at > ?)", identifier, self._now()
        )
        return self._file(row) if row else None

    def page(self, window: Window, purpose: str | None) -> PageOf[StoredFile] | None:
        """Return a page of the listing, newest first unless ascending; None if `after` is unknown."""
        start = self._database.row("SELECT seq FROM files WHERE id = ?", window.after) if window.after else None
        if window.after and start is None:
            return None
        sign = 1 if window.ascending else -1
        rows = self._database.rows(
            """SELECT * FROM files WHERE (expires_at IS NULL OR expires_at > ?) AND purpose = coalesce(?, purpose)
            AND seq * ? > ? ORDER BY seq * ? LIMIT ?""",
            *(self._now(), purpose, sign, sign * start["seq"] if start else _BEFORE_ALL, sign, window.limit + 1),
        )
        return cut_page([self._file(row) for row in rows], window.limit)

    def delete(self, identifier: str) -> bool:
        """Delete a file and its bytes; return whether it was there."""
        if not self._database.write("DELETE FROM files WHERE id = ?", identifier):
            return False
        (self._directory / identifier).unlink(missing_ok=True)
        return True

    def delete_expired(self) -> None:
        """Free what files hold whose time is over."""
        for row in self._database.rows("SELECT id FROM files WHERE expires_at <= ?", self._now()):
            self.delete(row["id"])

    def sweep(self) -> None:
        """Remove bytes that belong to no file: what a server was writing when it was killed."""
        known = {row["id"] for row in self._database.rows("SELECT id FROM files")}
        for path in [*self._temporary.iterdir(), *self._directory.iterdir()]:
            if path.name not in known:
                path.unlink(missing_ok=True)

    def _file(self, row: sqlite3.Row) -> StoredFile:
        values = {key: row[key] for key in row.keys() if key != "seq"}  # noqa: SIM118 - iterating a Row gives values
        return StoredFile(**values, path=self._directory / row["id"])


def _sync(path: Path) -> int:
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())
        return os.fstat(handle.fileno()).st_size


def sync_directory(path: Path) -> None:
    """Make renames in a directory last, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
