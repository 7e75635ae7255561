"""Texts that are nearly the same, against a comparison of each with each."""

from __future__ import annotations

import itertools
import random
import sys

import pytest

from finetune_kit.datasets.near_duplicates import near_pairs
from finetune_kit.datasets.normalise import normalised
from finetune_kit.errors import ConfigurationError, MissingExtraError

fuzz = pytest.importorskip("rapidfuzz.fuzz", reason="needs the extra audit")
pytest.importorskip("rensa", reason="needs the extra audit")

LONG = "The parcel that I ordered two weeks ago has not come, and nobody answers my letters or calls about it."


def words(generator: random.Random, n: int) -> list[str]:
    return ["".join(generator.choices("abcdefghijklmnopqrstuvwxyzéß日", k=generator.randint(2, 8))) for _ in range(n)]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Short and long texts, of which many are others with some words changed."""
    generator = random.Random(3)
    known = words(generator, 300)
    base = [" ".join(generator.choices(known, k=generator.choice((2, 4, 8, 12, 20, 40)))) for _ in range(300)]
    edited = []
    for text in generator.sample(base, 150):
        changed = text.split()
        for _ in range(max(1, len(changed) // generator.choice((10, 20, 40)))):
            changed[generator.randrange(len(changed))] = generator.choice(known)
        edited.append(" ".join(changed))
    both = list(dict.fromkeys(base + edited))
    generator.shuffle(both)
    return both


def similarity(one: str, other: str) -> float:
    one, other = normalised(one), normalised(other)
    if min(len(one), len(other)) < 60:
        ratio = fuzz.ratio(one, other) / 100
        return ratio if ratio >= 0.9 else 0.0
    sets = [{text[start : start + 5] for start in range(len(text) - 4)} for text in (one, other)]
    jaccard = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
    return jaccard if jaccard >= 0.7 else 0.0


def test_the_pairs_are_those_of_comparing_each_with_each(texts):
    expected = {
        (one, other): found
        for one, other in itertools.combinations(range(len(texts)), 2)
        if (found := similarity(texts[one], texts[other]))
    }
    assert len(expected) > 50
    assert {(one, other): pytest.approx(found) for one, other, found in near_pairs(texts)} == expected


def test_the_pairs_of_two_collections_are_those_of_comparing_each_with_each(texts):
    ours, theirs = texts[:200], texts[200:]
    expected = {
        (one, other)
        for one, other in itertools.product(range(len(ours)), range(len(theirs)))
        if similarity(ours[one], theirs[other])
    }
    assert {pair[:2] for pair in near_pairs(ours, against=theirs)} == expected


def test_every_copy_is_paired_with_the_first_alone():
    assert near_pairs([LONG, "other", LONG.upper(), f"  {LONG}"]) == [(0, 2, 1.0), (0, 3, 1.0)]


def test_every_copy_of_both_sides_is_in_a_pair():
    pairs = near_pairs([LONG, "x", LONG], against=["y", LONG, LONG.lower()])
    assert {pair.first for pair in pairs} == {0, 2}
    assert {pair.second for pair in pairs} == {1, 2}


def test_a_crowd_of_texts_after_one_template_is_all_linked():
    crowd = [f"{LONG} My number is {number}." for number in range(500)]
    linked = {position for pair in near_pairs(crowd) for position in pair[:2]}
    assert linked == set(range(500))


def test_a_long_text_and_a_short_one_are_compared_by_their_ratio():
    text = "a" * 30 + " " + "b" * 28
    assert near_pairs([text, f"{text} c"])[0].similarity == pytest.approx(118 / 120)


def test_many_short_texts_are_found_by_their_sketches(monkeypatch, texts):
    from finetune_kit.datasets import short_texts

    short = [text for text in texts if len(text) < 60]
    complete = near_pairs(short)
    monkeypatch.setattr(short_texts, "_COMPARED_WITH_ALL", 10)
    found = near_pairs(short)
    assert set(found) <= set(complete)
    assert len(found) >= 0.9 * len(complete)


@pytest.mark.parametrize("texts", [[], [""], ["", " "], ["a"], ["a", "b"]])
def test_few_and_tiny_texts_are_no_fault(texts):
    assert all(pair.similarity == 1.0 for pair in near_pairs(texts))


@pytest.mark.parametrize("name", ["jaccard", "ratio"])
@pytest.mark.parametrize("value", [0, 1.1, -1])
def test_a_threshold_that_is_no_similarity_is_refused(name, value):
    with pytest.raises(ConfigurationError, match=name):
        near_pairs(["a"], **{name: value})


def test_without_the_extra_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rensa", None)
    with pytest.raises(MissingExtraError, match=r"finetune_kit\[audit\]"):
        near_pairs(["a", "b"])
