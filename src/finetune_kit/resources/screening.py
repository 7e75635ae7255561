"""What a moderation makes of a dataset: its texts, a policy, and findings."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeVar

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from finetune_kit.datasets import Dataset, Finding
    from finetune_kit.datasets.audit.report import CheckResult
    from finetune_kit.datasets.audit.row import AuditRow
    from finetune_kit.datasets.findings import Place
    from finetune_kit.errors import APIError
    from finetune_kit.types.moderations import ModerationPolicy, ModerationResult

__all__ = ["ScreenedText", "Screening", "slices", "texts_to_screen"]

T = TypeVar("T")

_RULE: Final = "moderation"
_METHOD: Final = "the service's moderation of each message by itself"
_FIX: Final = "read the row; drop it, or rewrite the answer, unless it teaches the model to refuse"
_SHOWN: Final = 20


class ScreenedText(NamedTuple):
    """One text of a dataset: where it stands, and whether the model learns to write it."""

    example: int
    place: Place
    pointer: str
    learned: bool
    text: str


@dataclass(frozen=True, slots=True)
class Screening:
    """What a moderation found in a dataset; neither its findings nor its text quote a message."""

    n_examples: int
    policy: ModerationPolicy
    n_screened: int = 0
    """How many texts were judged."""
    n_not_screened: int = 0
    """How many could not be judged: neither flagged nor clean."""
    why: str = ""
    """Why these could not."""
    model: str | None = None
    """The moderation model, as the service calls it."""
    findings: tuple[Finding, ...] = ()
    """One for each text and category that counts, of the rule "moderation"."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Category -> how many texts are of it."""

    @property
    def check(self) -> CheckResult:
        """The screening as a check of an audit, for `AuditReport.joined`."""
        from finetune_kit.datasets.audit.report import CheckResult

        complete = self.n_screened > 0 and not self.n_not_screened
        state: Literal["found", "clean", "not run"] = "found" if self.findings else "clean" if complete else "not run"
        named = [f"{name} {value:g}" for name, value in self.policy.thresholds.items()]
        threshold = ", ".join(named) or "the service's own flags"
        why = self.why or ("" if self.n_screened else "there is no text to judge")
        return CheckResult(_RULE, state, len(self.findings), self.n_screened, _METHOD, threshold, why)

    def with_texts(
        self, texts: Sequence[ScreenedText], results: Mapping[str, ModerationResult], model: str | None
    ) -> Screening:
        """Return the screening with some more texts, and what the moderation said of those that it judged."""
        judged = [(text, results[text.text]) for text in texts if text.text in results]
        counts = Counter(self.counts)
        findings = list(self.findings)
        for text, result in judged:
            for category, score in self.policy.found(result).items():
                severity = self.policy.severity(category, learned=text.learned)
                if severity != "ignore":
                    counts[category] += 1
                    findings.append(_finding(text, category, score, severity, model or self.model))
        return replace(
            self,
            n_screened=self.n_screened + len(judged),
            n_not_screened=self.n_not_screened + len(texts) - len(judged),
            model=model or self.model,
            findings=tuple(findings),
            counts=dict(counts),
        )

    def ended(self, data: Dataset, error: APIError | None) -> Screening:
        """Return the screening with what could not be judged, and why."""
        broken = len(data) - sum(1 for _ in _rows(data))
        said = [f"{self.n_not_screened} texts: {type(error).__name__}"] if error is not None else []
        said += [f"{broken} rows are not JSON objects"] if broken else []
        why = f"not judged: {'; '.join(said)}" if said else ""
        return replace(self, n_not_screened=self.n_not_screened + broken, why=why)

    def __str__(self) -> str:
        found = ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items())) or "nothing"
        head = f"{self.n_screened} texts of {self.n_examples} examples judged by {self.model}: found {found}"
        more = len(self.findings) - _SHOWN
        rest = [f"  and {more} more: see .findings"] if more > 0 else []
        missed = [f"  {self.why}"] if self.why else []
        return "\n".join([head, *(f"  {finding}" for finding in self.findings[:_SHOWN]), *rest, *missed])


def texts_to_screen(data: Dataset) -> Iterator[ScreenedText]:
    """Yield the texts of all messages, blank ones left out."""
    for row in _rows(data):
        for text in row.texts:
            if text.text.strip():
                learned = text.role == "assistant" and _is_learned(row, text.pointer)
                yield ScreenedText(row.number, row.place, text.pointer, learned, text.text)


def slices(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of that size; the last may be shorter."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def _rows(data: Dataset) -> Iterator[AuditRow]:
    from finetune_kit.datasets.audit.row import AuditRow

    for number, (line, place) in enumerate(zip(data.lines(), data.places(), strict=True), 1):
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(row, dict):
            yield AuditRow(row, raw=line, place=place, number=number, method=data.method, extra={})


def _is_learned(row: AuditRow, pointer: str) -> bool:
    if row.method == "dpo":
        return pointer.startswith("/preferred_output/")
    return row.messages[int(pointer.split("/")[2])].get("weight") != 0


def _finding(
    text: ScreenedText, category: str, score: float | None, severity: Literal["error", "warning", "hint"],
    model: str | None,
) -> Finding:  # fmt: skip
    from finetune_kit.datasets import Finding

    whose = "a text that the model learns to write" if text.learned else "a text that the model reads"
    sure = "" if score is None else f" (score {score:.2f})"
    return Finding(
        rule=_RULE,
        severity=severity,
        path=text.place.path,
        line=text.place.line,
        example=text.example,
        pointer=text.pointer,
        reason=f"the moderation finds {category!r} in {whose}{sure}",
        source=f"moderation by {model or 'the service'}",
        fix=_FIX,
        confidence=score,
    )
