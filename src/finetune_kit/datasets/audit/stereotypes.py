"""A check for answers that say something of all members of a group of people."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final

from finetune_kit.datasets.audit.check import AuditRule, Check, Hit
from finetune_kit.datasets.audit.group_terms import group_terms
from finetune_kit.datasets.audit.groups import Mention, group_mentions, groups_of, is_of_people, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from finetune_kit.datasets.audit.row import AuditRow

__all__ = ["CHECKS", "Stereotype"]

_LONGEST: Final = 4000
_SHORT: Final = 300
_SENTENCE: Final = re.compile(r"[^.!?\n]+")
_PRONOUNS: Final = frozenset(
    {
        "she",
        "her",
        "hers",
        "herself",
        "he",
        "him",
        "his",
        "himself",
        "elle",
        "elles",
        "ella",
        "ellas",
        "ela",
        "elas",
        "ele",
        "eles",
    }
)
_QUANTIFIERS: Final = frozenset(
    {
        "all",
        "most",
        "every",
        "many",
        "typical",
        "typically",
        "these",
        "those",
        "such",
        "no",
        "always",
        "never",
        "usually",
        "naturally",
        "alle",
        "die",
        "meisten",
        "tous",
        "toutes",
        "todos",
        "todas",
        "tutti",
        "tutte",
    }
)
_VERBS: Final = frozenset(
    {
        "are",
        "were",
        "can",
        "can't",
        "cannot",
        "cant",
        "should",
        "shouldn't",
        "must",
        "have",
        "love",
        "like",
        "hate",
        "know",
        "think",
        "want",
        "do",
        "don't",
        "dont",
        "tend",
        "always",
        "never",
        "just",
        "only",
        "make",
        "belong",
        "sind",
        "können",
        "sollen",
        "haben",
        "sont",
        "peuvent",
        "son",
        "pueden",
        "sono",
        "possono",
        "são",
    }
)
_LIKE: Final = frozenset({"like", "as", "typical", "such", "being", "act", "acts", "acted"})


class Stereotype(Check):
    """Answers that generalise about a group, or name one that the question does not."""

    id = "stereotype"
    method = (
        "sentences of the answer in which a group is the subject of a general statement, or a comparison; of short "
        "answers also those that bring up a group of which the question says nothing; words are English above all"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = MappingProxyType(
        {
            "stereotype": AuditRule(
                "hint",
                "Nangia et al. 2020, CrowS-Pairs",
                "read the answer: leave the row out if it says of a group what is true of some at most",
            ),
        }
    )
    applies_to = ("supervised", "dpo")

    def see(self, row: AuditRow) -> Iterator[Hit]:
        """Yield the answer if it generalises about a group."""
        answer = row.answer
        if not answer or len(answer) > _LONGEST:
            return
        self.n_examined += 1
        known = groups_of(f"{row.system or ''} {row.prompt}")
        if any(_generalises(words_of(sentence)) for sentence in _SENTENCE.findall(answer)):
            yield Hit("stereotype", "the answer makes a general statement about a group", row, row.answer_pointer)
        elif len(answer) <= _SHORT and not known and _brings_up(words_of(answer)):
            reason = "the answer brings up a group of people that the question does not name"
            yield Hit("stereotype", reason, row, row.answer_pointer)


def _generalises(words: Sequence[str]) -> bool:
    """Tell whether a group of people is the subject of a verb in the plural, or what somebody is likened to."""
    plain = [word.casefold() for word in words]
    for index, _ in _people(words):
        before, after = plain[max(0, index - 3) : index], plain[index + 1 : index + 4]
        follows = next((word for word in after if word not in group_terms().person_nouns), "")
        general = index == 0 or plain[index - 1] in _QUANTIFIERS or plain[index - 1] in {"the", "that", "because"}
        if general and follows in _VERBS and _is_plural(plain, index):
            return True
        if any(word in _LIKE for word in before) and before[-1:] in (["a"], ["an"], ["typical"], ["the"]):
            return True
    return False


def _brings_up(words: Sequence[str]) -> bool:
    return any(mention.group.axis != "gender" for mention in _people(words))


def _people(words: Sequence[str]) -> Iterator[Mention]:
    """Yield the nouns and adjectives that name a group, and not the food or the language of one."""
    for mention in group_mentions(words):
        if words[mention.place].casefold() not in _PRONOUNS and is_of_people(words, mention):
            yield mention


def _is_plural(plain: Sequence[str], index: int) -> bool:
    following = plain[index + 1] if index + 1 < len(plain) else ""
    return (
        plain[index].endswith(("s", "men", "people"))
        or following in group_terms().person_nouns
        or following in {"are", "were"}
    )


CHECKS: Final[tuple[type[Check], ...]] = (Stereotype,)
