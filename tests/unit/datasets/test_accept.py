"""Rows that are accepted without an explanation, and those that must not be."""

from __future__ import annotations

import json
import subprocess
import sys

import orjson
import pytest

from finetune_kit.datasets.accept import ChatAcceptor
from finetune_kit.datasets.accept_methods import new_acceptor
from finetune_kit.datasets.validate import line_problems, validate_file

USER = {"role": "user", "content": "Where is it?"}
ANSWER = {"role": "assistant", "content": "On its way."}
SCHEMA = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": SCHEMA}}
CALL = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"id": "a"}'}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "found"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}


def looked_at(*lines: bytes, method: str = "supervised", longest: int = sys.maxsize) -> list[int]:
    return [number for number, _ in new_acceptor(method).doubtful(lines, longest)]


def compact(row) -> bytes:
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def spaced(row) -> bytes:
    return json.dumps(row).encode() + b"\n"


GOOD = [
    {"messages": [USER, ANSWER]},
    {"messages": [{"role": "system", "content": 'Say "a": b \\'}, USER, ANSWER]},
    {"messages": [{**USER, "name": "ann"}, {**ANSWER, "weight": 1}]},
    {"messages": [USER, CALLING, RESULT, ANSWER], "tools": [TOOL]},
    {"messages": [USER, CALLING, RESULT, ANSWER], "tools": [TOOL], "parallel_tool_calls": False},
    {"tools": [TOOL], "messages": [USER, CALLING]},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, IMAGE]}, ANSWER]},
]


@pytest.mark.parametrize("row", GOOD, ids=lambda row: str(row)[:60])
@pytest.mark.parametrize("written", [compact, spaced])
def test_what_is_usual_needs_no_closer_look(row, written):
    assert looked_at(written(row), written(row)) == []


@pytest.mark.parametrize(
    "line",
    [
        b'{"messages":[{"role":"user","role" :"assistant","content":"a"}]}\n',
        b'{"messages": [{"role": "user", "role" : "assistant", "content": "a"}]}\n',
        b'{"messages": [{"role": "assistant", "rol\\u0065": "assistant", "content": "a"}]}\n',
        b'{"messages": [{"role": "assistant", "content": {"a": 1}, "content": "a"}]}\n',
        b'{"messages": [{"role": "assistant", "content": "\\": b", "content"\t: "a"}]}\n',
        b'{"messages":[], "messages":[{"role":"assistant","content":"a"}]}\n',
        b'{"messages":[{"role":"assistant","content":"a"}],"tools":[],"tools":[]}\n',
        b'{"messages":[{"role":"assistant","content":"a"}],"messages":[{"role":"assistant","content":"a"}],"tools":[]}\n',
        b'{"messages":[{"role":"assistant","content":"a"}],"tools":[{"type":"function","function":{},"function":{}}]}\n',
    ],
)
def test_a_duplicate_key_is_found_however_it_is_written(line):
    assert [problem.rule for problem in line_problems(line, "supervised")] == ["duplicate_key"]
    assert looked_at(line) == [1]


def test_a_tail_of_tools_does_not_make_broken_messages_whole():
    good = compact({"messages": [USER, ANSWER], "tools": [TOOL]})
    broken = [
        good.replace(b'[{"role"', b'[,{"role"', 1),
        good.replace(b'"}],"tools"', b'"},],"tools"', 1),
        good.replace(b'{"messages"', b'["messages"', 1),
        good.replace(b'{"messages":[', b'{"messages":[[', 1),
        good[:-2] + b"]}\n",
    ]
    assert looked_at(good, *broken) == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [USER, {**CALLING, "tool_calls": [{**CALL, "id": "c2"}]}, RESULT, ANSWER], "tools": [TOOL]},
        {"messages": [USER, CALLING, ANSWER], "tools": [TOOL]},
        {"messages": [USER, CALLING], "tools": []},
        {"messages": [USER, CALLING], "tools": [TOOL, TOOL]},
        {"messages": [USER, CALLING], "tools": [TOOL] * 129},
        {"messages": [USER, CALLING], "tools": [TOOL], "metadata": {}},
        {"messages": [USER, ANSWER, USER]},
        {"messages": [USER, {**ANSWER, "weight": True}]},
        {"messages": [{"role": "user", "content": [IMAGE] * 11}, ANSWER]},
    ],
    ids=lambda row: str(row)[:60],
)
@pytest.mark.parametrize("written", [compact, spaced])
def test_what_breaks_a_rule_is_looked_at(row, written):
    assert looked_at(written(row)) == [1]


def test_lines_with_cr_lf_are_looked_at_until_one_was():
    line = compact({"messages": [USER, ANSWER]})
    assert looked_at(line, *[line[:-1] + b"\r\n"] * 3) == [2]


@pytest.mark.parametrize("method", ["supervised", "dpo", "reinforcement"])
def test_good_rows_of_each_method_need_no_closer_look(rows, method):
    row = rows[method]()
    assert looked_at(compact(row), spaced(row), method=method) == []


def test_lines_over_a_length_are_looked_at():
    line = compact({"messages": [USER, ANSWER]})
    assert looked_at(line, longest=len(line) - 1) == [1]


def test_images_are_counted_though_their_rows_are_accepted(save):
    row = {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, IMAGE]}, ANSWER]}
    report = validate_file(save(*[row] * 12), model="gpt-4.1-2025-04-14")
    assert [(finding.rule, finding.reason[:2]) for finding in report.findings] == [("image_model", "12")]


def test_an_acceptor_knows_how_many_lines_it_has_read():
    acceptor = ChatAcceptor()
    list(acceptor.doubtful([compact({"messages": [USER, ANSWER]}), b"\n"], sys.maxsize))
    assert acceptor.n_lines == 2


def test_validating_a_file_loads_none_of_the_large_libraries(save, good_lines):
    path = save(*good_lines, b"null")
    call = f"validate_file({str(path)!r})"
    program = f"import sys\nfrom finetune_kit.datasets import validate_file\n{call}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"pydantic", "tiktoken", "toktok", "httpx", "jsonschema"} & set(done.stdout.split())
