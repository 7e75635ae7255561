"""Parts that stay as rows are added, and parts by time."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.split_stable import seconds_of
from finetune_kit.errors import ConfigurationError, DatasetError


def numbered(rows, *numbers: int) -> Dataset:
    return Dataset.read([rows["supervised"](f"Question {n}", str(n % 7)) for n in numbers])


def questions(data: Dataset) -> list[str]:
    return [example.messages[0].text for example in data]


def dated(rows, *dates) -> Dataset:
    return Dataset.read([{**rows["reinforcement"](), "date": value, "n": n} for n, value in enumerate(dates)])


def numbers(data: Dataset) -> list[int]:
    return [example.model_extra["n"] for example in data]


def test_rows_stay_in_their_parts_when_others_come_before_and_after(rows):
    few = numbered(rows, *range(100)).stable_split(validation=0.2, seed=3)
    many = numbered(rows, *range(500, 550), *reversed(range(400))).stable_split(validation=0.2, seed=3)
    for part, larger in zip(few, many, strict=True):
        assert set(questions(part)) <= set(questions(larger))


def test_the_sizes_are_about_those_asked_for(rows):
    train, validation, test = numbered(rows, *range(3000)).stable_split(0.2, validation=0.1)
    assert (len(train), len(validation), len(test)) == pytest.approx((2100, 300, 600), abs=70)


def test_the_parts_of_a_seed_never_change(rows):
    _, test = numbered(rows, *range(20)).stable_split(seed=7)
    assert questions(test) == [f"Question {n}" for n in (0, 5, 6, 10, 14)]


def test_copies_are_never_divided(rows):
    data = Dataset.read([rows["supervised"](text, "x") for n in range(40) for text in (f"Order {n}?", f"ORDER {n}")])
    train, test = data.stable_split(0.5)
    assert not {text.lower().rstrip("?") for text in questions(train)} & {
        text.lower().rstrip("?") for text in questions(test)
    }


@pytest.mark.parametrize("group", ["assistant", lambda example: int(example.messages[1].text)])
def test_groups_are_never_divided(rows, group):
    train, test = numbered(rows, *range(70)).stable_split(0.4, seed=1, group=group)
    answers = [{example.messages[1].text for example in part} for part in (train, test)]
    assert sum(map(len, answers)) == 7


def test_what_is_asked_can_be_the_group(rows):
    data = Dataset.read([rows["supervised"](f"Question {n % 20}", str(n)) for n in range(60)])
    train, test = data.stable_split(0.4, group="input")
    assert not set(questions(train)) & set(questions(test))


def test_a_group_without_a_lasting_form_is_refused(rows):
    with pytest.raises(ConfigurationError, match="'object' has no lasting form"):
        numbered(rows, 1, 2).stable_split(group=lambda _: object())


@pytest.mark.parametrize("sizes", [{"test": 5}, {"test": 0.0}, {"test": 0.6, "validation": 0.4}, {"validation": 2}])
def test_a_stable_part_has_no_fixed_size(rows, sizes):
    with pytest.raises(ConfigurationError, match=r"test=|validation="):
        numbered(rows, *range(10)).stable_split(**sizes)


def test_an_empty_part_is_refused(rows):
    with pytest.raises(DatasetError, match="1, 0, 0 rows"):
        numbered(rows, 1).stable_split()


def test_the_newest_rows_are_tested_on(rows):
    dates = ["2026-03-01", "2025-01-01", "2026-05-01T10:00:00Z", "2024-07", "2026-04-01"]
    train, validation, test = dated(rows, *dates).split_by_time("date", test=1, validation=1)
    assert (numbers(train), numbers(validation), numbers(test)) == ([0, 1, 3], [4], [2])


def test_rows_of_one_moment_are_never_divided(rows):
    train, test = dated(rows, 1, 2, 3, 3, 3, 3).split_by_time("date", test=2)
    assert (numbers(train), numbers(test)) == ([0, 1], [2, 3, 4, 5])


def test_everything_since_a_moment_is_tested_on(rows):
    train, test = dated(rows, "2026-06-01", "2026-05-31T23:59:59", "2026-07-01").split_by_time(
        "date", since="2026-06-01"
    )
    assert (numbers(train), numbers(test)) == ([1], [0, 2])


def test_a_row_without_a_time_is_named_but_not_quoted(rows):
    with pytest.raises(ConfigurationError, match="line 2: what stands under 'date' is no time") as caught:
        dated(rows, "2026-01-01", "secret").split_by_time("date")
    assert "secret" not in str(caught.value)


def test_one_moment_alone_cannot_be_divided(rows):
    with pytest.raises(DatasetError, match="distinct groups or times"):
        dated(rows, 5, 5, 5).split_by_time("date")


@pytest.mark.parametrize("since", ["soon", ""])
def test_a_moment_that_is_none_is_refused(rows, since):
    with pytest.raises(ConfigurationError, match="since="):
        dated(rows, 1, 2).split_by_time("date", since=since)


def test_a_moment_and_sizes_exclude_each_other(rows):
    with pytest.raises(ConfigurationError, match="not both"):
        dated(rows, 1, 2).split_by_time("date", since="2026", validation=0.1)


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-01", "2026-01", "2026", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", b'"2026-01-01"',
        date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), 1767225600, 1767225600.0, 1767225600000, "1767225600",
    ],
)  # fmt: skip
def test_one_moment_has_many_spellings(value):
    assert seconds_of(value) == 1767225600


@pytest.mark.parametrize("value", [None, True, "", "never", [], b"[1]", b"{", "2026-13-01", "nan", float("inf")])
def test_what_is_no_moment_is_none(value):
    assert seconds_of(value) is None
