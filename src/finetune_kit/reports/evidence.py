"""The parts of a page that give the verdict and the figures it rests on."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from finetune_kit.evaluation.statistics import holm
from finetune_kit.evaluation.wording import count_text, difference_text, interval_text, p_text, rate_text
from finetune_kit.reports.charts import rate_bar
from finetune_kit.reports.markup import section, table

if TYPE_CHECKING:
    from finetune_kit.evaluation.comparison import Comparison, PairedTable, Verdict
    from finetune_kit.evaluation.results import EvaluationReport
    from finetune_kit.evaluation.samples import Rate

__all__ = ["paired_section", "rates_section", "verdict_section"]

_STYLES: dict[Verdict, tuple[str, str]] = {
    "improved": ("improved", "▲"),
    "worse": ("worse", "▼"),
    "no difference shown": ("same", "="),
    "too few examples": ("few", "?"),
}
"""Verdict -> the class that colours it, and a sign that says it without colour."""


def verdict_section(comparison: Comparison) -> str:
    """Return the verdict with what it rests on, in words first."""
    css_class, sign = _STYLES[comparison.verdict]
    return (
        f'<section class="verdict {css_class}" aria-labelledby="verdict">'
        f'<h2 id="verdict"><span aria-hidden="true">{sign}</span> {escape(comparison.verdict.capitalize())}</h2>'
        f"<p>{_plain_words(comparison)}</p><p>{escape(' '.join(comparison.reasons))}</p>{_tiles(comparison)}</section>"
    )


def rates_section(report: EvaluationReport) -> str:
    """Return every model's rate: a bar with its interval by the first grader, a table by all."""
    rates = [result.rate(report.graders[0]) for result in report.results]
    top = max(1.0, *(rate.interval.high for rate in rates if rate.interval))
    bars = "".join(_bar(rate, top, "tuned" if at else "base") for at, rate in enumerate(rates))
    note = f"Score by {report.graders[0]}; the thin line is the 95 % interval."
    heading = ("model", "grader", "score", "95 % interval", "scored", "not scored", "failed requests", "cut")
    caption = (
        "All graders. Requests that failed and answers that could not be scored are counted apart, "
        "never as wrong. Cut: the answer ended at max_tokens, and was scored as it was."
    )
    rows = [_rate_cells(result.rate(grader)) for grader in report.graders for result in report.results]
    figures = table(heading, rows, caption=caption, texts=2)
    return section("rates", "How good each model is", f'<p class="quiet">{escape(note)}</p>', bars, figures)


def paired_section(report: EvaluationReport, comparison: Comparison) -> str:
    """Return the comparison item by item, and what this many items can show."""
    counts = _paired_table(comparison, comparison.table) if comparison.table else ""
    words = f"<p>{escape(_power(comparison))}</p>"
    return section("paired", "The same items, before and after", counts, words, _others(report))


def _plain_words(comparison: Comparison) -> str:
    share, count = comparison.share, count_text(comparison.n, "item")
    tuned, base = (f'<span class="name">{escape(name)}</span>' for name in (comparison.tuned, comparison.base))
    after = rate_text(comparison.tuned_rate, share=share)
    before = rate_text(comparison.base_rate, share=share)
    if share:
        return f"{tuned} gets {after} of the same {count} right; {base} gets {before}."
    return f"{tuned} scores {after} on average over the same {count}; {base} scores {before}."


def _tiles(comparison: Comparison) -> str:
    share = comparison.share
    tiles = (
        ("Before", rate_text(comparison.base_rate, share=share), interval_text(comparison.base_interval, share=share)),
        ("After", rate_text(comparison.tuned_rate, share=share), interval_text(comparison.tuned_interval, share=share)),
        (
            "Difference",
            difference_text(comparison.difference, share=share),
            interval_text(comparison.interval, share=share, signed=True),
        ),
        ("Chance alone", f"p {p_text(comparison.p)}", "exact McNemar test" if share else "permutation test"),
    )
    entries = (
        f"<div><dt>{name}</dt><dd>{escape(figure)}<small>{escape(below)}</small></dd></div>"
        for name, figure, below in tiles
    )
    return f'<dl class="tiles">{"".join(entries)}</dl>'


def _bar(rate: Rate, top: float, css_class: str) -> str:
    model = f'<span class="name">{escape(rate.model)}</span>'
    if rate.mean is None or rate.interval is None:
        return f'<div class="rate"><div>{model}<b>not scored</b></div></div>'
    mean, interval = rate_text(rate.mean, share=rate.share), interval_text(rate.interval, share=rate.share)
    figures = f"<b>{mean} <small>({interval})</small></b>"
    drawn = rate_bar(rate.mean, rate.interval, css_class=css_class, top=top)
    return f'<div class="rate"><div>{model}{figures}</div>{drawn}</div>'


def _rate_cells(rate: Rate) -> tuple[str, ...]:
    mean = "-" if rate.mean is None else rate_text(rate.mean, share=rate.share)
    interval = "-" if rate.interval is None else interval_text(rate.interval, share=rate.share)
    counts = (rate.scored, rate.failed, rate.errors, rate.cut)
    return (rate.model, rate.grader, mean, interval, *(f"{count:,}" for count in counts))


def _paired_table(comparison: Comparison, counts: PairedTable) -> str:
    base, tuned = escape(comparison.base), escape(comparison.tuned)
    return (
        '<div class="wide"><table class="paired">'
        f"<caption>Items by who got them right. Before: {base}. After: {tuned}.</caption>"
        '<thead><tr><td></td><th scope="col">right after</th><th scope="col">wrong after</th></tr></thead><tbody>'
        f'<tr><th scope="row">right before</th><td>{counts.both:,}<small>both right</small></td>'
        f'<td class="loss">{counts.base_only:,}<small>only before: regressions</small></td></tr>'
        f'<tr><th scope="row">wrong before</th><td class="gain">{counts.tuned_only:,}<small>only after: gains</small>'
        f"</td><td>{counts.neither:,}<small>neither</small></td></tr></tbody></table></div>"
    )


def _power(comparison: Comparison) -> str:
    share = comparison.share
    shown = difference_text(comparison.detectable, share=share).removeprefix("+")
    margin = difference_text(comparison.margin, share=share).removeprefix("+")
    mid = f", mid-p {p_text(comparison.p_mid)}" if comparison.p_mid is not None else ""
    return (
        f"{count_text(comparison.n, 'item')} can show a difference of {shown} in four of five evaluations "
        f"(80 % power at level {comparison.alpha:g}); showing one of {margin} takes {comparison.needed_n:,}. "
        f"p {p_text(comparison.p)}{mid}."
    )


def _others(report: EvaluationReport) -> str:
    found = report.comparisons()
    if len(found) == 1:
        return ""
    corrected = holm([each.p for each in found])
    rows = [
        (
            each.tuned,
            each.grader,
            difference_text(each.difference, share=each.share),
            interval_text(each.interval, share=each.share, signed=True),
            p_text(each.p).removeprefix("= "),
            p_text(p).removeprefix("= "),
        )
        for each, p in zip(found, corrected, strict=True)
    ]
    heading = ("model", "grader", "difference", "95 % interval", "p", "p, corrected")
    caption = f"Every model against {report.models[0]} by every grader; p also corrected for being several (Holm)."
    return table(heading, rows, caption=caption, texts=2)
