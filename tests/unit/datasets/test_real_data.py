"""Real files: what is wrong in them is found on its line, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finetune_kit.datasets import Dataset, validate_file

MODEL = "gpt-4.1-mini-2025-04-14"

BFCL = "bfcl/chat_train.jsonl"
CLEAN = [
    ("sgd/train_chat_tools.jsonl", "supervised"),
    ("sgd/validation_chat_tools.jsonl", "supervised"),
    (BFCL, "supervised"),
    ("qmsum/val_query_summaries_chat.jsonl", "supervised"),
    ("shakespeare_style/chat.jsonl", "supervised"),
    ("openai_cookbook/drone_training.jsonl", "supervised"),
    ("banking77/chat_train_15shot.jsonl", "supervised"),
    ("banking77/chat_validation.jsonl", "supervised"),
    ("gsm8k/dpo_pairs.jsonl", "dpo"),
    ("gsm8k/rft_train.jsonl", "reinforcement"),
    ("gsm8k/rft_validation.jsonl", "reinforcement"),
]

# Our rule for each type of defect that can be seen in one line; the others are for an audit.
FORMAT = {
    "all_weight_zero": "weights_all_zero",
    "bad_weight": "weight",
    "blank_line": "blank_line",
    "bom": "bom",
    "content_not_string": "content_type",
    "duplicate_key": "duplicate_key",
    "empty_messages": "messages",
    "invalid_json": "json",
    "invalid_utf8": "utf8",
    "last_not_assistant": "last_message",
    "legacy_prompt_completion": "legacy_format",
    "lone_surrogate": "surrogate",
    "missing_content": "content_missing",
    "missing_messages": "missing_key",
    "multiple_objects": "json_several",
    "nan_constant": "not_finite",
    "no_assistant": "assistant_missing",
    "not_object": "not_object",
    "system_not_first": "system_not_first",
    "too_long": "too_long",
    "unknown_key": "key",
    "unknown_role": "role",
}
PREFERENCE = {
    "identical_pair": "identical_outputs",
    "empty_rejected": "content_empty",
    "multi_message_output": "output_message",
    "missing_input": "input",
    "last_input_not_user": "input_last",
}
TOOLS = {
    "arguments_double_encoded": "arguments_twice",
    "arguments_not_json": "arguments_json",
    "duplicate_tool": "tool_duplicate",
    "enum_violation": "argument_enum",
    "extra_argument": "argument_not_allowed",
    "invalid_tool_name": "tool_name",
    "invalid_tool_schema": "tool_schema",
    "missing_required": "argument_missing",
    "missing_tool_result": "tool_unanswered",
    "orphan_tool_result": "tool_call_id",
    "tools_not_declared": "tools_missing",
    "unknown_tool": "tool_undeclared",
    "wrong_type": "argument_type",
}
# Several of our rules, of which one fits each case.
SAME = {"message_key": "key", "extra_key": "key"}


def labels(shared: Path, name: str, known: dict[str, str]) -> set[tuple[int, str]]:
    records = map(json.loads, (shared / "data/defects/labels.jsonl").read_text().splitlines())
    return {(r["line"], known[r["type"]]) for r in records if r["file"] == name and r["type"] in known}


def found(path: Path, method: str, model: str | None = None) -> set[tuple[int, str]]:
    report = validate_file(path, method=method, model=model)
    return {(f.line, SAME.get(f.rule, f.rule)) for f in report.findings if f.line and f.severity != "hint"}


@pytest.mark.parametrize(("name", "method"), [each for each in CLEAN if each[0] != BFCL])
def test_a_real_file_has_no_finding(shared, name, method):
    assert validate_file(shared / "data" / name, method=method).findings == ()


def test_the_call_of_bfcl_with_an_argument_of_another_object_is_its_only_finding(shared):
    report = validate_file(shared / "data" / BFCL)
    assert [(finding.rule, finding.line) for finding in report.findings] == [("argument_undeclared", 432)]


@pytest.mark.parametrize(("name", "method"), CLEAN)
def test_every_row_of_a_real_file_is_an_example_of_its_method(shared, name, method):
    data = Dataset.read(shared / "data" / name)
    assert data.method == method
    assert sum(1 for _ in data) == len(data)


@pytest.mark.parametrize(("name", "method"), CLEAN)
def test_a_real_file_is_written_as_it_was_read(shared, tmp_path, name, method):
    Dataset.read(shared / "data" / name).write(tmp_path / "copy.jsonl")
    assert (tmp_path / "copy.jsonl").read_bytes() == (shared / "data" / name).read_bytes()


def test_the_empty_answers_of_hh_rlhf_are_its_only_errors(shared):
    report = validate_file(shared / "data/hh_rlhf/dpo_harmless.jsonl", method="dpo")
    assert [(finding.rule, finding.line) for finding in report.errors] == [
        ("content_empty", 51),
        ("content_empty", 560),
        ("content_empty", 654),
    ]


def test_every_labelled_format_defect_is_found_and_nothing_else(shared, table_cache):
    path = shared / "data/defects/format.bad.jsonl"
    assert found(path, "supervised", MODEL) == labels(shared, path.name, FORMAT)


def test_every_labelled_shape_of_preferences_is_found_and_nothing_else(shared):
    path = shared / "data/defects/dpo.train.jsonl"
    seen = {(line, "input" if rule in ("messages", "missing_key") else rule) for line, rule in found(path, "dpo")}
    assert seen == labels(shared, path.name, PREFERENCE)


def test_every_labelled_shape_of_tool_calls_is_found_and_nothing_else(shared):
    path = shared / "data/defects/tools.train.jsonl"
    wanted = labels(shared, path.name, TOOLS)
    # A result under another id is an answer to no call, and leaves the call without one.
    orphans = {(line, "tool_unanswered") for line, rule in wanted if rule == "tool_call_id"}
    assert found(path, "supervised") == wanted | orphans


def test_the_labels_of_banking77_keep_their_proportions(shared):
    path = shared / "data/banking77/train.jsonl"
    data = Dataset.read(path, user="text", assistant="label", system="Name the category.")
    train, test = data.split(test=0.1, stratify="assistant", seed=1)
    assert (len(train), len(test)) == (9003, 1000)
    assert len({example.messages[-1].text for example in train}) == 77
