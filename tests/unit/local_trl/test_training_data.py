from __future__ import annotations

import json

import pytest

from finetune_kit.local.chat_format import load_chat_format
from finetune_kit.local.engines.base import TrainingFailed
from finetune_kit.local.training_data import tokenized_file


def row(question: str, answer: str) -> str:
    return json.dumps({"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]})


@pytest.fixture
def chat_format(tiny_model):
    return load_chat_format(tiny_model)


def test_blank_lines_are_no_examples(tmp_path, chat_format):
    path = tmp_path / "train.jsonl"
    path.write_text(f"{row('a', 'b')}\n\n{row('c', 'd')}\n")
    assert len(tokenized_file(path, chat_format, max_length=99).examples) == 2


def test_a_byte_order_mark_is_skipped(tmp_path, chat_format):
    path = tmp_path / "train.jsonl"
    path.write_text(row("a", "b"), encoding="utf-8-sig")
    assert tokenized_file(path, chat_format, max_length=99).trainable


def test_long_examples_lose_their_end_and_are_counted(tmp_path, chat_format):
    path = tmp_path / "train.jsonl"
    path.write_text(f"{row('a', 'b')}\n{row('a', 'b' * 500)}\n")
    file = tokenized_file(path, chat_format, max_length=64)
    assert (file.truncated, file.longest) == (1, 64)


def test_a_file_cut_before_its_answers_has_nothing_to_learn(tmp_path, chat_format):
    path = tmp_path / "train.jsonl"
    path.write_text(row("a" * 500, "b"))
    assert not tokenized_file(path, chat_format, max_length=64).trainable


@pytest.mark.parametrize("line", ["{SECRET", '{"messages": [{"SECRET": 1}]}', '["SECRET"]'])
def test_a_broken_row_is_named_by_its_line_and_never_quoted(tmp_path, chat_format, line):
    path = tmp_path / "train.jsonl"
    path.write_text(f"{row('a', 'b')}\n{line}\n")
    with pytest.raises(TrainingFailed, match=r"train\.jsonl, line 2") as caught:
        tokenized_file(path, chat_format, max_length=99)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_empty_file_is_a_reason(tmp_path, chat_format):
    path = tmp_path / "train.jsonl"
    path.write_text("")
    with pytest.raises(TrainingFailed, match="no examples"):
        tokenized_file(path, chat_format, max_length=99)


def test_a_sample_is_spread_over_the_file(tmp_path, chat_format):
    path = tmp_path / "valid.jsonl"
    path.write_text("\n".join(row("a", "b" * length) for length in range(1, 11)))
    sample = tokenized_file(path, chat_format, max_length=99).sample(5)
    lengths = [len(example.input_ids) for example in sample.examples]
    assert len(lengths) == 5
    assert lengths[-1] - lengths[0] == 8
