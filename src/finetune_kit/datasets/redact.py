"""Redacting personal data and credentials in the rows of a dataset."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from finetune_kit.datasets.audit.pii import KINDS, find_spans
from finetune_kit.datasets.audit.secrets import find_secrets
from finetune_kit.datasets.audit.spans import Span, without_overlaps
from finetune_kit.datasets.edited_rows import EditedRows
from finetune_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from finetune_kit.datasets.rows import Rows

__all__ = ["ALL_KINDS", "Redacted", "Redactor", "redact_rows"]

ALL_KINDS: Final = frozenset((*KINDS, "secret"))
"""Everything that can be redacted."""

# What says how a row is built, not what anybody said.
_STRUCTURE: Final = frozenset(
    (
        "role",
        "id",
        "tool_call_id",
        "type",
        "tools",
        "functions",
        "response_format",
        "weight",
        "image_url",
        "input_audio",
    )
)
_DEFAULT: Final = "[{kind}]"


class Redacted(NamedTuple):
    """Rows after redaction, and how much of what was replaced in how many of them; never what it was."""

    rows: EditedRows
    counts: Counter[str]
    n_rows: int

    def step(self) -> str:
        """Return the line for the history."""
        found = ", ".join(f"{n} {kind}" for kind, n in sorted(self.counts.items())) or "nothing"
        return f"redact: {found} in {self.n_rows} of {len(self.rows)} rows"


class Redactor:
    """Replaces what it finds in texts, the same value by the same number.

    Args:
        kinds: What to replace: some of `ALL_KINDS`.
        replacement: What to write: "{kind}" becomes the kind in capitals, "{number}" the
            number of the value among those of its kind, the same wherever it comes again.
        regions: Countries whose national telephone numbers are looked for.
    """

    def __init__(self, kinds: Collection[str] | None, replacement: str | None, regions: tuple[str, ...]) -> None:
        self._kinds = _known(kinds)
        self._template = _checked(_DEFAULT if replacement is None else replacement)
        self._regions = regions
        self._numbers: dict[tuple[str, str], int] = {}
        self.counts: Counter[str] = Counter()

    def text(self, text: str, *, before: str = "") -> str:
        """Return a text with what is found in it replaced; `before` is what stands before it, such as a key."""
        lead = f"{before}: " if before else ""
        spans = [span for span in self._spans(lead + text) if span.end > len(lead)]
        parts, end = [], 0
        for span in spans:
            start = max(span.start - len(lead), 0)
            parts += [text[end:start], self._mask(span.kind, text[start : span.end - len(lead)])]
            end = span.end - len(lead)
        return "".join([*parts, text[end:]])

    def value(self, value: Any, *, key: str = "") -> Any:
        """Return a JSON value with every string in it redacted, strings of JSON (arguments, results) inside."""
        if isinstance(value, str):
            return value if value.startswith("data:") else self._string(value, key)
        if isinstance(value, dict):
            return {name: item if name in _STRUCTURE else self.value(item, key=name) for name, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, key=key) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            masked = self.text(str(value), before=_words(key))
            return value if masked == str(value) else masked
        return value

    def _string(self, text: str, key: str) -> str:
        if text.lstrip()[:1] in ("{", "["):
            try:
                inner = orjson.loads(text)
            except orjson.JSONDecodeError:
                return self.text(text)
            # What is untouched stays as it was written, to the last space.
            masked = self._inner(inner)
            return text if masked == inner else orjson.dumps(masked).decode()
        return self.text(text, before="" if key in ("content", "text") else _words(key))

    def _inner(self, value: Any, key: str = "") -> Any:
        """Redact the value of a JSON string, in which every key is data."""
        if isinstance(value, dict):
            return {name: self._inner(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [self._inner(item, key) for item in value]
        return self.value(value, key=key)

    def _spans(self, text: str) -> list[Span]:
        found: Iterable[Span] = find_spans(text, self._regions) if self._kinds & KINDS.keys() else ()
        secrets = find_secrets(text) if "secret" in self._kinds else ()
        return without_overlaps([*secrets, *(span for span in found if span.kind in self._kinds)])

    def _mask(self, kind: str, said: str) -> str:
        self.counts[kind] += 1
        number = self._numbers.setdefault((kind, " ".join(said.lower().split())), self._next(kind))
        return self._template.format(kind=kind.upper(), number=number)

    def _next(self, kind: str) -> int:
        return 1 + sum(known == kind for known, _ in self._numbers)


def redact_rows(rows: Rows, picks: Iterable[int], redactor: Redactor) -> Redacted:
    """Return rows with what the redactor finds in them replaced; those in which it finds nothing stay bytes."""
    edited, n_changed = EditedRows(rows), 0
    for index in picks:
        row, extra = _parsed(rows.raw(index)), rows.extra(index)
        masked, beside = redactor.value(row), redactor.value(dict(extra))
        if masked == row and beside == extra:
            edited.keep(index)
            continue
        n_changed += 1
        line = masked.encode("utf-8", "surrogatepass") if isinstance(masked, str) else orjson.dumps(masked)
        edited.replace(index, rows.raw(index) if masked == row else line, beside)
    return Redacted(edited, redactor.counts, n_changed)


def _parsed(raw: bytes) -> Any:
    """Return a row as a value, or as the text it is where it is not JSON."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode("utf-8", "replace")


def _words(key: str) -> str:
    return key.replace("_", " ").replace("-", " ")


def _known(kinds: Collection[str] | None) -> frozenset[str]:
    chosen = ALL_KINDS if kinds is None else frozenset((kinds,) if isinstance(kinds, str) else kinds)
    if unknown := sorted(chosen - ALL_KINDS):
        raise ConfigurationError(f"cannot redact {unknown[0]!r}: use some of {', '.join(sorted(ALL_KINDS))}")
    return chosen


def _checked(template: str) -> str:
    try:
        template.format(kind="EMAIL", number=1)
    except (KeyError, IndexError, ValueError) as error:
        message = f"replacement {template!r} cannot be filled in: use {{kind}} and {{number}}, and double other braces"
        raise ConfigurationError(message) from error
    return template
