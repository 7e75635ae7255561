"""What an audit found, and what it could not look into."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Literal

from finetune_kit.datasets.findings import Finding, ValidationReport
from finetune_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["AuditReport", "CheckResult", "State"]

State = Literal["found", "clean", "not run"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one check of an audit ended."""

    id: str
    state: State
    n_found: int
    n_examined: int
    """How many rows, texts or pairs were looked at."""
    method: str
    """How the check decides."""
    threshold: str = ""
    """Its thresholds, such as "jaccard 0.7"; empty where there is nothing to set."""
    why: str = ""
    """Why it did not run."""

    def __str__(self) -> str:
        if self.state == "not run":
            return f"{self.id}: not run: {self.why}"
        return f"{self.id}: {'clean' if self.state == 'clean' else f'found {self.n_found}'} (of {self.n_examined:,})"


@dataclass(frozen=True, slots=True)
class AuditReport(ValidationReport):
    """What `Dataset.audit` found: the findings, and for each check whether it found, was clean or did not run.

    `findings` holds the first thousand of each rule; `counts` has how many there are in
    truth. "Not run" is neither passed nor failed.
    """

    checks: tuple[CheckResult, ...] = ()

    def check(self, name: str) -> CheckResult:
        """Return the result of one check by its id."""
        for result in self.checks:
            if result.id == name:
                return result
        raise ConfigurationError(f"no check {name!r} in this audit: {', '.join(result.id for result in self.checks)}")

    @property
    def hints(self) -> tuple[Finding, ...]:
        """The findings that are worth a look."""
        return tuple(finding for finding in self.findings if finding.severity == "hint")

    def by_rule(self, *rules: str) -> tuple[Finding, ...]:
        """Return the findings of some rules."""
        return tuple(finding for finding in self.findings if finding.rule in rules)

    def joined(self, check: CheckResult, findings: Iterable[Finding]) -> AuditReport:
        """Return the report with the findings of a check that was made elsewhere, such as a moderation."""
        added = tuple(findings)
        counts = Counter(self.counts) + Counter(finding.rule for finding in added)
        return replace(self, findings=(*self.findings, *added), counts=dict(counts), checks=(*self.checks, check))

    def __str__(self) -> str:
        lines = [ValidationReport.__str__(self)]
        return "\n".join([*lines, "checks:", *(f"  {check}" for check in self.checks)])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(check.id)}</td><td>{escape(check.state)}</td><td>{check.n_found}</td>"
            f"<td>{check.n_examined}</td><td>{escape(check.why or check.threshold)}</td></tr>"
            for check in self.checks
        )
        head = "<tr><th>check</th><th>state</th><th>found</th><th>examined</th><th>threshold, or why not</th></tr>"
        return f"{ValidationReport._repr_html_(self)}<table>{head}{rows}</table>"
