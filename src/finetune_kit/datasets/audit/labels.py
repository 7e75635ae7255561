"""Checks of the labels of a classification: how they are written, how many rows each has, which are allowed."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from finetune_kit.datasets.audit.check import AuditRule, AuditSettings, Check, Hit
from finetune_kit.datasets.audit.classification import LONGEST_LABEL, folded, is_classification
from finetune_kit.datasets.audit.label_spelling import Spelling, spellings
from finetune_kit.datasets.audit.sides import Spot, sides, spot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from finetune_kit.datasets.audit.row import AuditRow

__all__ = ["CHECKS", "LabelBalance", "LabelFormat", "LabelList"]

_NO_LABELS: Final = "this is no classification: the answers are not short and given again and again"
_SHOWN_CHARACTERS: Final = 40
_LISTED_LABELS: Final = 10
_WORDS_MORE: Final = 2
_SYSTEM_PROMPTS: Final = 1000
_ROWS_OF_A_TASK: Final = 20
_SHARE_NAMED: Final = 0.8
_WORD: Final = re.compile(r"[^\W_]+")

_LABEL_SOURCE: Final = "a label that is written in two ways is two labels to a model"
_BALANCE_SOURCE: Final = "He and Garcia 2009, Learning from Imbalanced Data"


class _Labelled(NamedTuple):
    spot: Spot
    label: str
    system: int
    """Number of the row's system prompt."""


class _LabelCheck(Check):
    """What the checks of labels share: they keep the short answers, and judge them if they are labels."""

    applies_to = ("supervised",)

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self._systems: dict[str, int] = {}
        self._rows: list[_Labelled] = []

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Keep the answer of a row."""
        taught = sides(row).taught
        if taught.strip():
            system = row.system or ""
            number = self._systems.get(system, -1)
            if number < 0 and len(self._systems) < _SYSTEM_PROMPTS:
                number = self._systems.setdefault(system, len(self._systems))
            self._rows.append(_Labelled(spot(row), taught[: 4 * LONGEST_LABEL], number))
        return ()

    def _is_run(self) -> bool:
        if is_classification(row.label for row in self._rows):
            self.n_examined = len(self._rows)
            return True
        self.why_not_run = _NO_LABELS
        return False


class LabelFormat(_LabelCheck):
    """Labels that are written in another way than in most rows."""

    id = "label_format"
    method = (
        "labels without case, accents, spaces and punctuation are grouped, and the rare spellings of a group reported; "
        "so are rare answers that are a label but for two letters, or have a label in them"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = MappingProxyType(
        {
            "label_variant": AuditRule("error", _LABEL_SOURCE, "write the label as in the other rows"),
            "label_wrapped": AuditRule("error", _LABEL_SOURCE, "answer with the label alone, as the other rows do"),
        }
    )

    def finish(self) -> Iterator[Hit]:
        """Yield the rows whose label is written in an unusual way."""
        if not self._is_run():
            return
        known = spellings(Counter(row.label for row in self._rows))
        for here, label, _ in self._rows:
            spelling = known[label]
            if spelling.rule:
                reason = _reason(spelling)
                yield Hit(spelling.rule, reason, place=here.place, example=here.number)


class LabelBalance(_LabelCheck):
    """Labels with few rows, and label counts far apart."""

    id = "label_balance"
    method = "rows of each label; Shannon entropy of their shares over that of equal shares"
    rules: ClassVar[Mapping[str, AuditRule]] = MappingProxyType(
        {
            "rare_label": AuditRule("warning", _BALANCE_SOURCE, "add rows with this label, or leave the label out"),
            "label_imbalance": AuditRule(
                "warning", _BALANCE_SOURCE, "add rows of the rare labels, unless the shares are those of the use"
            ),
        }
    )
    defaults: ClassVar[Mapping[str, float]] = MappingProxyType({"min_rows": 10, "max_ratio": 20})

    def finish(self) -> Iterator[Hit]:
        """Yield the rare labels, the rarest first."""
        if not self._is_run():
            return
        counts = self._counts()
        least = max(self.thresholds["min_rows"], max(counts.values()) / self.thresholds["max_ratio"])
        rare = sorted((count, label) for label, count in counts.items() if count < least)
        for count, label in rare[:_LISTED_LABELS]:
            yield Hit("rare_label", f"label {label[:_SHOWN_CHARACTERS]!r} has {_rows(count)}; {least:g} are few")
        if len(rare) > _LISTED_LABELS:
            more = len(rare) - _LISTED_LABELS
            yield Hit("rare_label", f"{more} more of {len(counts)} labels have fewer than {least:g} rows")
        if max(counts.values()) > self.thresholds["max_ratio"] * min(counts.values()):
            yield Hit("label_imbalance", _imbalance(counts))

    def _counts(self) -> Counter[str]:
        """Count the rows of each label by its usual spelling, without answers in sentences, which are no labels."""
        counts: Counter[str] = Counter()
        known = spellings(Counter(row.label for row in self._rows))
        for row in self._rows:
            counts[known[row.label].usual] += 1
        frequent = (label for label, count in counts.items() if count >= counts.total() / len(counts))
        longest = max(_words(label).count(" ") for label in frequent)
        return Counter({label: n for label, n in counts.items() if _words(label).count(" ") <= longest + _WORDS_MORE})


class LabelList(_LabelCheck):
    """Labels that are not among those that the system prompt names."""

    id = "label_list"
    method = "where a system prompt has four of five of the labels of its rows in it, it should have all"
    rules: ClassVar[Mapping[str, AuditRule]] = MappingProxyType(
        {
            "label_not_listed": AuditRule(
                "error", "the system prompt of the row", "use a label that the system prompt names, or name this one"
            ),
        }
    )

    def finish(self) -> Iterator[Hit]:
        """Yield the rows whose label the system prompt does not name."""
        if not is_classification(row.label for row in self._rows):
            self.why_not_run = _NO_LABELS
            return
        by_system: dict[int, list[_Labelled]] = defaultdict(list)
        for row in self._rows:
            by_system[row.system].append(row)
        self.why_not_run = "no system prompt lists the labels"
        for system, number in self._systems.items():
            yield from self._unlisted(f" {_words(system)} ", by_system[number])

    def _unlisted(self, system: str, rows: list[_Labelled]) -> Iterator[Hit]:
        counts = Counter(_words(row.label) for row in rows)
        labels = [label for label, count in counts.items() if label and count * len(counts) >= len(rows) / 2]
        named = [label for label in labels if f" {label} " in system]
        if len(rows) < _ROWS_OF_A_TASK or len(named) < max(2, _SHARE_NAMED * len(labels)):
            return
        self.n_examined += len(rows)
        folds = {folded(label) for label in counts if f" {label} " in system}
        for here, label, _ in rows:
            if folded(label) not in folds and len(label) <= LONGEST_LABEL:
                reason = "the label is none of those that the system prompt names"
                yield Hit("label_not_listed", reason, place=here.place, example=here.number)


def _reason(spelling: Spelling) -> str:
    usual = repr(spelling.usual[:_SHOWN_CHARACTERS])
    if spelling.rule == "label_wrapped":
        return f"the answer has more in it than the label {usual}"
    return f"the label is written in another way than {usual} in most rows"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _imbalance(counts: Counter[str]) -> str:
    total = sum(counts.values())
    entropy = -sum(count / total * math.log(count / total) for count in counts.values()) / math.log(len(counts))
    ratio = max(counts.values()) / min(counts.values())
    return f"the most frequent label has {ratio:.0f} times the rows of the rarest (entropy {entropy:.2f} of at most 1)"


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))


CHECKS: Final[tuple[type[Check], ...]] = (LabelFormat, LabelBalance, LabelList)
