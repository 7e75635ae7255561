"""The parts of a page that show items with the answers to them. All content is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from finetune_kit.evaluation.wording import count_text
from finetune_kit.reports.markup import section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from finetune_kit.evaluation.comparison import Comparison, Pair
    from finetune_kit.evaluation.item import Item
    from finetune_kit.evaluation.results import EvaluationReport, Failure
    from finetune_kit.evaluation.samples import Sample

__all__ = ["examples_section", "failures_section", "regressions_section"]

EXAMPLES = 6
SHOWN = 50
"""The most regressions or failures on a page."""
LONGEST = 4_000
"""Characters of a text that are shown."""


def examples_section(report: EvaluationReport, comparison: Comparison) -> str:
    """Return a few items with the answers before and after, chosen by position."""
    pairs = report.examples(EXAMPLES, base=comparison.base, tuned=comparison.tuned)
    note = "Spread evenly over the dataset: chosen by position, not by result."
    return _noted("examples", "Before and after", note, [_pair(pair, comparison) for pair in pairs])


def regressions_section(report: EvaluationReport, comparison: Comparison) -> str:
    """Return the items that the tuned model does worse than the base model."""
    pairs = report.regressions(comparison.base, comparison.tuned, grader=comparison.grader)
    note = "None: no item scored lower after tuning than before."
    if pairs:
        shown = f" The first {SHOWN} are shown; report.regressions() has all." if len(pairs) > SHOWN else ""
        note = f"{count_text(len(pairs), 'item')} scored lower after tuning than before: read these first.{shown}"
    return _noted("regressions", "Regressions", note, [_pair(pair, comparison) for pair in pairs[:SHOWN]])


def failures_section(report: EvaluationReport, model: str, grader: str) -> str:
    """Return the items that one model got wrong."""
    failures = report.failures(model, grader=grader)
    note = f"{count_text(len(failures), 'item')} scored below 1 by {grader}."
    if len(failures) > SHOWN:
        note += f" The first {SHOWN} are shown; report.failures() has all."
    return _noted("failures", "Wrong answers", note, [_failure(failure, grader) for failure in failures[:SHOWN]])


def _noted(name: str, heading: str, note: str, articles: Sequence[str]) -> str:
    return section(name, heading, f'<p class="quiet">{escape(note)}</p>', *articles)


def _pair(pair: Pair, comparison: Comparison) -> str:
    before = _answer("Before", pair.base, comparison.grader)
    after = _answer("After", pair.tuned, comparison.grader)
    return _article(pair.item, before + after)


def _failure(failure: Failure, grader: str) -> str:
    return _article(failure.item, _answer("Answer", failure.sample, grader))


def _article(item: Item, answers: str) -> str:
    expected = "" if item.expected is None else f"<div><h3>Expected</h3>{_said(item.expected)}</div>"
    earlier = "".join(f"<h3>{escape(message.role)}</h3>{_said(message.text)}" for message in item.messages[:-1])
    opened = f"<details><summary>What came before</summary>{earlier}</details>" if earlier else ""
    return (
        f"<article><h3>Item {item.index + 1}</h3>{_said(item.prompt)}{opened}"
        f'<div class="answers">{expected}{answers}</div></article>'
    )


def _answer(heading: str, sample: Sample, grader: str) -> str:
    said = _said(sample.answer or "") if sample.error is None else ""
    cut = " (cut at max_tokens)" if sample.finish_reason == "length" else ""
    return f"<div><h3>{heading} {_mark(sample, grader)}{cut}</h3>{said}</div>"


def _mark(sample: Sample, grader: str) -> str:
    value = sample.value(grader)
    if value is None:
        score = sample.scores.get(grader)
        reason = sample.error or (score.reason if score else None) or "not scored"
        return f'<span class="unscored">? {escape(reason)}</span>'
    if value in (0, 1):
        return '<span class="right">✓ right</span>' if value else '<span class="wrong">✗ wrong</span>'
    return f'<span class="score">score {value:.3f}</span>'


def _said(text: str) -> str:
    if not text.strip():
        return '<p class="said quiet">(empty)</p>'
    rest = len(text) - LONGEST
    more = f' <span class="quiet">[{rest:,} more characters]</span>' if rest > 0 else ""
    return f'<p class="said" dir="auto">{escape(text[:LONGEST])}{more}</p>'
