"""Samples of a voice."""

from __future__ import annotations

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.sources.style import Style
from finetune_kit.errors import FormatError

SAMPLE = "It rained again in the valley. " + "The river said nothing and went on saying it. " * 4


def texts(data: Dataset) -> list[list[str]]:
    return [[message.text for message in example.messages] for example in data]


def test_a_passage_without_a_heading_is_continued(put):
    data = Dataset.read(put("river.txt", SAMPLE), format="style", system="You write like the author.")
    system, question, answer = texts(data)[0]
    assert system == "You write like the author."
    assert question == "Continue this text.\n\nIt rained again in the valley."
    assert answer.startswith("The river said nothing")


def test_a_passage_under_a_heading_is_written_about(put):
    data = Dataset.read(put("river.md", f"# Notes\n\n## Rain\n\n{SAMPLE}\n"), format="style")
    assert texts(data)[0] == ["Write about: Rain", SAMPLE.strip()]


def test_a_column_of_samples_is_read(beside):
    data = Dataset.read([{"post": SAMPLE, "title": "Rain", "date": "2024"}], format="style", user="Blog on {heading}.")
    assert texts(data) == [["Blog on Rain.", SAMPLE.strip()]]
    assert beside(data, 0) == {"title": "Rain", "date": "2024"}


def test_the_column_of_samples_may_be_named():
    data = Dataset.read([{"words": SAMPLE}], format="style", assistant="words")
    assert texts(data)[0][1].startswith("The river")


def test_long_samples_become_several_examples(put):
    data = Dataset.read(put("river.txt", "\n\n".join([SAMPLE] * 6)), format=Style(max_characters=500))
    assert len(data) == 3


def test_samples_that_are_too_short_are_told():
    data = Dataset.read([{"text": SAMPLE}, {"text": "Short."}, {"text": ""}, {"other": 1}], format="style")
    assert [skip.place.line for skip in data.skipped] == [2, 3, 4]


def test_no_sample_at_all_is_an_error(put):
    with pytest.raises(FormatError, match="nothing in the source can be used"):
        Dataset.read(put("a.txt", "Short."), format="style")
