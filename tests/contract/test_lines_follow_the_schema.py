"""What passes for OpenAI passes the published schemas of lines, and what these refuse does not pass."""

from __future__ import annotations

import json
from copy import deepcopy
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.rules import METHODS, MethodName

SHARED = Path(__file__).resolve().parents[3] / "shared"
SCHEMAS: dict[MethodName, str] = {
    "supervised": "FineTuneChatRequestInput",
    "dpo": "FineTunePreferenceRequestInput",
    "reinforcement": "FineTuneReinforcementRequestInput",
}
REAL = [
    ("sgd/train_chat_tools.jsonl", "supervised"),
    ("bfcl/chat_train.jsonl", "supervised"),
    ("openai_cookbook/drone_training.jsonl", "supervised"),
    ("shakespeare_style/chat.jsonl", "supervised"),
    ("defects/tools.train.jsonl", "supervised"),
    ("defects/format.bad.jsonl", "supervised"),
    ("gsm8k/dpo_pairs.jsonl", "dpo"),
    ("defects/dpo.train.jsonl", "dpo"),
    ("hh_rlhf/dpo_harmless.jsonl", "dpo"),
    ("gsm8k/rft_train.jsonl", "reinforcement"),
]


class Lines:
    """The published schemas of lines, as a judge."""

    def __init__(self, path: Path) -> None:
        document = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
        resource = Resource.from_contents(document, default_specification=DRAFT202012)
        registry = Registry().with_resource("urn:api", resource)
        self._validators = {
            method: Draft202012Validator({"$ref": f"urn:api#/components/schemas/{name}"}, registry=registry)
            for method, name in SCHEMAS.items()
        }

    def faults(self, row: Any, method: str) -> list[str]:
        """Return what is wrong with a row by the schema of its method."""
        return [f"{error.json_path}: {error.message[:100]}" for error in self._validators[method].iter_errors(row)]


@pytest.fixture(scope="module")
def published() -> Lines:
    path = SHARED / "spec" / "annotated.yaml"
    if not path.is_file():
        pytest.skip("needs ../shared/spec/annotated.yaml, which is not beside this repository")
    return Lines(path)


def passes(row: Any, method: str) -> bool:
    """Tell whether OpenAI would take ten of these rows."""
    lines = [row] * 10
    return Dataset.read(lines, method=method).validate(against="openai").ok


@pytest.mark.parametrize(("name", "method"), REAL)
def test_real_rows_that_pass_for_openai_pass_the_published_schema(published, shared, name, method):
    path = shared / "data" / name
    verdict = Dataset.read(path, method=method).validate(against="openai")["openai"]
    refused = {finding.line for finding in verdict.refusals}
    for number, raw in enumerate(islice(path.read_bytes().splitlines(), 400), 1):
        if number not in refused and raw.strip():
            assert (number, published.faults(json.loads(raw), method)) == (number, [])


USER = {"role": "user", "content": "a"}
ANSWER = {"role": "assistant", "content": "b"}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
GOOD: dict[MethodName, dict[str, Any]] = {
    "supervised": {
        "messages": [
            {"role": "system", "content": "a"},
            {"role": "user", "content": [{"type": "text", "text": "a"}], "name": "x"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c", "content": "r"},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "n"}], "refusal": None},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a/b", "detail": "low"}}]},
            {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "r"},
            {**ANSWER, "weight": 1},
        ],
        "tools": [TOOL],
        "parallel_tool_calls": True,
        "functions": [{"name": "f", "parameters": {}}],
    },
    "dpo": {
        "input": {"messages": [USER], "tools": [TOOL], "parallel_tool_calls": False},
        "preferred_output": [ANSWER],
        "non_preferred_output": [{**ANSWER, "content": "c"}],
    },
    "reinforcement": {"messages": [{"role": "developer", "content": "a"}, USER], "tools": [TOOL], "answer": 4},
}
OTHERS = st.sampled_from(
    [None, True, 0, 2, 1.0, 0.5, "", "a", "system", "function", "tool", [], ["a"], {}, {"a": 1}, [{}], [USER], [ANSWER]]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path to every value inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for key, item in inner for each in places(item, (*path, key)))]


@st.composite
def damaged(draw: st.DrawFn) -> tuple[MethodName, Any]:
    """Return a good row with some values exchanged, taken out or added."""
    method = draw(st.sampled_from(METHODS))
    row = deepcopy(GOOD[method])
    for _ in range(draw(st.integers(0, 2))):
        *path, last = draw(st.sampled_from([place for place in places(row) if place] or [("messages",)]))
        holder = row
        for step in path:
            holder = holder[step]
        if draw(st.booleans()) and isinstance(holder, dict):
            holder.pop(last, None)
        else:
            holder[last] = deepcopy(draw(OTHERS))
    return method, row


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=400, deadline=None)
@given(damaged())
def test_made_rows_that_pass_for_openai_pass_the_published_schema(published, damage):
    method, row = damage
    if any(isinstance(row, dict) and key in row for key in ("messages", "input")) and passes(row, method):
        assert published.faults(row, method) == []


# The errors that OpenAI's documentation and its users tell of, with the row that brings each about.
DOCUMENTED = [
    ("contains an extra", {"messages": [USER, ANSWER], "weight": 1}, "supervised", "extra_key"),
    ("missing key 'messages'", {"prompt": "a"}, "supervised", "missing_key"),
    ("missing key 'input'", {"messages": [USER, ANSWER]}, "dpo", "missing_key"),
    ("'role' is missing", {"messages": [{"content": "a"}, ANSWER]}, "supervised", "role"),
    (
        "invalid token",
        {"messages": [{"role": "user", "content": "a <|fim_suffix|>"}, ANSWER]},
        "supervised",
        "special_token",
    ),
    ("cannot be parsed", b'{"messages": [', "supervised", "json"),
    ("is not a dictionary", b"[1]", "supervised", "not_object"),
    ("is not a dictionary", b'\xef\xbb\xbf{"messages": [{"role": "user", "content": "a"}]}', "supervised", "bom"),
]


@pytest.mark.parametrize(("said", "row", "method", "rule"), DOCUMENTED, ids=lambda value: str(value)[:30])
def test_what_the_service_is_known_to_refuse_is_refused_with_its_line_and_a_remedy(tmp_path, said, row, method, rule):
    good = json.dumps(GOOD[method]).encode()
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"\n".join([*[good] * 10, row if isinstance(row, bytes) else json.dumps(row).encode()]))
    verdict = Dataset.read(path, method=method).validate(against="openai")["openai"]
    found = {(finding.rule, finding.line, bool(finding.fix)) for finding in verdict.refusals}
    assert (rule, 11, True) in found, said
