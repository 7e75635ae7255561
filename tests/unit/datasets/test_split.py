"""Dividing a dataset."""

from __future__ import annotations

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.errors import ConfigurationError, DatasetError


def labelled(rows, *labels: str) -> Dataset:
    return Dataset.read([rows["supervised"](f"Question {n}", label) for n, label in enumerate(labels)])


def numbers(data: Dataset) -> list[int]:
    return [int(example.messages[0].text.removeprefix("Question ")) for example in data]


@pytest.fixture
def ten(rows) -> Dataset:
    return labelled(rows, *["a"] * 10)


@pytest.mark.parametrize(("test", "sizes"), [(0.2, (8, 2)), (0.25, (8, 2)), (0.26, (7, 3)), (3, (7, 3)), (0.1, (9, 1))])
def test_sizes_are_right_to_the_row(ten, test, sizes):
    train, tested = ten.split(test=test)
    assert (len(train), len(tested)) == sizes


def test_three_parts_divide_by_the_largest_remainder(rows):
    parts = labelled(rows, *["a"] * 11).split(test=0.2, validation=0.15)
    assert [len(part) for part in parts] == [7, 2, 2]


def test_the_parts_of_a_seed_never_change(ten):
    _, test = ten.split(test=3, seed=7)
    assert numbers(test) == [3, 6, 8]


def test_other_seeds_make_other_parts(ten):
    assert len({tuple(numbers(ten.split(test=3, seed=seed)[1])) for seed in range(10)}) > 5


def test_parts_keep_the_order(ten):
    train, _ = ten.split(seed=3)
    assert numbers(train) == sorted(numbers(train))


def test_a_stratified_split_keeps_proportions_and_one_of_each_in_train(rows):
    data = labelled(rows, *["a"] * 50, *["b"] * 30, *["c"] * 19, "rare")
    train, test = data.split(test=0.2, stratify="assistant")
    labels = [example.messages[1].text for example in test]
    assert [labels.count(label) for label in ("a", "b", "c", "rare")] == [10, 6, 4, 0]
    assert "rare" in [example.messages[1].text for example in train]


def test_a_stratified_split_that_cannot_be_is_refused(rows):
    with pytest.raises(DatasetError, match="10 labels keep one of 11 rows"):
        labelled(rows, *"abcdefghij", "j").split(test=3, stratify="assistant")


def test_a_group_never_straddles_parts(rows):
    data = labelled(rows, *[str(n % 7) for n in range(50)])
    train, validation, test = data.split(test=0.3, validation=0.2, group=lambda example: int(example.messages[1].text))
    groups = [{example.messages[1].text for example in part} for part in (train, validation, test)]
    assert sum(map(len, groups)) == 7
    assert len(train) + len(validation) + len(test) == 50
    assert 8 <= len(test) <= 15


def test_a_key_of_the_rows_can_divide(rows):
    data = Dataset.read([{**rows["reinforcement"](), "source": n % 3} for n in range(9)])
    train, test = data.split(test=3, group="source")
    assert len({example.model_extra["source"] for example in test}) == 1
    assert len(train) == 6


def test_a_preference_is_stratified_by_the_preferred_answer(rows):
    assert len(Dataset.read([rows["dpo"]()] * 5).split(stratify="assistant")[1]) == 1


@pytest.mark.parametrize("size", [0, 0.0, 1.0, -1, 1.5, True, 10, "a"])
def test_an_impossible_size_is_refused(ten, size):
    with pytest.raises(ConfigurationError, match="test="):
        ten.split(test=size)


def test_too_few_rows_are_refused(rows):
    with pytest.raises(DatasetError, match="2 rows are too few"):
        labelled(rows, "a", "b").split(test=0.2)


def test_too_few_groups_are_refused(ten):
    with pytest.raises(DatasetError, match=r"1 group\(s\) cannot fill 2 parts"):
        ten.split(group="assistant")


def test_stratify_and_group_exclude_each_other(ten):
    with pytest.raises(ConfigurationError, match="not both"):
        ten.split(stratify="assistant", group="assistant")


def test_a_key_that_rows_lack_is_named(ten):
    with pytest.raises(ConfigurationError, match=r"no key 'customer'.*'messages'"):
        ten.split(group="customer")


def test_rows_without_an_answer_cannot_be_stratified_by_it(rows):
    with pytest.raises(ConfigurationError, match="no assistant message"):
        Dataset.read([rows["reinforcement"]()] * 5).split(stratify="assistant")
