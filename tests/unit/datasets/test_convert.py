"""Examples in other shapes, and what is said about what those cannot hold."""

from __future__ import annotations

import json

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.errors import ConfigurationError, DatasetError

SYSTEM = {"role": "system", "content": "Be brief."}
USER = {"role": "user", "content": "a question"}
ANSWER = {"role": "assistant", "content": "an answer"}
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "look_up", "description": "Looks up.", "parameters": PARAMETERS}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"city": "Oslo"}'}}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "cold"}
CHAT = {"messages": [SYSTEM, USER, ANSWER]}
TOOLED = {
    "messages": [USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}, RESULT, ANSWER],
    "tools": [TOOL],
}
PAIR = {
    "input": {"messages": [USER, ANSWER, USER], "tools": [TOOL]},
    "preferred_output": [{"role": "assistant", "content": "good"}],
    "non_preferred_output": [{"role": "assistant", "content": "bad"}],
}
ITEM = {"messages": [{"role": "developer", "content": "Be brief."}, USER], "reference_answer": "4", "level": 2}


def converted(row, to, **options):
    data = Dataset.read([row], method=options.pop("method", None))
    made, report = data.convert(to, **options)
    return json.loads(next(made.lines())), [loss.what for loss in report.losses]


def exported(tmp_path, row, shape, method=None, **options):
    report = Dataset.read([row], method=method).export(tmp_path / "out.jsonl", shape, **options)
    return json.loads((tmp_path / "out.jsonl").read_bytes()), [loss.what for loss in report.losses]


def test_a_preference_becomes_a_chat_that_teaches_the_preferred_answer_alone():
    row, losses = converted(PAIR, "supervised")
    assert row == {
        "messages": [USER, {**ANSWER, "weight": 0}, USER, {"role": "assistant", "content": "good"}],
        "tools": [TOOL],
    }
    assert losses == ["the answer that is not preferred"]


def test_a_chat_becomes_a_prompt_with_its_answer_as_the_reference():
    row, losses = converted(CHAT, "reinforcement")
    assert row == {
        "messages": [{"role": "developer", "content": "Be brief."}, USER],
        "reference_answer": "an answer",
    }
    assert losses == []


def test_a_prompt_becomes_a_chat_that_its_reference_answers():
    row, losses = converted(ITEM, "supervised")
    assert row == {"messages": [SYSTEM, USER, {"role": "assistant", "content": "4"}]}
    assert losses == ["the field 'level'"]


def test_a_chat_that_became_a_prompt_becomes_the_same_chat_again():
    there, _ = Dataset.read([CHAT]).convert("reinforcement", reference="wanted")
    back, _ = there.convert("supervised", reference="wanted")
    assert [json.loads(line) for line in back.lines()] == [CHAT]


def test_a_reference_that_is_no_text_is_written_as_json_and_that_is_said():
    row, losses = converted({"messages": [USER], "reference_answer": {"a": 1}}, "supervised", method="reinforcement")
    assert row["messages"][1]["content"] == '{"a": 1}'
    assert losses == ["the type of 'reference_answer', which is no text: the answer is its JSON"]


def test_a_chat_becomes_a_preference_with_another_answer():
    row, _ = converted(CHAT, "preference", rejected=lambda row: row["messages"][1]["content"] + "?")
    assert row == {
        "input": {"messages": [SYSTEM, USER]},
        "preferred_output": [ANSWER],
        "non_preferred_output": [{"role": "assistant", "content": "a question?"}],
    }


def test_a_preference_needs_an_answer_that_is_not_preferred():
    with pytest.raises(ConfigurationError, match="give rejected=, a function of the row"):
        Dataset.read([CHAT]).convert("dpo")


def test_earlier_answers_that_are_no_longer_learnt_are_a_named_loss():
    _, losses = converted({"messages": [USER, ANSWER, USER, ANSWER]}, "reinforcement")
    assert losses == ["what earlier assistant messages teach: only the last answer is asked for"]


def test_examples_without_a_form_are_left_out_and_named(save):
    path = save(CHAT, {"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}]}, b"{broken")
    data, report = Dataset.read(path).convert("reinforcement")
    assert (len(data), report.n_examples, report.n_converted) == (1, 3, 1)
    assert [(each.place.line, each.reason) for each in report.skipped] == [
        (2, "the answer is a call of a tool, not a text"),
        (3, "not JSON: expecting property name enclosed in double quotes at column 2"),
    ]
    assert data.history[-1] == "convert to reinforcement: 1 of 3 rows"


def test_a_conversion_of_nothing_is_an_error():
    with pytest.raises(DatasetError, match="no example can be converted to reinforcement"):
        Dataset.read([TOOLED]).convert("reinforcement")


def test_converted_rows_keep_their_places(save, good_lines):
    data, _ = Dataset.read(save(b"", *good_lines)).convert("reinforcement")
    assert data._rows.place(9)[1] == 11


def test_the_method_of_the_dataset_is_no_change(save, good_lines):
    data = Dataset.read(save(*good_lines))
    assert [json.loads(line) for line in data.convert("supervised")[0].lines()] == list(map(json.loads, good_lines))


SHAPES = [
    (
        CHAT,
        "alpaca",
        {"instruction": "Be brief.", "input": "a question", "output": "an answer"},
        ["the border between system message and question: they are instruction and input"],
    ),
    (
        {"messages": [USER, ANSWER]},
        "alpaca",
        {"instruction": "a question", "input": "", "output": "an answer"},
        [],
    ),
    (
        CHAT,
        "completion",
        {"prompt": "Be brief.\n\na question", "completion": "an answer"},
        ["the border between system message and question: they are joined by a blank line"],
    ),
    (
        CHAT,
        "sharegpt",
        {
            "conversations": [
                {"from": "system", "value": "Be brief."},
                {"from": "human", "value": "a question"},
                {"from": "gpt", "value": "an answer"},
            ]
        },
        [],
    ),
    (
        TOOLED,
        "sharegpt",
        {
            "conversations": [
                {"from": "human", "value": "a question"},
                {"from": "function_call", "value": '{"name": "look_up", "arguments": {"city": "Oslo"}}'},
                {"from": "observation", "value": "cold"},
                {"from": "gpt", "value": "an answer"},
            ],
            "tools": json.dumps([TOOL]),
        },
        ["ids of calls: results belong to the calls before them"],
    ),
    (
        TOOLED,
        "vertex",
        {
            "contents": [
                {"role": "user", "parts": [{"text": "a question"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "look_up", "args": {"city": "Oslo"}}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "look_up", "response": {"content": "cold"}}}]},
                {"role": "model", "parts": [{"text": "an answer"}]},
            ],
            "tools": [{"functionDeclarations": [TOOL["function"]]}],
        },
        ["ids of calls: results belong to the calls before them"],
    ),
    (
        CHAT,
        "vertex",
        {
            "systemInstruction": {"role": "system", "parts": [{"text": "Be brief."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "a question"}]},
                {"role": "model", "parts": [{"text": "an answer"}]},
            ],
        },
        [],
    ),
    (
        {**TOOLED, "parallel_tool_calls": False},
        "together",
        TOOLED,
        ["parallel_tool_calls"],
    ),
    (PAIR, "together", PAIR, []),
    (
        PAIR,
        "trl",
        {
            "prompt": [USER, ANSWER, USER],
            "chosen": [{"role": "assistant", "content": "good"}],
            "rejected": [{"role": "assistant", "content": "bad"}],
            "tools": [TOOL],
        },
        [],
    ),
    (ITEM, "trl", {"prompt": ITEM["messages"], "reference_answer": "4", "level": 2}, []),
    (ITEM, "bedrock", {**ITEM, "messages": [SYSTEM, USER]}, ["the role developer: it is system there"]),
]


@pytest.mark.parametrize(("row", "name", "shape", "losses"), SHAPES, ids=lambda value: str(value)[:30])
def test_a_row_is_written_in_the_shape_of_another_tool(tmp_path, row, name, shape, losses):
    assert exported(tmp_path, row, name) == (shape, losses)


def test_the_reference_of_bedrock_comes_from_the_key_that_is_named(tmp_path):
    row, _ = exported(tmp_path, {"messages": [USER], "wanted": 4}, "bedrock", "reinforcement", reference="wanted")
    assert row == {"messages": [USER], "reference_answer": 4}


def test_arguments_are_objects_for_trl_and_text_when_they_are_read_again(tmp_path):
    pair = {**PAIR, "preferred_output": [{"role": "assistant", "content": None, "tool_calls": [CALL]}]}
    made, _ = exported(tmp_path, pair, "trl")
    assert made["chosen"][0]["tool_calls"][0]["function"]["arguments"] == {"city": "Oslo"}
    (line,) = Dataset.read(tmp_path / "out.jsonl").lines()
    assert json.loads(line)["preferred_output"] == pair["preferred_output"]


@pytest.mark.parametrize("name", ["alpaca", "completion", "sharegpt", "trl", "vertex"])
def test_a_refusal_has_no_form_where_it_would_be_an_empty_answer(tmp_path, name):
    row = {"messages": [USER, {"role": "assistant", "refusal": "I will not."}]}
    with pytest.raises(DatasetError, match="no example can be converted"):
        exported(tmp_path, row, name)


@pytest.mark.parametrize("name", ["alpaca", "completion", "fireworks", "nebius", "sharegpt", "together", "vertex"])
def test_the_role_of_developers_is_a_named_loss(tmp_path, name):
    row = {"messages": [{"role": "developer", "content": "Be brief."}, USER, ANSWER]}
    assert "the role developer: it is system there" in exported(tmp_path, row, name)[1]


def test_joined_parts_of_a_text_and_the_detail_of_images_are_named_losses(tmp_path):
    text = {"type": "text", "text": "a"}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}}
    joined = {"messages": [{"role": "user", "content": [text, text]}, ANSWER]}
    seen = {"messages": [{"role": "user", "content": [text, image]}, ANSWER]}
    assert exported(tmp_path, joined, "sharegpt")[1] == ["the borders between the parts of a text"]
    assert exported(tmp_path, seen, "vertex")[1] == ["detail of images"]


@pytest.mark.parametrize("name", ["sharegpt", "vertex"])
def test_results_stand_in_the_order_of_their_calls_where_they_have_no_ids(tmp_path, name):
    calls = [{**CALL, "id": identity} for identity in ("one", "two")]
    results = [{"role": "tool", "tool_call_id": identity, "content": identity} for identity in ("two", "one")]
    row = {"messages": [USER, {"role": "assistant", "tool_calls": calls}, *results, ANSWER], "tools": [TOOL]}
    written = json.dumps(exported(tmp_path, row, name)[0])
    assert written.index('"one"') < written.index('"two"')


ROUND_TRIPS = [
    ({"messages": [USER, ANSWER]}, "alpaca"),
    ({"messages": [USER, ANSWER]}, "completion"),
    (CHAT, "sharegpt"),
    (CHAT, "trl"),
    ({**PAIR, "input": {"messages": CHAT["messages"][:2]}}, "sharegpt"),
    ({**PAIR, "input": {"messages": CHAT["messages"][:2], "tools": [TOOL]}}, "trl"),
]


@pytest.mark.parametrize(("row", "name"), ROUND_TRIPS, ids=lambda value: str(value)[:20])
def test_what_loses_nothing_is_read_again_as_it_was(tmp_path, row, name):
    assert exported(tmp_path, row, name)[1] == []
    (line,) = Dataset.read(tmp_path / "out.jsonl").lines()
    assert json.loads(line) == row


@pytest.mark.parametrize("option", [{"weight": 0}, {"refusal": "no"}])
def test_options_of_messages_that_a_format_lacks_are_a_named_loss(tmp_path, option):
    (key,) = option
    row = {"messages": [USER, {**ANSWER, **option}, USER, ANSWER]}
    assert exported(tmp_path, row, "sharegpt")[1] == [f"{key} of messages"]


def test_images_go_into_vertex_s_parts_and_have_no_form_in_text(tmp_path):
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    row = {"messages": [{"role": "user", "content": [part]}, ANSWER]}
    made, _ = exported(tmp_path, row, "vertex")
    assert made["contents"][0]["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}]
    with pytest.raises(DatasetError, match="a message has images"):
        exported(tmp_path, row, "alpaca")


def test_a_format_without_a_shape_for_the_method_says_for_which_it_has_one(tmp_path):
    with pytest.raises(ConfigurationError, match="alpaca has no shape for dpo examples, only for supervised"):
        exported(tmp_path, PAIR, "alpaca")


def test_an_unknown_format_is_named_with_those_that_are_known(tmp_path):
    with pytest.raises(ConfigurationError, match="unknown format 'word': use one of alpaca, bedrock"):
        exported(tmp_path, CHAT, "word")


def test_the_report_says_how_many_and_never_what(tmp_path):
    short = {"messages": [USER, ANSWER]}
    report = Dataset.read([short, PAIR["input"]], method="supervised").export(tmp_path / "out.jsonl", "alpaca")
    assert str(report).startswith(
        "1 of 2 examples converted to alpaca\n  left out: line 2: the chat is not one question"
    )
    assert "question?" not in str(report) + report._repr_html_()


@pytest.mark.parametrize("name", ["together", "fireworks", "nebius"])
def test_what_is_exported_for_a_provider_is_taken_by_it(shared, tmp_path, name):
    data = Dataset.read(shared / "data/sgd/train_chat_tools.jsonl")
    data.export(tmp_path / "out.jsonl", name)
    assert Dataset.read(tmp_path / "out.jsonl").validate(against=name).ok


@pytest.mark.parametrize("name", ["alpaca", "sharegpt"])
def test_what_is_exported_is_read_back_as_it_was(tmp_path, name):
    data = Dataset.read([{"messages": [USER, {**ANSWER, "content": str(n)}]} for n in range(12)])
    data.export(tmp_path / "out.jsonl", name)
    again = Dataset.read(tmp_path / "out.jsonl")
    assert [example.messages for example in again] == [example.messages for example in data]


BROKEN = [
    {"messages": [USER, ANSWER], "tools": {"a": 1}},
    {"messages": [USER, ANSWER], "tools": [5]},
    {"messages": [USER, ANSWER], "tools": [{"type": "function", "function": 5}]},
    {"messages": [USER, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function"}]}]},
]


@pytest.mark.parametrize("row", BROKEN, ids=lambda row: str(row)[-40:])
@pytest.mark.parametrize("name", ["sharegpt", "trl", "vertex", "together"])
def test_a_row_without_its_own_shape_is_left_out_with_the_place(save, tmp_path, row, name):
    data = Dataset.read(save({"messages": [USER, ANSWER]}, row), method="supervised")
    (skip,) = data.export(tmp_path / "out.jsonl", name).skipped
    assert skip.place.line == 2
    assert skip.remedy
