"""Texts and rows that are the same."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_kit.datasets.duplicates import duplicate_groups, exact_key, normalised, text_key


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("  Where's my\u00a0ORDER?! ", "where s my order"),
        ("ﬁne — Straße", "fine strasse"),
        ("snake_case-name", "snake_case name"),
        ("Ⅳ ½", "iv 1 2"),
        ("", ""),
        (" \n\t", ""),
        ("a\u200bb", "a b"),
        ("\ud800 x", "x"),
    ],
)
def test_case_width_white_space_and_punctuation_make_no_difference(text, plain):
    assert normalised(text) == plain


@pytest.mark.parametrize(("one", "other"), [("कि", "की"), ("ที่", "ทู่"), ("👍", "👎"), ("?!", "!"), ("resume", "résumé")])
def test_what_tells_words_apart_is_kept(one, other):
    assert normalised(one) != normalised(other)


def test_the_letters_of_every_script_are_words_of_their_own():
    letters = "".join(map(chr, range(0x21, 0x2FF)))
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", letters).casefold())
    assert normalised(letters).replace(" ", "") == re.sub(r"[^\w\u0300-\u036f]+", "", plain)


def test_texts_that_are_the_same_after_normalisation_have_one_key():
    assert text_key("Where is it?") == text_key("where  IS it")
    assert text_key("Where is it?") != text_key("Where was it?")
    assert len(text_key("")) == 16


def test_the_spelling_of_json_makes_no_difference_to_a_row():
    assert exact_key(b'{"a": "\\u00e9", "b": 1}') == exact_key('{"b":1,"a":"é"}'.encode())


def test_what_is_no_json_is_only_itself():
    assert exact_key(b'{"a":') == exact_key(b'{"a":') != exact_key(b'{"a": ')


def test_the_order_of_a_list_makes_a_difference():
    assert exact_key(b"[1, 2]") != exact_key(b"[2, 1]")


def test_groups_come_in_the_order_of_their_first():
    assert duplicate_groups("abacba") == [[0, 2, 5], [1, 4]]


@given(st.lists(st.text(st.sampled_from("aB_9 \n\t!é\u00a0ﬁ"), max_size=12), max_size=300))
def test_many_texts_at_a_time_are_normalised_as_each_by_itself(texts):
    pytest.importorskip("numpy", reason="the extra audit is not installed")
    from finetune_kit.datasets.normalise_many import normalised_each

    assert list(normalised_each(texts)) == [normalised(text) for text in texts]
