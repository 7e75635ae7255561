from __future__ import annotations

import pytest

from finetune_kit import Dataset

FULL = [
    "Your parcel left the depot this morning.",
    "We can change the address until the evening.",
    "The refund takes three working days, sometimes four.",
    "Would you like me to send a label?",
    "The shop in the station is open until ten.",
    "Nothing is due before the end of the month.",
] * 6


def found(*answers: str, check: str = "truncated", full: list[str] = FULL) -> list[int]:
    rows = [{"q": f"Question {n}?", "a": answer} for n, answer in enumerate([*answers, *full])]
    report = Dataset.read(rows, user="q", assistant="a").audit(only={check})
    return [f.line for f in report.findings if f.line]


@pytest.mark.parametrize(
    "answer",
    [
        "Your parcel left the depot this mor",
        "We can change the address and the",
        "The refund takes three days because",
        "The shop is open until ten, and w",
        "It departs at 7",
        "Take these steps:\n```\nopen the app",
        '{"city": "Bern", "rooms": [1, 2',
        "We can offer (if you want",
        "Take these:\n- the red box\n- the lid of the",
        "Take these:\n1. the red box\n2.",
        'He said: "we can change',
    ],
)
def test_an_answer_that_breaks_off_is_truncated(answer: str) -> None:
    assert found(answer) == [1]


@pytest.mark.parametrize(
    "answer",
    [
        "Your code is ZK41P",
        "Total: 31 euro",
        "- bread\n- milk\n- tea",
        "- bread\n- milk\n- vitamin A",
        "Your code is KX-40-",
        "See you soon :)",
        "Kind regards,\nThe team of the depot",
        "```\nopen 9-17\n```",
        "Open on Monday, Tuesday, Friday",
        "https://kit.dev/help",
        '{"city": "Bern"}',
        "yes",
    ],
)
def test_lists_codes_and_greetings_may_end_without_a_mark(answer: str) -> None:
    assert found(answer) == []


def test_where_answers_have_no_marks_none_is_missed() -> None:
    assert found("we can change the", full=["it left this morning", "it takes four days", "ask at the shop"] * 9) == []


def test_a_finish_reason_of_length_is_believed() -> None:
    rows = [{"q": "Why?", "a": "It is all right.", "finish_reason": "length"}, {"q": "Who?", "a": "We are."}]
    report = Dataset.read(rows, user="q", assistant="a").audit(only={"truncated"})
    assert [f.line for f in report.by_rule("truncated")] == [1]


def test_an_answer_far_longer_than_the_others_is_an_outlier() -> None:
    assert found("It is a long story. " * 60, check="length_outlier") == [1]


def test_a_question_far_longer_than_the_others_is_an_outlier() -> None:
    rows = [{"q": f"Where is shelf {n}?", "a": answer} for n, answer in enumerate(FULL)]
    rows[4]["q"] = "Where is the shelf with the lamps? " * 80
    report = Dataset.read(rows, user="q", assistant="a").audit(only={"length_outlier"})
    assert [f.pointer for f in report.by_rule("length_outlier")] == ["/messages/0/content"]


def test_few_answers_have_no_outliers() -> None:
    assert found("It is a long story. " * 60, check="length_outlier", full=FULL[:6]) == []
