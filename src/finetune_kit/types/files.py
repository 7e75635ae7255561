"""Files that a service holds."""

from __future__ import annotations

from finetune_kit.types.values import Answer

__all__ = ["Deleted", "File", "Upload", "UploadPart"]


class File(Answer):
    """A file that a service holds."""

    id: str
    object: str | None = None
    bytes: int | None = None
    """Size in bytes."""
    created_at: int | None = None
    """Unix seconds."""
    expires_at: int | None = None
    """Unix seconds; None means never."""
    filename: str | None = None
    purpose: str | None = None
    status: str | None = None
    """Deprecated by the protocol; some services send null. Do not wait for it."""
    status_details: str | None = None


class UploadPart(Answer):
    """One part of a large file on its way."""

    id: str
    upload_id: str | None = None
    created_at: int | None = None


class Upload(Answer):
    """A large file on its way, in parts. It expires one hour after it was made."""

    id: str
    status: str | None = None
    bytes: int | None = None
    created_at: int | None = None
    expires_at: int | None = None
    filename: str | None = None
    purpose: str | None = None
    file: File | None = None


class Deleted(Answer):
    """What a service says when something was deleted."""

    id: str
    deleted: bool | None = None
