"""What one provider has to say to a dataset, taken down as it is found."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from finetune_kit.datasets.file_rules import notes_not_run
from finetune_kit.datasets.findings import Finding
from finetune_kit.datasets.providers.matrix import ProviderVerdict
from finetune_kit.datasets.providers.row_rules import PROVIDER_RULES
from finetune_kit.datasets.rules import RULES, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from finetune_kit.datasets.providers.profile import Profile
    from finetune_kit.datasets.providers.reading import Reading, Where

__all__ = ["Sheet"]

_KEPT_PER_RULE: Final = 1000
_ALL_RULES: Final = {**RULES, **PROVIDER_RULES}
# Rules that only tell what an example has: of interest where a provider's word on it is missing.
_OPEN_QUESTIONS: Final = {
    "tools_given": ("crusoe",),
    "weight_given": ("nebius", "bedrock", "crusoe"),
    "images_given": ("nebius", "bedrock", "crusoe"),
}


class Sheet:
    """What one provider has to say, as it is found."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.counts: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.open: set[str] = set()
        self._findings: list[Finding] = []

    def add(self, problem: Problem, where: Where) -> None:
        """Take a problem down, unless it is none for this provider."""
        profile, rule, name = self.profile, _ALL_RULES[problem.rule], problem.rule
        if name in profile.takes or (name in PROVIDER_RULES and not self._concerns(name, where)):
            return
        refused = name in profile.refuses or where.line is None
        if not refused and rule.refused and name in RULES:
            self.open.add(name)
        self.counts[name] += 1
        self.refused[name] += refused
        if self.counts[name] > _KEPT_PER_RULE:
            return
        basis = profile.refuses.get(name)
        severity = "error" if refused else "warning" if rule.refused else rule.severity
        finding = Finding(
            rule=name,
            severity=severity,
            path=where.path,
            line=where.line,
            example=where.example,
            pointer=problem.pointer,
            reason=problem.reason,
            source=str(basis or profile.formats) if refused else rule.source,
            fix=rule.fix,
            refused=refused,
        )
        self._findings.append(finding)

    def verdict(self, reading: Reading) -> ProviderVerdict:
        """Return what was taken down."""
        refused = {rule: count for rule, count in self.refused.items() if count}
        not_run = tuple(_not_run(self, reading))
        whole = [finding for finding in self._findings if finding.line is None]
        rows = [finding for finding in self._findings if finding.line is not None]
        return ProviderVerdict(self.profile, reading.method, (*whole, *rows), dict(self.counts), refused, not_run)

    def _concerns(self, rule: str, where: Where) -> bool:
        asked = self.profile.name in _OPEN_QUESTIONS.get(rule, ())
        if asked:
            self.open.add(rule)
        return asked or where.line is None or rule in self.profile.refuses


def _not_run(sheet: Sheet, reading: Reading) -> Iterator[str]:
    profile = sheet.profile
    if reading.method in profile.open_methods:
        yield f"provider_method: {profile.open_methods[reading.method]}"
    for rule in sorted(sheet.open):
        yield f"{rule}: whether {profile.title} minds is not established"
    yield from notes_not_run(reading.notes)
    if reading.model is None:
        yield "too_long: the limit of tokens depends on the model: give model=..."
    elif reading.limit and reading.limit.not_run:
        yield from reading.limit.not_run
    if reading.model and profile.model_rules(reading.model) is None and not profile.all_models:
        yield f"provider_model: whether {profile.title} tunes {reading.model!r} is not in the table: ask it"
    if profile.fewest is None:
        yield f"n_examples: the fewest examples that {profile.title} takes are not established"
