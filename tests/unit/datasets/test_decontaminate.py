"""Keeping what is tested on out of what is trained on."""

from __future__ import annotations

import pytest

from finetune_kit.datasets import Dataset

LONG = "The parcel that I ordered two weeks ago has not come, and nobody answers my letters or calls about it."


@pytest.fixture
def read(rows):
    """Makes a dataset of questions, all answered alike."""
    return lambda *questions: Dataset.read([rows["supervised"](question, "x") for question in questions])


def test_rows_whose_question_is_tested_on_go(read):
    train = read("Where is it?", "Is it lost?", "where IS it").decontaminate(read("Who?", "Where is it"))
    assert [place.line for place in train.places()] == [2]
    assert [(removed.place.line, removed.like.line) for removed in train.removed] == [(1, 2), (3, 2)]


def test_only_the_very_same_question_goes_by_the_exact_comparison(read):
    assert len(read("Where?", "where?").decontaminate(read("where?"), by="exact")) == 1


def test_a_question_is_known_under_other_instructions_too(read, rows):
    system = {"role": "system", "content": "Be brief."}
    test = Dataset.read([{"messages": [system, *rows["supervised"]("Where?", "There.")["messages"]]}])
    assert len(read("Where?", "Who?").decontaminate(test)) == 1


def test_both_sides_are_listed_by_numbers_and_places(read):
    found = read("a", "b", "A").contamination(read("c", "a", "a!"))
    assert (found.train_examples, found.test_examples) == ((1, 3), (2, 3))
    assert str(found) == "2 of 3 test examples are like 2 of 3 training examples (by=normalised of=input)"
    assert str(found.pairs[0]) == "line 1 (training) is like line 2 (test): 1.00"


def test_clean_parts_have_no_contamination(read):
    assert not read("a").contamination(read("b"))


def test_blank_questions_are_no_contamination(read):
    assert not read(" ").contamination(read(""))


def test_other_methods_can_be_compared(read, rows):
    assert read("Hi").contamination(Dataset.read([rows["dpo"]()])).train_examples == (1,)


def test_nearly_the_same_questions_are_found(read):
    pytest.importorskip("rensa", reason="needs the extra audit")
    pytest.importorskip("rapidfuzz", reason="needs the extra audit")
    test = read("other", LONG.replace("letters", "messages"))
    train = read(LONG, "Where is it?", LONG.upper()).decontaminate(test, by="near")
    assert [place.line for place in train.places()] == [2]
    assert [removed.like.line for removed in train.removed] == [2, 2]


def test_many_texts_of_one_template_leave_nothing_behind_that_is_like_a_test(read):
    pytest.importorskip("rensa", reason="the extra audit is not installed")
    names = ["".join(chr(97 + (number * step + 3) % 26) for step in range(1, 9)) for number in range(600)]
    letters = [
        f"Dear {name}, we thank you for your letter about order {name[::-1]}, and will answer." for name in names
    ]
    train, test = read(*letters[:500]), read(*letters[500:])
    clean = train.decontaminate(test, by="near", jaccard=0.75)
    assert not clean.contamination(test, by="near", jaccard=0.75)
