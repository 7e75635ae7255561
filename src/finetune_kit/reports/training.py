"""The part of a page that tells of the job which made the tuned model."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Protocol

from finetune_kit.reports.charts import Curve, curve_chart
from finetune_kit.reports.markup import fact_list, section

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from finetune_kit.types.jobs import Job

__all__ = ["LossRow", "training_section"]

_LOSSES = {"train_loss": "training loss", "valid_loss": "validation loss", "full_valid_loss": "full validation loss"}


class LossRow(Protocol):
    """The losses of one step, in nats a token; None where not measured."""

    @property
    def step(self) -> int:
        """The step, from 1."""

    @property
    def train_loss(self) -> float | None:
        """Loss on the examples of the step."""

    @property
    def valid_loss(self) -> float | None:
        """Loss on a part of the validation file."""

    @property
    def full_valid_loss(self) -> float | None:
        """Loss on the whole validation file."""


def training_section(job: Job | None, metrics: Iterable[LossRow] | None) -> str:
    """Return the section on training; nothing where neither a job nor metrics are known."""
    rows = list(metrics or ())
    if job is None and not rows:
        return ""
    facts = fact_list(_facts(job, rows)) if job else ""
    return section("training", "Training", facts, _loss_chart(rows))


def _facts(job: Job, rows: Sequence[LossRow]) -> list[tuple[str, object]]:
    return [
        ("Job", job.id),
        ("Status", job.status),
        ("Base model", job.model),
        ("Tuned model", job.fine_tuned_model),
        ("Method", (job.method or {}).get("type")),
        *_hyperparameters(job),
        ("Seed", job.seed),
        ("Steps", rows[-1].step if rows else None),
        ("Trained tokens", f"{job.trained_tokens:,}" if job.trained_tokens is not None else None),
        ("Time", _minutes(job.created_at, job.finished_at)),
        ("Training file", job.training_file),
        ("Validation file", job.validation_file),
    ]


def _hyperparameters(job: Job) -> list[tuple[str, object]]:
    chosen = job.hyperparameters
    if chosen is None:
        return []
    names = ("n_epochs", "batch_size", "learning_rate_multiplier", *(chosen.model_extra or {}))
    return [(name, getattr(chosen, name)) for name in names]


def _minutes(started: int | None, finished: int | None) -> str | None:
    if started is None or finished is None:
        return None
    minutes, seconds = divmod(max(0, finished - started), 60)
    return f"{minutes} min {seconds} s"


def _loss_chart(rows: Sequence[LossRow]) -> str:
    curves = [curve for name in _LOSSES if (curve := _curve(rows, name)).points]
    if not curves:
        return ""
    words = "; ".join(f"{curve.name} {curve.points[0][1]:.3f} to {curve.points[-1][1]:.3f}" for curve in curves)
    label = f"Loss over {rows[-1].step} steps, first to last value: {words}"
    chart = curve_chart(curves, label=label, x_name="step")
    return f"<figure>{chart}<figcaption>{escape(label)} (nats a token; lower is better).</figcaption></figure>"


def _curve(rows: Sequence[LossRow], name: str) -> Curve:
    values = ((row.step, _loss(row, name)) for row in rows)
    points = [(float(step), value) for step, value in values if value is not None and math.isfinite(value)]
    return Curve(_LOSSES[name], name.replace("_", "-"), points)


def _loss(row: LossRow, name: str) -> float | None:
    return {"train_loss": row.train_loss, "valid_loss": row.valid_loss, "full_valid_loss": row.full_valid_loss}[name]
