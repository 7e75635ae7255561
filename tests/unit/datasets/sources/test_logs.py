"""Logged API traffic."""

from __future__ import annotations

import json

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.sources.logs import Logs
from finetune_kit.errors import FormatError

ASKED = [{"role": "user", "content": "Hi"}]
CHOICES = [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello", "refusal": None}}]
STORED = {"object": "chat.completion", "id": "chatcmpl-1", "model": "gpt-4.1", "choices": CHOICES, "messages": ASKED,
          "metadata": {"team": "shop"}}  # fmt: skip


@pytest.mark.parametrize(
    "record",
    [
        STORED,
        {"request": {"messages": ASKED, "model": "m"}, "response": {"id": "chatcmpl-1", "choices": CHOICES}},
        {"request": {"body": {"messages": ASKED}}, "response": {"status_code": 200, "body": {"choices": CHOICES}}},
        {"request_body": '{"messages": [{"role": "user", "content": "Hi"}]}', "response_body": {"choices": CHOICES}},
        {"id": "a", "messages": ASKED, "response": {"choices": CHOICES}, "model": "m"},
        {"id": "a", "type": "GENERATION", "input": ASKED, "output": {"role": "assistant", "content": "Hello"}},
        {"id": "a", "input": {"messages": ASKED}, "output": "Hello"},
        {"object": "response", "id": "r", "input": "Hi", "status": "completed",
         "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}]},
    ],
)  # fmt: skip
def test_calls_are_read_from_every_common_log(record):
    data = Dataset.read([record])
    assert [message.text for message in data[0].messages] == ["Hi", "Hello"]


def test_tools_and_calls_come_along():
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    record = {"request": {"messages": ASKED, "tools": tools}, "response": {"choices": [{"message": message}]}}
    data = Dataset.read([record])
    assert data[0].tools[0]["function"]["name"] == "f"
    assert data[0].messages[-1].tool_calls[0].id == "c"


def test_id_feedback_and_metadata_are_kept_beside_the_row(beside):
    data = Dataset.read([{**STORED, "feedback": "thumbs_up"}])
    assert beside(data, 0) == {
        "id": "chatcmpl-1",
        "feedback": 1.0,
        "model": "gpt-4.1",
        "metadata": {"team": "shop"},
    }


@pytest.mark.parametrize(
    ("liked", "disliked", "settings"),
    [
        ({"feedback": "thumbs_up"}, {"feedback": "thumbs_down"}, Logs(min_score=1)),
        ({"feedback": {"rating": 5}}, {"feedback": {"rating": 2}}, Logs(min_score=4)),
        ({"score": 0.9}, {"score": 0.1}, Logs(min_score=0.5)),
        ({"metadata": {"score": True}}, {"metadata": {"score": False}}, Logs(min_score=1)),
        ({"scores": [{"name": "a", "value": 0}, {"name": "b", "value": 1}]}, {"scores": []},
         Logs(min_score=1, score="b")),
    ],
)  # fmt: skip
def test_only_calls_that_people_liked_are_taken(liked, disliked, settings, beside):
    data = Dataset.read(
        [{**STORED, **liked}, {**STORED, "id": "b", **disliked}, {**STORED, "id": "c"}], format=settings
    )
    assert [beside(data, n)["id"] for n in range(len(data))] == ["chatcmpl-1"]
    assert [skip.place.line for skip in data.skipped] == [2, 3]


def test_a_call_that_stands_twice_is_taken_once():
    data = Dataset.read([STORED, STORED])
    assert len(data) == 1
    assert data.skipped[0].reason == "the id stands already on line 1"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"choices": [{**CHOICES[0], "finish_reason": "length"}]}, "cut off"),
        ({"error": {"message": "overloaded"}}, "failed"),
        ({"choices": []}, "no response|no answer"),
        ({"choices": [{"message": {"role": "assistant", "content": ""}}]}, "no answer"),
        ({"messages": []}, "no request"),
    ],
)
def test_a_call_without_a_whole_answer_is_told(change, reason):
    with pytest.raises(FormatError, match=reason):
        Dataset.read([{**STORED, **change}], format="logs")


def test_chats_with_other_keys_are_no_logs(put):
    row = {"messages": [*ASKED, {"role": "assistant", "content": "Hello"}]}
    data = Dataset.read(put("a.jsonl", [row]))
    assert len(data[0].messages) == 2


def chunk(delta, end=None):
    choice = {"index": 0, "delta": delta, "finish_reason": end}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice]}


CHUNKS = [chunk({"role": "assistant", "content": ""}), chunk({"content": "Hel"}), chunk({"content": "lo"}),
          chunk({}, "stop")]  # fmt: skip
EVENTS = "".join(f"data: {json.dumps(each)}\n\n" for each in CHUNKS) + "data: [DONE]\n\n"
DONE = [{"type": "response.created"}, {"type": "response.completed", "response": {"status": "completed", "output": [
    {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}]}}]  # fmt: skip


@pytest.mark.parametrize("response", [CHUNKS, EVENTS, DONE], ids=["chunks", "events", "responses"])
def test_the_chunks_of_a_stream_are_one_answer(response):
    data = Dataset.read([{"request": {"messages": ASKED, "stream": True}, "response": response}])
    assert [message.text for message in data[0].messages] == ["Hi", "Hello"]


def test_a_call_that_was_streamed_is_whole():
    first = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    pieces = [{"index": 0, "function": {"arguments": piece}} for piece in ('{"a"', ": 1}")]
    response = [*(chunk({"tool_calls": [each]}) for each in (first, *pieces)), chunk({}, "tool_calls")]
    (call,) = Dataset.read([{"request": {"messages": ASKED}, "response": response}])[0].messages[1].tool_calls
    assert (call.id, call.function.name, call.function.arguments) == ("c", "f", '{"a": 1}')


def test_a_stream_that_broke_off_gives_no_example():
    with pytest.raises(FormatError, match="cut off"):
        Dataset.read([{"request": {"messages": ASKED}, "response": CHUNKS[:-1]}], format="logs")


@pytest.mark.parametrize("delta", [{"tool_calls": 5}, {"tool_calls": [5, {"index": "x"}]}, {}])
def test_chunks_of_no_use_give_no_example(delta):
    with pytest.raises(FormatError):
        Dataset.read(
            [{"request": {"messages": ASKED}, "response": [chunk(delta, "stop")]}], format="logs", on_error="raise"
        )


@pytest.mark.parametrize("system", ["Be kind.", [{"type": "text", "text": "Be kind."}]])
def test_a_system_prompt_beside_the_messages_comes_first(system):
    response = {"role": "assistant", "content": "Hello", "stop_reason": "end_turn"}
    data = Dataset.read([{"request": {"system": system, "messages": ASKED}, "response": response}])
    assert [message.text for message in data[0].messages] == ["Be kind.", "Hi", "Hello"]
