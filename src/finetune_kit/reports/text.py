"""A report as plain text, for terminals and logs: figures only, no content of examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune_kit.errors import EvaluationError
from finetune_kit.evaluation.wording import count_text, interval_text, rate_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from finetune_kit.evaluation.comparison import Comparison, PairedTable
    from finetune_kit.evaluation.results import EvaluationReport
    from finetune_kit.evaluation.samples import Rate

__all__ = ["text_report", "text_table"]

_HEADING = ("model", "grader", "score", "95 % interval", "scored", "not scored", "failed requests", "cut")
_NUMBERS_FROM = 2


def text_report(report: EvaluationReport) -> str:
    """Return the rates of every model as a table, then the verdict."""
    rates = [result.rate(grader) for grader in report.graders for result in report.results]
    parts = [_headline(report), text_table(_HEADING, [_row(rate) for rate in rates], numbers_from=_NUMBERS_FROM)]
    if len(report.models) > 1:
        parts.append(_verdict(report))
    return "\n\n".join(parts)


def text_table(heading: Sequence[str], rows: Sequence[Sequence[str]], *, numbers_from: int) -> str:
    """Return rows under a heading; columns from `numbers_from` on are set to the right."""
    table = [heading, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(heading))]
    lines = [
        "  ".join(
            cell.rjust(width) if column >= numbers_from else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _headline(report: EvaluationReport) -> str:
    name = f" {report.name!r}" if report.name else ""
    items, models = count_text(len(report.items), "item"), count_text(len(report.models), "model")
    return f"Evaluation{name}: {items}, {models}, dataset {report.dataset_fingerprint[:12]}"


def _row(rate: Rate) -> list[str]:
    mean = "-" if rate.mean is None else rate_text(rate.mean, share=rate.share)
    interval = "-" if rate.interval is None else interval_text(rate.interval, share=rate.share)
    counts = (rate.scored, rate.failed, rate.errors, rate.cut)
    return [rate.model, rate.grader, mean, interval, *map(str, counts)]


def _verdict(report: EvaluationReport) -> str:
    try:
        comparison = report.compare()
    except EvaluationError as error:
        return f"No verdict: {error}"
    return "\n\n".join(filter(None, [_table(comparison), str(comparison)]))


def _table(comparison: Comparison) -> str:
    table: PairedTable | None = comparison.table
    if table is None:
        return ""
    return (
        f"Both right {table.both:,}, only {comparison.base} {table.base_only:,}, "
        f"only {comparison.tuned} {table.tuned_only:,}, neither {table.neither:,}."
    )
