"""Finding the words of a text that tell who is spoken of: names of persons, pronouns, words for groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from finetune_kit.datasets.audit.group_terms import group_terms
from finetune_kit.datasets.audit.groups import group_mentions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Persons", "masked"]

_SENTENCE_ENDS: Final = frozenset(".!?:;\n")
# Above this share of capitals inside sentences, nouns are written with them, as in German.
_CAPITALS_OF_NOUNS: Final = 0.2
_SHORTEST_NOUN: Final = 5
_GENDER_ENDINGS: Final = ("innen", "in", "a", "o", "e")
_ADJECTIVE_ENDINGS: Final = ("an", "ese", "ish", "ist", "ite", "ic", "im", "i")
_ENGLISH_ARTICLES: Final = frozenset({"a", "an", "the"})


class Persons:
    """Tells names of persons from other words with a capital, by how a whole dataset writes them."""

    def __init__(self, texts: Iterable[Sequence[str]]) -> None:
        self._lower: set[str] = set()
        n_capitals = n_words = 0
        for words in texts:
            self._lower.update(word for word in words if word.islower())
            for index, word in enumerate(words):
                if word[0].isalpha() and not _begins_sentence(words, index):
                    n_words += 1
                    n_capitals += word.istitle()
        self._nouns_have_capitals = n_capitals > _CAPITALS_OF_NOUNS * n_words

    def names(self, words: Sequence[str]) -> Iterator[str]:
        """Yield the names of persons in a text, in lower case."""
        for index in self.name_indexes(words):
            yield words[index].casefold()

    def name_indexes(self, words: Sequence[str]) -> list[int]:
        """Return the numbers of the words that are names of persons."""
        found: list[int] = []
        for index, word in enumerate(words):
            if self._is_proper(word) and ((found and found[-1] == index - 1) or self._is_person(words, index)):
                found.append(index)
        return found

    def is_proper_adjective(self, words: Sequence[str], index: int) -> bool:
        """Tell whether a word looks like the name of a people or a faith, as in "a Samoan clerk"."""
        after = words[index + 1] if index + 1 < len(words) else ""
        before = words[index - 1].casefold() if index else ""
        return (
            before in _ENGLISH_ARTICLES
            and after.islower()
            and self._is_proper(words[index])
            and words[index].endswith(_ADJECTIVE_ENDINGS)
        )

    def _is_proper(self, word: str) -> bool:
        return word[0].isupper() and word[1:].islower() and word.isalpha() and word.casefold() not in self._lower

    def _is_person(self, words: Sequence[str], index: int) -> bool:
        terms = group_terms()
        plain = words[index].casefold()
        if plain in terms.pronouns | terms.articles | terms.not_names | _ENGLISH_ARTICLES:
            return False
        before = next((word.casefold() for word in reversed(words[:index]) if word != "."), "")
        if before in terms.titles:
            return True
        if _begins_sentence(words, index):
            after = words[index + 1].casefold() if index + 1 < len(words) else ""
            return after not in terms.after_verbs | terms.articles | _ENGLISH_ARTICLES
        return not self._nouns_have_capitals and before not in terms.before_places | terms.articles | _ENGLISH_ARTICLES


def masked(words: Sequence[str], persons: Persons) -> list[str]:
    """Return the words in lower case, with those that tell who is spoken of replaced by what kind they are."""
    plain = [_neutral(word) for word in words]
    for mention in group_mentions(words):
        if plain[mention.place] != "<pronoun>":
            plain[mention.place] = f"<{mention.group.axis}>"
    for index, word in enumerate(words):
        if persons.is_proper_adjective(words, index) or plain[index] == "<nationality>":
            plain[index] = "<people>"
        elif word.casefold() in group_terms().person_nouns and plain[index] == "<gender>":
            plain[index] = "<person>"
        elif _is_age(words, index):
            plain[index] = "<age>"
    for index in persons.name_indexes(words):
        plain[index] = "<name>"
    return [word for index, word in enumerate(plain) if word != "<name>" or index == 0 or plain[index - 1] != "<name>"]


def _neutral(word: str) -> str:
    plain = word.casefold()
    if plain in group_terms().pronouns:
        return "<pronoun>"
    if plain in _ENGLISH_ARTICLES | group_terms().articles:
        return "<article>"
    for ending in _GENDER_ENDINGS:
        if len(plain) >= _SHORTEST_NOUN + len(ending) and plain.endswith(ending):
            return plain.removesuffix(ending)
    return plain


def _is_age(words: Sequence[str], index: int) -> bool:
    word = words[index]
    if not word[0].isdigit():
        return False
    after = " ".join(words[index + 1 : index + 3]).casefold()
    before = words[index - 1].casefold() if index else ""
    return word.casefold().endswith("-year-old") or before in {"aged", "age"} or after in {"years old", "jahre alt"}


def _begins_sentence(words: Sequence[str], index: int) -> bool:
    return index == 0 or words[index - 1] in _SENTENCE_ENDS
