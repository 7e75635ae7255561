"""The rules for tools, arguments, images and structured answers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from finetune_kit.datasets import validate_file
from finetune_kit.datasets.accept_methods import new_acceptor
from finetune_kit.datasets.rules import METHODS, NOTES, RULES
from finetune_kit.datasets.schema_faults import schema_fault
from finetune_kit.datasets.schemas import quick_acceptor
from finetune_kit.datasets.validate import line_problems

USER = {"role": "user", "content": "a question"}
ANSWER = {"role": "assistant", "content": "an answer"}
PARAMETERS = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"type": "string", "enum": ["C", "F"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 7},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["city"],
}
CLOSED = {**PARAMETERS, "additionalProperties": False}


def tool(parameters, name="look_up"):
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def calling(arguments, parameters=PARAMETERS, name="look_up", **more):
    encoded = arguments if isinstance(arguments, str) else json.dumps(arguments)
    call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": encoded}}
    return {
        "messages": [USER, {"role": "assistant", "content": None, "tool_calls": [call]}],
        "tools": [tool(parameters)],
        **more,
    }


def rules_of(row, method="supervised"):
    return [problem.rule for problem in line_problems(json.dumps(row).encode(), method)]


ARGUMENTS = [
    ({"city": "Oslo", "unit": "C", "days": 3, "tags": ["a"]}, PARAMETERS, []),
    ({"unit": "C"}, PARAMETERS, ["argument_missing"]),
    ({"city": "Oslo", "unit": "K"}, PARAMETERS, ["argument_enum"]),
    ({"city": 7}, PARAMETERS, ["argument_type"]),
    ({"city": "Oslo", "unit": ["C"]}, PARAMETERS, ["argument_type"]),
    ({"city": "Oslo", "tags": ["a", 1]}, PARAMETERS, ["argument_type"]),
    ({"city": "Oslo", "days": True}, PARAMETERS, ["argument_type"]),
    ({"city": "Oslo", "days": 8}, PARAMETERS, ["argument_value"]),
    ({"city": "Oslo", "note": "x"}, PARAMETERS, ["argument_undeclared"]),
    ({"city": "Oslo", "note": "x"}, CLOSED, ["argument_not_allowed"]),
    ({"city": "Oslo", "note": "x"}, {**PARAMETERS, "additionalProperties": {"type": "string"}}, []),
    ({"city": "Oslo", "note": "x"}, {"type": "object"}, []),
    ('"{\\"city\\": \\"Oslo\\"}"', PARAMETERS, ["arguments_twice"]),
    (json.dumps(json.dumps(json.dumps({"city": "Oslo"}))), PARAMETERS, ["arguments_twice"]),
    ('"Oslo"', PARAMETERS, ["arguments_json"]),
    ("{city: 1}", PARAMETERS, ["arguments_json"]),
    ("[]", PARAMETERS, ["arguments_json"]),
    ('{"city": NaN}', PARAMETERS, ["arguments_json"]),
    ({"a": None}, {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}, []),
    (
        {"a": 1},
        {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}},
        ["argument_type"],
    ),
    (
        {"a": "x1"},
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "^[a-z]+$"}}},
        ["argument_value"],
    ),
    ({"x-1": 1}, {"type": "object", "properties": {}, "patternProperties": {"^x-": {"type": "integer"}}}, []),
]


@pytest.mark.parametrize(("arguments", "parameters", "rules"), ARGUMENTS, ids=lambda value: str(value)[:40])
def test_arguments_are_held_against_the_schema_that_the_tool_declares(arguments, parameters, rules):
    assert rules_of(calling(arguments, parameters)) == rules


def test_a_finding_on_arguments_names_the_argument_and_never_its_value():
    row = calling({"city": "Oslo", "unit": "secret value", "days": 31_415_926})
    reasons = [problem.reason for problem in line_problems(json.dumps(row).encode(), "supervised")]
    assert reasons == [
        "argument 'unit' is a string that is none of the 2 declared values",
        "argument 'days' is a number that breaks 'maximum' of the schema",
    ]


SCHEMAS = [
    ({"type": "object", "properties": {"a": {"type": "string"}}}, None),
    ({}, None),
    ({"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"type": "string"}}}, None),
    ({"type": "object", "properties": {"a": {"type": ["string", "null"]}}}, None),
    ({"type": "object", "properties": {"a": {"type": "string", "pattern": r"\p{L}+"}}}, None),
    ({"type": "dict", "properties": {}}, "/tools/0/function/parameters/type"),
    ({"type": "string"}, "/tools/0/function/parameters/type"),
    ({"type": "object", "properties": {"a": {"type": "float"}}}, "/tools/0/function/parameters/properties/a/type"),
    ({"type": "object", "properties": []}, "/tools/0/function/parameters/properties"),
    ({"type": "object", "properties": {"a": {}}, "required": "a"}, "/tools/0/function/parameters/required"),
    ({"type": "object", "properties": {"a": {"type": "string", "required": True}}}, "/required"),
    ({"type": "object", "properties": {"a": {"enum": "b"}}}, "/enum"),
    ("none", "/tools/0/function/parameters"),
    (None, "/tools/0/function/parameters"),
]


@pytest.mark.parametrize(("parameters", "pointer"), SCHEMAS, ids=lambda value: str(value)[:50])
def test_parameters_that_are_no_json_schema_are_named_at_their_place(parameters, pointer):
    row = {"messages": [USER, ANSWER], "tools": [tool(parameters)]}
    found = [(problem.rule, problem.pointer) for problem in line_problems(json.dumps(row).encode(), "supervised")]
    assert len(found) == (pointer is not None)
    assert all(rule == "tool_schema" and place.endswith(pointer) for rule, place in found)


@pytest.mark.parametrize("name", ["", "a b", "a.b", "ä", "x" * 65, "a\n", 5])
def test_a_tool_with_a_name_that_the_service_refuses_is_an_error(name):
    assert rules_of({"messages": [USER, ANSWER], "tools": [tool({}, name)]}) == ["tool_name"]


def test_calls_at_once_break_the_promise_of_single_calls():
    row = calling({"city": "Oslo"}, parallel_tool_calls=False)
    calls = row["messages"][1]["tool_calls"]
    calls.append({**deepcopy(calls[0]), "id": "call_2"})
    assert rules_of(row) == ["parallel_calls"]


def test_a_schema_with_a_reference_to_nowhere_is_not_run_and_looks_nothing_up(save, good_lines, network_attempts):
    parameters = {"type": "object", "properties": {"a": {"$ref": "https://example.com/schema.json"}}}
    report = validate_file(save(*good_lines, calling({"a": 1}, parameters)))
    assert report.findings == ()
    assert "cannot be followed" in report.not_run[0]
    assert network_attempts == []


def test_without_the_library_what_needs_it_is_not_run_and_the_rest_is_checked(save, good_lines):
    odd = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^a"}}}
    path = save(*good_lines, calling({"a": "b"}, odd), calling({"city": "Oslo"}), calling({"city": "Oslo", "x": 1}))
    program = (
        "import sys; sys.modules['jsonschema'] = None\n"
        "from finetune_kit.datasets import validate_file\n"
        "report = validate_file(sys.argv[1])\n"
        "print(dict(report.counts), report.not_run)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("{'argument_undeclared': 1}")
    assert "pip install 'finetune_kit[audit]'" in done.stdout


RESPONSES = [
    ({"type": "json_object"}, '{"a": 1}', []),
    ({"type": "json_object"}, "text", ["response_format"]),
    ({"type": "json_object"}, "[1]", ["response_format"]),
    ({"type": "json_schema", "json_schema": {"name": "a", "schema": {**CLOSED}}}, '{"city": "Oslo"}', []),
    ({"type": "json_schema", "json_schema": {"name": "a", "schema": {**CLOSED}}}, '{"town": "Oslo"}', None),
    ({"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "dict"}}}, "{}", ["response_schema"]),
    ({"type": "text"}, "text", []),
]


@pytest.mark.parametrize(("wanted", "answer", "rules"), RESPONSES, ids=lambda value: str(value)[:40])
def test_an_answer_keeps_to_the_response_format_beside_it(wanted, answer, rules):
    row = {"messages": [USER, {"role": "assistant", "content": answer}], "response_format": wanted}
    found = [rule for rule in rules_of(row) if rule != "extra_key"]
    assert found == (["response_format"] * 2 if rules is None else rules)


def seen(*urls):
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {"messages": [{"role": "user", "content": parts}, ANSWER]}


PNG = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg=="
IMAGES = [
    ([PNG], []),
    (["https://example.com/a.png?b"], []),
    ([PNG] * 10, []),
    ([PNG] * 11, ["image_count"]),
    (["data:image/gif;base64,R0lGODlhAQABAA=="], ["image_type"]),
    (["data:image/png;base64,R0lGODlhAQABAA=="], ["image_type"]),
    (["data:image/png,abc"], ["image_type"]),
    (["https://example.com/a.gif"], ["image_type"]),
    (["ftp://example.com/a.png"], ["image_type"]),
    (["data:image/jpeg;base64,/9j/" + "A" * 13_400_000], ["image_size"]),
]


@pytest.mark.parametrize(("urls", "rules"), IMAGES, ids=lambda value: str(value)[:40])
def test_images_are_few_small_and_of_a_known_type(urls, rules):
    assert [rule for rule in rules_of(seen(*urls)) if rule not in NOTES] == rules


@pytest.mark.parametrize(
    ("model", "rules"), [("gpt-4o-2024-08-06", []), ("gpt-4.1-2025-04-14", ["image_model"]), ("another", [])]
)
def test_images_need_a_model_that_sees(save, good_lines, model, rules, table_cache):
    report = validate_file(save(*good_lines, seen(PNG)), model=model)
    assert [finding.rule for finding in report.findings] == rules


def test_a_note_is_never_a_finding(save, good_lines):
    report = validate_file(save(*good_lines, seen(PNG)))
    assert (report.findings, report.counts) == ((), {})


@pytest.mark.parametrize("rule", [rule for rule, each in RULES.items() if each.taken])
def test_what_the_service_takes_is_an_error_and_no_refusal(rule):
    assert (RULES[rule].severity, RULES[rule].refused) == ("error", False)


def test_a_report_raises_for_refusals_alone_when_asked(save, good_lines):
    report = validate_file(save(*good_lines, calling({"unit": "C"})))
    report.raise_for_refusals()
    assert (report.ok, report.refusals) == (False, ())


NAMES = st.sampled_from(["a", "b", "c"])
LEAVES = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "integer", "number", "boolean", "null", ["string", "null"], "float"])},
    optional={
        "enum": st.lists(st.sampled_from(["x", 1, True, None, 1.5]), min_size=1, max_size=3),
        "minimum": st.integers(-2, 2),
        "maxLength": st.integers(0, 3),
        "pattern": st.just("x"),
        "description": st.just("d"),
    },
)
SHAPES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"type": st.just("array")}, optional={"items": inner, "minItems": st.integers(0, 2)}),
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(NAMES, inner, max_size=3)},
            optional={
                "required": st.lists(NAMES, unique=True, max_size=2),
                "additionalProperties": st.booleans(),
            },
        ),
    ),
    max_leaves=5,
)
VALUES = st.recursive(
    st.sampled_from(["x", "yyyy", 0, 1, 5, True, False, None, 1.5, 1.0]),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)


@given(st.dictionaries(NAMES, SHAPES, max_size=3), st.dictionaries(NAMES, VALUES, max_size=3))
def test_what_the_quick_test_accepts_fits_a_valid_schema_by_the_library(properties, arguments):
    schema = {"type": "object", "properties": properties, "required": [*properties][:1]}
    accepts = quick_acceptor(schema)
    if accepts is not None:
        assert schema_fault(schema) is None
        Draft202012Validator.check_schema(schema)
        assert not accepts(arguments) or Draft202012Validator(schema).is_valid(arguments)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_accepted_at_a_glance_breaks_no_rule(method, shared):
    files = ("tools.train", "format.bad", "support.train", "dpo.train", "fairness.train")
    lines = [line for name in files for line in (shared / f"data/defects/{name}.jsonl").read_bytes().splitlines()]
    doubted = {raw for _, raw in new_acceptor(method).doubtful(lines, 1 << 40)}
    assert [line for line in lines if line not in doubted and any(line_problems(line, method))] == []


def test_the_tools_of_bfcl_as_published_have_the_known_faults(shared):
    counts = Counter(validate_file(shared / "data/bfcl/raw_defective_schemas.jsonl").counts)
    assert (counts["tool_name"], counts["tool_schema"]) == (121, 182)


def test_the_example_files_of_openai_have_the_known_faults(shared):
    toy = validate_file(shared / "data/openai_cookbook/toy_chat_fine_tuning.jsonl")
    drone = validate_file(shared / "data/openai_cookbook/drone_training.jsonl")
    assert (dict(toy.counts), dict(drone.counts)) == ({"n_examples": 1}, {})
