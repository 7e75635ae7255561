"""Reading lines by the rules of a method: each is parsed once, and explained only where it fails."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from finetune_kit.datasets.accept_methods import new_acceptor
from finetune_kit.datasets.file_rules import file_problems, notes_not_run
from finetune_kit.datasets.findings import ValidationReport
from finetune_kit.datasets.recorder import Recorder, finding
from finetune_kit.datasets.rules import NOTES, MethodName, Problem
from finetune_kit.datasets.shapes import row_problems
from finetune_kit.datasets.syntax import UNREADABLE, has_hidden_keys, parse_line
from finetune_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterable, Iterator

    from finetune_kit.datasets.limits import TokenLimit
    from finetune_kit.datasets.tokens import TokenTally

__all__ = ["Partial", "Scan", "line_problems"]


class Partial(NamedTuple):
    """What was found in one stretch of a file, to be merged with the others in their order."""

    record: Recorder
    not_run: tuple[str, ...]
    counts: array[int] | None
    """The tokens of each example, where they are counted."""
    guessed: bool


class Scan:
    """The reading of lines by the rules of one method, with what it has found so far."""

    def __init__(self, method: MethodName, model: str | None, *, tokens: bool = False) -> None:
        self.recorder = Recorder()
        self.tally = _tally(model) if tokens else None
        self._method = method
        self._model = model
        self._limit = _limit(model, method)
        # A token takes at least one byte, so only lines of more bytes than tokens allowed can be too long.
        most = self._limit.tokens if self._limit else None
        self._longest = sys.maxsize if most is None else most

    @property
    def not_run(self) -> tuple[str, ...]:
        """What the check of lengths could not do, and why."""
        return self._limit.not_run if self._limit else ()

    def partial(self) -> Partial:
        """Return what was found in a stretch of a file."""
        tally = self.tally
        counts, guessed = (tally.counts, tally.guessed) if tally else (None, False)
        return Partial(self.recorder, self.not_run, counts, guessed)

    def merge(self, later: Partial) -> None:
        """Take over what was found in the next stretch of the same file."""
        self.recorder.merge(later.record)
        if self._limit and not self._limit.not_run:
            self._limit.not_run = later.not_run
        if self.tally and later.counts is not None:
            self.tally.merge(later.counts, guessed=later.guessed)

    def lines(self, lines: Iterable[bytes], path: str | None) -> None:
        """Read lines, which are numbered as they come."""
        self._read(lines, path, lambda number: number)

    def rows(self, rows: Iterable[tuple[int, bytes]], path: str | None) -> None:
        """Read rows without line ends, which come with the numbers of their lines."""
        line = 0

        def lines() -> Iterator[bytes]:
            nonlocal line
            for line, raw in rows:  # noqa: B007 - the number of the row that is looked at
                yield raw + b"\n"

        self._read(lines(), path, lambda _: line)

    def report(self, path: str | None) -> ValidationReport:
        """Return what was found."""
        record = self.recorder
        for_file = list(file_problems(record.n_examples, record.counts, self._model))
        not_run = (*self.not_run, *notes_not_run(record.counts))
        counts = Counter(problem.rule for problem in for_file)
        counts.update({rule: count for rule, count in record.counts.items() if count and rule not in NOTES})
        findings = (*(finding(problem, path, None, None) for problem in for_file), *record.findings())
        counted = self.tally.result() if self.tally else None
        return ValidationReport(path, record.n_examples, findings, dict(counts), not_run, tokens=counted)

    def _read(self, lines: Iterable[bytes], path: str | None, line_of: Callable[[int], int]) -> None:
        record, tally = self.recorder, self.tally
        acceptor = new_acceptor(self._method, tally.loads if tally else orjson.loads)
        before, blank = record.n_examples, 0
        lines = tally.noting(lines, acceptor.parses) if tally else lines
        for number, raw in acceptor.doubtful(lines, self._longest):
            record.n_examples = before + number - 1 - blank
            if raw.endswith(b"\r\n") and not record.counts["crlf"]:
                record.add(Problem("crlf", "", "lines end with CR LF"), path, line_of(number))
            if not raw.strip():
                blank += 1
                record.add(Problem("blank_line", "", "the line is blank"), path, line_of(number))
                continue
            record.n_examples += 1
            record.add_all(self._problems(raw), path, line_of(number))
        record.counts["note_image"] += acceptor.n_images
        record.n_lines += acceptor.n_lines
        record.n_examples = before + acceptor.n_lines - blank

    def _problems(self, raw: bytes) -> Iterator[Problem]:
        yield from line_problems(raw, self._method)
        if self._limit and len(raw) > self._longest:
            try:
                row = orjson.loads(raw)
            except orjson.JSONDecodeError:
                return
            yield from self._limit.problems(row)


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


def _tally(model: str | None) -> TokenTally:
    if model is None:
        raise ConfigurationError("tokens=True needs to know the model: validate(model=..., tokens=True)")
    from finetune_kit.datasets.tokens import TokenTally

    return TokenTally(model)


def _limit(model: str | None, method: MethodName) -> TokenLimit | None:
    # No limit is published for the models that are tuned by reinforcement.
    if model is None and method == "reinforcement":
        return None
    from finetune_kit.datasets.limits import TokenLimit

    return TokenLimit(model)
