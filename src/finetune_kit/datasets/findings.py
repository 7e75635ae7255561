"""What a check of a dataset found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING

from finetune_kit.errors import AuditError, FormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from finetune_kit.datasets.rules import Severity

__all__ = ["Finding", "ValidationReport"]

_SHOWN_IN_ERROR = 5
_SHOWN_IN_TEXT = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach of one rule; never quotes what a message says.

    Example:
        >>> Finding(rule="role", severity="error", path="a.jsonl", line=3, example=3, pointer="/messages/0/role",
        ...         reason="role 'asistant' is unknown", source="API description", fix="write 'assistant'").line
        3
    """

    rule: str
    """Id of the rule, a key of `finetune_kit.datasets.rules.RULES`."""
    severity: Severity
    path: str | None
    """File that the row came from; None for rows made in memory."""
    line: int | None
    """Physical line of that file, counted from 1 (rows in memory: their number); None for the whole file."""
    example: int | None
    """Number of the example among those checked, counted from 1, blank lines left out."""
    pointer: str
    """JSON pointer to the place inside the row; empty for the whole row."""
    reason: str
    source: str
    """Where the rule comes from."""
    fix: str

    def __str__(self) -> str:
        where = [part for part in (self.path, f"line {self.line}" if self.line else None, self.pointer) if part]
        return f"{', '.join(where) or 'dataset'}: {self.severity}: {self.reason} [{self.rule}]. Remedy: {self.fix}"

    def as_error(self) -> FormatError:
        """Return the finding as the error to raise."""
        return FormatError(self.reason, path=self.path, line=self.line, pointer=self.pointer or None, remedy=self.fix)


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """What `validate` found in a dataset.

    `findings` holds the first thousand of each rule, so that memory stays flat; `counts`
    has how many there are of each rule in truth.
    """

    path: str | None
    n_examples: int
    findings: tuple[Finding, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    not_run: tuple[str, ...] = ()
    """The checks that could not run, each with its reason: neither passed nor failed."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings for which a service refuses the file, or would train on something else."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that are probably mistakes."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not self.errors

    def without(self, *rules: str) -> ValidationReport:
        """Return the report without the findings of some rules, given by their ids."""
        return replace(
            self,
            findings=tuple(finding for finding in self.findings if finding.rule not in rules),
            counts={rule: count for rule, count in self.counts.items() if rule not in rules},
        )

    def raise_for_errors(self) -> None:
        """Raise FormatError for one error, AuditError for several, nothing for none."""
        errors = self.errors
        if not errors:
            return
        n_errors = self._count("error")
        if n_errors == 1:
            raise errors[0].as_error()
        shown = "\n".join(f"  {finding}" for finding in errors[:_SHOWN_IN_ERROR])
        more = n_errors - min(len(errors), _SHOWN_IN_ERROR)
        tail = f"\n  and {more} more: see .findings of this error" if more else ""
        message = f"{self.path or 'the dataset'} has {n_errors} errors:\n{shown}{tail}"
        raise AuditError(message, findings=self.findings)

    def __str__(self) -> str:
        shown = [f"  {finding}" for finding in self.findings[:_SHOWN_IN_TEXT]]
        more = sum(self.counts.values()) - len(shown)
        rest = [f"  and {more} more"] if more > 0 else []
        skipped = [f"  not run: {reason}" for reason in self.not_run]
        return "\n".join([self._summary(), *shown, *rest, *skipped])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(f.severity)}</td><td>{f.line or ''}</td><td>{escape(f.pointer)}</td>"
            f"<td>{escape(f.reason)}</td><td>{escape(f.fix)}</td></tr>"
            for f in self.findings[:_SHOWN_IN_TEXT]
        )
        head = "<tr><th>severity</th><th>line</th><th>where</th><th>reason</th><th>remedy</th></tr>"
        return f"<p>{escape(self._summary())}</p><table>{head}{rows}</table>"

    def _summary(self) -> str:
        parts = [f"{self._count(kind)} {kind}{'s' if self._count(kind) != 1 else ''}" for kind in ("error", "warning")]
        return f"{self.path or 'dataset'}: {self.n_examples} examples, {', '.join(parts)}"

    def _count(self, severity: str) -> int:
        rules = {finding.rule for finding in self.findings if finding.severity == severity}
        return sum(Counter(dict(self.counts))[rule] for rule in rules)
