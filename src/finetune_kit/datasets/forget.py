"""Finding the rows that name a person, so that they can be dropped and traced."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

import orjson

from finetune_kit.datasets.duplicates import exact_key
from finetune_kit.datasets.findings import Place
from finetune_kit.datasets.subject import Subject, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from finetune_kit.datasets.dataset import Dataset
    from finetune_kit.datasets.rows import Rows

__all__ = ["Forgotten", "LineKind", "Mention", "Search", "forgotten_rows", "search_rows"]

LineKind = Literal["dropped row", "names the subject", "other row", "not a row"]
"""What a line of a file is to a search for a person."""

_SHOWN = 20
_SEARCHED = "messages, names, tool calls and their results, all other keys, and the columns beside the rows"


class Mention(NamedTuple):
    """One row that names the subject: where, never what it says."""

    example: int
    """Number of the example in the dataset that was searched, counted from 1."""
    place: Place
    pointers: tuple[str, ...]
    """JSON pointers to the texts that name the subject."""
    columns: tuple[str, ...]
    """The columns beside the row that do."""
    identifiers: tuple[int, ...]
    """Which of the identifiers were found, counted from 1 in the order given."""

    def __str__(self) -> str:
        where = [*self.pointers, *(f"column {name!r}" for name in self.columns)]
        numbers = ", ".join(map(str, self.identifiers))
        return f"{self.place}: {', '.join(where) or 'somewhere in a row that is not JSON'} (identifier {numbers})"


class Search(NamedTuple):
    """What a search of rows came to."""

    mentions: tuple[Mention, ...]
    n_rows: int
    n_not_json: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The rows that `Dataset.forget` dropped, and what it takes to find them again elsewhere.

    Shows neither the rows nor the identifiers. Give it to `client.lineage.exposure` to
    learn which files, jobs and models saw the person; then let it go.
    """

    rows: Dataset = field(repr=False)
    """The rows that were dropped, as a dataset."""
    mentions: tuple[Mention, ...]
    n_searched: int
    n_not_json: int
    """Rows among those that are not JSON, and were searched as plain text."""
    subject: Subject
    digests: frozenset[bytes] = field(repr=False)
    """The digests of the dropped rows, which do not depend on the order of keys."""

    def kind_of(self, line: bytes) -> LineKind:
        """Return what a line of some JSONL file is: a dropped row, another that names the subject, or neither."""
        value = _parsed(line)
        if exact_key(line.strip()) in self.digests:
            return "dropped row"
        if _may_name(self.subject, value, line) and any(self.subject.found_in(text) for _, text in texts_of(value)):
            return "names the subject"
        return "other row" if isinstance(value, dict) else "not a row"

    def __str__(self) -> str:
        broken = f"; {self.n_not_json} rows are not JSON and were searched as plain text" if self.n_not_json else ""
        head = (
            f"{len(self.mentions)} of {self.n_searched} rows name the subject and were dropped. "
            f"Searched for {len(self.subject)} identifiers in {_SEARCHED}{broken}."
        )
        more = len(self.mentions) - _SHOWN
        rest = [f"  and {more} more: see .mentions"] if more > 0 else []
        return "\n".join([head, *(f"  {mention}" for mention in self.mentions[:_SHOWN]), *rest])


def search_rows(rows: Rows, picks: Iterable[int], subject: Subject) -> Search:
    """Search rows, and the columns beside them, for a subject."""
    mentions: list[Mention] = []
    n_rows = n_not_json = 0
    for number, index in enumerate(picks, 1):
        n_rows += 1
        raw = rows.raw(index)
        value = _parsed(raw)
        n_not_json += isinstance(value, str)
        pointers, found = _found(subject, value) if _may_name(subject, value, raw) else ((), set())
        columns, beside = _found(subject, dict(rows.extra(index)))
        if found or beside:
            names = tuple(dict.fromkeys(pointer.split("/")[1] for pointer in columns))
            said = tuple(sorted(found | beside))
            mentions.append(Mention(number, Place(*rows.place(index)), pointers, names, said))
    return Search(tuple(mentions), n_rows, n_not_json)


def forgotten_rows(dropped: Dataset, search: Search, subject: Subject) -> Forgotten:
    """Return what is kept of rows that were dropped."""
    digests = frozenset(exact_key(line.strip()) for line in dropped.lines())
    return Forgotten(dropped, search.mentions, search.n_rows, search.n_not_json, subject, digests)


def _found(subject: Subject, value: object) -> tuple[tuple[str, ...], set[int]]:
    pointers: dict[str, None] = {}
    numbers: set[int] = set()
    for pointer, text in texts_of(value):
        if said := subject.found_in(text):
            pointers[pointer] = None
            numbers.update(said)
    return tuple(filter(None, pointers)), numbers


def _may_name(subject: Subject, value: object, raw: bytes) -> bool:
    return isinstance(value, str) or subject.may_be_in(raw)


def _parsed(raw: bytes) -> object:
    """Return a row as a value, or as the text it is where it is not JSON."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode("utf-8", errors="replace")
