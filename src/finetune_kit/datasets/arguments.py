"""The rules for the arguments of a call, and for answers, that a JSON Schema describes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from finetune_kit.datasets.rules import Problem
from finetune_kit.datasets.schema_faults import SchemaFault, UnreadableSchemaError, schema_fault, value_faults
from finetune_kit.datasets.schemas import quick_acceptor
from finetune_kit.datasets.syntax import shown
from finetune_kit.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["argument_problems", "response_problems"]

_RULES: Final = {
    "required": "argument_missing",
    "enum": "argument_enum",
    "const": "argument_enum",
    "type": "argument_type",
    "additionalProperties": "argument_not_allowed",
}
_NOTES: Final = {MissingExtraError: "note_schema", UnreadableSchemaError: "note_unreadable"}
# With these, names may be declared elsewhere than in properties.
_DECLARES_ELSEWHERE: Final = frozenset(
    ("$ref", "allOf", "anyOf", "oneOf", "if", "dependentSchemas", "dependencies", "patternProperties")
)


def argument_problems(parameters: dict[str, Any], arguments: dict[str, Any], pointer: str) -> Iterator[Problem]:
    """Yield where the arguments of a call do not fit the parameters that its tool declares."""
    accepts = quick_acceptor(parameters)
    if accepts is not None and accepts(arguments):
        return
    try:
        if accepts is None and schema_fault(parameters) is not None:
            return
        faults = value_faults(parameters, arguments)
    except (MissingExtraError, UnreadableSchemaError) as error:
        yield Problem(_NOTES[type(error)], pointer, str(error))
        faults = []
    mistyped = {fault.place for fault in faults if fault.keyword == "type"}
    for fault in faults:
        if fault.keyword == "enum" and fault.place in mistyped:
            continue
        rule = _RULES.get(fault.keyword, "argument_value")
        yield Problem(rule, pointer, f"{_named(fault)} {fault.reason}")
    yield from _undeclared_problems(parameters, arguments, pointer)


def response_problems(row: dict[str, Any], messages: list[Any], pointer: str) -> Iterator[Problem]:
    """Yield where the last answer of an example breaks the `response_format` that stands beside it."""
    wanted = row.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind not in ("json_object", "json_schema"):
        return
    index, answer = _last_answer(messages)
    if answer is None:
        return
    here = f"{pointer}/{index}/content"
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        yield Problem("response_format", here, f"the answer is not JSON, which response_format {kind!r} promises")
        return
    if kind == "json_object" and not isinstance(value, dict):
        yield Problem("response_format", here, "the answer is JSON, but no object")
    described = wanted.get("json_schema") if isinstance(wanted, dict) and kind == "json_schema" else None
    schema = described.get("schema") if isinstance(described, dict) else None
    if isinstance(schema, dict):
        yield from _schema_problems(schema, value, here)


def _undeclared_problems(parameters: dict[str, Any], arguments: dict[str, Any], pointer: str) -> Iterator[Problem]:
    properties = parameters.get("properties")
    is_open = parameters.get("additionalProperties", True) is True and parameters.get("unevaluatedProperties") is None
    if not isinstance(properties, dict) or not is_open or not _DECLARES_ELSEWHERE.isdisjoint(parameters):
        return
    for name in arguments.keys() - properties.keys():
        yield Problem("argument_undeclared", pointer, f"the tool does not declare the argument {shown(name)}")


def _named(fault: SchemaFault) -> str:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in fault.place).removeprefix(".")
    return f"argument {shown(path)}" if path else "the object of arguments"


def _last_answer(messages: list[Any]) -> tuple[int, str | None]:
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if isinstance(message, dict) and message.get("role") == "assistant":
            content = message.get("content")
            called = message.get("tool_calls") or message.get("refusal")
            return index, content if isinstance(content, str) and not called else None
    return 0, None


def _schema_problems(schema: dict[str, Any], value: Any, pointer: str) -> Iterator[Problem]:
    try:
        fault = schema_fault(schema)
        if fault:
            yield Problem("response_schema", "/response_format/json_schema/schema", fault.reason)
            return
        for each in value_faults(schema, value):
            place = ".".join(map(str, each.place))
            yield Problem("response_format", pointer, f"{shown(place) if place else 'the answer'} {each.reason}")
    except (MissingExtraError, UnreadableSchemaError) as error:
        yield Problem(_NOTES[type(error)], pointer, str(error))
