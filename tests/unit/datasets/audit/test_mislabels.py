"""Rows with a wrong label are ranked first, where words tell the labels apart."""

from __future__ import annotations

import random
from typing import Any

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.audit import AuditReport

pytest.importorskip("sklearn", reason="needs the extra labels")

Row = dict[str, Any]

WORDS = {
    "weather": "rain sun wind storm forecast cloud snow degrees umbrella sky",
    "music": "song album play singer guitar volume radio artist concert melody",
    "food": "recipe pasta cook oven salt dinner lunch soup bread cheese",
}


def chat(question: str, answer: str) -> Row:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def sentences(seed: int = 0, n: int = 30) -> list[Row]:
    rng = random.Random(seed)
    return [chat(" ".join(rng.sample(words.split(), 5)), label) for label, words in WORDS.items() for _ in range(n)]


def audited(rows: list[Row]) -> AuditReport:
    return Dataset.read(rows, method="supervised").audit(only={"mislabel"})


def test_a_row_with_the_label_of_others_is_a_hint_that_names_the_nearer_label() -> None:
    report = audited([*sentences(), chat("storm and rain, snow and wind in the forecast", "food")])
    (finding,) = report.by_rule("mislabel")
    assert (finding.line, finding.severity) == (91, "hint")
    assert "'weather'" in finding.reason


def test_rows_with_right_labels_are_clean() -> None:
    assert audited(sentences()).check("mislabel").state == "clean"


def test_labels_that_words_do_not_tell_apart_are_not_judged() -> None:
    rows = [chat(row["messages"][0]["content"], ("yes", "no")[n % 2]) for n, row in enumerate(sentences())]
    assert audited(rows).check("mislabel").state == "not run"


def test_free_answers_are_not_judged() -> None:
    rows = [chat(f"Question {n}", f"Answer of its own number {n}") for n in range(30)]
    assert audited(rows).check("mislabel").state == "not run"
