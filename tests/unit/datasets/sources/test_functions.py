"""Function-calling data."""

from __future__ import annotations

import json

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.sources.functions import Functions

AREA = {
    "name": "geometry.area",
    "description": "Area of a triangle.",
    "parameters": {
        "type": "dict",
        "properties": {
            "base": {"type": "float"},
            "sides": {"type": "tuple", "items": {"type": "float"}},
            "options": {"type": "dict", "properties": {"unit": {"type": "any"}}},
        },
        "required": ["base"],
    },
}
TRUTH = [
    {"geometry.area": {"base": [10.0, 10], "sides": [[3, 4]], "options": [{"unit": ["cm", ""]}], "exact": ["", 1]}}
]
RECORD = {"id": "simple_0", "question": [[{"role": "user", "content": "Area?"}]], "function": [AREA]}


def row(data: Dataset) -> dict:
    return json.loads(next(data.lines()))


def test_the_first_accepted_values_become_the_call_to_learn():
    call = row(Dataset.read([{**RECORD, "ground_truth": TRUTH}]))["messages"][1]["tool_calls"][0]
    assert call["function"]["name"] == "geometry_area"
    assert json.loads(call["function"]["arguments"]) == {"base": 10.0, "sides": [3, 4], "options": {"unit": "cm"}}


def test_type_names_become_those_of_json_schema_at_every_depth():
    tool = row(Dataset.read([{**RECORD, "ground_truth": TRUTH}]))["tools"][0]["function"]
    assert tool["parameters"] == {
        "type": "object",
        "properties": {
            "base": {"type": "number"},
            "sides": {"type": "array", "items": {"type": "number"}},
            "options": {"type": "object", "properties": {"unit": {}}},
        },
        "required": ["base"],
    }


def test_what_was_rewritten_is_in_the_history():
    history = Dataset.read([{**RECORD, "ground_truth": TRUTH}]).history
    assert "reading: types of parameters rewritten as JSON Schema: 1 rows" in history
    assert "reading: names of functions rewritten in letters, digits, _ and -: 1 rows" in history


def test_a_property_called_type_is_no_type():
    parameters = {"type": "object", "properties": {"type": {"type": "dict"}}}
    record = {**RECORD, "function": {"name": "f", "parameters": parameters}, "ground_truth": [{"f": {"type": [{}]}}]}
    assert row(Dataset.read([record]))["tools"][0]["function"]["parameters"]["properties"] == {
        "type": {"type": "object"}
    }


def test_two_names_that_become_one_stay_apart():
    functions = [{"name": "a.b", "parameters": {}}, {"name": "a_b", "parameters": {}}]
    record = {**RECORD, "function": functions, "ground_truth": [{"a_b": {}}]}
    found = row(Dataset.read([record]))
    names = [tool["function"]["name"] for tool in found["tools"]]
    assert len(set(names)) == 2
    assert found["messages"][-1]["tool_calls"][0]["function"]["name"] == names[1]


def test_answers_may_be_in_a_file_of_their_own(put):
    answers = put("answers.jsonl", [{"id": "simple_0", "ground_truth": TRUTH}])
    data = Dataset.read(put("questions.json", json.dumps(RECORD) + "\n"), format=Functions(answers=answers))
    assert data[0].messages[-1].tool_calls[0].function.name == "geometry_area"


def test_xlam_rows_are_read():
    record = {
        "query": "Weather in Oslo?",
        "tools": '[{"name": "weather", "parameters": {"city": {"type": "str"}}}]',
        "answers": '[{"name": "weather", "arguments": {"city": "Oslo"}}]',
    }
    found = row(Dataset.read([record], format="functions"))
    assert found["tools"][0]["function"]["parameters"]["properties"] == {"city": {"type": "string"}}
    assert json.loads(found["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"city": "Oslo"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ground_truth": None}, "no right calls"),
        ({"ground_truth": [{"volume": {}}]}, "not declared"),
        ({"ground_truth": ["area(1)"]}, "not understood"),
        ({"function": []}, "no functions"),
        ({"function": "[{"}, "not JSON"),
        ({"question": [[{"role": "user", "content": "a"}], [{"role": "user", "content": "b"}]]}, "several turns"),
        ({"question": None}, "no messages"),
    ],
)
def test_what_cannot_be_learnt_from_is_told(change, reason):
    fine = {**RECORD, "ground_truth": TRUTH}
    data = Dataset.read([fine, {**fine, **change}], format="functions")
    assert reason in data.skipped[0].reason


def test_for_reinforcement_the_truth_stays_beside_the_question():
    data = Dataset.read([{**RECORD, "ground_truth": TRUTH}], method="reinforcement")
    assert data[0].model_extra == {"ground_truth": TRUTH, "id": "simple_0"}


def test_calls_are_those_that_were_converted_by_hand(shared):
    wanted = map(json.loads, (shared / "data/bfcl/chat_train.jsonl").read_text().splitlines())
    by_question: dict[str, list[object]] = {}
    for line in wanted:
        by_question.setdefault(line["messages"][0]["content"], []).append(calls(line))
    data = Dataset.read(shared / "data/bfcl/eval.jsonl", format="functions")
    both = [row for row in map(json.loads, data.lines()) if row["messages"][0]["content"] in by_question]
    same = [row for row in both if calls(row) in by_question[row["messages"][0]["content"]]]
    assert len(both) > 700
    assert len(same) / len(both) > 0.95
    assert {skip.reason for skip in data.skipped} == {"there are no right calls to learn"}


def test_real_schemas_that_a_service_refuses_are_mended(shared):
    data = Dataset.read(shared / "data/bfcl/raw_defective_schemas.jsonl", format="functions", method="reinforcement")
    assert data.validate().counts == {}
    assert "reading: types of parameters rewritten as JSON Schema: 120 rows" in data.history


def calls(line: dict) -> object:
    found = line["messages"][-1].get("tool_calls", [])
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in found]
