"""Where rows come from, and under which licence: kept beside each row, counted, written and read back."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from finetune_kit.datasets.documented_rows import DocumentedRows
from finetune_kit.datasets.duplicates import exact_key
from finetune_kit.datasets.licences import Terms, terms_of
from finetune_kit.errors import ConfigurationError, DatasetError, FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from finetune_kit.datasets.rows import Rows

__all__ = [
    "Provenance",
    "ProvenanceSummary",
    "Said",
    "SourceCount",
    "document",
    "provenance_of",
    "summarise",
]

Said = str | Callable[[Mapping[str, Any]], str | None]
"""The same text for all rows, or a function of the columns beside a row."""

_NO_TERMS: Final = Terms(None)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where one row comes from; what is not known is None.

    Example:
        >>> Provenance(source="helpdesk export", licence="CC BY-SA 4.0").terms.spdx
        'CC-BY-SA-4.0'
    """

    source: str | None = None
    """Name of the collection, system or publication."""
    licence: str | None = None
    """Best an SPDX id, such as "CC-BY-4.0"; as it was given."""
    url: str | None = None
    collected: str | None = None
    """When: a date, a month or a year, such as "2026-05"."""
    consent: str | None = None
    """What allows the use, such as "contract" or "opt-in of 2026-03"."""
    annotators: str | None = None
    """Who wrote or labelled the row."""

    @property
    def terms(self) -> Terms:
        """What the licence asks; without id and demands where there is none, or none that is known."""
        return terms_of(self.licence) if self.licence else _NO_TERMS

    @property
    def documented(self) -> bool:
        """Whether anything says where the row comes from, or what allows its use."""
        return bool(self.source or self.licence or self.url or self.consent)


class SourceCount(NamedTuple):
    """How many rows come from one source under one licence."""

    source: str | None
    licence: str | None
    """SPDX id where it is known, else as given."""
    n_rows: int
    terms: Terms


class ProvenanceSummary(NamedTuple):
    """What is known of the rows of a dataset together."""

    sources: tuple[SourceCount, ...]
    """Those with most rows first."""
    collected: tuple[str, str] | None
    """The earliest and the latest time of collection."""
    consents: tuple[str, ...]
    annotators: tuple[str, ...]


_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "source": ("source", "dataset", "source_name"),
    "licence": ("licence", "license", "spdx", "spdx_id", "license_id"),
    "url": ("url", "source_url"),
    "collected": ("collected", "collected_at", "date", "created_at", "timestamp"),
    "consent": ("consent", "legal_basis"),
    "annotators": ("annotators", "annotator", "annotated_by"),
}
"""The columns that a fact is taken from, the first that is there and not empty; in any case of letters."""


def provenance_of(*tables: Mapping[str, Any]) -> Provenance:
    """Return what columns say about a row, the first table first."""
    known: dict[str, Any] = {}
    for table in tables:
        known = {str(name).lower(): value for name, value in table.items() if _text(value)} | known
    found = {fact: (known[name] for name in names if name in known) for fact, names in _COLUMNS.items()}
    return Provenance(**{fact: _text(next(values, None)) for fact, values in found.items()})


def row_provenance(rows: Rows, index: int, method: str) -> Provenance:
    """Return the provenance of a row: from beside it, or for reinforcement, whose rows keep their columns, from it."""
    own: Any = {}
    if method == "reinforcement":
        try:
            own = orjson.loads(rows.raw(index))
        except orjson.JSONDecodeError:
            own = {}
    return provenance_of(rows.extra(index), own if isinstance(own, dict) else {})


def document(rows: Rows, picks: Iterable[int], said: Mapping[str, Said | None]) -> DocumentedRows:
    """Return the rows with facts beside those picked; a fact that is given replaces that of a column.

    Raises:
        ConfigurationError: Nothing is given, or a text is empty.
    """
    given = {fact: value for fact, value in said.items() if value is not None}
    if not given:
        raise ConfigurationError("give at least one of source, licence, url, collected, consent, annotators, beside")
    for fact, value in given.items():
        if isinstance(value, str) and not value.strip():
            raise ConfigurationError(f"{fact}={value!r} says nothing: leave it out, or say what is known")
    if all(isinstance(value, str) for value in given.values()):
        return DocumentedRows(rows, [{fact: str(value) for fact, value in given.items()}])
    return _numbered(rows, ((index, _record(given, rows.extra(index))) for index in picks))


def document_from(rows: Rows, picks: Iterable[int], path: str | Path) -> DocumentedRows:
    """Return the rows with the facts that a file of `provenance_lines` has about them, found by their content.

    Raises:
        DatasetError: The file cannot be read, or is about other rows.
        FormatError: A line of it is no record.
    """
    records = _read_records(Path(path))
    found: list[tuple[int, Mapping[str, str]]] = []
    for index in picks:
        of_row = records.get(exact_key(rows.raw(index)).hex(), [])
        # Rows that are the same may come from several sources: each takes the next record.
        found += [(index, of_row.pop(0) if len(of_row) > 1 else of_row[0])] if of_row else []
    if not found:
        raise DatasetError(f"{str(path)!r} is about none of these rows. Remedy: take the file written beside them")
    return _numbered(rows, found)


def provenance_lines(rows: Rows, picks: Iterable[int], method: str) -> Iterator[bytes]:
    """Yield for each row a line of JSON: its line in the written file, the key of its content, and what is known."""
    for line, index in enumerate(picks, 1):
        known = {fact: value for fact, value in asdict(row_provenance(rows, index, method)).items() if value}
        record = {"line": line, "row": exact_key(rows.raw(index)).hex(), **known}
        yield orjson.dumps(record) + b"\n"


def provenance_path(path: str | Path) -> Path:
    """Return where the provenance of a dataset's file stands: "train.provenance.jsonl" beside "train.jsonl"."""
    return Path(path).with_suffix(".provenance.jsonl")


def summarise(each: Iterable[Provenance]) -> ProvenanceSummary:
    """Return what is known of all rows together, in one pass and little memory."""
    counts: Counter[tuple[str | None, str | None, Terms]] = Counter()
    times: tuple[str, str] | None = None
    consents: set[str] = set()
    annotators: set[str] = set()
    for one in each:
        counts[one.source, one.terms.spdx or one.licence, one.terms] += 1
        consents.update(filter(None, (one.consent,)))
        annotators.update(filter(None, (one.annotators,)))
        if one.collected:
            first, last = times or (one.collected, one.collected)
            times = min(first, one.collected), max(last, one.collected)
    sources = tuple(SourceCount(source, licence, n, terms) for (source, licence, terms), n in counts.most_common())
    return ProvenanceSummary(sources, times, tuple(sorted(consents)), tuple(sorted(annotators)))


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, dict | list | bool):
        return None
    text = str(value).strip()
    return None if text.lower() in ("", "nan", "nat", "none", "null") else text


def _record(given: Mapping[str, Said], columns: Mapping[str, Any]) -> dict[str, str]:
    said = {fact: value if isinstance(value, str) else value(columns) for fact, value in given.items()}
    return {fact: text for fact, value in said.items() if (text := _text(value)) is not None}


def _numbered(rows: Rows, records: Iterable[tuple[int, Mapping[str, str]]]) -> DocumentedRows:
    """Return the rows with their records, each different one kept once; record 0 says nothing."""
    numbers: dict[tuple[tuple[str, str], ...], int] = {(): 0}
    codes = array("I", bytes(array("I").itemsize * len(rows)))
    for index, record in records:
        codes[index] = numbers.setdefault(tuple(sorted(record.items())), len(numbers))
    return DocumentedRows(rows, [dict(pairs) for pairs in numbers], codes)


def _read_records(path: Path) -> dict[str, list[dict[str, str]]]:
    facts = {field.name for field in fields(Provenance)}
    records: dict[str, list[dict[str, str]]] = defaultdict(list)
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        remedy = "check the path; `write(path, provenance=True)` makes the file"
        raise DatasetError(f"cannot read {str(path)!r}: {error.strerror or error}. Remedy: {remedy}") from error
    for number, line in enumerate(lines, 1):
        try:
            record = orjson.loads(line)
            records[record["row"]].append({fact: str(record[fact]) for fact in facts if fact in record})
        except (orjson.JSONDecodeError, KeyError, TypeError):
            remedy = "take a file that `write(path, provenance=True)` has made"
            raise FormatError("no record of a row's provenance", path=str(path), line=number, remedy=remedy) from None
    return records
