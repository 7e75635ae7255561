from __future__ import annotations

import pytest

from finetune_kit import Dataset

SYSTEM = "You are the clerk of a book shop. Be brief and kind."
LABELS = ["lost_parcel", "late_refund", "wrong_book"]


def with_systems(*systems: str | None, usual: int = 60) -> list[int]:
    rows = []
    for number, system in enumerate([*systems, *[SYSTEM] * usual]):
        said = [] if system is None else [{"role": "system", "content": system}]
        chat = [{"role": "user", "content": f"Question {number}?"}, {"role": "assistant", "content": "Yes."}]
        rows.append({"messages": [*said, *chat]})
    report = Dataset.read(rows).audit(only={"system_prompt_drift"})
    return [f.line for f in report.by_rule("system_prompt_drift") if f.line]


def with_answers(*answers: str, check: str) -> list[int]:
    rows = [{"q": f"Question {n}?", "a": a} for n, a in enumerate([*answers, *LABELS * 15])]
    report = Dataset.read(rows, user="q", assistant="a").audit(only={check})
    return [f.line for f in report.findings if f.line]


def in_voice(answer: str) -> list[int]:
    usual = ["The book is in stock.", "We can send it on Monday.", "It costs nine pounds.", "Would you like it?"]
    rows = [{"q": f"Question {n}?", "a": a} for n, a in enumerate([answer, *usual * 10])]
    report = Dataset.read(rows, user="q", assistant="a").audit(only={"tone_drift"})
    return [f.line for f in report.by_rule("tone_drift") if f.line]


@pytest.mark.parametrize("system", ["You are a helpful assistant.", SYSTEM.upper(), SYSTEM + " Never joke.", None])
def test_a_rare_instruction_is_drift(system: str | None) -> None:
    pytest.importorskip("rapidfuzz")
    assert with_systems(system) == [1]


def test_two_tasks_in_one_file_are_legal() -> None:
    pytest.importorskip("rapidfuzz")
    assert with_systems(*["Translate into French."] * 20) == []


def test_an_instruction_for_every_row_is_legal() -> None:
    pytest.importorskip("rapidfuzz")
    assert with_systems(*[f"You help the customer with number {n}." for n in range(40)], usual=0) == []


@pytest.mark.parametrize(
    "answer",
    [
        '{"intent": "unknown"}',
        "The reader wants to know whether the shop is open on the holiday",
        "lost_parcel\nlate_refund",
        "**lost_parcel**",
    ],
)
def test_an_answer_that_is_no_label_leaves_the_format(answer: str) -> None:
    assert with_answers(answer, check="format_drift") == [1]


@pytest.mark.parametrize("answer", ["lost_parcel", "gift_card", "damaged_cover"])
def test_rare_labels_keep_the_format(answer: str) -> None:
    assert with_answers(answer, check="format_drift") == []


@pytest.mark.parametrize(
    "answer",
    [
        "THE BOOK IS IN STOCK AND WE SHIP TODAY",
        "The book is in stock 🎉📚",
        "# Answer\n\n**The book** is in stock.",
        "yo dude, lol, the book is in stock",
        "The book is in stock!!!",
        "<p>The book is <b>in stock</b>.</p>",
        "Dear Sir or Madam, we hereby confirm the book. Yours faithfully",
        '{"answer": "in stock"}',
    ],
)
def test_an_answer_in_another_tone_is_drift(answer: str) -> None:
    assert in_voice(answer) == [1]


@pytest.mark.parametrize("answer", ["The ISBN is on the back.", "Yes, the NASA calendar is in stock!", "No."])
def test_an_answer_in_the_tone_of_the_file_is_not(answer: str) -> None:
    assert in_voice(answer) == []


def test_a_set_closing_sentence_of_a_dialogue_is_no_label() -> None:
    tool = {"type": "function", "function": {"name": "book", "parameters": {"type": "object", "properties": {}}}}
    ends = ["You are welcome.", "Have a nice day."] * 20 + ["The depot opens at nine, and the bus takes you there."]
    rows = [
        {
            "messages": [{"role": "user", "content": f"Question {n}?"}, {"role": "assistant", "content": end}],
            "tools": [tool],
        }
        for n, end in enumerate(ends)
    ]
    assert Dataset.read(rows).audit(only={"format_drift"}).by_rule("format_drift") == ()
