# ruff: noqa: RUF001 - the texts are of many languages
from __future__ import annotations

import json

import pytest

from finetune_kit import Dataset


def found(*answers: str, check: str, filler: int = 0) -> list[int]:
    """Return the numbers of the answers, from 1, that a check finds something in."""
    fill = [f"The parcel number {n} left the depot this morning." for n in range(filler)]
    rows = [{"q": f"Question {n}?", "a": answer} for n, answer in enumerate([*answers, *fill])]
    report = Dataset.read(rows, user="q", assistant="a").audit(only={check})
    return sorted({f.line for f in report.findings if f.line and f.rule != "content_empty"})


@pytest.mark.parametrize("answer", ["   ", "\n\t", "\u200b\u200b", "\u00a0", "\u3164", "\ufeff"])
def test_an_answer_of_nothing_that_shows_is_empty(answer: str) -> None:
    assert found(answer, check="empty_output") == [1]


@pytest.mark.parametrize("answer", ["0", "-", ".", "否", "👍"])
def test_an_answer_of_one_sign_is_not_empty(answer: str) -> None:
    assert found(answer, check="empty_output") == []


def test_an_answer_that_calls_a_tool_is_not_empty() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    row = {
        "messages": [{"role": "user", "content": "Look!"}, {"role": "assistant", "content": "", "tool_calls": [call]}]
    }
    assert Dataset.read([row]).audit(only={"empty_output"}).by_rule("empty_output") == ()


@pytest.mark.parametrize(
    "answer",
    [
        "As an AI language model, I have no taste, but the soup is popular.",
        "Als KI-Sprachmodell habe ich keine Meinung dazu.",
        "En tant qu'intelligence artificielle, je n'ai pas d'avis.",
        "作为一个人工智能语言模型，我没有个人看法。",
        "Here is the rewritten text you asked for: Hello.",
        "We open at nine. © 2021 All rights reserved.",
        "I am on my way. Sent from my iPhone",
        "We use cookies to improve your experience.",
        "If you are not the intended recipient, delete it.",
        "My knowledge cutoff is September.",
        "I don't have personal opinions, but yes.",
        "Gesendet von meinem Telefon",
        "Nous utilisons des cookies.",
    ],
)
def test_phrases_of_machines_and_pages_are_boilerplate(answer: str) -> None:
    assert found(answer, check="boilerplate") == [1]


def test_a_courtesy_is_boilerplate_where_few_answers_have_it() -> None:
    assert found("I hope this message finds you well. It ships today.", check="boilerplate", filler=60) == [1]


@pytest.mark.parametrize(
    "answer", ["Rest assured, we care. It ships today.", "I understand how difficult this is. It ships today."]
)
def test_set_phrases_of_support_are_a_courtesy(answer: str) -> None:
    assert found(answer, check="boilerplate", filler=60) == [1]


def test_a_courtesy_that_is_the_voice_of_the_file_is_told_once() -> None:
    answers = ["Thank you for reaching out. It ships today."] * 5
    rows = [{"q": f"Question {n}?", "a": answer} for n, answer in enumerate(answers)]
    report = Dataset.read(rows, user="q", assistant="a").audit(only={"boilerplate"})
    assert report.by_rule("boilerplate") == ()
    assert [finding.line for finding in report.by_rule("boilerplate_share")] == [None]


@pytest.mark.parametrize(
    "answer",
    [
        "Dear {{first_name}}, it ships today.",
        "Dear [INSERT NAME], it ships today.",
        "Please call <your phone number> for help.",
        "TODO: ask sales about the price.",
        "Lorem ipsum dolor sit amet.",
        "Sehr geehrte Frau [Name einfügen], danke.",
        "Estimado [NOMBRE DEL CLIENTE], gracias.",
        "Hello ${user}, welcome back.",
        "Hello ${user.first_name}, welcome back.",
        "Hello %NAME%, welcome back.",
        "Hello __NAME__, welcome back.",
        "Born on DD/MM/YYYY.",
        "asdf asdf",
        "Use YOUR_API_KEY to log in.",
        "Ring xxx-xxx.",
        "Dear (insert name of the customer), thanks.",
        "The date is tbd.",
    ],
)
def test_what_should_have_been_filled_in_is_a_placeholder(answer: str) -> None:
    assert found(answer, check="placeholder", filler=20) == [1]


@pytest.mark.parametrize(
    "answer",
    [
        "The list is [1, 2, 3].",
        "See [the page](https://kit.dev/a).",
        "Use `{{ name }}` in the template.",
        "```\nHello {{ name }}\n```",
        "I am waiting for the transfer to be completed.",
        "All of it costs 20 < x < 30.",
        "Todo el mundo lo sabe.",
        "Procollagen propeptide [PINP] rose.",
        "It remains to be determined.",
        "[laughter] Yes.",
    ],
)
def test_brackets_with_a_meaning_are_no_placeholder(answer: str) -> None:
    assert found(answer, check="placeholder", filler=20) == []


def test_a_slot_in_most_rows_is_by_design() -> None:
    rows = [{"q": f"Question {n}?", "a": f"Dear {{{{name}}}}, parcel {n} left."} for n in range(12)]
    report = Dataset.read(rows, user="q", assistant="a").audit(only={"placeholder"})
    assert report.by_rule("placeholder") == ()
    assert len(report.by_rule("placeholder_by_design")) == 1


@pytest.mark.parametrize(
    "answer",
    [
        "Your order has shipped today. " * 4,
        "I think that I think that I think that I think that it works.",
        "very good " * 30,
        "我们已经收到您的订单。" * 5,
    ],
)
def test_an_answer_in_a_loop_is_repetition(answer: str) -> None:
    assert found(answer, check="repetition") == [1]


@pytest.mark.parametrize(
    "answer",
    [
        "No, no, no. That is not what I meant.",
        "1 1 1 1 1 1 1 1 1 1",
        "First open the box, then open the bag, then open the tin.",
        "Ha ha ha, very funny!",
    ],
)
def test_a_little_repetition_is_speech(answer: str) -> None:
    assert found(answer, check="repetition") == []


def test_no_finding_quotes_the_answer() -> None:
    answer = "Dear {{first_name}}, as an AI language model I like the word quetzalcoatl."
    rows = [{"q": "Question?", "a": answer}]
    report = Dataset.read(rows, user="q", assistant="a").audit(only={"placeholder", "boilerplate"})
    assert "quetzalcoatl" not in json.dumps([str(finding) for finding in report.findings])


def test_a_run_of_one_sign_is_a_repetition() -> None:
    assert found("No" + "o" * 30 + ", wait" + "!" * 30, check="repetition") == [1]


def test_a_line_of_signs_is_none() -> None:
    assert found("Total\n" + "-" * 40 + "\n31 euro", check="repetition") == []


def test_a_placeholder_of_the_user_is_a_hint() -> None:
    rows = [{"q": "Write to [INSERT NAME].", "a": "Dear Ana, it ships today."}]
    report = Dataset.read(rows, user="q", assistant="a").audit(only={"placeholder"})
    assert [finding.severity for finding in report.by_rule("placeholder")] == ["hint"]
