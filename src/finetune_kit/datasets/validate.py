"""Validation of training files: each line is read once, and explained only where it fails.

Lines of plain chat are accepted by one short loop over what the fastest exact parser
returns; every other line goes through the whole set of rules.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from finetune_kit.datasets.accept import ChatAcceptor
from finetune_kit.datasets.findings import Finding, ValidationReport
from finetune_kit.datasets.rules import METHODS, MIN_EXAMPLES, RULES, MethodName, Problem
from finetune_kit.datasets.shapes import row_problems
from finetune_kit.datasets.syntax import UNREADABLE, has_hidden_keys, parse_line
from finetune_kit.errors import ConfigurationError, DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from finetune_kit.datasets.limits import TokenLimit

__all__ = ["known_method", "line_problems", "validate_file", "validate_parts"]

_KEPT_PER_RULE: Final = 1000
_READ_BYTES: Final = 1 << 20


def validate_file(path: str | Path, *, method: str = "supervised", model: str | None = None) -> ValidationReport:
    """Check every line of a JSONL file for supervised, dpo or reinforcement tuning.

    Reads the file as a stream: memory stays flat. With a `model` whose limit of tokens
    is known, examples over it are errors, too.

    Raises:
        DatasetError: The file cannot be read.
        ConfigurationError: The method is unknown.
    """
    file_path = Path(path)
    try:
        with file_path.open("rb", buffering=_READ_BYTES) as file:
            return validate_parts([(str(path), enumerate(file, 1))], path=str(path), method=method, model=model)
    except OSError as error:
        remedy = "check the path and its permissions"
        raise DatasetError(f"cannot read {str(path)!r}: {error.strerror or error}. Remedy: {remedy}") from error


def validate_parts(
    parts: Iterable[tuple[str | None, Iterable[tuple[int, bytes]]]],
    *,
    path: str | None,
    method: str,
    model: str | None = None,
) -> ValidationReport:
    """Check lines as `validate_file` does: those of each part with their numbers, under the part's path."""
    known = known_method(method)
    limit = _limit(model)
    recorder = _Recorder(path)
    for recorder.path, lines in parts:
        _scan(lines, recorder, known, limit)
    recorder.path = path
    if recorder.n_examples < MIN_EXAMPLES:
        reason = f"has {recorder.n_examples} example(s), must have at least {MIN_EXAMPLES}"
        recorder.add_for_file(Problem("n_examples", "", reason))
    return recorder.report(limit.not_run if limit else ())


def known_method(method: str) -> MethodName:
    """Return the method if it is one of supervised, dpo, reinforcement; else raise ConfigurationError."""
    for known in METHODS:
        if method == known:
            return known
    raise ConfigurationError(f"unknown method {method!r}: use one of {', '.join(METHODS)}")


def line_problems(raw: bytes, method: MethodName) -> Iterator[Problem]:
    """Yield every problem of one line, its bytes first."""
    try:
        row = orjson.loads(raw)
    except orjson.JSONDecodeError:
        row = UNREADABLE
    return _problems(raw, row, method)


def _problems(raw: bytes, row: Any, method: MethodName) -> Iterator[Problem]:
    if row is UNREADABLE or has_hidden_keys(raw, row):
        row, problems = parse_line(raw.rstrip(b"\r\n"))
        yield from problems
        if row is UNREADABLE:
            return
    yield from row_problems(row, method)


def _accepts_nothing(_raw: bytes, _row: Any) -> bool:
    return False


def _scan(
    lines: Iterable[tuple[int, bytes]], recorder: _Recorder, method: MethodName, limit: TokenLimit | None
) -> None:
    loads = orjson.loads
    accepts = ChatAcceptor().accepts if method == "supervised" else _accepts_nothing
    most_bytes = limit.tokens if limit else None
    for number, raw in lines:
        if raw.endswith(b"\r\n") and not recorder.counts["crlf"]:
            recorder.add(Problem("crlf", "", "lines end with CR LF"), number)
        try:
            row = loads(raw)
        except orjson.JSONDecodeError:
            row = UNREADABLE
            if not raw.strip():
                recorder.add(Problem("blank_line", "", "the line is blank"), number)
                continue
        recorder.n_examples += 1
        if not accepts(raw, row):
            recorder.add_all(_problems(raw, row, method), number)
        # A token takes at least one byte, so only lines of more bytes than tokens allowed can be too long.
        if limit and most_bytes is not None and len(raw) > most_bytes and row is not UNREADABLE:
            recorder.add_all(limit.problems(row), number)


def _limit(model: str | None) -> TokenLimit | None:
    if model is None:
        return None
    from finetune_kit.datasets.limits import TokenLimit

    return TokenLimit(model)


class _Recorder:
    """Turns problems into findings, and keeps no more of them than memory should hold."""

    def __init__(self, path: str | None) -> None:
        self.n_examples = 0
        self.counts: Counter[str] = Counter()
        self.path = path
        self._findings: list[Finding] = []
        self._for_file: list[Finding] = []

    def add(self, problem: Problem, line: int) -> None:
        self.counts[problem.rule] += 1
        if self.counts[problem.rule] <= _KEPT_PER_RULE:
            self._findings.append(self._finding(problem, line, self.n_examples or None))

    def add_all(self, problems: Iterable[Problem], line: int) -> None:
        for problem in problems:
            self.add(problem, line)

    def add_for_file(self, problem: Problem) -> None:
        self.counts[problem.rule] += 1
        self._for_file.append(self._finding(problem, None, None))

    def report(self, not_run: tuple[str, ...]) -> ValidationReport:
        findings = (*self._for_file, *self._findings)
        counts = {rule: count for rule, count in self.counts.items() if count}
        return ValidationReport(self.path, self.n_examples, findings, counts, not_run)

    def _finding(self, problem: Problem, line: int | None, example: int | None) -> Finding:
        severity, source, fix = RULES[problem.rule]
        return Finding(
            rule=problem.rule,
            severity=severity,
            path=self.path,
            line=line,
            example=example,
            pointer=problem.pointer,
            reason=problem.reason,
            source=source,
            fix=fix,
        )
