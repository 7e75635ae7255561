"""Running the checks of an audit over the rows of a dataset, each row parsed once."""

from __future__ import annotations

import importlib
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import orjson

from finetune_kit.datasets.audit.report import AuditReport, CheckResult
from finetune_kit.datasets.audit.row import AuditRow
from finetune_kit.datasets.findings import Finding, Place
from finetune_kit.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from finetune_kit.datasets.audit.check import AuditSettings, Check, Hit
    from finetune_kit.datasets.findings import ValidationReport
    from finetune_kit.datasets.rows import Rows
    from finetune_kit.datasets.rules import MethodName

__all__ = ["all_checks", "audit_rows", "numbered_rows"]

_MODULES: Final[tuple[str, ...]] = (
    "duplicates",
    "leaks",
    "contradictions",
    "labels",
    "mislabels",
    "tool_arguments",
    "preferences",
    "fairness",
    "counterfactuals",
    "stereotypes",
    "outputs",
    "texts",
    "refusals",
    "injections",
    "documentation",
    "endings",
    "lengths",
    "languages",
    "drift",
    "voice",
    "pii",
    "names",
    "secrets",
    "toxicity",
)
"""The modules with checks, in the order of their findings; each has a tuple `CHECKS`."""

_KEPT_PER_RULE: Final = 1000


def all_checks() -> tuple[type[Check], ...]:
    """Return every check that there is."""
    modules = [importlib.import_module(f"finetune_kit.datasets.audit.{name}") for name in _MODULES]
    return tuple(check for module in modules for check in module.CHECKS)


def audit_rows(
    rows: Iterable[AuditRow],
    *,
    held_out: Iterable[AuditRow],
    method: MethodName,
    validation: ValidationReport,
    settings: AuditSettings,
    only: Collection[str] | None = None,
    skip: Collection[str] = (),
) -> AuditReport:
    """Audit rows, and held-out rows against them, after their `validation`.

    Raises:
        ConfigurationError: A check, rule or threshold that is named does not exist.
    """
    kinds = all_checks()
    _check_names(kinds, settings, [*(only or ()), *skip])
    chosen = [kind for kind in kinds if (only is None or kind.id in only) and kind.id not in skip]
    checks, not_made = _made(chosen, settings, method, only or ())
    recorder = _Recorder(settings)
    for row in rows:
        for check in checks:
            recorder.add_all(check, check.see(row))
    for row in held_out:
        for check in checks:
            recorder.add_all(check, check.see_held_out(row))
    for check in checks:
        recorder.add_all(check, check.finish())
    results = {check.id: recorder.result(check) for check in checks} | {result.id: result for result in not_made}
    return AuditReport(
        path=validation.path,
        n_examples=validation.n_examples,
        findings=(*validation.findings, *recorder.findings()),
        counts={**validation.counts, **recorder.counts},
        not_run=validation.not_run,
        checks=(_of_validation(validation), *(results[kind.id] for kind in chosen)),
    )


def numbered_rows(rows: Rows, picks: Iterable[int], method: MethodName) -> Iterator[AuditRow]:
    """Yield the rows that are JSON objects; what is wrong with the others, validation says."""
    for number, index in enumerate(picks, 1):
        raw = rows.raw(index)
        try:
            row = orjson.loads(raw)
        except orjson.JSONDecodeError:
            continue
        if isinstance(row, dict):
            place = Place(*rows.place(index))
            yield AuditRow(row, raw=raw, place=place, number=number, method=method, extra=rows.extra(index))


def _check_names(kinds: Iterable[type[Check]], settings: AuditSettings, checks: Iterable[str]) -> None:
    kinds = list(kinds)
    _check_known(checks, [kind.id for kind in kinds], "check")
    _check_known(settings.thresholds, [f"{kind.id}.{name}" for kind in kinds for name in kind.defaults], "threshold")
    _check_known(settings.severities, [rule for kind in kinds for rule in kind.rules], "rule of an audit")


def _check_known(names: Iterable[str], known: list[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise ConfigurationError(f"there is no {what} {name!r}: use some of {', '.join(sorted(known))}")


def _made(
    kinds: Iterable[type[Check]], settings: AuditSettings, method: MethodName, named: Collection[str]
) -> tuple[list[Check], list[CheckResult]]:
    made: list[Check] = []
    not_made: list[CheckResult] = []
    for kind in kinds:
        if method not in kind.applies_to:
            not_made.append(_not_run(kind, f"it does not apply to {method} examples"))
            continue
        if kind.on_request and kind.id not in named:
            not_made.append(_not_run(kind, f"it takes long: ask for it by audit(only={{{kind.id!r}}})"))
            continue
        try:
            made.append(kind(settings))
        except MissingExtraError as error:
            not_made.append(_not_run(kind, str(error)))
    return made, not_made


def _not_run(kind: type[Check], why: str) -> CheckResult:
    return CheckResult(kind.id, "not run", 0, 0, kind.method, why=why)


def _of_validation(report: ValidationReport) -> CheckResult:
    n_found = sum(report.counts.values())
    why = "; ".join(report.not_run)
    state: Any = "found" if n_found else "clean"
    return CheckResult("format", state, n_found, report.n_examples, "the rules of the fine-tuning format", why=why)


class _Recorder:
    """Turns hits into findings, and keeps no more of them than memory should hold."""

    def __init__(self, settings: AuditSettings) -> None:
        self.counts: Counter[str] = Counter()
        self._by_check: Counter[str] = Counter()
        self._severities = settings.severities
        self._findings: list[Finding] = []

    def add_all(self, check: Check, hits: Iterable[Hit]) -> None:
        for hit in hits:
            self.counts[hit.rule] += 1
            self._by_check[check.id] += 1
            if self.counts[hit.rule] <= _KEPT_PER_RULE:
                self._findings.append(self._finding(check.rules, hit))

    def findings(self) -> list[Finding]:
        return sorted(self._findings, key=lambda finding: (finding.line is not None, finding.path or "", finding.line))

    def result(self, check: Check) -> CheckResult:
        threshold = ", ".join(f"{name} {value:g}" for name, value in check.thresholds.items())
        if not check.n_examined:
            return CheckResult(check.id, "not run", 0, 0, check.method, threshold, check.why_not_run)
        n_found = self._by_check[check.id]
        state: Any = "found" if n_found else "clean"
        return CheckResult(check.id, state, n_found, check.n_examined, check.method, threshold)

    def _finding(self, rules: Mapping[str, Any], hit: Hit) -> Finding:
        rule = rules[hit.rule]
        place = hit.place or (hit.row.place if hit.row else None)
        return Finding(
            rule=hit.rule,
            severity=self._severities.get(hit.rule) or hit.severity or rule.severity,
            path=place.path if place else None,
            line=place.line if place else None,
            example=hit.example or (hit.row.number if hit.row else None),
            pointer=hit.pointer,
            reason=hit.reason,
            source=rule.source,
            fix=rule.fix,
            related=hit.related,
            confidence=hit.confidence,
        )
