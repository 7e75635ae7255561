"""Checks for rows that leave the form of their file: another instruction, another shape of label."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, ClassVar, Final

from finetune_kit.datasets.audit.check import AuditRule, Check, Hit
from finetune_kit.datasets.audit.spots import Spot, answer_spot, spot
from finetune_kit.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from finetune_kit.datasets.audit.check import AuditSettings
    from finetune_kit.datasets.audit.row import AuditRow

__all__ = ["CHECKS", "LabelFormatDrift", "SystemPromptDrift"]

_GUIDE: Final = "https://platform.openai.com/docs/guides/supervised-fine-tuning"
_FOLD: Final = re.compile(r"[\W_]+")
_MANY: Final = 10_000


class SystemPromptDrift(Check):
    """Rows whose instruction is a rare variant of, or foreign to, the file's."""

    id: ClassVar[str] = "system_prompt_drift"
    method: ClassVar[str] = (
        "instructions grouped by text: a rare one is drift if it is alike (rapidfuzz) to a frequent one, or if nearly"
        " all rows have a frequent one"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = {
        "system_prompt_drift": AuditRule(
            "warning", _GUIDE, "use the instruction of production in every example of the task"
        )
    }
    defaults: ClassVar[Mapping[str, float]] = {"rare_share": 0.05, "rare_rows": 20, "alike": 80, "covered": 0.85}

    def __init__(self, settings: AuditSettings) -> None:
        try:
            from rapidfuzz import fuzz
        except ImportError as error:
            raise MissingExtraError("comparing instructions", "audit", package="rapidfuzz") from error
        super().__init__(settings)
        self._ratio = fuzz.ratio
        self._counts: Counter[str] = Counter()
        self._spots: dict[str, list[Spot]] = defaultdict(list)

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Remember the instruction."""
        if not row.messages:
            return ()
        self.n_examined += 1
        system = row.system or ""
        if len(self._counts) > _MANY and system not in self._counts:
            return ()
        self._counts[system] += 1
        if len(self._spots[system]) <= self.thresholds["rare_share"] * self.n_examined + self.thresholds["rare_rows"]:
            self._spots[system].append(spot(row, f"{'/input' if row.method == 'dpo' else ''}/messages/0"))
        return ()

    def finish(self) -> Iterator[Hit]:
        """Report the rows with rare instructions, if there are frequent ones."""
        limit = self.thresholds["rare_share"] * self.n_examined
        frequent = [system for system, n in self._counts.items() if n > max(limit, 2)]
        if frequent == [""]:
            # A file without instructions in which some rows have one mixes tasks: that is legal.
            return
        covered = sum(self._counts[system] for system in frequent)
        if not frequent or len(self._counts) == len(frequent):
            return
        is_one_task = covered >= self.thresholds["covered"] * self.n_examined
        for system, n in self._counts.items():
            if n > max(limit, 2):
                continue
            alike = max(self._ratio(system, other) for other in frequent)
            is_foreign = is_one_task and n < self.thresholds["rare_rows"]
            if is_foreign or (alike >= self.thresholds["alike"] and is_one_task):
                reason = (
                    f"only {n} of {self.n_examined} rows have this instruction"
                    if system
                    else "it has no instruction, and nearly all others do"
                )
                for place in self._spots[system]:
                    yield place.hit("system_prompt_drift", reason, confidence=round(alike / 100, 2))


class LabelFormatDrift(Check):
    """Answers that wrap or explain a label where the others give it alone."""

    id: ClassVar[str] = "format_drift"
    method: ClassVar[str] = (
        "where most answers repeat a few short labels: those that hold a label and more, or leave its shape"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = {
        "format_drift": AuditRule("error", _GUIDE, "write the label alone, as the other answers do")
    }
    defaults: ClassVar[Mapping[str, float]] = {"repeated": 0.7, "rows": 30, "label_words": 6}

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self._groups: dict[str | None, Counter[str]] = defaultdict(Counter)
        self._spots: dict[tuple[str | None, str], list[Spot]] = defaultdict(list)
        self._open: set[str | None] = set()

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Remember the answer, unless answers to this instruction are too many to be labels."""
        answer = row.answer.strip() if row.answer else ""
        if not answer or row.system in self._open or _is_dialogue(row):
            return ()
        self.n_examined += 1
        group = self._groups[row.system]
        group[answer] += 1
        if group[answer] <= _KEPT:
            self._spots[row.system, answer].append(answer_spot(row))
        if len(group) > _MANY:
            self._open.add(row.system)
            del self._groups[row.system]
        return ()

    def finish(self) -> Iterator[Hit]:
        """Report the answers that leave the shape of the labels of their instruction."""
        everything: Counter[str] = sum((group for group in self._groups.values()), Counter())
        for system, group in self._groups.items():
            of = group if group.total() >= self.thresholds["rows"] else everything
            labels = self._labels(of)
            for answer in group if labels else ():
                if answer not in labels and (reason := _leaves(answer, labels)) is not None:
                    for place in self._spots[system, answer]:
                        yield place.hit("format_drift", reason)

    def _labels(self, answers: Counter[str]) -> set[str]:
        """Return the answers that are labels: short, and repeated by most rows; none if this is no classification."""
        if answers.total() < self.thresholds["rows"]:
            return set()
        short = {
            answer: n
            for answer, n in answers.items()
            if n > 1
            and len(answer.split()) <= self.thresholds["label_words"]
            and "\n" not in answer
            and len(answer) <= _LONGEST_LABEL
        }
        is_classification = sum(short.values()) >= self.thresholds["repeated"] * answers.total()
        return set(short) if is_classification and len(short) > 1 else set()


def _is_dialogue(row: AuditRow) -> bool:
    """Tell whether a row calls tools or has many turns: there, a set closing sentence is no label."""
    n_turns = sum(message.get("role") == "assistant" for message in row.messages)
    return bool(row.tools) or n_turns > _TURNS_OF_A_CLASSIFICATION or any("tool_calls" in m for m in row.messages)


_KEPT: Final = 20
_TURNS_OF_A_CLASSIFICATION: Final = 2
_LONGEST_LABEL: Final = 80
_MARKUP: Final = re.compile(r"[*`#<>{}\[\]]")


def _leaves(answer: str, labels: set[str]) -> str | None:
    """Return how an answer leaves the shape of the labels; None if it does not, or is one label in other words."""
    folded = _fold(answer)
    held = {label for label in labels if f" {_fold(label)} " in f" {folded} "}
    if folded in map(_fold, labels):
        is_marked = set(_MARKUP.findall(answer)) - set("".join(labels))
        return "the label is marked up, and the others are not" if is_marked else None
    if len(held) == 1:
        # One label and words around it are the rule "label_wrapped".
        return None
    return _other_shape(answer, labels)


def _other_shape(answer: str, labels: set[str]) -> str | None:
    most_words, longest = max(len(label.split()) for label in labels), max(map(len, labels))
    if "\n" in answer:
        return "the answer has several lines, and the labels one"
    if answer[:1] in "{[" and not any(label[:1] in "{[" for label in labels):
        return "the answer is JSON, and the others are labels"
    if len(answer.split()) > most_words + 2 and len(answer) > longest + 10:
        return "the answer is a sentence, and the others are labels"
    return None


def _fold(text: str) -> str:
    return _FOLD.sub(" ", text.casefold()).strip()


CHECKS: Final[tuple[type[Check], ...]] = (SystemPromptDrift, LabelFormatDrift)
