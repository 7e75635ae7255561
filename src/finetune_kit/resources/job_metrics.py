"""The metrics of a job as one table, from its events and its result file."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from finetune_kit.types.jobs import Event

__all__ = ["JobMetrics", "MetricRow", "read_result_csv"]

_COLUMNS = {
    "train_accuracy": "train_mean_token_accuracy",
    "validation_mean_token_accuracy": "valid_mean_token_accuracy",
    "valid_accuracy": "valid_mean_token_accuracy",
}
"""Column names of services -> the names that events use."""

_KNOWN = (
    "train_loss",
    "train_mean_token_accuracy",
    "valid_loss",
    "valid_mean_token_accuracy",
    "full_valid_loss",
    "full_valid_mean_token_accuracy",
)


@dataclass(frozen=True, slots=True)
class MetricRow:
    """The metrics of one step; losses in nats a token, accuracies 0 to 1; None where not measured."""

    step: int
    train_loss: float | None = None
    train_mean_token_accuracy: float | None = None
    valid_loss: float | None = None
    valid_mean_token_accuracy: float | None = None
    full_valid_loss: float | None = None
    full_valid_mean_token_accuracy: float | None = None
    other: Mapping[str, float] = field(default_factory=dict)
    """What else the service measures, such as the rewards of reinforcement."""


@dataclass(frozen=True, slots=True)
class JobMetrics:
    """The metrics of a job, one row a step, first step first."""

    rows: tuple[MetricRow, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[MetricRow]:
        return iter(self.rows)

    def to_dicts(self) -> list[dict[str, float | None]]:
        """Return the rows as dictionaries: what pandas.DataFrame or polars.DataFrame takes."""
        return [{"step": row.step, **{name: getattr(row, name) for name in _KNOWN}, **row.other} for row in self.rows]

    @classmethod
    def merge(cls, events: Iterable[Event], results: Iterable[Mapping[str, str]]) -> JobMetrics:
        """Put events and the rows of result files into one table; a result file's value wins."""
        steps: dict[int, dict[str, float]] = {}
        for fields in [*(event.metrics for event in events), *results]:
            step = _number(fields.get("step"))
            if step is not None:
                steps.setdefault(int(step), {}).update(_measured(fields))
        return cls(tuple(_row(step, values) for step, values in sorted(steps.items())))


def read_result_csv(content: bytes) -> list[dict[str, str]]:
    """Return the rows of a result file: CSV with a header, plain or encoded as base64.

    Services send either; a header starts with `step`, which no base64 of one does. What is
    neither gives no rows.
    """
    for candidate in (content, _decoded(content)):
        text = candidate.decode("utf-8-sig", errors="replace").lstrip()
        if text.lower().startswith(("step", '"step"')):
            return [
                {key: value or "" for key, value in row.items() if key} for row in csv.DictReader(io.StringIO(text))
            ]
    return []


def _decoded(content: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(content.split()), validate=True)
    except binascii.Error:
        return b""


def _measured(fields: Mapping[str, Any]) -> dict[str, float]:
    found = {_COLUMNS.get(name, name): _number(value) for name, value in fields.items()}
    return {name: value for name, value in found.items() if value is not None and name not in ("step", "total_steps")}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _row(step: int, values: dict[str, float]) -> MetricRow:
    known = {name: values.pop(name) for name in _KNOWN if name in values}
    return MetricRow(step=step, **known, other=values)
