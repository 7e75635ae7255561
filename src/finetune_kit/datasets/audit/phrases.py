"""Phrases of many languages, kept as data, found in texts whatever their quotes, spaces and capitals."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any, Final

__all__ = ["count_kinds", "has_phrase", "patterns", "plain", "words"]

_FILE: Final = Path(__file__).with_name("phrases.toml")
_QUOTES: Final = str.maketrans(
    {"\u2019": "'", "\u2018": "'", "\u02bc": "'", "`": "'", "\u00b4": "'", "“": '"', "”": '"'}
)
_SPACES: Final = re.compile(r"\s+")


def plain(text: str) -> str:
    """Return the text as phrases are compared: compatibility forms, small letters, one kind of quote, single spaces.

    Characters that do not show (zero-width, bidirectional controls) are left out, since
    they are put into phrases to hide them.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_QUOTES)
        text = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    return _SPACES.sub(" ", text.translate(_QUOTES).lower()).strip()


@cache
def patterns(table: str) -> dict[str, re.Pattern[str]]:
    """Return the kinds of phrases in a table such as "refusal", each as one pattern over all languages."""
    found: dict[str, list[str]] = {}
    for kinds in _tables()[table].values():
        for kind, phrases in kinds.items():
            if kind != "gate":
                found.setdefault(kind, []).extend(phrases)
    return {kind: _joined(phrases) for kind, phrases in found.items()}


@cache
def words(table: str) -> frozenset[str]:
    """Return the single words of a table, of all languages together."""
    return frozenset(word for entry in _tables()[table].values() for word in entry["words"].split())


def has_phrase(table: str, kind: str, said: str) -> bool:
    """Tell whether a text, made `plain`, has a phrase of this kind."""
    return any(
        pattern.search(said) is not None
        for gate, pattern in _gated(table, kind)
        if not gate or not said.isascii() or any(stem in said for stem in gate)
    )


def count_kinds(table: str, kind: str, said: str) -> int:
    """Count how many different phrases of this kind a text, made `plain`, has."""
    return len({match.group() for match in patterns(table)[kind].finditer(said)})


@cache
def _gated(table: str, kind: str) -> list[tuple[list[str], re.Pattern[str]]]:
    """Return the pattern of each language, which is slow, and strings without which it finds nothing in ASCII."""
    return [(entry.get("gate", []), _joined(entry[kind])) for entry in _tables()[table].values() if kind in entry]


def _joined(phrases: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{phrase})" for phrase in phrases))


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
