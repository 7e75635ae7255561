"""Held-out rows that the training rows give away are found on the held-out row."""

from __future__ import annotations

from typing import Any

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.audit import AuditReport

Row = dict[str, Any]

QUESTION = "Wie lange dauert es, bis eine Überweisung ins Ausland auf dem anderen Konto ankommt?"
NEAR = QUESTION.replace("anderen", "andern")


def chat(question: str, answer: str = "Zwei Tage.", system: str = "Answer.") -> Row:
    said = [("system", system), ("user", question), ("assistant", answer)]
    return {"messages": [{"role": role, "content": content} for role, content in said]}


def audited(train: list[Row], held_out: list[Row]) -> AuditReport:
    return Dataset.read(train).audit(held_out=Dataset.read(held_out), only={"leak", "near_leak"})


def test_the_same_input_in_both_is_an_error_on_the_held_out_row() -> None:
    report = audited([chat("Hi"), chat(QUESTION)], [chat("Something else"), chat(QUESTION, "Drei.")])
    (finding,) = report.by_rule("leak_exact")
    assert (finding.line, finding.related.line if finding.related else None, finding.severity) == (2, 2, "error")


def test_an_input_that_differs_in_case_and_punctuation_leaks_too() -> None:
    report = audited([chat(QUESTION)], [chat(QUESTION.lower().rstrip("?"))])
    assert [finding.severity for finding in report.by_rule("leak_normalised")] == ["error"]


def test_an_input_with_a_letter_less_is_a_near_leak() -> None:
    report = audited([chat(QUESTION)], [chat(NEAR)])
    assert [finding.line for finding in report.by_rule("leak_near")] == [1]


def test_a_row_is_reported_as_one_kind_of_leak_only() -> None:
    report = audited([chat(QUESTION), chat(NEAR)], [chat(QUESTION)])
    assert [name for name in report.counts if name.startswith("leak")] == ["leak_exact"]


def test_the_same_text_for_another_task_is_a_hint() -> None:
    report = audited([chat(QUESTION, "ja", "Is it a question?")], [chat(QUESTION, "de", "Which language is it?")])
    assert [finding.severity for finding in report.by_rule("leak_exact")] == ["hint"]


def test_other_questions_do_not_leak() -> None:
    report = audited([chat(QUESTION)], [chat("Was kostet eine Überweisung ins Inland?")])
    assert [report.check(name).state for name in ("leak", "near_leak")] == ["clean", "clean"]


def test_without_held_out_rows_the_checks_say_that_they_did_not_run() -> None:
    report = Dataset.read([chat(QUESTION)]).audit(only={"leak", "near_leak"})
    assert {report.check(name).state for name in ("leak", "near_leak")} == {"not run"}
    assert "held_out" in report.check("leak").why


def test_the_input_of_a_preference_leaks_with_all_its_turns() -> None:
    def pair(*turns: str) -> Row:
        messages = [{"role": "user" if n % 2 == 0 else "assistant", "content": turn} for n, turn in enumerate(turns)]
        good, bad = ([{"role": "assistant", "content": said}] for said in ("Good", "Bad"))
        return {"input": {"messages": messages}, "preferred_output": good, "non_preferred_output": bad}

    report = audited([pair("Hi", "Hello", "Who are you?")], [pair("Hi", "Hello", "Who are you?"), pair("Who are you?")])
    assert [finding.line for finding in report.by_rule("leak_exact")] == [1]
