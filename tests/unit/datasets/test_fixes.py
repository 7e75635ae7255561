"""What `fix` mends, what it leaves, and what it says."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.fixers import fix_row, has_invisible
from finetune_kit.datasets.repairs import repair_line

USER = {"role": "user", "content": "secret question"}
ANSWER = {"role": "assistant", "content": "secret answer"}


def chat(*messages, **more):
    return {"messages": list(messages), **more}


def calling(arguments):
    call = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": arguments}}
    return chat(USER, {"role": "assistant", "tool_calls": [call]})


def declared(parameters):
    return {"type": "function", "function": {"name": "a", "parameters": parameters}}


MENDED = [
    ("role", chat({"role": "human", "content": "a"}, {"role": "gpt", "content": "b"}), ["user", "assistant"]),
    ("role", chat({"role": "User", "content": "a"}, {"role": "ASSISTANT", "content": "b"}), ["user", "assistant"]),
    ("system_not_first", chat(USER, {"role": "system", "content": "a"}, ANSWER), ["system", "user", "assistant"]),
    ("developer_role", chat({"role": "developer", "content": "a"}, USER, ANSWER), ["system", "user", "assistant"]),
]


@pytest.mark.parametrize(("rule", "row", "roles"), MENDED, ids=lambda value: str(value)[:30])
def test_roles_get_their_names_and_their_order(rule, row, roles):
    fixed, edits, _ = fix_row(row, "supervised")
    assert [message["role"] for message in fixed["messages"]] == roles
    assert {edit.rule for edit in edits} == {rule}


def test_the_instruction_of_a_reinforcement_row_comes_from_the_developer():
    fixed, (edit,), _ = fix_row(chat({"role": "system", "content": "a"}, USER, answer="b"), "reinforcement")
    assert (fixed["messages"][0]["role"], fixed["answer"], edit.rule) == ("developer", "b", "system_role")


def test_a_role_is_not_guessed_where_it_would_put_two_answers_side_by_side():
    row = chat({"role": "bot", "content": "a"}, ANSWER)
    assert fix_row(row, "supervised") == (row, [], {})


@pytest.mark.parametrize(
    ("weight", "fixed"), [(True, 1), (1.0, 1), ("1", 1), (False, 0), (0.0, 0), (0.5, 0.5), (2, 2), ("yes", "yes")]
)
def test_a_weight_becomes_the_integer_that_it_stands_for(weight, fixed):
    row, _, _ = fix_row(chat(USER, {**ANSWER, "weight": weight}), "supervised")
    assert orjson.dumps(row["messages"][1]["weight"]) == orjson.dumps(fixed)


ARGUMENTS = [
    ({"a": "ä"}, '{"a": "ä"}', "arguments_type"),
    (json.dumps(json.dumps({"a": 1})), '{"a": 1}', "arguments_twice"),
    (json.dumps(json.dumps(json.dumps({"a": 1}))), '{"a": 1}', "arguments_twice"),
    ('{"a": 1}', '{"a": 1}', None),
    ("{a: 1}", "{a: 1}", None),
    ('"Oslo"', '"Oslo"', None),
]


@pytest.mark.parametrize(("arguments", "fixed", "rule"), ARGUMENTS, ids=lambda value: str(value)[:30])
def test_arguments_are_encoded_once(arguments, fixed, rule):
    row, edits, _ = fix_row(calling(arguments), "supervised")
    assert row["messages"][1]["tool_calls"][0]["function"]["arguments"] == fixed
    assert [edit.rule for edit in edits] == ([rule] if rule else [])


def test_names_of_python_s_types_become_those_of_json_schema():
    schema = {"type": "dict", "properties": {"a": {"type": "float"}, "b": {"type": "list", "items": {"type": "str"}}}}
    row, _, _ = fix_row(chat(USER, ANSWER, tools=[declared(schema)]), "supervised")
    assert row["tools"][0]["function"]["parameters"] == {
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "array", "items": {"type": "string"}}},
    }


TEXTS = [
    ("a\u200bb", "ab"),
    ("\ufeffa", "a"),
    ("a\U000e0041\U000e0042", "a"),
    ("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", None),
    ("\U0001f468\u200d\U0001f469", None),
    ("\u0645\u06cc\u200c\u062e", None),
    ("<|endoftext|>", None),
]


@pytest.mark.parametrize(("text", "fixed"), TEXTS, ids=ascii)
def test_characters_that_nobody_sees_go_and_those_that_scripts_need_stay(text, fixed):
    row, edits, _ = fix_row(chat({"role": "user", "content": text}, ANSWER), "supervised")
    assert row["messages"][0]["content"] == (text if fixed is None else fixed)
    assert len(edits) == (fixed is not None)


@pytest.mark.parametrize(("content", "fixed"), [(5, "5"), (0.5, "0.5"), (True, True), ({"text": "a"}, {"text": "a"})])
def test_a_number_becomes_its_text_and_nothing_else_is_guessed(content, fixed):
    row, _, _ = fix_row(chat({"role": "user", "content": content}, ANSWER), "supervised")
    assert row["messages"][0]["content"] == fixed


LINES = [
    (b'{"a": 1}{"b": 2}', ({"a": 1}, {"b": 2}), ("json_several",)),
    (b'{"a": 1, "a": 1}', ({"a": 1},), ("duplicate_key",)),
    (b'{"a": 1, "a": true}', None, None),
    (b'{"a": 1, "a": 2}', None, None),
    (b"{'a': True, 'b': None}", ({"a": True, "b": None},), ("json",)),
    (b"{'a': 1j}", None, None),
    (b"{'a': __import__('os')}", None, None),
    (b'{"a": "\\ud83d"}', ({"a": "\ufffd"},), ("surrogate",)),
    (b'\xef\xbb\xbf{"a": 1}', ({"a": 1},), ("bom",)),
    (b'{"a": NaN}', None, None),
    (b'{"a": "\xe9"}', None, None),
    (b'{"a": 1} trailing', None, None),
]


@pytest.mark.parametrize(("raw", "values", "rules"), LINES, ids=lambda value: str(value)[:30])
def test_a_line_is_read_only_where_it_can_be_read_in_one_way(raw, values, rules):
    repaired = repair_line(raw)
    assert (None if repaired is None else repaired) == (None if values is None else (values, rules))


def test_keys_that_the_format_does_not_have_are_kept_beside_the_row(save, good_lines):
    path = save(*good_lines, chat(USER, {**ANSWER, "rating": 5}, source="crm"))
    fixed, report = Dataset.read(path, method="supervised").fix()
    (place,) = report.moved
    assert (place.line, dict(report.moved[place])) == (11, {"source": "crm", "messages/1/rating": 5})
    assert report.remaining.ok
    assert "crm" not in repr(report) + str(report)
    assert len(fixed) == 11


def test_what_stands_between_rows_is_reported_and_left_out(save, good_lines, tmp_path):
    path = save(b"\xef\xbb\xbf" + good_lines[0], b"", *good_lines[1:], end=b"\r\n")
    fixed, report = Dataset.read(path).fix()
    assert report.counts == {"bom": 1, "crlf": 1, "blank_line": 1}
    fixed.write(tmp_path / "fixed.jsonl")
    assert (tmp_path / "fixed.jsonl").read_bytes() == b"".join(line + b"\n" for line in good_lines)


def test_prompt_and_completion_among_chats_become_one(save, good_lines):
    fixed, report = Dataset.read(save(*good_lines, {"prompt": "a", "completion": " b"})).fix()
    assert [(message.role, message.content) for message in fixed[10].messages] == [("user", "a"), ("assistant", " b")]
    assert report.counts == {"legacy_format": 1}


def test_what_stands_beside_prompt_and_completion_is_moved_beside_the_row(save, good_lines):
    row = {"prompt": "a", "completion": "b", "metadata": {"source": "crm"}}
    fixed, report = Dataset.read(save(*good_lines, row)).fix()
    assert list(report.moved.values()) == [{"metadata": {"source": "crm"}}]
    assert report.remaining.ok
    assert len(fixed[10].messages) == 2


def test_content_that_is_a_list_of_strings_becomes_parts_of_text():
    row, edits, _ = fix_row(chat({"role": "user", "content": ["one", "two"]}, ANSWER), "supervised")
    assert row["messages"][0]["content"] == [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert [(edit.rule, edit.pointer) for edit in edits] == [
        ("content_part", "/messages/0/content/0"),
        ("content_part", "/messages/0/content/1"),
    ]


def test_a_row_that_cannot_be_mended_stays_and_is_reported(save, good_lines):
    path = save(*good_lines, b'{"messages": [', chat(USER))
    fixed, report = Dataset.read(path).fix()
    assert len(fixed) == 12
    assert report.counts == {}
    assert [(finding.rule, finding.line) for finding in report.remaining.findings] == [
        ("json", 11),
        ("assistant_missing", 12),
    ]


def test_rows_on_one_line_keep_its_number(save, good_lines):
    fixed, _ = Dataset.read(save(*good_lines[:9], good_lines[9] + good_lines[0], chat(USER))).fix()
    (finding,) = fixed.validate().findings
    assert (len(fixed), finding.line, finding.example) == (12, 11, 12)


def test_a_dataset_without_faults_is_given_back(save, good_lines):
    data = Dataset.read(save(*good_lines))
    fixed, report = data.fix()
    assert fixed is data
    assert report.n_changes == 0


def test_the_report_names_kinds_and_never_texts(save, good_lines):
    _, report = Dataset.read(save(*good_lines, chat(USER, {**ANSWER, "weight": "1"}))).fix()
    assert "a weight that is no integer -> 1 [weight]" in str(report)
    assert "secret" not in str(report) + repr(report) + report._repr_html_()


def test_the_history_tells_of_the_fix(save, good_lines):
    fixed, _ = Dataset.read(save(*good_lines, chat(USER, {**ANSWER, "weight": "1"}))).fix()
    assert fixed.history[-1] == "fix: 1 changes"


ROLES = st.sampled_from(["system", "developer", "user", "assistant", "human", "gpt", "Bot", "tool", 5, None])
CONTENTS = st.sampled_from(
    ["a", "a\u200bb", "", None, 5, 1.5, True, [{"type": "text", "text": "\ufeffa"}], "<|im_end|>"]
)
CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.just("call_1"),
            "function": st.fixed_dictionaries(
                {
                    "name": st.just("a"),
                    "arguments": st.sampled_from(["{}", {}, {"a": 1}, '"{}"', '"\\"{}\\""', "[]", "x", None]),
                }
            ),
        }
    ),
    max_size=2,
)
MESSAGES = st.fixed_dictionaries(
    {"role": ROLES, "content": CONTENTS},
    optional={
        "weight": st.sampled_from([0, 1, True, 1.0, "0", 0.5, None]),
        "tool_calls": st.one_of(st.none(), CALLS),
        "note": st.integers(0, 9),
        "name": st.none(),
    },
)
ROWS = st.fixed_dictionaries(
    {"messages": st.lists(st.one_of(MESSAGES, st.just("x")), max_size=4)},
    optional={
        "source": st.text(max_size=3),
        "tools": st.sampled_from(
            [None, [], [{"name": "a", "parameters": {"type": "dict"}}], [declared({"type": "float"})]]
        ),
        "functions": st.none(),
    },
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ROWS, min_size=1, max_size=4), st.sampled_from(["supervised", "reinforcement"]))
def test_fixing_twice_is_fixing_once_and_no_row_goes(rows, method):
    data = Dataset.read(rows, method=method)
    fixed, report = data.fix()
    again, nothing = fixed.fix()
    assert (len(fixed), nothing.counts) == (len(data), {})
    assert list(again.lines()) == list(fixed.lines())
    assert report.remaining.n_examples == len(rows)


@given(ROWS, st.sampled_from(["supervised", "reinforcement"]))
def test_a_row_without_errors_has_none_after_a_fix(row, method):
    data = Dataset.read([row] * 10, method=method)
    _, report = data.fix()
    assert report.remaining.ok or not data.validate().ok


@pytest.mark.parametrize("ensure_ascii", [True, False])
@pytest.mark.parametrize("text", ["a\u200b", "a\u2060", "a\ufeff", "a\u00ad", "a\U000e0041"], ids=ascii)
def test_an_invisible_character_is_found_however_it_is_written(save, good_lines, text, ensure_ascii):
    row = json.dumps(chat({"role": "user", "content": text}, ANSWER), ensure_ascii=ensure_ascii).encode()
    fixed, report = Dataset.read(save(*good_lines, row)).fix()
    assert (fixed[10].messages[0].content, report.counts) == ("a", {"invisible": 1})


@given(st.text())
def test_a_text_that_was_made_visible_has_nothing_invisible(text):
    row, _, _ = fix_row(chat({"role": "user", "content": text}, ANSWER), "supervised")
    assert not has_invisible(row["messages"][0]["content"])
