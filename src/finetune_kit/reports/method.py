"""The parts of a page for whoever checks it: what could not be scored, and how it was measured."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from finetune_kit.reports.markup import fact_list, section, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from finetune_kit.evaluation.comparison import Comparison
    from finetune_kit.evaluation.results import EvaluationReport
    from finetune_kit.evaluation.samples import Sample

__all__ = ["method_section", "unscored_section"]

_SHARES = "Rates: Wilson intervals (1927). Paired difference: Tango's interval (1998). Test: exact McNemar, two-sided."
_GRADED = "Intervals: percentile bootstrap over items. Test: paired permutation of signs, two-sided."
_PLANNING = "Needed items: Connor (1987) at the share of items on which the two models differ here."


def unscored_section(report: EvaluationReport) -> str:
    """Return why items have no score; nothing where all have one."""
    reasons = Counter(
        (result.model, reason) for result in report.results for sample in result.samples for reason in _reasons(sample)
    )
    if not reasons:
        return ""
    rows = [(model, reason, f"{count:,}") for (model, reason), count in reasons.most_common()]
    caption = "Left out of the comparison; never scored as wrong."
    return section(
        "unscored", "What could not be scored", table(("model", "reason", "items"), rows, caption=caption, texts=2)
    )


def method_section(report: EvaluationReport, comparison: Comparison | None) -> str:
    """Return how it was measured, for whoever wants to do it again."""
    settings = report.settings
    facts = (
        ("Evaluation", report.name),
        ("Models", ", ".join(report.models)),
        ("Graders", ", ".join(report.graders)),
        ("Items", f"{len(report.items):,}"),
        ("Dataset fingerprint", report.dataset_fingerprint),
        ("max_tokens", _setting(settings.max_tokens)),
        ("temperature", _setting(settings.temperature)),
        ("seed", _setting(settings.seed)),
        ("Date", datetime.fromtimestamp(report.created_at, UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("finetune_kit", report.kit_version),
    )
    formulas = f'<p class="quiet">{escape(_formulas(comparison))}</p>' if comparison else ""
    return section("method", "How it was measured", fact_list(facts), formulas)


def _reasons(sample: Sample) -> Iterator[str]:
    if sample.error is not None:
        yield f"request failed: {sample.error}"
    for grader, score in sample.scores.items():
        if not score.scored:
            yield f"{grader}: {score.reason}"


def _setting(value: float | None) -> str:
    return "the service's own" if value is None else f"{value:g}"


def _formulas(comparison: Comparison) -> str:
    return f"{_SHARES} {_PLANNING}" if comparison.share else _GRADED
