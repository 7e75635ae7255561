"""What must hold of the operations on datasets whatever is in them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.normalise import normalised
from finetune_kit.datasets.split_stable import stable_parts
from finetune_kit.errors import DatasetError

# Few words, so that rows are often the same or nearly so.
WORDS = st.sampled_from(["parcel", "Parcel!", "order", "ordre", "late", "naïve", "日本", "_", "?", "a"])
SENTENCES = st.lists(WORDS, min_size=1, max_size=14).map(" ".join)
ANSWERS = st.sampled_from(["yes", "Yes.", "no", "It is late and will come tomorrow."])
PAIRS = st.lists(st.tuples(SENTENCES, ANSWERS), min_size=1, max_size=25)


def dataset(pairs: list[tuple[str, str]]) -> Dataset:
    return Dataset.read(
        [{"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]} for q, a in pairs]
    )


def lines(data: Dataset) -> list[int]:
    return [place.line for place in data.places()]


@pytest.mark.parametrize("keep", ["first", "last"])
@pytest.mark.parametrize("of", ["row", "input"])
@pytest.mark.parametrize("by", ["exact", "normalised", "near"])
@given(PAIRS)
@settings(max_examples=40, deadline=None)
def test_deduplication_is_idempotent_and_loses_no_row_without_a_trace(by, of, keep, pairs):
    if by == "near":
        pytest.importorskip("rensa", reason="needs the extra audit")
        pytest.importorskip("rapidfuzz", reason="needs the extra audit")
    data = dataset(pairs)
    once = data.deduplicate(by=by, of=of, keep=keep)
    again = once.deduplicate(by=by, of=of, keep=keep)
    assert lines(again) == lines(once)
    assert sorted(lines(once) + [removed.place.line for removed in once.removed]) == lines(data)
    assert {removed.like.line for removed in once.removed} <= set(lines(once))


@given(PAIRS, PAIRS)
@settings(max_examples=100, deadline=None)
def test_nothing_that_is_tested_on_is_left_to_train_on(ours, theirs):
    train, test = dataset(ours), dataset(theirs)
    clean = train.decontaminate(test)
    assert not clean.contamination(test)
    assert len(clean) + len(clean.removed) == len(train)


@given(st.lists(SENTENCES, min_size=1, max_size=30), st.lists(SENTENCES, max_size=30), st.integers(), st.randoms())
@settings(max_examples=100, deadline=None)
def test_added_rows_move_no_old_row(old, added, seed, random):
    new = old + added
    random.shuffle(new)
    assert parts_of(old, seed).items() <= parts_of(new, seed).items()


def parts_of(texts: list[str], seed: int) -> dict[str, int]:
    try:
        parts = stable_parts([normalised(text) for text in texts], test=0.3, validation=0.3, seed=seed)
    except DatasetError:
        return {}
    return {texts[position]: number for number, part in enumerate(parts) for position in part}


@given(PAIRS, st.sampled_from(["min", "median", "max", 3]), st.integers())
@settings(max_examples=100, deadline=None)
def test_a_balanced_dataset_has_each_label_equally_often(pairs, to, seed):
    balanced = dataset(pairs).balance(to=to, seed=seed)
    counts = Counter(example.messages[1].text for example in balanced)
    assert len(set(counts.values())) == 1
    assert counts.keys() == {answer for _, answer in pairs}


@given(PAIRS, PAIRS)
@settings(max_examples=100, deadline=None)
def test_a_difference_accounts_for_every_row(old, new):
    before, after = dataset(old), dataset(new)
    diff = before.diff(after)
    kept = len(before) - len(diff.removed) - len(diff.changed)
    assert kept == len(after) - len(diff.added) - len(diff.changed) == diff.n_unchanged + len(diff.moved)
    assert len(before) == len(after) + len(diff.removed) - len(diff.added)


@given(PAIRS, st.randoms())
@settings(max_examples=100, deadline=None)
def test_another_order_of_the_same_rows_is_only_moved(pairs, random):
    shuffled = pairs.copy()
    random.shuffle(shuffled)
    diff = dataset(pairs).diff(dataset(shuffled))
    assert (diff.added, diff.removed, diff.changed) == ((), (), ())


@given(st.text())
def test_normalising_twice_changes_nothing_more(text):
    assert normalised(normalised(text)) == normalised(text)
