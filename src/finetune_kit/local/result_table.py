"""The result file of a job: its metrics by step, as comma-separated values."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["result_table"]

_COLUMNS = {
    "step": "step",
    "train_loss": "train_loss",
    "train_accuracy": "train_mean_token_accuracy",
    "valid_loss": "valid_loss",
    "valid_mean_token_accuracy": "valid_mean_token_accuracy",
}
_NOT_SHOWN = frozenset({"total_steps", *_COLUMNS.values()})


def result_table(metrics: Sequence[Mapping[str, Any]]) -> str:
    """Return one line a step under the service's header; cells without a value are empty.

    Metrics that the service has no column for (rewards) follow in columns of their own names.
    """
    others = sorted({name for row in metrics for name in row} - _NOT_SHOWN)
    columns = {**_COLUMNS, **{name: name for name in others}}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in metrics:
        writer.writerow(["" if row.get(name) is None else row[name] for name in columns.values()])
    return text.getvalue()
