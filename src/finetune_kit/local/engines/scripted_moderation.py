"""The moderation of the scripted engine, which understands nothing: it looks for marks that tests put into texts."""

from __future__ import annotations

import hashlib

__all__ = ["CATEGORIES", "moderate"]

CATEGORIES = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent",
    "self-harm", "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors",
    "violence", "violence/graphic",
)  # fmt: skip
"""The categories of the protocol."""

_MARK = "scripted-moderation:"
_MARKED = 0.99


def moderate(text: str) -> dict[str, float]:
    """Return a score for each category: near 1 where the text has "scripted-moderation:CATEGORY", else near 0."""
    marks = {word.rstrip(".,;:!?") for word in text.lower().split()}
    return {name: _MARKED if _MARK + name in marks else _noise(text, name) for name in CATEGORIES}


def _noise(text: str, category: str) -> float:
    digest = hashlib.sha256(f"{category}:{text}".encode("utf-8", "surrogatepass")).digest()
    return round(digest[0] / 256 / 100, 5)
