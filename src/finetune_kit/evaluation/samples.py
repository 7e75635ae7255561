"""The answers of one model to the items of an evaluation, and how good they are."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from pydantic import Field

from finetune_kit.evaluation.graders.score import Score
from finetune_kit.evaluation.statistics import Interval, bootstrap_interval, wilson_interval
from finetune_kit.types.values import Value

__all__ = ["ModelResult", "Rate", "Sample", "mean_interval"]


class Sample(Value):
    """One answer of a model to one item, with its scores. Its repr does not show the answer."""

    index: int
    """Position of the item in the dataset, from 0."""
    key: str
    """The key of the item: a hash of its prompt."""
    answer: str | None = Field(default=None, repr=False)
    """What the model wrote; None where the request failed."""
    finish_reason: str | None = None
    """"stop", or "length" where the answer was cut at `max_tokens`."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    latency_seconds: float | None = None
    """From the request to its answer, retries included."""
    scores: Mapping[str, Score] = Field(default_factory=dict)
    """The score of each grader, by its name; empty where the request failed."""
    error: str | None = None
    """Why the request failed: the class of the error, and the HTTP status where there is one."""

    def value(self, grader: str) -> float | None:
        """Return the grader's number, or None where the request failed or the grader could not run."""
        score = self.scores.get(grader)
        return score.value if score else None


class Rate(Value):
    """How good one model is by one grader, over the items that were scored."""

    model: str
    grader: str
    scored: int
    """Items with a score."""
    failed: int
    """Answers that the grader could not score."""
    errors: int
    """Items whose request failed."""
    mean: float | None
    """Mean of the scores: the share of right answers where scores are 0 or 1. None without a score."""
    interval: Interval | None
    """95 % interval of the mean: Wilson's for scores of 0 and 1, else a bootstrap."""
    share: bool
    """Whether all scores are 0 or 1, so that the mean is the share of right answers."""
    cut: int = 0
    """Answers that were cut at `max_tokens`."""


class ModelResult(Value):
    """The answers of one model, one for each item."""

    model: str
    samples: tuple[Sample, ...] = Field(repr=False)

    @property
    def errors(self) -> int:
        """How many requests failed."""
        return sum(sample.error is not None for sample in self.samples)

    def rate(self, grader: str) -> Rate:
        """Return how good the model is by one grader."""
        values = [value for sample in self.samples if (value := sample.value(grader)) is not None]
        return Rate(
            model=self.model,
            grader=grader,
            scored=len(values),
            failed=len(self.samples) - self.errors - len(values),
            errors=self.errors,
            mean=fmean(values) if values else None,
            interval=mean_interval(values) if values else None,
            share=all(value in (0, 1) for value in values),
            cut=sum(sample.finish_reason == "length" for sample in self.samples),
        )


def mean_interval(values: list[float]) -> Interval:
    """Return the 95 % interval of a mean: Wilson's for scores of 0 and 1, else a bootstrap."""
    if all(value in (0, 1) for value in values):
        return wilson_interval(int(sum(values)), len(values))
    return bootstrap_interval(values)
