"""Places in a text and the words before them."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Span", "context", "identifiers", "without_overlaps"]

_FILE: Final = Path(__file__).with_name("identifiers.toml")
_BEFORE: Final = 48
_CLAUSE: Final = re.compile(r"[!?。\uff01\uff1f]|\.(?=\s+[A-ZÀ-Þ]|\s*$)|\n\s*\n")


class Span(NamedTuple):
    """A place in a text that holds something personal or secret; it does not hold the text itself."""

    start: int
    end: int
    kind: str
    """Such as "email", "phone", "card", "iban", "ip", "national_id", "address", "person" or "secret"."""
    confidence: float = 1.0


@cache
def identifiers() -> dict[str, Any]:
    """Return the table of what identifiers look like and what stands before them."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def context(text: str, start: int, kind: str, *, end: int | None = None) -> bool:
    """Tell whether words of a kind, such as "phone", stand shortly before a place, in the same sentence.

    With `end`, words right behind the place count, too.
    """
    before = _CLAUSE.split(text[max(start - _BEFORE, 0) : start])[-1].lower()
    behind = "" if end is None else _CLAUSE.split(text[end : end + _BEFORE // 2])[0].lower()
    pattern = _context_pattern(kind)
    return pattern.search(before) is not None or (bool(behind) and pattern.search(behind) is not None)


def without_overlaps(spans: Iterable[Span]) -> list[Span]:
    """Return spans in their order in the text; of two that overlap, the surer, then the longer one."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (-span.confidence, span.start - span.end, span.start)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept)


@cache
def _context_pattern(kind: str) -> re.Pattern[str]:
    return re.compile(identifiers()["context"][kind])
