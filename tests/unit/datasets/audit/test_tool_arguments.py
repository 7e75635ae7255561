"""Arguments of tool calls that nobody has spoken of are found, and rewritten ones are not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.audit import AuditReport

Row = dict[str, Any]


def booking(said: str, city: str, **more: str) -> Row:
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "find", "arguments": json.dumps({"city": city, **more})},
    }
    return {
        "messages": [
            {"role": "user", "content": said},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "[]"},
            {"role": "assistant", "content": "Nothing there."},
        ],
        "tools": [{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}],
    }


GROUNDED = [
    booking(f"A room in {city}, please", city)
    for city in ("Oslo", "Bergen", "Tromsø", "Bodø", "Molde", "Hamar", "Moss")
]


def audited(*rows: Row) -> AuditReport:
    return Dataset.read([*GROUNDED, *rows]).audit(only={"ungrounded_argument"})


def test_a_name_that_nobody_said_is_a_hint_at_the_call() -> None:
    (finding,) = audited(booking("A room in Oslo, please", "Kathmandu")).by_rule("ungrounded_argument")
    assert (finding.line, finding.pointer) == (8, "/messages/1/tool_calls/0/function/arguments")
    assert finding.severity == "hint"
    assert "Kathmandu" not in finding.reason


@pytest.mark.parametrize(
    ("said", "city"),
    [
        ("a room in VIENNA", "Vienna"),
        ("Ein Zimmer in den Wiener Bezirken", "Wien"),
        ("A room in SF", "San Francisco"),
        ("A room in N.Y.", "New York"),
        ("A room in NYC", "New York City"),
        ("комната в Москве", "Москва"),
        ("A room, number 12", "Room 12"),
    ],
)
def test_a_name_in_another_form_is_grounded(said: str, city: str) -> None:
    assert audited(booking(said, city)).check("ungrounded_argument").state == "clean"


def test_dates_figures_and_truth_values_are_rewritten_by_rights() -> None:
    row = booking("A room in Oslo tomorrow", "Oslo", day="2026-11-23", breakfast="True", code="NOK")
    assert audited(row).check("ungrounded_argument").state == "clean"


def test_an_argument_that_often_says_what_nobody_said_is_a_category() -> None:
    rows = [booking("Something funny in Oslo", "Oslo", genre=genre) for genre in ("Comedy", "Satire", "Farce") * 3]
    assert audited(*rows).check("ungrounded_argument").state == "clean"


def test_a_result_of_a_tool_grounds_a_later_call() -> None:
    row = booking("Which cities are there?", "oslo")
    row["messages"][2]["content"] = '["Alesund"]'
    again = json.loads(json.dumps(row["messages"][1]).replace("oslo", "Alesund"))
    row["messages"].insert(3, again)
    assert audited(row).check("ungrounded_argument").state == "clean"
