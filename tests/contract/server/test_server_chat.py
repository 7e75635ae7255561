"""Chat completions of the embedded server, beyond the happy one."""

from __future__ import annotations

import openai
import pytest

MODEL = "smollm2-135m-instruct"


@pytest.fixture
def tuned(official):
    return official.finish(official.create().id).fine_tuned_model


def test_max_tokens_cuts_an_answer_and_says_so(official):
    answer = official.ask(MODEL, "hello", max_completion_tokens=2)
    assert answer.choices[0].message.content == "scripted base"
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 2


def test_a_stop_sequence_ends_an_answer_before_it(official):
    answer = official.ask(MODEL, "hello", stop=[" answer"])
    assert answer.choices[0].message.content == "scripted base"
    assert answer.choices[0].finish_reason == "stop"


def test_n_answers_share_one_prompt(official):
    answer = official.ask(MODEL, "one two three", n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert answer.usage.prompt_tokens == 3


def test_content_may_come_in_parts(official, tuned):
    parts = [{"type": "text", "text": "question 2 "}, {"type": "text", "text": "on topic2"}]
    answer = official.api.chat.completions.create(model=tuned, messages=[{"role": "user", "content": parts}])
    assert answer.choices[0].message.content == "answer 2"


def test_tools_are_taken(official):
    tools = [{"type": "function", "function": {"name": "lookup", "parameters": {"type": "object"}}}]
    assert official.ask(MODEL, "hello", tools=tools).choices[0].message.content


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"temperature": 2.5}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"n": 0}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"logprobs": True}, "logprobs"),
        ({"seed": "x"}, "seed"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"tools": ["x"]}, "tools[0]"),
    ],
)
def test_a_wrong_option_is_refused_by_its_name(official, options, param):
    with pytest.raises(openai.BadRequestError) as caught:
        official.ask(MODEL, "hello", **options)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([], "messages"),
        ([{"role": "robot", "content": "x"}], "messages[0].role"),
        ([{"content": "x"}], "messages[0].role"),
        ([{"role": "user", "content": 5}], "messages[0].content"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "user", "content": [{"type": "text", "text": 1}]}], "messages[0].content[0].text"),
    ],
)
def test_wrong_messages_are_refused_where_they_are_wrong(raw, messages, param):
    answer = raw.post("/chat/completions", json={"model": MODEL, "messages": messages})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize("stream", [False, True])
def test_an_unknown_model_is_not_found(official, stream):
    with pytest.raises(openai.NotFoundError) as caught:
        official.ask("gpt-99", "hello", stream=stream)
    assert caught.value.code == "model_not_found"


def test_a_deleted_model_answers_no_more(official, tuned):
    official.api.models.delete(tuned)
    for model in (tuned, f"{tuned}:ckpt-step-30"):
        with pytest.raises(openai.NotFoundError) as caught:
            official.ask(model, "hello")
        assert caught.value.code == "model_not_found"
