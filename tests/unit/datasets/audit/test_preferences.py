"""Preference pairs that teach nothing, or the wrong thing, are found."""

from __future__ import annotations

from typing import Any

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.audit import AuditReport, AuditSettings
from finetune_kit.datasets.audit.arithmetic import same_answer, wrong_equations
from finetune_kit.datasets.audit.preferences import PreferencePair, binomial_p

Row = dict[str, Any]


def pair(question: str, preferred: str, rejected: str) -> Row:
    return {
        "input": {"messages": [{"role": "user", "content": question}]},
        "preferred_output": [{"role": "assistant", "content": preferred}],
        "non_preferred_output": [{"role": "assistant", "content": rejected}],
    }


def audited(rows: list[Row], *only: str, **settings: Any) -> AuditReport:
    return Dataset.read(rows, method="dpo").audit(only=only, settings=AuditSettings(**settings))


@pytest.mark.parametrize(
    ("preferred", "rejected", "rule"),
    [
        ("Ja.", "Ja. ", "identical_pair"),
        ("Ja.", "ja", "nearly_identical_pair"),
        ("Ja.", " \n\u200b", "empty_rejected"),
        ("", "Nein.", "empty_preferred"),
    ],
)
def test_a_pair_that_prefers_nothing_is_found(preferred: str, rejected: str, rule: str) -> None:
    report = audited([pair("Gut?", preferred, rejected)], "preference_pair")
    found = [finding.rule for finding in report.findings if finding.rule in PreferencePair.rules]
    assert found == [rule]


def test_a_pair_that_prefers_something_is_clean() -> None:
    assert audited([pair("Gut?", "Ja.", "Nein.")], "preference_pair").check("preference_pair").state == "clean"


def test_a_pair_against_an_earlier_one_is_an_error_that_names_it() -> None:
    rows = [pair("Wer?", "A", "B"), pair("Wo?", "B", "A"), pair("wer", "B", "A")]
    (finding,) = audited(rows, "contradictory_preference").by_rule("contradictory_preference")
    assert (finding.line, finding.related.line if finding.related else None) == (3, 1)


def test_preferences_that_go_round_in_a_circle_are_found() -> None:
    rows = [pair("Who?", "A", "B"), pair("Who?", "B", "C"), pair("Who?", "C", "A")]
    assert [f.line for f in audited(rows, "contradictory_preference").by_rule("circular_preference")] == [3]


def test_an_order_of_several_outputs_is_no_contradiction() -> None:
    rows = [pair("Who?", "A", "B"), pair("Who?", "B", "C"), pair("Who?", "A", "C")]
    assert audited(rows, "contradictory_preference").check("contradictory_preference").state == "clean"


def test_preferring_the_longer_output_throughout_is_a_warning_about_the_dataset() -> None:
    rows = [pair(f"Q{n}", "A long answer", "Short") for n in range(40)]
    (finding,) = audited(rows, "length_bias").by_rule("length_bias")
    assert finding.line is None
    assert "100%" in finding.reason


def test_preferring_the_shorter_output_throughout_is_a_warning_too() -> None:
    rows = [pair(f"Q{n}", "Short", "A long answer") for n in range(40)]
    assert audited(rows, "length_bias").counts["brevity_bias"] == 1


def test_few_pairs_show_no_length_bias() -> None:
    rows = [pair(f"Q{n}", "A long answer", "Short") for n in range(12)]
    assert audited(rows, "length_bias").check("length_bias").state == "clean"


@pytest.mark.parametrize(("successes", "n"), [(5, 10), (0, 7), (60, 100), (320, 500)])
def test_the_binomial_p_is_that_of_scipy(successes: int, n: int) -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is the oracle")
    assert binomial_p(successes, n) == pytest.approx(stats.binomtest(successes, n).pvalue, rel=1e-9)


def test_the_reference_column_tells_which_pairs_are_swapped() -> None:
    rows = [
        {**pair("3 + 4?", "It is 8.", "It is 7."), "answer": "7"},
        {**pair("3 + 5?", "It is 8.", "It is 7."), "answer": "#### 8"},
        {**pair("Capital?", "It is Lyon.", "It is Paris."), "answer": "Paris"},
    ]
    report = audited(rows, "swapped_preference", reference="answer")
    assert [finding.line for finding in report.by_rule("swapped_preference")] == [1, 3]


def test_a_wrong_sum_in_the_preferred_output_alone_is_a_hint() -> None:
    rows = [pair("?", "16 - 7 = 8, so 8", "16 - 7 = 9, so 9"), pair("?", "16 - 7 = 9", "16 - 7 = 8")]
    assert [finding.line for finding in audited(rows, "swapped_preference").by_rule("wrong_arithmetic")] == [1]


def test_without_sums_and_reference_the_check_did_not_run() -> None:
    assert audited([pair("?", "Yes", "No")], "swapped_preference").check("swapped_preference").state == "not run"


@pytest.mark.parametrize(
    "text",
    [
        "2 + 2 = 4",
        "10 / 3 = 3.33",
        "10 / 3 = 3",
        "$1,200 * 2 = $2,400",
        "5 - 7 = 2",
        "1 + 2 + 3 = 6",
        "2 + 2 = 4 + 0",
        "3*2=<<3*2=6>>6",
    ],
)
def test_right_sums_are_not_wrong(text: str) -> None:
    assert not wrong_equations(text)


def test_an_answer_is_the_last_number_or_holds_the_words() -> None:
    assert same_answer("First 3, then 1,200.", "1200")
    assert not same_answer("First 1200, then 3.", "1200")
    assert same_answer("Die Hauptstadt ist Rom.", "rom")
