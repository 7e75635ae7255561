"""The verdict, and the evidence that it gives."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from finetune_kit.errors import ConfigurationError, EvaluationError
from finetune_kit.evaluation.compare import Rule
from finetune_kit.evaluation.comparison import Comparison
from finetune_kit.evaluation.results import EvaluationReport

ReportMaker = Callable[..., EvaluationReport]


@pytest.fixture
def compared(make_report: ReportMaker) -> Callable[..., Comparison]:
    """A comparison over so many items that both, only one, or none of two models got right."""

    def compare(*, both: int = 0, base_only: int = 0, tuned_only: int = 0, neither: int = 0) -> Comparison:
        base = [1] * both + [1] * base_only + [0] * tuned_only + [0] * neither
        tuned = [1] * both + [0] * base_only + [1] * tuned_only + [0] * neither
        return make_report(base=base, tuned=tuned).compare()

    return compare


def test_more_gains_than_chance_explains_are_an_improvement(compared: Callable[..., Comparison]) -> None:
    comparison = compared(both=50, base_only=1, tuned_only=8, neither=30)
    assert comparison.verdict == "improved"
    assert comparison.p == pytest.approx(0.0390625)
    assert comparison.p_mid == pytest.approx(0.021484375)


def test_more_losses_than_chance_explains_are_worse(compared: Callable[..., Comparison]) -> None:
    assert compared(both=50, base_only=8, tuned_only=1, neither=30).verdict == "worse"


def test_the_exact_test_decides_where_the_mid_p_would_say_yes(compared: Callable[..., Comparison]) -> None:
    comparison = compared(both=50, base_only=0, tuned_only=5, neither=30)
    assert comparison.p_mid is not None
    assert comparison.p_mid < 0.05 < comparison.p
    assert comparison.verdict == "too few examples"


def test_many_items_without_a_difference_show_none(compared: Callable[..., Comparison]) -> None:
    comparison = compared(both=800, base_only=30, tuned_only=34, neither=136)
    assert comparison.verdict == "no difference shown"
    assert comparison.detectable < comparison.margin
    assert comparison.needed_n <= comparison.n


def test_few_items_without_a_difference_say_how_many_are_needed(compared: Callable[..., Comparison]) -> None:
    comparison = compared(both=20, base_only=5, tuned_only=7, neither=8)
    assert comparison.verdict == "too few examples"
    assert comparison.detectable > comparison.margin
    assert f"Need n = {comparison.needed_n}" in " ".join(comparison.reasons)


def test_models_that_always_agree_on_a_few_items_are_too_few(compared: Callable[..., Comparison]) -> None:
    assert compared(both=30).verdict == "too few examples"


def test_models_that_always_agree_on_many_items_show_no_difference(compared: Callable[..., Comparison]) -> None:
    comparison = compared(both=200)
    assert (comparison.verdict, comparison.p, comparison.p_mid) == ("no difference shown", 1.0, None)


def test_the_evidence_is_that_of_the_paired_table(compared: Callable[..., Comparison]) -> None:
    comparison = compared(both=4, base_only=1, tuned_only=12, neither=3)
    assert comparison.table is not None
    assert comparison.table.model_dump() == {"both": 4, "base_only": 1, "tuned_only": 12, "neither": 3}
    assert (comparison.n, comparison.base_rate, comparison.tuned_rate) == (20, 0.25, 0.8)
    assert comparison.difference == pytest.approx(0.55)
    assert comparison.interval.low < 0.55 < comparison.interval.high


def test_only_items_scored_for_both_are_compared(make_report: ReportMaker) -> None:
    comparison = make_report(base=[0.0] * 40, tuned=[1.0] * 38 + [None, "APITimeoutError"]).compare()
    assert (comparison.n, comparison.unscored, comparison.verdict) == (38, 2, "improved")
    assert "2 of 40 items" in " ".join(comparison.reasons)


def test_nothing_is_concluded_where_many_items_have_no_score(make_report: ReportMaker) -> None:
    comparison = make_report(base=[0.0] * 40, tuned=[1.0] * 37 + ["APITimeoutError"] * 3).compare()
    assert comparison.p < 0.05
    assert comparison.verdict == "too few examples"
    assert comparison.reasons[1].startswith("At most 5 % may be missing")


def test_the_limit_of_missing_items_can_be_chosen(make_report: ReportMaker) -> None:
    report = make_report(base=[0.0] * 40, tuned=[1.0] * 37 + ["APITimeoutError"] * 3)
    assert report.compare(rule=Rule(unscored_limit=0.1)).verdict == "improved"


def test_the_level_of_the_test_can_be_chosen(make_report: ReportMaker) -> None:
    report = make_report(base=[1] + [0] * 49, tuned=[0] + [1] * 8 + [0] * 41)
    assert report.compare(rule=Rule(alpha=0.01)).verdict == "too few examples"


def test_the_margin_of_interest_can_be_chosen(make_report: ReportMaker) -> None:
    report = make_report(base=[1] * 20 + [0] * 80, tuned=[0] * 5 + [1] * 20 + [0] * 75)
    assert report.compare().verdict == "too few examples"
    assert report.compare(rule=Rule(margin=0.2)).verdict == "no difference shown"


@pytest.mark.parametrize("name", ["alpha", "margin", "unscored_limit"])
def test_a_rule_is_made_of_shares(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name}=5"):
        Rule(**{name: 5})


def test_no_item_scored_for_both_cannot_be_compared(make_report: ReportMaker) -> None:
    with pytest.raises(EvaluationError, match="no item has a score by 'exact_match' for both 'base' and 'tuned'"):
        make_report(base=[None, 1.0], tuned=[1.0, None]).compare()


def test_graded_scores_are_compared_by_their_differences(make_report: ReportMaker) -> None:
    base = [0.3 + 0.01 * (number % 7) for number in range(40)]
    comparison = make_report(base=base, tuned=[score + 0.2 + 0.01 * (score > 0.33) for score in base]).compare()
    assert (comparison.verdict, comparison.table, comparison.p_mid) == ("improved", None, None)
    assert comparison.interval.low > 0.19


@pytest.mark.parametrize(
    ("n", "verdict"), [(1, "too few examples"), (20, "too few examples"), (21, "no difference shown")]
)
def test_a_handful_of_equal_graded_scores_is_too_few(make_report: ReportMaker, n: int, verdict: str) -> None:
    comparison = make_report(base=[0.25] * n, tuned=[0.25] * n).compare()
    assert (comparison.verdict, comparison.p) == (verdict, 1.0)


def test_the_text_starts_with_the_verdict(compared: Callable[..., Comparison]) -> None:
    text = str(compared(both=50, base_only=1, tuned_only=8, neither=30))
    assert text.startswith("improved: tuned scores 65.2 % by exact_match and base 57.3 %, on the same 89 items.")
    assert "Difference +7.9 points" in text
    assert "p = 0.039" in text


def test_a_notebook_shows_a_card_with_names_escaped(make_report: ReportMaker) -> None:
    report = make_report(**{"<b>base</b>": [0.0] * 10, "tuned": [1.0] * 10})
    card = report.compare()._repr_html_()
    assert "<strong>Improved</strong>" in card
    assert "&lt;b&gt;base&lt;/b&gt;" in card


def test_a_comparison_pickles_and_is_json(compared: Callable[..., Comparison]) -> None:
    comparison = compared(both=3, tuned_only=9)
    assert pickle.loads(pickle.dumps(comparison)) == comparison  # noqa: S301 - our own bytes
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison


@pytest.mark.parametrize(
    ("base", "tuned", "verdict"),
    [
        ("6b_finetuning", "6b_verification", "improved"),
        ("6b_verification", "175b_finetuning", "worse"),
        ("175b_finetuning", "175b_verification", "improved"),
    ],
)
def test_real_models_on_grade_school_mathematics_get_their_verdicts(
    make_report: ReportMaker, shared: Path, base: str, tuned: str, verdict: str
) -> None:
    lines = (shared / "data" / "gsm8k" / "model_correctness.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    report = make_report(base=[row[base] for row in rows], tuned=[row[tuned] for row in rows])
    assert report.compare().verdict == verdict


def test_sixty_items_cannot_tell_two_real_models_apart(make_report: ReportMaker, shared: Path) -> None:
    lines = (shared / "data" / "gsm8k" / "model_correctness.jsonl").read_text().splitlines()[:60]
    rows = [json.loads(line) for line in lines]
    report = make_report(base=[row["6b_verification"] for row in rows], tuned=[row["175b_finetuning"] for row in rows])
    assert report.compare().verdict == "too few examples"
