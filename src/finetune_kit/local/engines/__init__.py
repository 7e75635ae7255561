"""The engines of the embedded server, made by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune_kit.errors import LocalServerError

if TYPE_CHECKING:
    from finetune_kit.local.engines.base import Engine

__all__ = ["ENGINE_NAMES", "make_engine"]

ENGINE_NAMES = ("trl", "scripted")


def make_engine(name: str) -> Engine:
    """Return a new engine. Only the module of the one that is asked for is imported."""
    if name == "trl":
        from finetune_kit.local.engines.trl import TrlEngine

        return TrlEngine()
    if name == "scripted":
        from finetune_kit.local.engines.scripted import ScriptedEngine

        return ScriptedEngine()
    raise LocalServerError(f"There is no engine {name!r}: use one of {', '.join(map(repr, ENGINE_NAMES))}")
