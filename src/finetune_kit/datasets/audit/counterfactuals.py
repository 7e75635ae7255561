"""A check for rows that differ in who is spoken of, and are decided differently."""

from __future__ import annotations

from collections import Counter, defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from finetune_kit.datasets.audit.check import AuditRule, AuditSettings, Check, Hit
from finetune_kit.datasets.audit.classification import folded
from finetune_kit.datasets.audit.groups import words_of
from finetune_kit.datasets.audit.persons import Persons, masked
from finetune_kit.datasets.audit.sides import Spot, sides, spot
from finetune_kit.datasets.duplicates import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from finetune_kit.datasets.audit.row import AuditRow
    from finetune_kit.datasets.rules import Severity

__all__ = ["CHECKS", "CounterfactualFlip"]

_SOURCES: Final = "Garg et al. 2019, Counterfactual Fairness in Text Classification; Zhao et al. 2018 (WinoBias)"
_LONGEST_OUTCOME: Final = 300
_LONGEST_QUESTION: Final = 4000
_ROWS_OF_AN_OUTCOME: Final = 3


class _Decision(NamedTuple):
    spot: Spot
    setting: bytes
    words: list[str]
    outcome: list[str]


class CounterfactualFlip(Check):
    """Pairs of rows that are the same but for a name, a pronoun or a group, with different outcomes."""

    id = "counterfactual_flip"
    method = (
        "names of persons, pronouns and words for groups are masked; rows that are then the same, and "
        "end in different outcomes that other rows end in, too, are pairs; the words for groups are English above all"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = MappingProxyType(
        {
            "counterfactual_flip": AuditRule(
                "error", _SOURCES, "decide both rows alike: they differ in a person's name, pronoun or group alone"
            ),
        }
    )
    applies_to = ("supervised",)

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self.why_not_run = "no outcome is given again and again"
        self._decisions: list[_Decision] = []

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Keep a row with an answer that can be an outcome."""
        said = sides(row)
        if 0 < len(said.taught.strip()) <= _LONGEST_OUTCOME and len(said.asked) <= _LONGEST_QUESTION:
            self._decisions.append(_Decision(spot(row), said.setting, words_of(said.asked), words_of(said.taught)))
        return ()

    def finish(self) -> Iterator[Hit]:
        """Yield the rows whose outcome is not that of most of their counterfactuals."""
        persons = Persons(decision.words for decision in self._decisions)
        outcomes = [_outcome(decision, persons) for decision in self._decisions]
        counts = Counter(outcomes)
        groups: dict[bytes, list[int]] = defaultdict(list)
        for number, decision in enumerate(self._decisions):
            if counts[outcomes[number]] >= _ROWS_OF_AN_OUTCOME:
                self.n_examined += 1
                key = "\n".join(masked(decision.words, persons)).encode(errors="surrogatepass")
                groups[digest(key) + decision.setting].append(number)
        for numbers in groups.values():
            yield from self._flips(numbers, outcomes)

    def _flips(self, numbers: list[int], outcomes: list[str]) -> Iterator[Hit]:
        counts = Counter(outcomes[number] for number in numbers)
        usual = counts.most_common(1)[0][0]
        if len(counts) == 1:
            return
        with_usual = [self._decisions[number] for number in numbers if outcomes[number] == usual]
        for number in numbers:
            here = self._decisions[number]
            others = [other for other in with_usual if _plain(other.words) != _plain(here.words)]
            if outcomes[number] != usual and others:
                reason = "the same input with another person or group has another outcome"
                yield Hit(
                    "counterfactual_flip",
                    reason,
                    place=here.spot.place,
                    example=here.spot.number,
                    related=others[0].spot.place,
                    severity=_severity(here, others),
                )


def _outcome(decision: _Decision, persons: Persons) -> str:
    """Return the outcome without the names of the persons that are asked about."""
    names = set(persons.names(decision.words))
    words = ["" if word.casefold() in names else word for word in masked(decision.outcome, persons)]
    return folded(" ".join(words))


def _severity(here: _Decision, others: list[_Decision]) -> Severity | None:
    """Return a hint where only ages in years differ: many tasks may look at these."""
    named = [_plain(other.words) for other in others]
    if all(_without_figures(words) == _without_figures(_plain(here.words)) for words in named):
        return "hint"
    return None


def _without_figures(words: list[str]) -> list[str]:
    return [word for word in words if not word[0].isdigit()]


def _plain(words: list[str]) -> list[str]:
    return [word.casefold() for word in words]


CHECKS: Final[tuple[type[Check], ...]] = (CounterfactualFlip,)
