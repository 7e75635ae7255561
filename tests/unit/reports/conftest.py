"""A report with hostile content, two models and every kind of outcome."""

from collections.abc import Callable

import pytest

from finetune_kit import Dataset, Evaluation, graders
from finetune_kit.evaluation.results import EvaluationReport
from finetune_kit.evaluation.samples import ModelResult, Sample

ReportMaker = Callable[..., EvaluationReport]

HOSTILE = "<script>alert('x')</script> & \"quoted\""


@pytest.fixture
def make_report() -> ReportMaker:
    """A report over models, each given by its answers; None is a request that failed."""

    def make(expected: str = "shipping", **answers: list[str | None]) -> EvaluationReport:
        size = len(next(iter(answers.values())))
        evaluation = Evaluation(_dataset(expected, size), [graders.ExactMatch(), graders.JSONMatch()], name="Helpdesk")
        results = tuple(
            ModelResult(model=model, samples=tuple(_samples(evaluation, texts))) for model, texts in answers.items()
        )
        return EvaluationReport(
            name="Helpdesk",
            created_at=1_790_000_000,
            kit_version="0.1.0",
            dataset_fingerprint=evaluation.dataset.fingerprint,
            graders=evaluation.grader_names,
            settings=evaluation.settings,
            items=evaluation.items,
            results=results,
        )

    return make


@pytest.fixture
def improved(make_report: ReportMaker) -> EvaluationReport:
    """A report whose tuned model is better, with one regression and one failed request."""
    return make_report(
        **{"base <1>": ["no"] * 38 + ["shipping", None], "ft:base": ["shipping"] * 38 + [HOSTILE, "shipping"]}
    )


def _dataset(expected: str, size: int) -> Dataset:
    system = {"role": "system", "content": "Name the category."}
    return Dataset.read(
        [
            {
                "messages": [
                    system,
                    {"role": "user", "content": f"{HOSTILE} {number}"},
                    {"role": "assistant", "content": expected},
                ]
            }
            for number in range(size)
        ]
    )


def _samples(evaluation: Evaluation, texts: list[str | None]) -> list[Sample]:
    return [
        Sample(index=item.index, key=item.key, error="APITimeoutError")
        if text is None
        else Sample(index=item.index, key=item.key, answer=text, scores=evaluation.grade(text, item))
        for item, text in zip(evaluation.items, texts, strict=True)
    ]
