"""Labels that are written in two ways, rare, unlisted or in contradiction are found."""

from __future__ import annotations

from typing import Any

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.audit import AuditReport
from finetune_kit.datasets.audit.classification import folded, is_classification

Row = dict[str, Any]

LABELS = ("lost_card", "refund_request", "opening_hours")


def chat(question: str, answer: str, system: str = "Name the intent.") -> Row:
    said = [("system", system), ("user", question), ("assistant", answer)]
    return {"messages": [{"role": role, "content": content} for role, content in said]}


def labelled(*more: Row, labels: tuple[str, ...] = LABELS, system: str = "Name the intent.", n: int = 15) -> list[Row]:
    return [*(chat(f"Question {i} on {label}", label, system) for label in labels for i in range(n)), *more]


def audited(rows: list[Row], *only: str) -> AuditReport:
    return Dataset.read(rows, method="supervised").audit(only=only)


@pytest.mark.parametrize(
    "damaged",
    [
        "Lost_Card",
        "LOST_CARD",
        "lost card",
        "lost-card",
        "lost_card.",
        '"lost_card"',
        " lost_card",
        "lostCard",
        "lost_cards",
        "lsot_card",
    ],
)
def test_a_label_in_an_unusual_spelling_is_an_error(damaged: str) -> None:
    report = audited(labelled(chat("My card is gone", damaged)), "label_format")
    assert [(finding.line, finding.severity) for finding in report.by_rule("label_variant")] == [(46, "error")]


@pytest.mark.parametrize(
    "wrapped",
    [
        "Label: lost_card",
        "The intent is lost_card.",
        '{"intent": "lost_card"}',
        "lost_card\n\nAnything else I can do for you today, dear customer?",
    ],
)
def test_a_label_with_more_around_it_is_an_error(wrapped: str) -> None:
    report = audited(labelled(chat("My card is gone", wrapped)), "label_format")
    assert [finding.line for finding in report.by_rule("label_wrapped")] == [46]


@pytest.mark.parametrize("damaged", ["Remboursé", "REMBOURSE", "remboursé."])
def test_labels_with_accents_have_variants_too(damaged: str) -> None:
    report = audited(labelled(chat("Et mon argent ?", damaged), labels=("remboursé", "perdu")), "label_format")
    assert report.counts["label_variant"] == 1


@pytest.mark.parametrize("labels", [("C", "C++", "C#"), ("1", "-1", "0"), ("A+", "A", "B"), ("सही", "गलत", "पता नहीं")])
def test_labels_that_differ_in_a_sign_with_a_meaning_are_no_variants(labels: tuple[str, ...]) -> None:
    assert audited(labelled(labels=labels), "label_format").check("label_format").state == "clean"


def test_a_rare_label_of_its_own_is_no_variant() -> None:
    report = audited(labelled(chat("Can I change my address?", "address_change")), "label_format")
    assert report.check("label_format").state == "clean"


def test_an_answer_with_two_labels_is_no_wrapped_label() -> None:
    report = audited(labelled(chat("Both, please", "lost_card, refund_request")), "label_format")
    assert report.check("label_format").state == "clean"


def test_each_rare_label_is_a_finding_about_the_dataset_that_names_it() -> None:
    few = [chat(f"Weg {n}", "fare_refund") for n in range(3)]
    (finding,) = audited(labelled(*few), "label_balance").by_rule("rare_label")
    assert finding.line is None
    assert "'fare_refund' has 3 rows" in finding.reason


def test_a_variant_counts_for_its_label_and_is_not_rare() -> None:
    assert audited(labelled(chat("Gone", "Lost card")), "label_balance").check("label_balance").state == "clean"


def test_labels_far_apart_in_number_are_one_warning() -> None:
    rows = [*labelled(labels=("yes",), n=300), *labelled(labels=("no",), n=12)]
    assert audited(rows, "label_balance").counts["label_imbalance"] == 1


LISTED = "Answer with one of: lost_card, refund_request, opening_hours."


def test_a_label_that_the_system_prompt_does_not_name_is_an_error() -> None:
    report = audited(labelled(chat("Where is my parcel?", "parcel_lost", LISTED), system=LISTED), "label_list")
    assert [finding.line for finding in report.by_rule("label_not_listed")] == [46]


def test_without_a_list_in_the_system_prompt_the_check_did_not_run() -> None:
    assert audited(labelled(), "label_list").check("label_list").state == "not run"


def test_free_answers_are_no_labels() -> None:
    rows = [chat(f"Question {n}", f"A long answer of its own, on the matter of number {n}.") for n in range(60)]
    report = audited(rows, "label_format", "label_balance", "label_list")
    assert {check.state for check in report.checks if check.id != "format"} == {"not run"}


def test_the_same_question_with_another_label_is_an_error_on_the_unusual_row() -> None:
    twice = [chat("¿Dónde está mi tarjeta?", "lost_card")] * 2
    report = audited(labelled(*twice, chat("¿dónde está mi tarjeta", "refund_request")), "contradiction")
    assert [(finding.line, finding.severity) for finding in report.by_rule("contradictory_label")] == [(48, "error")]


def test_two_spellings_of_a_label_are_no_contradiction() -> None:
    rows = labelled(chat("Where is it?", "lost_card"), chat("Where is it?", "Lost card."))
    assert audited(rows, "contradiction").check("contradiction").state == "clean"


def test_two_free_answers_to_a_question_are_a_hint() -> None:
    rows = [chat("Tell me a story.", f"Once upon a time there was number {n}, and it was happy.") for n in range(3)]
    assert {finding.severity for finding in audited(rows, "contradiction").by_rule("contradictory_answer")} == {"hint"}


def test_the_same_text_under_another_system_prompt_may_have_another_label() -> None:
    rows = labelled(chat("It rains", "lost_card", "First task"), chat("It rains", "refund_request", "Second task"))
    assert audited(rows, "contradiction").check("contradiction").state == "clean"


def test_folding_leaves_letters_and_figures() -> None:
    assert folded("  Très-Bien_2! ") == "tresbien2"


def test_few_rows_are_no_classification() -> None:
    assert not is_classification(["yes", "no"] * 9)
    assert is_classification(["yes", "no"] * 10)
