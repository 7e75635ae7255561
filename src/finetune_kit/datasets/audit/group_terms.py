"""The words that name groups of people, read from the table beside this module."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GroupTerms", "group_terms"]

_TABLE: Final = "group_terms.toml"


@dataclass(frozen=True, slots=True)
class GroupTerms:
    """Words in lower case; groups are given as (axis, name)."""

    groups: Mapping[str, tuple[str, str]]
    """Words that name a group wherever they stand."""
    of_persons: Mapping[str, tuple[str, str]]
    """Words that name one before a noun for persons alone."""
    columns: Mapping[str, str]
    """Names of columns that tell the group of a person, with the axis."""
    demonyms: frozenset[str]
    """English names of peoples, which begin with a capital."""
    person_nouns: frozenset[str]
    person_verbs: frozenset[str]
    """Words that follow a noun for a person more than one for a thing."""
    trade_endings: tuple[str, ...]
    titles: frozenset[str]
    """Words before the name of a person."""
    pronouns: frozenset[str]
    articles: frozenset[str]
    before_places: frozenset[str]
    """Words before the name of a place."""
    not_names: frozenset[str]
    """Words that begin a sentence and are no names."""
    after_verbs: frozenset[str]
    """Words that follow a verb which begins a sentence."""


@cache
def group_terms() -> GroupTerms:
    """Return the words, read once."""
    table: dict[str, Any] = tomllib.loads(files(__package__).joinpath(_TABLE).read_text(encoding="utf-8"))
    return GroupTerms(
        groups={
            word: (axis, name)
            for axis, groups in table["groups"].items()
            for name, words in groups.items()
            for word in words.split()
        },
        of_persons={word: (axis, name) for word, (axis, name) in table["of_persons"].items()},
        columns=table["columns"],
        demonyms=_words(table, "demonyms"),
        person_nouns=_words(table, "person_nouns"),
        person_verbs=_words(table, "person_verbs"),
        trade_endings=tuple(table["trade_endings"].split()),
        titles=_words(table, "titles"),
        pronouns=_words(table, "pronouns"),
        articles=_words(table, "articles"),
        before_places=_words(table, "before_places"),
        not_names=_words(table, "not_names"),
        after_verbs=_words(table, "after_verbs"),
    )


def _words(table: Mapping[str, Any], key: str) -> frozenset[str]:
    return frozenset(table[key].split())
