"""Preferences in the common shapes."""

from __future__ import annotations

import json

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.errors import FormatError

USER = {"role": "user", "content": "Hi"}
GOOD = {"role": "assistant", "content": "Hello, how can I help?"}
BAD = {"role": "assistant", "content": "What?"}
WANTED = {"input": {"messages": [USER]}, "preferred_output": [GOOD], "non_preferred_output": [BAD]}
HH = "\n\nHuman: Hi\n\nAssistant: "


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "Hi", "chosen": GOOD["content"], "rejected": BAD["content"]},
        {"question": "Hi", "response_chosen": GOOD["content"], "response_rejected": BAD["content"]},
        {"prompt": [USER], "chosen": [GOOD], "rejected": [BAD]},
        {"chosen": [USER, GOOD], "rejected": [USER, BAD]},
        {"prompt": "Hi", "chosen": [USER, GOOD], "rejected": [USER, BAD], "score_chosen": 9.0},
        {"chosen": HH + GOOD["content"], "rejected": HH + BAD["content"]},
        {"prompt": HH, "chosen": GOOD["content"], "rejected": BAD["content"]},
        {"prompt": "Hi", "answers": [{"answer": BAD["content"], "rank": 2}, {"answer": GOOD["content"], "rank": 1}]},
        {"prompt": HH.removesuffix("\n\nAssistant: "), "chosen": GOOD["content"], "rejected": BAD["content"]},
        {"prompt": "Hi", "responses": [BAD["content"], "Yes?", GOOD["content"]], "scores": [1, 2, 3]},
        {"prompt": "Hi", "answers": [GOOD["content"], BAD["content"]], "ranks": [1, 2]},
        {"prompt": "Hi", "completions": [{"text": BAD["content"], "score": 1}, {"text": GOOD["content"], "score": 4}]},
        {"prompt": "Hi", "response_0": BAD["content"], "response_1": GOOD["content"], "better_response_id": 1},
        {"prompt": "Hi", "response_a": GOOD["content"], "response_b": BAD["content"], "winner": "a"},
        {"conversation_a": [USER, BAD], "conversation_b": [USER, GOOD], "winner": "model_b"},
        {"history": "Hi", "human_ref_A": BAD["content"], "human_ref_B": GOOD["content"], "labels": 0},
        {"question": {"full_text": "Hi"}, "answer_0": BAD["content"], "answer_1": GOOD["content"], "score_0": -1,
         "score_1": 1},
    ],
)  # fmt: skip
def test_every_common_shape_becomes_a_preference(record):
    data = Dataset.read([record])
    assert (data.method, json.loads(next(data.lines()))) == ("dpo", WANTED)


def test_openai_rows_stay_as_they_are(put):
    path = put("a.jsonl", [WANTED])
    assert next(Dataset.read(path).lines()) == path.read_bytes()


def test_a_system_text_begins_the_prompt():
    record = {"system": "Be kind.", "prompt": "Hi", "chosen": "Hello", "rejected": "What?"}
    assert Dataset.read([record])[0].input.messages[0].text == "Be kind."


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"chosen": HH + "a\n\nHuman: b\n\nAssistant: c", "rejected": HH + "d"}, "part before their last message"),
        ({"chosen": HH + "a\n\nAssistant: b", "rejected": HH + "c"}, "part before their last message"),
        ({"chosen": HH + "a", "rejected": HH}, "an answer is empty"),
        ({"chosen": "a", "rejected": "b"}, "there is no prompt"),
        ({"chosen": HH + "a\n\nHuman: b", "rejected": HH + "a\n\nHuman: c"}, "does not end with the assistant"),
        ({"prompt": "Hi", "responses": ["a", "b"], "scores": [2, 2]}, "worth the same"),
        ({"prompt": "Hi", "responses": ["a", "b"], "scores": [2]}, "one score each"),
        ({"prompt": "Hi", "response_a": "a", "response_b": "b", "winner": "tie"}, "worth the same"),
        ({"prompt": "Hi", "chosen": 5, "rejected": 6}, "no messages"),
    ],
)
def test_a_pair_that_cannot_be_one_turn_is_told(record, reason):
    fine = {"prompt": "Hi", "chosen": "Hello", "rejected": "What?"}
    data = Dataset.read([fine, record], format="preferences")
    assert [skip.place.line for skip in data.skipped] == [2]
    assert reason in data.skipped[0].reason


def test_a_whole_file_of_raw_pairs_is_converted(shared):
    data = Dataset.read(shared / "data/hh_rlhf/raw_head.jsonl")
    assert (len(data), data.skipped, data.validate().counts) == (60, (), {})


def test_converted_pairs_are_those_that_were_converted_by_hand(shared):
    wanted = (shared / "data/hh_rlhf/dpo_harmless.jsonl").read_text().splitlines()
    by_input = {json.dumps(json.loads(line)["input"]): json.loads(line) for line in wanted}
    read = [json.loads(line) for line in Dataset.read(shared / "data/hh_rlhf/raw_head.jsonl").lines()]
    both = [row for row in read if json.dumps(row["input"]) in by_input]
    assert len(both) > 20
    assert all(by_input[json.dumps(row["input"])] == row for row in both)


def test_pairs_that_cannot_be_converted_are_all_named(shared):
    raw = (shared / "data/hh_rlhf/raw_head.jsonl").read_text().splitlines()
    odd = (shared / "data/hh_rlhf/unconvertible_raw.jsonl").read_text().splitlines()
    data = Dataset.read([json.loads(line) for line in raw + odd])
    assert [skip.place.line for skip in data.skipped] == [61, 62, 63, 64, 65]


def test_nothing_that_can_be_used_is_an_error_at_the_first_line(shared):
    with pytest.raises(FormatError, match="nothing in the source can be used") as caught:
        Dataset.read(shared / "data/hh_rlhf/unconvertible_raw.jsonl")
    assert caught.value.line == 1
