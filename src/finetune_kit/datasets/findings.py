"""What a check of a dataset found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from finetune_kit.errors import AuditError, FormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from finetune_kit.datasets.rows import Skipped
    from finetune_kit.datasets.rules import Severity
    from finetune_kit.datasets.tokens import TokenCount

__all__ = ["Finding", "Place", "ValidationReport"]

_SHOWN_IN_ERROR = 5
_SHOWN_IN_TEXT = 20


class Place(NamedTuple):
    """Where a row stands: the path of its file, None for rows made in memory, and its line or number, from 1."""

    path: str | None
    line: int

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}" if self.path else f"line {self.line}"


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
    related: Place | None = None
    """The other row of a pair, such as the first of two duplicates."""
    confidence: float | None = None
    """How sure the check is, from 0 to 1; None where it is certain by definition or cannot tell."""
    refused: bool = False
    """Whether a service refuses a file for it, and not only learns something else from it than was meant."""

    def __str__(self) -> str:
        where = [part for part in (self.path, f"line {self.line}" if self.line else None, self.pointer) if part]
        other = f" (see {self.related})" if self.related else ""
        said = f"{self.severity}: {self.reason}{other} [{self.rule}]"
        return f"{', '.join(where) or 'dataset'}: {said}. Remedy: {self.fix}"

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
    skipped: tuple[Skipped, ...] = ()
    """What reading left out of the dataset, each with its reason."""
    tokens: TokenCount | None = None
    """The tokens of the examples, where they were to be counted; lines that cannot be read have none."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings for which a service refuses the file, or would train on something else."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """The findings for which the service refuses the file."""
        return tuple(finding for finding in self.findings if finding.refused)

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

    def raise_for_refusals(self) -> None:
        """Raise as `raise_for_errors` does, but only for what the service refuses."""
        taken = {finding.rule for finding in self.findings if not finding.refused}
        self.without(*taken).raise_for_errors()

    def __str__(self) -> str:
        shown = [f"  {finding}" for finding in self.findings[:_SHOWN_IN_TEXT]]
        more = sum(self.counts.values()) - len(shown)
        rest = [f"  and {more} more"] if more > 0 else []
        not_run = [f"  not run: {reason}" for reason in self.not_run]
        return "\n".join([self._summary(), *shown, *rest, *not_run, *self._left_out()])

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

    def _left_out(self) -> list[str]:
        n_skipped = len(self.skipped)
        if not n_skipped:
            return []
        shown = [f"    {skipped}" for skipped in self.skipped[:_SHOWN_IN_ERROR]]
        more = [f"    and {n_skipped - len(shown)} more: see .skipped"] if n_skipped > len(shown) else []
        return [f"  left out when the source was read: {n_skipped}", *shown, *more]

    def _count(self, severity: str) -> int:
        rules = {finding.rule for finding in self.findings if finding.severity == severity}
        return sum(Counter(dict(self.counts))[rule] for rule in rules)
