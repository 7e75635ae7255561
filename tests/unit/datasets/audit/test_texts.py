# ruff: noqa: RUF001 - the texts are of many languages
from __future__ import annotations

import pytest

from finetune_kit import Dataset


def rules(answer: str, check: str) -> set[str]:
    report = Dataset.read([{"q": "Question?", "a": answer}], user="q", assistant="a").audit(only={check})
    return {f.rule for f in report.findings if f.line}


@pytest.mark.parametrize("text", ["Das schöne Café", "naïve — “quoted”", "Привет, мир", "你好，世界"])
def test_texts_read_with_the_wrong_encoding_are_mojibake(text: str) -> None:
    pytest.importorskip("ftfy")
    assert rules(text, "mojibake") == set()
    assert rules(text.encode().decode("cp1252", "replace"), "mojibake") == {"mojibake"}


def test_html_entities_are_a_hint() -> None:
    pytest.importorskip("ftfy")
    assert rules("Tom &amp; Jerry don&#39;t agree.", "mojibake") == {"html_entity"}
    assert rules("R&D and Q&A", "mojibake") == set()


@pytest.mark.parametrize("sign", ["\u200b", "\u202e", "\u2060", "\u00ad", "\ufeff", "\u200d", "\U000e0041"])
def test_characters_that_do_not_show_are_found_in_a_word(sign: str) -> None:
    assert rules(f"We con{sign}firm it.", "invisible_characters") == {"invisible_character"}


@pytest.mark.parametrize(
    "text",
    [
        "A family: \U0001f468\u200d\U0001f469\u200d\U0001f467",
        "A flag: \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "می\u200cخواهم",
        "क्\u200dष",
        "שלום \u200f(hello)",
        "❤\ufe0f",
    ],
)
def test_characters_that_join_or_direct_are_legal(text: str) -> None:
    assert rules(text, "invisible_characters") == set()


@pytest.mark.parametrize(
    "text", ["P\u0430ypal is open.", "We t\u0430ke c\u0435re.", "\u0421an you wait?", "M\u03bfnday"]
)
def test_letters_of_another_script_in_a_latin_word_are_found(text: str) -> None:
    assert rules(text, "invisible_characters") == {"mixed_script"}


@pytest.mark.parametrize("text", ["TNF\u03b1 rises.", "5 \u03bcl of it", "Он любит jazz.", "\u0394t = 3", "Straße"])
def test_words_of_science_and_sentences_of_two_scripts_are_legal(text: str) -> None:
    assert rules(text, "invisible_characters") == set()


def test_a_lone_control_character_is_found() -> None:
    assert rules("one\x07two", "invisible_characters") == {"control_character"}
    assert rules("one\ttwo\nthree", "invisible_characters") == set()
