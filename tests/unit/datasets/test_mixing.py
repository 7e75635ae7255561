"""Balancing, mixing and comparing datasets, and what they were made from."""

from __future__ import annotations

from collections import Counter

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.errors import ConfigurationError, DatasetError


def labelled(rows, labels: str, prefix: str = "Question") -> Dataset:
    return Dataset.read([rows["supervised"](f"{prefix} {n}", label) for n, label in enumerate(labels)])


def answers(data: Dataset) -> Counter[str]:
    return Counter(example.messages[1].text for example in data)


def questions(data: Dataset) -> list[str]:
    return [example.messages[0].text for example in data]


@pytest.mark.parametrize(("to", "each"), [("min", 2), ("median", 3), ("max", 9), (4, 4)])
def test_each_label_gets_the_same_number_of_rows(rows, to, each):
    data = labelled(rows, "aabbbccccccccc").balance(to=to)
    assert answers(data) == {"a": each, "b": each, "c": each}


def test_balancing_repeats_every_row_before_any_comes_twice_more(rows):
    counts = Counter(questions(labelled(rows, "aaab").balance(to=8)))
    assert [counts[f"Question {n}"] for n in range(4)] in ([3, 3, 2, 8], [3, 2, 3, 8], [2, 3, 3, 8])


def test_balancing_tells_what_it_left_out_and_repeated(rows):
    data = labelled(rows, "aabbbccccccccc").balance(to="median", seed=4)
    said = (
        "balance by='assistant' to=median seed=4 (3 labels of 3 rows each, 6 rows left out, 1 repeated): 9 of 14 rows"
    )
    assert data.history[-1] == said


def test_balancing_by_other_keys_and_seeds_is_repeatable(rows):
    data = labelled(rows, "a" * 30 + "b" * 3)
    by = lambda example: example.messages[1].text  # noqa: E731 - a function is given
    assert questions(data.balance(by, to="min", seed=1)) == questions(data.balance(by, to="min", seed=1))
    assert questions(data.balance(by, to="min", seed=1)) != questions(data.balance(by, to="min", seed=2))


@pytest.mark.parametrize("to", ["mean", 0, -1, True, 1.5])
def test_a_size_that_is_none_is_refused(rows, to):
    with pytest.raises(ConfigurationError, match="to="):
        labelled(rows, "ab").balance(to=to)


def test_a_mixture_keeps_the_weights(rows):
    mixed = Dataset.mix({"a": (labelled(rows, "a" * 50), 3), "b": (labelled(rows, "b" * 50), 1)}, n=40, seed=5)
    assert answers(mixed) == {"a": 30, "b": 10}
    assert len(set(map(str, mixed.places()))) <= 40


def test_a_mixture_is_as_large_as_can_be_without_repeating(rows):
    mixed = Dataset.mix([labelled(rows, "a" * 50), labelled(rows, "b" * 7)], weights=[0.75, 0.25])
    assert answers(mixed) == {"a": 21, "b": 7}


def test_a_dataset_that_is_too_small_for_its_share_is_repeated(rows):
    mixed = Dataset.mix([labelled(rows, "aa"), labelled(rows, "b" * 20)], n=10)
    assert answers(mixed) == {"a": 5, "b": 5}


def test_a_mixture_is_in_random_order_that_its_seed_repeats(rows):
    parts = [labelled(rows, "a" * 20), labelled(rows, "b" * 20)]
    orders = [[example.messages[1].text for example in Dataset.mix(parts, seed=seed)] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != sorted(orders[0])


def test_a_mixture_names_its_parts_in_its_history(rows):
    mixed = Dataset.mix({"faq": (labelled(rows, "a" * 4), 1), "chat": (labelled(rows, "b" * 4), 1)}, seed=2)
    assert "mix in chat weight=1 seed=2: 4 of 4 rows" in mixed.history
    assert mixed.history[-1] == "mix of 2 datasets seed=2: 8 of 8 rows"


@pytest.mark.parametrize("weights", [[1], [1, 0], [1, -1], [1, float("nan")]])
def test_weights_that_are_none_are_refused(rows, weights):
    with pytest.raises(ConfigurationError, match="weight"):
        Dataset.mix([labelled(rows, "a"), labelled(rows, "b")], weights=weights)


def test_datasets_of_two_methods_do_not_mix(rows):
    with pytest.raises(DatasetError, match="train differently"):
        Dataset.mix([labelled(rows, "a"), Dataset.read([rows["dpo"]()])])


def test_a_version_is_compared_by_rows_and_by_inputs(rows):
    old = labelled(rows, "abcd")
    make = rows["supervised"]
    new = Dataset.read([make("Question 3", "d"), make("Question 0", "a"), make("Question 1", "z"), make("New", "n")])
    diff = old.diff(new)
    assert (diff.added, diff.removed, diff.changed, diff.moved) == ((4,), (3,), ((2, 3),), ((4, 1),))
    assert str(diff) == "4 -> 4 examples: 1 added, 1 removed, 1 with another answer, 1 moved, 1 unchanged"


def test_the_same_rows_do_not_differ(rows):
    assert not labelled(rows, "abc").diff(labelled(rows, "abc"))


def test_one_copy_more_is_one_row_added(rows):
    data = labelled(rows, "ab")
    assert data.diff(data + data[:1]).added == (3,)


def test_the_lineage_has_the_fingerprint_of_every_version(rows):
    data = labelled(rows, "abcdefgh")
    part = data.shuffle(seed=1).take(3)
    assert [version.fingerprint for version in part.lineage()] == [
        data.fingerprint,
        data.shuffle(seed=1).fingerprint,
        part.fingerprint,
    ]
    assert part.lineage()[-1].step == "take 3: 3 of 8 rows"


def test_the_lineage_of_a_join_has_both_sides_once(rows):
    data = labelled(rows, "abcd")
    assert [version.n_examples for version in (data[:1] + data[2:]).lineage()] == [4, 1, 2, 3]


def test_a_dataset_of_very_many_joins_tells_its_lineage(rows) -> None:
    joined = part = Dataset.read([rows["supervised"]()])
    for _ in range(600):
        joined = part + joined.take(1)
    assert joined.lineage()[-1].n_examples == 2
