"""Models that a service offers."""

from __future__ import annotations

from finetune_kit.types.values import Answer

__all__ = ["Model"]


class Model(Answer):
    """A model that a service offers."""

    id: str
    object: str | None = None
    created: int | None = None
    """Unix seconds."""
    owned_by: str | None = None
    shutdown_date: str | None = None
    """Day on which the service stops it (YYYY-MM-DD), where announced."""
