"""The data of the quickstart are what their README says."""

from __future__ import annotations

import csv
import re
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path

import pytest

MAX_SHARED_TRIGRAMS = 0.2
MAX_ALIKE = 0.7


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    path = Path(__file__).resolve().parents[2] / "examples" / "data" / "helpdesk.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def pairs(rows: list[dict[str, str]]) -> list[tuple[str, str]]:
    messages = {part: [row["message"].casefold() for row in rows if row["split"] == part] for part in ("train", "test")}
    return [(test, train) for test in messages["test"] for train in messages["train"]]


def trigrams(text: str) -> frozenset[tuple[str, ...]]:
    words = re.findall(r"\w+", text)
    return frozenset(tuple(words[start : start + 3]) for start in range(max(1, len(words) - 2)))


def alike(one: str, other: str) -> bool:
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return all(bound() > MAX_ALIKE for bound in (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio))


def test_each_of_twelve_intents_has_training_and_test_messages(rows: list[dict[str, str]]) -> None:
    counts = Counter((row["split"], row["intent"]) for row in rows)
    assert len({row["intent"] for row in rows}) == 12
    assert {count for (part, _), count in counts.items() if part == "train"} == {27}
    assert {count for (part, _), count in counts.items() if part == "test"} == {14}


def test_no_message_stands_there_twice(rows: list[dict[str, str]]) -> None:
    assert len({row["message"].casefold().strip() for row in rows}) == len(rows)


def test_labels_are_snake_case(rows: list[dict[str, str]]) -> None:
    assert [row["intent"] for row in rows if not re.fullmatch(r"[a-z]+(_[a-z]+)+", row["intent"])] == []


def test_no_test_message_shares_a_template_with_a_training_message(pairs: list[tuple[str, str]]) -> None:
    grams = {text: trigrams(text) for pair in pairs for text in pair}
    shared = [
        (test, train)
        for test, train in pairs
        if len(grams[test] & grams[train]) > MAX_SHARED_TRIGRAMS * len(grams[test] | grams[train])
    ]
    assert shared == []


def test_no_test_message_is_nearly_a_training_message(pairs: list[tuple[str, str]]) -> None:
    assert [(test, train) for test, train in pairs if alike(test, train)] == []


def test_no_message_has_an_address_a_number_or_a_link_of_a_person(rows: list[dict[str, str]]) -> None:
    personal = re.compile(r"\S@\S|https?://|www\.|\+?\d[\d /-]{6,}\d")
    assert [row["message"] for row in rows if personal.search(row["message"])] == []
