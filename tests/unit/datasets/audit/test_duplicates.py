"""Rows that repeat others are found, and rows that only look like it are not."""

from __future__ import annotations

from typing import Any

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.audit import AuditReport, AuditSettings

Row = dict[str, Any]


def chat(question: str, answer: str, system: str | None = None) -> Row:
    first = [{"role": "system", "content": system}] if system else []
    messages = [*first, {"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": messages}


def audited(rows: list[Row], *only: str, **settings: Any) -> AuditReport:
    return Dataset.read(rows, method="supervised").audit(only=only, settings=AuditSettings(**settings))


def lines(report: AuditReport, rule: str) -> list[tuple[int | None, int]]:
    """Return the line of each finding, and that of the row it repeats."""
    return [(finding.line, finding.related.line) for finding in report.by_rule(rule) if finding.related]


FILLERS = [chat(f"Tell me something about number {n * n}", f"It is the square of {n}.") for n in range(50)]
PLAIN = "Could you please tell me when the parcel that I have ordered last week is going to arrive?"


def test_a_row_that_is_the_same_json_is_an_exact_duplicate_of_the_first() -> None:
    report = audited([chat("Hi", "Hello"), *FILLERS, chat("Hi", "Hello")], "duplicate")
    assert lines(report, "exact_duplicate") == [(52, 1)]


def test_a_row_that_differs_in_case_and_punctuation_is_a_normalised_duplicate() -> None:
    report = audited(
        [chat("Wo bleibt mein Päckchen?", "Es kommt."), chat("wo bleibt mein päckchen", "Es kommt!")], "duplicate"
    )
    assert lines(report, "normalised_duplicate") == [(2, 1)]
    assert report.counts.get("exact_duplicate", 0) == 0


def test_few_duplicates_are_warnings_and_many_are_errors() -> None:
    few = audited([chat("Hi", "Hello"), *FILLERS, chat("Hi", "Hello")], "duplicate")
    many = audited([chat("Hi", "Hello")] * 4 + FILLERS, "duplicate")
    assert {finding.severity for finding in few.findings if finding.rule == "exact_duplicate"} == {"warning"}
    assert {finding.severity for finding in many.findings if finding.rule == "exact_duplicate"} == {"error"}


def test_the_same_conversation_under_another_system_prompt_is_a_hint() -> None:
    report = audited(
        [chat("The parties agree.", "Yes", "Is it a contract?"), chat("The parties agree.", "Yes", "Is it law?")],
        "duplicate",
    )
    assert [finding.severity for finding in report.by_rule("normalised_duplicate")] == ["hint"]


def test_rows_with_other_images_are_no_duplicates() -> None:
    def shown(url: str) -> Row:
        parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]
        return {"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": "A cat"}]}

    report = audited([shown("https://example.org/a.png"), shown("https://example.org/b.png")], "duplicate")
    assert report.check("duplicate").state == "clean"


def test_a_long_row_with_a_few_letters_changed_is_a_near_duplicate() -> None:
    typo = PLAIN.replace("parcel", "pracel")
    report = audited(
        [chat(PLAIN, "On Monday, I think."), *FILLERS, chat(typo, "On Monday, I think.")], "near_duplicate"
    )
    assert lines(report, "near_duplicate") == [(52, 1)]


@pytest.mark.parametrize("longer", ["Hey, where is my card", "Where is my card please"])
def test_one_word_more_in_front_or_behind_makes_a_near_duplicate(longer: str) -> None:
    report = audited([chat("Where is my card", "It comes."), chat(longer, "It comes.")], "near_duplicate")
    assert lines(report, "near_duplicate") == [(2, 1)]


def test_short_texts_with_other_figures_are_no_near_duplicates() -> None:
    rows = [chat("Set an alarm for 7 in the morning", "Done."), chat("Set an alarm for 8 in the morning", "Done.")]
    assert audited(rows, "near_duplicate").check("near_duplicate").state == "clean"


def test_another_answer_about_the_same_long_document_is_no_near_duplicate() -> None:
    document = " ".join(f"Clause {n} says that party {n} pays its own costs." for n in range(60))
    rows = [chat(f"{document} Who pays?", "Each party."), chat(f"{document} Which law holds?", "It does not say.")]
    assert audited(rows, "near_duplicate").check("near_duplicate").state == "clean"


def test_near_questions_with_another_label_are_no_near_duplicates() -> None:
    labelled = [chat(f"Kapitel {'xyz'[n % 3]} {n * 37}", ("an", "aus")[n % 2]) for n in range(40)]
    rows = [
        *labelled,
        chat("schalte bitte das licht in der küche an", "an"),
        chat("schalte bitte das licht in der küche aus", "aus"),
    ]
    assert audited(rows, "near_duplicate").check("near_duplicate").state == "clean"


def test_many_near_duplicates_are_one_warning_for_the_dataset() -> None:
    report = audited([chat(PLAIN, "On Monday."), chat(f"{PLAIN} Thanks", "On Monday."), *FILLERS[:5]], "near_duplicate")
    assert [finding.severity for finding in report.by_rule("near_duplicate", "many_near_duplicates")] == [
        "warning",
        "hint",
    ]


def test_a_threshold_can_be_set() -> None:
    rows = [chat(PLAIN, "On Monday."), *FILLERS, chat(PLAIN.replace("the parcel that I have", "what we"), "On Monday.")]
    assert audited(rows, "near_duplicate").check("near_duplicate").state == "clean"
    loose = audited(rows, "near_duplicate", thresholds={"near_duplicate.jaccard": 0.5})
    assert lines(loose, "near_duplicate") == [(52, 1)]
