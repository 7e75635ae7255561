"""Which groups of people a text names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from finetune_kit.datasets.audit.group_terms import group_terms

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Group", "Mention", "group_mentions", "groups_of", "is_of_people", "words_of"]

_WORD: Final = re.compile(r"\w+(?:['\u2019+-]\w+)*\+?|[^\w\s]")
_YEARS_OLD: Final = r"[- ]year[- ]old|\s+years?\s+old|[- ]?jährig\w*|\s+Jahre\s+alt|\s+años\b|\s+anni\b|\s+jaar\s+oud"
_AGE: Final = re.compile(rf"\b(\d{{1,3}})(?:{_YEARS_OLD})|\b(?:aged|age)\s+(\d{{1,3}})\b", re.IGNORECASE)
_AGE_GROUPS: Final = ((30, "people under 30"), (60, "people from 30 to 59"), (131, "people of 60 and more"))
# "The old" and "the poor" are people, where no noun follows that may be a thing.
_SHORTEST_TRADE: Final = 5
_PLURAL_BY_ARTICLE: Final = frozenset({"old", "young", "poor", "rich"})
_VERBS_OF_PLURAL: Final = frozenset(
    {"are", "were", "have", "do", "can", "cannot", "can't", "should", "will", "always", "never"}
)


class Group(NamedTuple):
    """A group of people, and the axis along which it differs from others."""

    axis: str
    name: str


class Mention(NamedTuple):
    """A word of a text, by its number, that names a group."""

    place: int
    group: Group


def words_of(text: str) -> list[str]:
    """Return the words and signs of a text."""
    return _WORD.findall(text)


def group_mentions(words: Sequence[str]) -> Iterator[Mention]:
    """Yield the words that name a group."""
    for index, word in enumerate(words):
        if group := _group_of(words, index, word):
            yield Mention(index, group)


def groups_of(text: str) -> set[Group]:
    """Return the groups that a text names, by words and by ages in years.

    Example:
        >>> sorted(groups_of("A Turkish nurse, 34 years old; she asks for a loan."))
        [Group(axis='age', name='people from 30 to 59'), Group(axis='gender', name='women'), \
Group(axis='nationality', name='turkish')]
    """
    words = words_of(text)
    found = {mention.group for mention in group_mentions(words) if is_of_people(words, mention)}
    for match in _AGE.finditer(text):
        years = int(match[1] or match[2])
        name = next((name for below, name in _AGE_GROUPS if years < below), None)
        if name:
            found.add(Group("age", name))
    return found


def is_of_people(words: Sequence[str], mention: Mention) -> bool:
    """Tell whether a word for a nation is said of people, and not of a food or a language."""
    if mention.group.axis != "nationality":
        return True
    plain = words[mention.place].casefold()
    following = words[mention.place + 1].casefold() if mention.place + 1 < len(words) else ""
    if _is_person(words, mention.place + 1) or plain.endswith(("ans", "men")):
        return True
    before = words[mention.place - 1].casefold() if mention.place else ""
    return before in {"a", "an"} and not following.isalpha()


def _group_of(words: Sequence[str], index: int, word: str) -> Group | None:
    plain = word.casefold()
    terms = group_terms()
    if named := terms.groups.get(plain):
        return Group(*named)
    if plain in terms.demonyms:
        return Group("nationality", plain) if word[0].isupper() else None
    if pair := terms.of_persons.get(plain):
        following = words[index + 1].casefold() if index + 1 < len(words) else ""
        if _is_person(words, index + 1) or _is_people(words, index, plain, following):
            return Group(*pair)
    return None


def _is_person(words: Sequence[str], index: int) -> bool:
    """Tell whether a word is a noun for a person: a known one, a trade by its ending, or one that asks or wants."""
    if index >= len(words):
        return False
    plain, terms = words[index].casefold(), group_terms()
    if plain in terms.person_nouns or (len(plain) > _SHORTEST_TRADE and plain.endswith(terms.trade_endings)):
        return True
    after = words[index + 1].casefold() if index + 1 < len(words) else ""
    return plain.isalpha() and after in terms.person_verbs


def _is_people(words: Sequence[str], index: int, plain: str, following: str) -> bool:
    after_article = index > 0 and words[index - 1].casefold() == "the"
    return after_article and plain in _PLURAL_BY_ARTICLE and following in _VERBS_OF_PLURAL
