"""Conversations as JSON."""

from __future__ import annotations

import json

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.errors import FormatError

SHAREGPT = {"id": "x1", "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}


def said(data: Dataset) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in data[0].messages]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_sharegpt_is_read(put, name, beside):
    data = Dataset.read(put(name, [SHAREGPT]))
    assert said(data) == [("user", "Hi"), ("assistant", "Hello")]
    assert beside(data, 0) == {"id": "x1"}


@pytest.mark.parametrize(
    "record",
    [
        {"turns": [["customer", "Hi"], ["agent", "Hello"]]},
        {"dialogue": [{"speaker": "USER", "text": "Hi"}, {"speaker": "Assistant", "text": "Hello"}]},
        {"conversation": [{"role": "human", "content": "Hi"}, {"role": "ai", "content": "Hello"}]},
        {"messages": [{"author": {"role": "user"}, "text": "Hi"}, {"author": {"role": "assistant"}, "text": "Hello"}]},
    ],
)
def test_other_names_of_turns_are_known(record):
    assert said(Dataset.read([record], format="turns")) == [("user", "Hi"), ("assistant", "Hello")]


def test_a_system_text_of_the_record_comes_first():
    assert said(Dataset.read([{"system": "Be brief.", **SHAREGPT}]))[0] == ("system", "Be brief.")


@pytest.mark.parametrize("key", ["data", "conversations", "threads"])
def test_a_document_that_wraps_conversations_is_opened(put, key):
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    path = put("a.json", json.dumps({"version": 1, key: [{"messages": messages}]}, indent=1))
    assert said(Dataset.read(path)) == [("user", "Hi"), ("assistant", "Hello")]


def test_messages_lose_keys_that_training_does_not_know(beside):
    message = {"role": "assistant", "content": "Hello", "annotations": [], "audio": None, "refusal": None}
    record = {"messages": [{"role": "user", "content": "Hi", "timestamp": 3}, message], "user_id": "u7"}
    data = Dataset.read([record], format="messages")
    assert json.loads(next(data.lines()))["messages"][1] == {"role": "assistant", "content": "Hello"}
    assert beside(data, 0)["user_id"] == "u7"


def test_calls_of_functions_become_tool_calls():
    record = {
        "conversations": [
            {"from": "human", "value": "Weather in Oslo?"},
            {"from": "function_call", "value": '{"name": "weather", "arguments": {"city": "Oslo"}}'},
            {"from": "observation", "value": '{"celsius": 3}'},
            {"from": "gpt", "value": "3 degrees."},
        ],
        "tools": '[{"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}]',
    }
    data = Dataset.read([record] * 10)
    assert [message.role for message in data[0].messages] == ["user", "assistant", "tool", "assistant"]
    assert data.validate().counts == {}


def test_speakers_without_a_role_are_named():
    with pytest.raises(FormatError, match="the speakers are 'anna', 'ben'"):
        Dataset.read([{"turns": [["anna", "Hi"], ["ben", "Hello"]]}])


def test_the_assistant_may_be_called_system():
    record = {"turns": [["USER", "Hi"], ["SYSTEM", "Hello"]]}
    assert said(Dataset.read([record], assistant="SYSTEM"))[1] == ("assistant", "Hello")


@pytest.mark.parametrize("turns", [[], [5], [{"from": "human"}], [{"from": "human", "value": None}], "text", [["a"]]])
def test_turns_that_are_none_are_told_by_their_number(turns):
    data = Dataset.read([SHAREGPT, {"conversations": turns}], format="sharegpt")
    assert [skip.place.line for skip in data.skipped] == [2]


CALL = '{"name": "look_up", "arguments": {"city": "Oslo"}}'


def test_calls_and_results_in_tags_become_messages():
    turns = [
        {"from": "human", "value": "Weather?"},
        {"from": "gpt", "value": f"I look.\n<tool_call>\n{CALL}\n</tool_call>\n<tool_call>{CALL}</tool_call>"},
        {"from": "tool", "value": "<tool_response>\n5\n</tool_response>"},
        {"from": "tool", "value": "6"},
        {"from": "gpt", "value": "5 and 6."},
    ]
    _, calling, *results, _ = Dataset.read([{"conversations": turns}])[0].messages
    assert (calling.content, len(calling.tool_calls)) == ("I look.", 2)
    assert [(result.tool_call_id, result.content) for result in results] == [
        (call.id, text) for call, text in zip(calling.tool_calls, ["5", "6"], strict=True)
    ]


def test_a_call_beside_a_text_is_part_of_its_message():
    turns = [
        {"from": "human", "value": "Weather?"},
        {"from": "gpt", "value": "I look."},
        {"from": "function_call", "value": CALL},
        {"from": "function_call", "value": CALL},
        {"from": "observation", "value": "5"},
        {"from": "observation", "value": "6"},
        {"from": "gpt", "value": "5 and 6."},
    ]
    messages = Dataset.read([{"conversations": turns}])[0].messages
    assert [message.role for message in messages] == ["user", "assistant", "tool", "tool", "assistant"]
    assert [call.id for call in messages[1].tool_calls] == [message.tool_call_id for message in messages[2:4]]


def test_a_conversation_without_turns_among_others_is_told(put):
    data = Dataset.read(put("a.json", [SHAREGPT, {"id": "x2", "conversations": []}]))
    assert len(data) == 1
    assert [(skip.place.line, skip.reason) for skip in data.skipped] == [(2, "there is no list of turns")]
