"""Large files on their way to the embedded server, part by part."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetune_kit.local.identifiers import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from finetune_kit.local.database import Database
    from finetune_kit.local.stored_files import StoredFiles

__all__ = ["StoredPart", "StoredUpload", "StoredUploads", "UploadRefused"]

_LIFETIME_SECONDS = 3600
_COPY_BYTES = 1024 * 1024


class UploadRefused(Exception):  # noqa: N818 - what the server answers
    """The parts do not make the file that was announced; `param` names the field that says so."""

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """One upload: times in unix seconds; `keep_seconds` is how long the file will be kept, None for always."""

    id: str
    created_at: int
    expires_at: int
    filename: str
    purpose: str
    bytes: int
    keep_seconds: int | None
    status: str
    file_id: str | None


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One part of an upload."""

    id: str
    upload_id: str
    created_at: int
    bytes: int


class StoredUploads:
    """The uploads of one server directory; each expires an hour after it was made."""

    def __init__(self, database: Database, directory: Path, files: StoredFiles, now: Callable[[], float]) -> None:
        self._database = database
        self._directory = directory / "uploads"
        self._files = files
        self._now = now
        self._directory.mkdir(exist_ok=True)

    def create(self, *, filename: str, purpose: str, size: int, keep_seconds: int | None) -> StoredUpload:
        """Announce a file of `size` bytes."""
        identifier, created = new_id("upload_"), int(self._now())
        self._database.write(
            "INSERT INTO uploads (id, created_at, expires_at, filename, purpose, bytes, keep_seconds, status) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, 'pending')",
            *(identifier, created, created + _LIFETIME_SECONDS, filename, purpose, size, keep_seconds),
        )
        return self._require(identifier)

    def get(self, identifier: str) -> StoredUpload | None:
        """Return an upload, or None if there never was one with this id."""
        self._database.write(
            "UPDATE uploads SET status = 'expired' WHERE status = 'pending' AND expires_at <= ?", self._now()
        )
        row = self._database.row("SELECT * FROM uploads WHERE id = ?", identifier)
        return StoredUpload(*tuple(row)) if row else None

    def add_part(self, upload: StoredUpload, temporary: Path) -> StoredPart | None:
        """Keep the bytes written to a temporary path as a part; None if the upload has ended meanwhile."""
        part = StoredPart(new_id("part_"), upload.id, int(self._now()), temporary.stat().st_size)
        folder = self._directory / upload.id
        folder.mkdir(exist_ok=True)
        temporary.replace(folder / part.id)
        with self._database.transaction():
            if self._require(upload.id).status != "pending":
                return None
            self._database.write(
                "INSERT INTO parts VALUES (?, ?, ?, ?)", part.id, part.upload_id, part.created_at, part.bytes
            )
        return part

    def complete(self, upload: StoredUpload, part_ids: Sequence[str], md5: str | None) -> StoredUpload | None:
        """Join the parts, in this order, to a file; None if the upload has ended meanwhile."""
        self._check_parts(upload, part_ids)
        temporary = self._files.temporary_path()
        try:
            self._join(upload, part_ids, md5, temporary)
            with self._database.transaction():
                if self._require(upload.id).status != "pending":
                    return None
                file = self._files.keep(
                    temporary, filename=upload.filename, purpose=upload.purpose, keep_seconds=upload.keep_seconds
                )
                self._database.write(
                    "UPDATE uploads SET status = 'completed', file_id = ? WHERE id = ?", file.id, upload.id
                )
        finally:
            temporary.unlink(missing_ok=True)
        self._remove_parts(upload.id)
        return self._require(upload.id)

    def cancel(self, upload: StoredUpload) -> StoredUpload | None:
        """End an upload; None if it has ended meanwhile."""
        if not self._database.write(
            "UPDATE uploads SET status = 'cancelled' WHERE id = ? AND status = 'pending'", upload.id
        ):
            return None
        self._remove_parts(upload.id)
        return self._require(upload.id)

    def sweep(self) -> None:
        """Remove the parts of uploads that have ended."""
        pending = "SELECT id FROM uploads WHERE status = 'pending' AND expires_at > ?"
        going = {row["id"] for row in self._database.rows(pending, self._now())}
        for folder in self._directory.iterdir():
            if folder.name not in going:
                self._remove_parts(folder.name)

    def _require(self, identifier: str) -> StoredUpload:
        upload = self.get(identifier)
        if upload is None:
            raise KeyError(identifier)
        return upload

    def _check_parts(self, upload: StoredUpload, part_ids: Sequence[str]) -> None:
        sizes = {
            row["id"]: row["bytes"]
            for row in self._database.rows("SELECT id, bytes FROM parts WHERE upload_id = ?", upload.id)
        }
        for index, part_id in enumerate(part_ids):
            if part_id not in sizes:
                raise UploadRefused(f"Upload {upload.id!r} has no part {part_id!r}.", f"part_ids[{index}]")
        if len(set(part_ids)) != len(part_ids):
            raise UploadRefused("The same part is named twice.", "part_ids")
        total = sum(sizes[part_id] for part_id in part_ids)
        if total != upload.bytes:
            message = f"The parts have {total} bytes together, but the upload was announced with {upload.bytes}."
            raise UploadRefused(message, "part_ids")

    def _join(self, upload: StoredUpload, part_ids: Sequence[str], md5: str | None, target: Path) -> None:
        digest = hashlib.md5(usedforsecurity=False)
        with target.open("wb") as whole:
            for part_id in part_ids:
                with (self._directory / upload.id / part_id).open("rb") as part:
                    while piece := part.read(_COPY_BYTES):
                        digest.update(piece)
                        whole.write(piece)
            whole.flush()
            os.fsync(whole.fileno())
        if md5 is not None and md5.lower() != digest.hexdigest():
            raise UploadRefused("The md5 checksum does not match the bytes of the parts.", "md5")

    def _remove_parts(self, identifier: str) -> None:
        self._database.write("DELETE FROM parts WHERE upload_id = ?", identifier)
        shutil.rmtree(self._directory / identifier, ignore_errors=True)
