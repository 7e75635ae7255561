"""Settings: arguments over environment over defaults."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["cache_directory", "environment"]


def environment(*names: str) -> str | None:
    """Return the first of the environment variables that is set and not empty."""
    return next((value for name in names if (value := os.environ.get(name, "").strip())), None)


def cache_directory() -> Path:
    """Return the directory for what is fetched or prepared once, such as the small model.

    `FINETUNE_KIT_CACHE` names it; else it is `finetune_kit` in the user's cache directory
    (`XDG_CACHE_HOME` or `~/.cache`, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows).
    """
    if chosen := environment("FINETUNE_KIT_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "finetune_kit"
    if sys.platform == "win32":
        return Path(environment("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "finetune_kit" / "cache"
    return Path(environment("XDG_CACHE_HOME") or Path.home() / ".cache") / "finetune_kit"
