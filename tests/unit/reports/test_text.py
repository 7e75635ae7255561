"""The report as plain text."""

from collections.abc import Callable

from finetune_kit.evaluation.results import EvaluationReport
from finetune_kit.reports.text import text_table

ReportMaker = Callable[..., EvaluationReport]


def test_the_table_has_a_line_for_every_model_and_grader(improved: EvaluationReport) -> None:
    lines = str(improved).splitlines()
    assert [line.split("  ")[0] for line in lines[4:8]] == ["base <1>", "ft:base", "base <1>", "ft:base"]
    assert "97.5 %" in lines[5]


def test_the_verdict_comes_last_after_the_paired_counts(improved: EvaluationReport) -> None:
    *_, counts, verdict = str(improved).split("\n\n")
    assert counts == "Both right 0, only base <1> 1, only ft:base 38, neither 0."
    assert verdict.startswith("improved: ft:base scores 97.4 % by exact_match")


def test_what_could_not_be_scored_has_its_own_column(improved: EvaluationReport) -> None:
    assert str(improved).splitlines()[6].split()[-4:] == ["0", "39", "1", "0"]


def test_one_model_has_no_verdict(make_report: ReportMaker) -> None:
    assert str(make_report(base=["shipping", "no"])).splitlines()[-1].startswith("base")


def test_models_that_cannot_be_compared_say_why(make_report: ReportMaker) -> None:
    text = str(make_report(base=[None, "no"], tuned=["no", None]))
    assert "No verdict: no item has a score by 'exact_match' for both" in text


def test_columns_of_figures_are_set_to_the_right() -> None:
    table = text_table(("name", "n"), [("a", "1"), ("long", "1,000")], numbers_from=1)
    assert table.splitlines() == ["name      n", "----  -----", "a         1", "long  1,000"]
