"""The problems of a file as they are found: counted in full, kept no more than memory should hold."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from finetune_kit.datasets.findings import Finding
from finetune_kit.datasets.rules import NOTES, RULES, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Recorder", "finding"]

_KEPT_PER_RULE: Final = 1000


class _Noted(NamedTuple):
    """A problem and where it was found."""

    problem: Problem
    path: str | None
    line: int
    example: int


class Recorder:
    """Takes problems down in the order of the lines.

    Records of stretches of one file, merged in their order, are the record of the file.
    """

    def __init__(self) -> None:
        self.n_lines = 0
        self.n_examples = 0
        self.counts: Counter[str] = Counter()
        self._noted: list[_Noted] = []

    def add(self, problem: Problem, path: str | None, line: int) -> None:
        """Take a problem of one line down; the number of the example is that of those counted so far."""
        self._note(_Noted(problem, path, line, self.n_examples))

    def add_all(self, problems: Iterable[Problem], path: str | None, line: int) -> None:
        """Take every problem of one line down."""
        for problem in problems:
            self.add(problem, path, line)

    def merge(self, later: Recorder) -> None:
        """Take down what was found in the next stretch of the same file."""
        kept = Counter[str]()
        crlf_known = bool(self.counts["crlf"])
        for noted in later._noted:
            if noted.problem.rule == "crlf" and crlf_known:
                later.counts["crlf"] = 0
                continue
            kept[noted.problem.rule] += 1
            self._note(noted._replace(line=noted.line + self.n_lines, example=noted.example + self.n_examples))
        self.counts.update(later.counts - kept)
        self.n_lines += later.n_lines
        self.n_examples += later.n_examples

    def findings(self) -> tuple[Finding, ...]:
        """Return the first thousand findings of each rule, in the order of the lines."""
        return tuple(finding(noted.problem, noted.path, noted.line, noted.example or None) for noted in self._noted)

    def _note(self, noted: _Noted) -> None:
        rule = noted.problem.rule
        self.counts[rule] += 1
        if self.counts[rule] <= _KEPT_PER_RULE and rule not in NOTES:
            self._noted.append(noted)


def finding(problem: Problem, path: str | None, line: int | None, example: int | None) -> Finding:
    """Return a problem as a finding, with what its rule says."""
    rule = RULES[problem.rule]
    return Finding(
        rule=problem.rule,
        severity=rule.severity,
        path=path,
        line=line,
        example=example,
        pointer=problem.pointer,
        reason=problem.reason,
        source=rule.source,
        fix=rule.fix,
        refused=rule.refused,
    )
