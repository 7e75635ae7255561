"""Reports made of the outcomes that a test names."""

from collections.abc import Callable, Sequence

import pytest

from finetune_kit import Dataset
from finetune_kit.evaluation.evaluation import Evaluation
from finetune_kit.evaluation.graders import ExactMatch, Score
from finetune_kit.evaluation.item import Item
from finetune_kit.evaluation.results import EvaluationReport
from finetune_kit.evaluation.samples import ModelResult, Sample

Outcome = float | str | None
"""A score, a grader that could not run (None), or the error of a request."""

ReportMaker = Callable[..., EvaluationReport]


@pytest.fixture
def ask() -> Callable[..., Item]:
    """An item with this question and expected answer."""

    def make(question: str = "Where is my order?", expected: str = "shipping") -> Item:
        return Evaluation(Dataset.read([conversation(question, expected)]), [ExactMatch()]).items[0]

    return make


@pytest.fixture
def make_report() -> ReportMaker:
    """A report over models, each given by the outcome of every item."""

    def make(**outcomes: Sequence[Outcome]) -> EvaluationReport:
        size = len(next(iter(outcomes.values())))
        data = Dataset.read([conversation(f"question {number}", f"answer {number}") for number in range(size)])
        evaluation = Evaluation(data, [ExactMatch()])
        results = [
            ModelResult(model=model, samples=tuple(map(sample, evaluation.items, of_model)))
            for model, of_model in outcomes.items()
        ]
        return EvaluationReport(
            created_at=1_790_000_000,
            kit_version="0.1.0",
            dataset_fingerprint=data.fingerprint,
            graders=evaluation.grader_names,
            settings=evaluation.settings,
            items=evaluation.items,
            results=tuple(results),
        )

    return make


def conversation(question: str, expected: str) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": expected}]}


def sample(item: Item, outcome: Outcome) -> Sample:
    if isinstance(outcome, str):
        return Sample(index=item.index, key=item.key, error=outcome)
    score = Score.failed("no expected answer") if outcome is None else Score(outcome)
    return Sample(index=item.index, key=item.key, answer="said", scores={"exact_match": score}, finish_reason="stop")
