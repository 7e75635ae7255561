"""Groups that are rare, treated differently, or generalised about are found."""

from __future__ import annotations

from typing import Any

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.audit import AuditReport
from finetune_kit.datasets.audit.fairness import fisher_p, newcombe_interval
from finetune_kit.datasets.audit.groups import groups_of

Row = dict[str, Any]


def chat(question: str, answer: str) -> Row:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def audited(rows: list[Row], *only: str) -> AuditReport:
    return Dataset.read(rows, method="supervised").audit(only=only)


def decided(one: str, other: str, answers: tuple[str, str] = ("invite", "reject")) -> list[Row]:
    """Return rows in which two questions are decided differently, among others in which nobody is named."""
    fillers = [chat(f"Posten {n} prüfen", answers[n % 2]) for n in range(20)]
    return [chat(one, answers[0]), chat(other, answers[1]), *fillers]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Sam is a cook; he wants the flat.", "Sam is a cook; she wants the flat."),
        ("Ngozi Okafor wants the flat.", "Emma Baker wants the flat."),
        ("Flat wanted by Ngozi Okafor, salary 2100.", "Flat wanted by Emma Baker, salary 2100."),
        ("A Hindu cook wants the flat.", "A Sikh cook wants the flat."),
        ("A Samoan cook wants the flat.", "A Danish cook wants the flat."),
        ("A Black tenant wants the flat.", "A white tenant wants the flat."),
        ("An elderly cook wants the flat.", "A young cook wants the flat."),
        ("Herr Yilmaz ist Koch und sucht eine Wohnung.", "Frau Huber ist Köchin und sucht eine Wohnung."),
        (
            "La locataire est musulmane et cherche un appartement.",
            "Le locataire est chrétien et cherche un appartement.",
        ),
        ("El cocinero busca piso; él gana 2000.", "La cocinera busca piso; ella gana 2000."),
    ],
)
def test_rows_that_differ_in_who_is_asked_about_alone_are_a_flip(one: str, other: str) -> None:
    (finding,) = audited(decided(one, other), "counterfactual_flip").by_rule("counterfactual_flip")
    assert {finding.line, finding.related.line if finding.related else None} == {1, 2}
    assert finding.severity == "error"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I lost my card", "I lost my phone"),
        ("Sam is a cook; he earns 2000.", "Sam is a cook; he earns 900."),
        ("A cook from Madrid wants the flat.", "A cook from Turin wants the flat."),
        ("Die Karte ist weg", "Der Schlüssel ist weg"),
        ("He wants the flat.", "She wants the house."),
        ("Lock the door", "Unlock the door"),
        ("Where is my card", "When is my card"),
    ],
)
def test_rows_that_differ_in_something_else_are_no_flip(one: str, other: str) -> None:
    assert audited(decided(one, other), "counterfactual_flip").check("counterfactual_flip").state == "clean"


def test_the_same_outcome_for_both_is_no_flip() -> None:
    rows = [*decided("Sam is a cook; he asks.", "-"), chat("Sam is a cook; she asks.", "invite")]
    assert audited(rows, "counterfactual_flip").check("counterfactual_flip").state == "clean"


def test_outcomes_that_name_the_person_are_compared_without_the_name() -> None:
    rows = [
        chat(f"Flat for {name} Petersen", f"Dear {name}, you are invited.") for name in ("Aisha", "Emma", "Olu", "Kim")
    ]
    assert audited([*rows, *decided("a", "b")], "counterfactual_flip").check("counterfactual_flip").state == "clean"


def test_only_the_age_in_years_differing_is_a_hint() -> None:
    rows = decided("A 29-year-old cook wants the flat.", "A 63-year-old cook wants the flat.")
    assert [f.severity for f in audited(rows, "counterfactual_flip").by_rule("counterfactual_flip")] == ["hint"]


def cases(group: str, n: int, n_invited: int) -> list[Row]:
    return [
        chat(f"Case {group} {n}: the {group} asks, item {i}", "invite" if i < n_invited else "reject") for i in range(n)
    ]


def test_an_outcome_that_a_group_gets_less_often_is_one_warning() -> None:
    (finding,) = audited([*cases("woman", 60, 15), *cases("man", 60, 45)], "group_outcome_gap").by_rule(
        "group_outcome_gap"
    )
    assert finding.line is None
    assert "25% of 60" in finding.reason
    assert "75% of 60" in finding.reason


@pytest.mark.parametrize(("n", "few", "many"), [(60, 40, 45), (12, 2, 10)])
def test_a_small_gap_or_a_small_group_is_none(n: int, few: int, many: int) -> None:
    report = audited([*cases("woman", n, few), *cases("man", n, many)], "group_outcome_gap")
    assert report.counts.get("group_outcome_gap", 0) == 0


def test_a_group_with_a_small_share_of_its_axis_is_a_hint() -> None:
    rows = [chat(f"A {'Sikh' if n < 3 else 'Hindu'} cook asks {n}", "ok") for n in range(50)]
    (finding,) = audited(rows, "group_representation").by_rule("group_underrepresented")
    assert "Sikhs: 3 of 50" in finding.reason


def test_a_dish_is_no_group_of_people() -> None:
    assert groups_of("Book an Italian restaurant, with a black table and old wine") == set()


@pytest.mark.parametrize(
    ("one", "other"), [((8, 10), (2, 10)), ((40, 162), (30, 172)), ((0, 20), (20, 20)), ((5, 9), (5, 9))]
)
def test_fishers_p_is_that_of_scipy(one: tuple[int, int], other: tuple[int, int]) -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is the oracle")
    table = [[one[0], one[1] - one[0]], [other[0], other[1] - other[0]]]
    assert fisher_p(one, other) == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-6)


def test_newcombes_interval_is_that_of_statsmodels() -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion", reason="statsmodels is the oracle")
    expected = proportion.confint_proportions_2indep(56, 70, 48, 80, method="newcomb", compare="diff")
    assert newcombe_interval((56, 70), (48, 80)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    "answer",
    ["All Romanians are thieves.", "Immigrants always want more.", "He drives like an old woman.", "Women can't park."],
)
def test_a_general_statement_about_a_group_is_a_hint(answer: str) -> None:
    assert [f.severity for f in audited([chat("What do you think?", answer)], "stereotype").by_rule("stereotype")] == [
        "hint"
    ]


@pytest.mark.parametrize(
    "answer", ["Your table at the Indian restaurant is booked.", "She will call you back.", "Black shoes are sold out."]
)
def test_naming_a_person_or_a_thing_is_no_stereotype(answer: str) -> None:
    assert audited([chat("And now?", answer)], "stereotype").check("stereotype").state == "clean"


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("A German welder wants a loan.", "nationality"),
        ("A young glazier applied.", "age"),
        ("A white locksmith called.", "ethnicity"),
    ],
)
def test_a_group_is_recognised_before_any_trade(text: str, axis: str) -> None:
    assert [group.axis for group in groups_of(text)] == [axis]


@pytest.mark.parametrize("text", ["A German car is cheap.", "White paper is sold out.", "A young wine needs air."])
def test_things_are_of_no_group(text: str) -> None:
    assert groups_of(text) == set()
