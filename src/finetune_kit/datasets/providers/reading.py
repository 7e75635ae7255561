"""The rows of a dataset, read once, with all that any provider may object to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from finetune_kit.datasets.accept import ChatAcceptor
from finetune_kit.datasets.providers.row_rules import provider_problems
from finetune_kit.datasets.rules import NOTES, MethodName, Problem
from finetune_kit.datasets.validate import line_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from finetune_kit.datasets.limits import TokenLimit

__all__ = ["Reading", "Where"]


@dataclass(frozen=True, slots=True)
class Where:
    """Where a problem stands: the path, the line and the number of the example; None for a whole file."""

    path: str | None
    line: int | None
    example: int | None


class Reading:
    """The rows of a dataset with their problems, and what was counted on the way."""

    def __init__(self, path: str | None, method: MethodName, model: str | None) -> None:
        self.path = path
        self.method = method
        self.model = model
        self.n_examples = 0
        self.n_bytes = 0
        self.notes: Counter[str] = Counter()
        self.limit = _limit(model)
        self._accepts = ChatAcceptor().accepts if method == "supervised" else _accepts_nothing

    def rows(
        self, parts: Iterable[tuple[str | None, Iterable[tuple[int, bytes]]]]
    ) -> Iterator[tuple[Where, list[Problem]]]:
        """Yield each line that somebody may object to, with the problems."""
        ends_with_cr = False
        for path, lines in parts:
            for number, raw in lines:
                self.n_bytes += len(raw) + (not raw.endswith(b"\n"))
                if raw.endswith(b"\r\n") and not ends_with_cr:
                    ends_with_cr = True
                    yield Where(path, number, None), [Problem("crlf", "", "lines end with CR LF")]
                if not raw.strip():
                    yield Where(path, number, None), [Problem("blank_line", "", "the line is blank")]
                    continue
                self.n_examples += 1
                problems = list(self._problems(raw))
                if problems:
                    yield Where(path, number, self.n_examples), problems

    def _problems(self, raw: bytes) -> Iterator[Problem]:
        try:
            row: Any = orjson.loads(raw)
        except orjson.JSONDecodeError:
            yield from self._counted(line_problems(raw, self.method))
            return
        if not self._accepts(raw, row):
            yield from self._counted(line_problems(raw, self.method))
        yield from provider_problems(row, self.method)
        if self.limit and self.limit.tokens is not None and len(raw) > self.limit.tokens:
            yield from self.limit.problems(row)

    def _counted(self, problems: Iterator[Problem]) -> Iterator[Problem]:
        for problem in problems:
            if problem.rule in NOTES:
                self.notes[problem.rule] += 1
            else:
                yield problem


def _accepts_nothing(_raw: bytes, _row: Any) -> bool:
    return False


def _limit(model: str | None) -> TokenLimit | None:
    if model is None:
        return None
    from finetune_kit.datasets.limits import TokenLimit

    return TokenLimit(model)
