"""What `validate_file` finds, where, and how it says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest

from finetune_kit.datasets.rules import RULES, SPECIAL_TOKENS
from finetune_kit.datasets.validate import validate_file
from finetune_kit.errors import AuditError, ConfigurationError, DatasetError, FormatError

USER = {"role": "user", "content": "secret question"}
ANSWER = {"role": "assistant", "content": "secret answer"}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "found"}


def calling(**changes):
    return {**CALLING, "tool_calls": [{**CALL, **changes}]}


def function(**changes):
    return calling(function={**CALL["function"], **changes})


def problems_of(path: Path, method: str = "supervised") -> list[tuple[str, str]]:
    report = validate_file(path, method=method)
    return [(finding.rule, finding.pointer) for finding in report.findings if finding.rule != "n_examples"]


BAD_BYTES = {
    "json": [
        b"{'messages': []}",
        b'{"messages": [}',
        b'{"messages": [],}',
        b'{"messages": []}}',
        b'{"messages": [{"role": "user", "content": "a\x01b"}]}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"messages": 1e999}',
    ],
    "json_several": [b'{"messages": []} {"messages": []}', b"{}[]"],
    "utf8": [b'{"messages": "\xe9"}', b"\xff\xfe{\x00", b'{"a": "\xed\xa0\x80"}'],
    "bom": [b'\xef\xbb\xbf{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}'],
    "duplicate_key": [
        b'{"messages": [], "messages": []}',
        b'{"messages" : [{"role": "user", "role" : "assistant", "content": "a"}]}',
        json.dumps({"messages": [USER, ANSWER]})[:-1].encode()
        + b', "messages": [{"role": "assistant", "content": "x"}]}',
        b'{"messages": [{"role": "user", "content": "a", "content": "b"}, {"role": "assistant", "content": "b"}]}',
    ],
    "not_finite": [b'{"a": NaN}', b'{"a": [-Infinity]}'],
    "surrogate": [b'{"messages": [{"role": "user", "content": "\\ud83d"}, {"role": "assistant", "content": "b"}]}'],
    "not_object": [b"null", b"3", b'"text"', b"[1]", b"true"],
    "legacy_format": [
        b'{"prompt": "x", "completion": "y"}',
        b'{"prompt": "x", "completion": "y", "metadata": {"source": "crm"}}',
    ],
}


@pytest.mark.parametrize(
    ("rule", "line"),
    [(rule, line) for rule, lines in BAD_BYTES.items() for line in lines],
    ids=lambda value: str(value)[:30],
)
def test_bad_bytes_are_named_on_their_line(save, good_lines, rule, line):
    report = validate_file(save(*good_lines, line))
    assert [(finding.rule, finding.line, finding.example) for finding in report.findings] == [(rule, 11, 11)]


BAD_CHATS = [
    ({"messages": [USER, ANSWER], "metadata": 1}, "extra_key", "/metadata"),
    ({"message": [USER, ANSWER]}, "missing_key", ""),
    ({"messages": []}, "messages", "/messages"),
    ({"messages": "text"}, "messages", "/messages"),
    ({"messages": ["text", USER, ANSWER]}, "message_type", "/messages/0"),
    ({"messages": [{**USER, "timestamp": 1}, ANSWER]}, "message_key", "/messages/0/timestamp"),
    ({"messages": [{"content": "a"}, ANSWER]}, "role", "/messages/0"),
    ({"messages": [USER, {"role": "asistant", "content": "a"}]}, "role", "/messages/1/role"),
    ({"messages": [USER, {"role": ["user"], "content": "a"}]}, "role", "/messages/1/role"),
    ({"messages": [USER, {"role": "system", "content": "a"}, ANSWER]}, "system_not_first", "/messages/1"),
    ({"messages": [{"role": "developer", "content": "a"}, USER, ANSWER]}, "developer_role", "/messages/0/role"),
    ({"messages": [{"role": "user"}, ANSWER]}, "content_missing", "/messages/0/content"),
    ({"messages": [USER, {"role": "assistant", "content": None}]}, "content_missing", "/messages/1/content"),
    ({"messages": [USER, {"role": "assistant", "content": ""}]}, "content_empty", "/messages/1/content"),
    ({"messages": [USER, {"role": "assistant", "content": " \n"}]}, "content_empty", "/messages/1/content"),
    ({"messages": [USER, {"role": "assistant", "content": []}]}, "content_empty", "/messages/1/content"),
    ({"messages": [{"role": "user", "content": 5}, ANSWER]}, "content_type", "/messages/0/content"),
    ({"messages": [{"role": "user", "content": {}}, ANSWER]}, "content_type", "/messages/0/content"),
    ({"messages": [{"role": "user", "content": ["a"]}, ANSWER]}, "content_part", "/messages/0/content/0"),
    (
        {"messages": [{"role": "user", "content": [{"text": "a"}]}, ANSWER]},
        "content_part",
        "/messages/0/content/0/type",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "text"}]}, ANSWER]},
        "content_part",
        "/messages/0/content/0/text",
    ),
    ({"messages": [{**USER, "weight": 1}, ANSWER]}, "weight", "/messages/0/weight"),
    ({"messages": [USER, {**ANSWER, "weight": 0.5}]}, "weight", "/messages/1/weight"),
    ({"messages": [USER, {**ANSWER, "weight": True}]}, "weight", "/messages/1/weight"),
    ({"messages": [USER, {**ANSWER, "weight": "1"}]}, "weight", "/messages/1/weight"),
    ({"messages": [USER, {**ANSWER, "weight": 0}]}, "weights_all_zero", "/messages"),
    ({"messages": [USER]}, "assistant_missing", "/messages"),
    ({"messages": [USER, ANSWER, USER]}, "last_message", "/messages/2/role"),
    ({"messages": [{**USER, "name": 5}, ANSWER]}, "message_field", "/messages/0/name"),
    ({"messages": [{**USER, "refusal": "no"}, ANSWER]}, "message_field", "/messages/0/refusal"),
    ({"messages": [USER, {**CALLING, "tool_calls": []}], "tools": [TOOL]}, "tool_calls", "/messages/1/tool_calls"),
    ({"messages": [USER, calling(id=5)], "tools": [TOOL]}, "tool_calls", "/messages/1/tool_calls/0/id"),
    ({"messages": [USER, calling(type="f")], "tools": [TOOL]}, "tool_calls", "/messages/1/tool_calls/0/type"),
    (
        {"messages": [USER, {**CALLING, "tool_calls": [CALL, CALL]}], "tools": [TOOL]},
        "tool_call_duplicate",
        "/messages/1/tool_calls/1/id",
    ),
    (
        {"messages": [USER, function(arguments="{")], "tools": [TOOL]},
        "arguments_json",
        "/messages/1/tool_calls/0/function/arguments",
    ),
    (
        {"messages": [USER, function(arguments="[]")], "tools": [TOOL]},
        "arguments_json",
        "/messages/1/tool_calls/0/function/arguments",
    ),
    (
        {"messages": [USER, function(arguments='"{}"')], "tools": [TOOL]},
        "arguments_twice",
        "/messages/1/tool_calls/0/function/arguments",
    ),
    (
        {"messages": [USER, function(arguments={})], "tools": [TOOL]},
        "arguments_type",
        "/messages/1/tool_calls/0/function/arguments",
    ),
    (
        {"messages": [USER, function(name="look_down")], "tools": [TOOL]},
        "tool_undeclared",
        "/messages/1/tool_calls/0/function/name",
    ),
    ({"messages": [USER, CALLING]}, "tools_missing", "/messages/1/tool_calls/0/function/name"),
    ({"messages": [USER, CALLING, ANSWER], "tools": [TOOL]}, "tool_unanswered", "/messages/1/tool_calls/0"),
    ({"messages": [USER, RESULT, ANSWER], "tools": [TOOL]}, "tool_call_id", "/messages/1/tool_call_id"),
    (
        {"messages": [USER, CALLING, RESULT, RESULT, ANSWER], "tools": [TOOL]},
        "tool_call_id",
        "/messages/3/tool_call_id",
    ),
    ({"messages": [{**USER, "tool_call_id": "a"}, ANSWER]}, "tool_call_id", "/messages/0/tool_call_id"),
    ({"messages": [USER, ANSWER], "tools": {}}, "tools", "/tools"),
    ({"messages": [USER, ANSWER], "tools": [{"name": "a"}]}, "tools", "/tools/0"),
    ({"messages": [USER, ANSWER], "tools": [TOOL, TOOL]}, "tool_duplicate", "/tools/1/function/name"),
    (
        {"messages": [USER, ANSWER], "tools": [{"type": "function", "function": {"name": "a b"}}]},
        "tool_name",
        "/tools/0/function/name",
    ),
    ({"messages": [USER, ANSWER], "parallel_tool_calls": "no"}, "tools", "/parallel_tool_calls"),
    ({"messages": [USER, ANSWER], "functions": []}, "tools", "/functions"),
]


@pytest.mark.parametrize(("row", "rule", "pointer"), BAD_CHATS, ids=lambda value: str(value)[:40])
def test_a_bad_chat_has_one_finding_at_its_place(save, row, rule, pointer):
    assert problems_of(save(row)) == [(rule, pointer)]


GOOD_CHATS = [
    {"messages": [USER, ANSWER]},
    {"messages": [{"role": "system", "content": "a"}, USER, ANSWER, USER, ANSWER]},
    {"messages": [{**USER, "name": "ann"}, {**ANSWER, "weight": 0}, USER, {**ANSWER, "weight": 1}]},
    {"messages": [USER, CALLING, RESULT, ANSWER], "tools": [TOOL], "parallel_tool_calls": False},
    {"messages": [USER, CALLING], "tools": [TOOL]},
    {"messages": [USER, CALLING, {**RESULT, "content": ""}, ANSWER], "tools": [TOOL]},
    {"messages": [USER, {"role": "assistant", "content": None, "refusal": "I cannot."}]},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}, ANSWER]},
    {"messages": [{"role": "user", "content": 'a "role": "b" \\": {"x": 1}'}, ANSWER]},
    {"messages": [{"role": "user", "content": ": starts with a colon"}, ANSWER]},
    {"messages": [{"role": "user", "content": "a <|b|> \u2028 \U0001f600"}, ANSWER]},
]


@pytest.mark.parametrize("row", GOOD_CHATS, ids=lambda value: str(value)[:60])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" , ", " : ")])
def test_a_good_chat_has_no_finding_however_it_is_spaced(save, row, separators):
    assert problems_of(save(json.dumps(row, separators=separators).encode())) == []


@pytest.mark.parametrize("token", SPECIAL_TOKENS)
def test_a_special_token_in_a_text_is_an_error(save, rows, token):
    assert problems_of(save(rows["supervised"](answer=f"end {token}"))) == [("special_token", "/messages/1/content")]


def test_a_special_token_is_found_behind_json_escapes(save):
    line = b'{"messages":[{"role":"user","content":"\\u003c\\u007cendoftext|>"},{"role":"assistant","content":"b"}]}'
    assert problems_of(save(line)) == [("special_token", "/messages/0/content")]


BAD_PREFERENCES = [
    ("input", None, "missing_key", "/input"),
    ("input", "text", "messages", "/input"),
    ("preferred_output", None, "missing_key", "/preferred_output"),
    ("preferred_output", [], "output_message", "/preferred_output"),
    ("preferred_output", [ANSWER, ANSWER], "output_message", "/preferred_output"),
    ("non_preferred_output", [USER], "output_message", "/non_preferred_output/0/role"),
    (
        "non_preferred_output",
        [{"role": "assistant", "content": ""}],
        "content_empty",
        "/non_preferred_output/0/content",
    ),
    (
        "non_preferred_output",
        [{"role": "assistant", "content": "Hello, how can I help?"}],
        "identical_outputs",
        "/non_preferred_output",
    ),
    ("label", 1, "extra_key", "/label"),
]


@pytest.mark.parametrize(("key", "value", "rule", "pointer"), BAD_PREFERENCES, ids=lambda value: str(value)[:30])
def test_a_bad_preference_has_one_finding_at_its_place(save, rows, key, value, rule, pointer):
    row = {**rows["dpo"](), key: value}
    if value is None:
        del row[key]
    assert problems_of(save(row), "dpo") == [(rule, pointer)]


def test_a_preference_whose_input_ends_with_the_assistant_is_a_warning(save, rows):
    row = deepcopy(rows["dpo"]())
    row["input"]["messages"].append(ANSWER)
    finding = validate_file(save(row), method="dpo").warnings[0]
    assert (finding.rule, finding.pointer) == ("input_last", "/input/messages/1/role")


@pytest.mark.parametrize(
    ("messages", "rule", "severity"),
    [([USER, ANSWER], "prompt_last", "error"), ([{"role": "system", "content": "a"}, USER], "system_role", "warning")],
)
def test_a_reinforcement_row_ends_with_the_user_and_has_no_system_message(save, messages, rule, severity):
    report = validate_file(save({"messages": messages, "answer": None}), method="reinforcement")
    assert [(f.rule, f.severity) for f in report.findings if f.rule != "n_examples"] == [(rule, severity)]


@pytest.mark.parametrize("method", ["supervised", "dpo", "reinforcement"])
def test_a_good_file_of_each_method_is_ok(save, rows, method):
    report = validate_file(save(*[rows[method]()] * 10), method=method)
    assert (report.ok, report.n_examples, report.findings) == (True, 10, ())


def test_fewer_than_ten_examples_are_refused_in_the_words_of_the_service(save, good_lines):
    finding = validate_file(save(*good_lines[:7])).errors[0]
    assert (finding.rule, finding.line) == ("n_examples", None)
    assert finding.reason == "has 7 example(s), must have at least 10"


def test_blank_lines_are_warned_of_and_keep_the_numbers_physical(save, good_lines):
    report = validate_file(save(b"", *good_lines, b"  ", b"null"))
    assert [(f.rule, f.line, f.example) for f in report.findings] == [
        ("blank_line", 1, None),
        ("blank_line", 12, 10),
        ("not_object", 13, 11),
    ]


def test_cr_lf_is_a_hint_given_once(save, good_lines):
    report = validate_file(save(*good_lines, end=b"\r\n"))
    assert [(f.rule, f.severity, f.line) for f in report.findings] == [("crlf", "hint", 1)]


def test_a_last_line_without_an_end_is_read(tmp_path, good_lines):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(good_lines))
    assert validate_file(path).n_examples == 10


def test_an_example_over_the_limit_of_the_model_is_an_error(save, good_lines, rows, table_cache):
    path = save(*good_lines, rows["supervised"](question="one two " * 40_000))
    finding = validate_file(path, model="ft:gpt-4o-mini-2024-07-18:org::abc").errors[0]
    assert (finding.rule, finding.line) == ("too_long", 11)
    assert "at most 65,536" in finding.reason


def test_without_a_model_an_example_over_every_limit_is_an_error(save, good_lines, rows, table_cache):
    path = save(*good_lines, rows["supervised"](question="one two " * 40_000))
    assert [(finding.rule, finding.line) for finding in validate_file(path).errors] == [("too_long", 11)]


def test_without_an_encoding_only_a_file_with_a_line_of_many_bytes_is_said_to_be_unchecked(
    save, good_lines, rows, tmp_path
):
    (tmp_path / "closed").touch()
    paths = save(*good_lines), save(*good_lines, rows["supervised"](question="one " * 40_000), name="long.jsonl")
    program = (
        "import sys\nsys.modules['toktok'] = None\nfrom finetune_kit.datasets import validate_file\n"
        "for path in sys.argv[1:]:\n    print(validate_file(path).not_run)"
    )
    # The table of an encoding that this process has loaded would be remembered.
    environment = {**os.environ, "FINETUNE_KIT_CACHE": str(tmp_path / "closed")}
    done = subprocess.run([sys.executable, "-c", program, *paths], env=environment, capture_output=True, check=True)
    plain, long = done.stdout.decode().splitlines()
    assert plain == "()"
    assert "too_long: the encoding 'o200k_base' cannot be loaded" in long


def test_a_limit_that_is_not_known_is_said_to_be_unchecked(save, good_lines):
    report = validate_file(save(*good_lines), model="some-model")
    assert report.ok
    assert report.not_run == ("too_long: the limit of tokens of 'some-model' is not known",)


def test_one_error_is_raised_as_a_format_error_with_its_place(save, good_lines):
    path = save(*good_lines, {"messages": [USER, {"role": "asistant", "content": "secret answer"}]})
    with pytest.raises(FormatError) as caught:
        validate_file(path).raise_for_errors()
    error = caught.value
    assert (error.path, error.line, error.pointer) == (str(path), 11, "/messages/1/role")
    assert "'asistant'" in error.reason
    assert error.remedy == RULES["role"].fix


def test_several_errors_are_raised_together(save):
    path = save(*[b"null"] * 8)
    with pytest.raises(AuditError, match="and 4 more") as caught:
        validate_file(path).raise_for_errors()
    assert len(caught.value.findings) == 9
    assert f"{path}, line 1: error" in str(caught.value)


def test_warnings_alone_raise_nothing(save, good_lines):
    validate_file(save(*good_lines, b"")).raise_for_errors()


def test_no_finding_quotes_what_a_message_says(save):
    path = save(*[row for row, _, _ in BAD_CHATS])
    assert "secret" not in str(validate_file(path)) + repr(validate_file(path).findings)


def test_findings_are_kept_by_the_thousand_and_counted_in_full(save):
    report = validate_file(save(*[b"null"] * 1500))
    assert len(report.findings) == 1000
    assert report.counts == {"not_object": 1500}
    assert "1500 errors" in str(report)


def test_a_report_shows_itself_as_a_table_in_a_notebook(save):
    html = validate_file(save(b'{"<b>": 1}'))._repr_html_()
    assert "<table>" in html
    assert "<b>" not in html


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"nowhere\.jsonl"):
        validate_file(tmp_path / "nowhere.jsonl")


def test_an_unknown_method_is_refused(save, good_lines):
    with pytest.raises(ConfigurationError, match="'sft'"):
        validate_file(save(*good_lines), method="sft")


def test_every_rule_says_where_it_comes_from_and_what_to_do():
    assert all(rule.source and rule.fix for rule in RULES.values())
