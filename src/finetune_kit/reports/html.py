"""A report as one HTML page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from finetune_kit.errors import EvaluationError
from finetune_kit.evaluation.wording import count_text, interval_text, p_text, rate_text
from finetune_kit.reports.cases import examples_section, failures_section, regressions_section
from finetune_kit.reports.evidence import paired_section, rates_section, verdict_section
from finetune_kit.reports.method import method_section, unscored_section
from finetune_kit.reports.training import training_section

if TYPE_CHECKING:
    from collections.abc import Iterable

    from finetune_kit.evaluation.comparison import Comparison
    from finetune_kit.evaluation.results import EvaluationReport
    from finetune_kit.reports.training import LossRow
    from finetune_kit.types.jobs import Job

__all__ = ["comparison_card", "html_report", "report_card", "write_html"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Should an answer of a model hold markup that got past the escaping, the page would still load and run nothing."""


def write_html(
    path: str | Path,
    report: EvaluationReport,
    *,
    job: Job | None = None,
    metrics: Iterable[LossRow] | None = None,
    title: str | None = None,
) -> Path:
    """Write the page to a file, and return its path; arguments as for `html_report`.

    Raises:
        EvaluationError: The file cannot be written.
    """
    target = Path(path)
    page = html_report(report, job=job, metrics=metrics, title=title)
    try:
        # A model may write half of a surrogate pair, which UTF-8 cannot hold.
        target.write_bytes(page.encode("utf-8", errors="replace"))
    except OSError as error:
        raise EvaluationError(
            f"the report cannot be written to {str(target)!r}: {error.strerror}. Give a path in a directory "
            "that is there, may be written to and has room."
        ) from error
    return target


def html_report(
    report: EvaluationReport,
    *,
    job: Job | None = None,
    metrics: Iterable[LossRow] | None = None,
    title: str | None = None,
) -> str:
    """Return the report as a page: the verdict first, then the evidence.

    Args:
        report: The first model in it is compared with the last, by the first grader.
        job: The job that made the tuned model, to tell of it.
        metrics: Its metrics by step, to draw the loss.
        title: The heading; the name of the evaluation where not given.
    """
    heading = title or report.name or "Is the tuned model better?"
    comparison, hindrance = _comparison(report)
    sections = _compared(report, comparison) if comparison else _alone(report, hindrance)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(heading)}</title><style>{_style()}</style></head><body>"
        f"<header><h1>{escape(heading)}</h1>{_subtitle(report)}</header>"
        f"<main>{sections}{training_section(job, metrics)}{method_section(report, comparison)}</main></body></html>\n"
    )


def comparison_card(comparison: Comparison) -> str:
    """Return a comparison as a small card for a notebook."""
    share = comparison.share
    rows = (
        (comparison.base, comparison.base_rate, comparison.base_interval),
        (comparison.tuned, comparison.tuned_rate, comparison.tuned_interval),
    )
    rates = "".join(
        f"<tr><td style='text-align:left'>{escape(model)}</td><td>{rate_text(rate, share=share)}</td>"
        f"<td>{interval_text(interval, share=share)}</td></tr>"
        for model, rate, interval in rows
    )
    return (
        f"<div><strong>{escape(comparison.verdict.capitalize())}</strong> "
        f"({count_text(comparison.n, 'item')}, p {escape(p_text(comparison.p))})"
        f"<table><thead><tr><th>model</th><th>{escape(comparison.grader)}</th><th>95 % interval</th></tr></thead>"
        f"<tbody>{rates}</tbody></table><p>{escape(' '.join(comparison.reasons))}</p></div>"
    )


def report_card(report: EvaluationReport) -> str:
    """Return a report as a small card for a notebook, without content of examples."""
    comparison, _ = _comparison(report)
    return comparison_card(comparison) if comparison else f"<pre>{escape(str(report))}</pre>"


def _comparison(report: EvaluationReport) -> tuple[Comparison | None, str]:
    if len(report.models) == 1:
        return None, "One model was run, so there is nothing to compare it with."
    try:
        return report.compare(), ""
    except EvaluationError as error:
        return None, error.message


def _compared(report: EvaluationReport, comparison: Comparison) -> str:
    return "".join(
        (
            verdict_section(comparison),
            rates_section(report),
            paired_section(report, comparison),
            examples_section(report, comparison),
            regressions_section(report, comparison),
            unscored_section(report),
        )
    )


def _alone(report: EvaluationReport, hindrance: str) -> str:
    banner = f'<section class="verdict same"><h2>No comparison</h2><p>{escape(hindrance)}</p></section>'
    wrong = failures_section(report, report.models[-1], report.graders[0])
    return "".join((banner, rates_section(report), wrong, unscored_section(report)))


def _subtitle(report: EvaluationReport) -> str:
    items, models = count_text(len(report.items), "item"), count_text(len(report.models), "model")
    return f'<p class="quiet">{items}, {models}, dataset <code>{escape(report.dataset_fingerprint[:12])}</code></p>'


def _style() -> str:
    return files("finetune_kit.reports").joinpath("page.css").read_text(encoding="utf-8")
