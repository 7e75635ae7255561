"""The rules for calls of tools, and for their results."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from finetune_kit.datasets.arguments import argument_problems
from finetune_kit.datasets.rules import Problem
from finetune_kit.datasets.syntax import shown
from finetune_kit.datasets.tools import TOOL_NAME, declared_tools

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["call_problems", "conversation_problems", "declared_call_problems", "once_encoded", "parsed_arguments"]


def call_problems(message: dict[str, Any], pointer: str) -> Iterator[Problem]:
    """Yield what is wrong with the shape of a message's tool calls and its `tool_call_id`."""
    calls = message.get("tool_calls")
    if calls is not None:
        yield from _call_list_problems(calls, f"{pointer}/tool_calls")
    if message.get("function_call") is not None:
        yield from _function_problems(message["function_call"], f"{pointer}/function_call")
    answers = message.get("tool_call_id")
    if message.get("role") == "tool":
        if not isinstance(answers, str) or not answers:
            state = "missing" if "tool_call_id" not in message else shown(answers)
            yield Problem("tool_call_id", f"{pointer}/tool_call_id", f"tool_call_id of a tool message is {state}")
    elif answers is not None:
        yield Problem("tool_call_id", f"{pointer}/tool_call_id", "tool_call_id stands outside a tool message")


def conversation_problems(messages: list[Any], pointer: str) -> Iterator[Problem]:
    """Yield calls without an answer, and answers without a call, in the order of a chat."""
    waiting: dict[str, str] = {}
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            continue
        here = f"{pointer}/{index}"
        if message.get("role") == "tool":
            answered = message.get("tool_call_id")
            if isinstance(answered, str) and answered and waiting.pop(answered, None) is None:
                reason = f"tool_call_id {shown(answered)} answers no open call before it"
                yield Problem("tool_call_id", f"{here}/tool_call_id", reason)
            continue
        yield from _unanswered(waiting)
        waiting = _call_ids(message, here)


def declared_call_problems(row: dict[str, Any], messages: list[Any], pointer: str) -> Iterator[Problem]:
    """Yield where calls differ from the tools that the row declares: names, arguments, calls at once."""
    declared = declared_tools(row)
    for index, message in enumerate(messages):
        functions = list(_called_functions(message, f"{pointer}/{index}"))
        if row.get("parallel_tool_calls") is False and len(functions) > 1:
            reason = f"{len(functions)} calls stand in one message, though parallel_tool_calls is false"
            yield Problem("parallel_calls", f"{pointer}/{index}/tool_calls", reason)
        for here, function in functions:
            if not declared:
                yield Problem("tools_missing", f"{here}/name", "a tool is called, but the example declares no tools")
                return
            if function["name"] in declared:
                yield from _fitting_problems(declared[function["name"]], function, f"{here}/arguments")
            else:
                reason = f"the tool {shown(function['name'])} is called, but not declared"
                yield Problem("tool_undeclared", f"{here}/name", reason)


def parsed_arguments(arguments: Any) -> dict[str, Any] | None:
    """Return the object that a call's arguments encode, once; None if they encode none."""
    try:
        value = _parsed(arguments) if isinstance(arguments, str) else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def once_encoded(arguments: Any) -> str | None:
    """Return the text that encodes an object once, of arguments that encode it more often; None of any others."""
    try:
        inner = _parsed(arguments) if isinstance(arguments, str) else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(inner, str):
        return None
    return inner if parsed_arguments(inner) is not None else once_encoded(inner)


def _call_list_problems(calls: Any, pointer: str) -> Iterator[Problem]:
    if not isinstance(calls, list) or not calls:
        reason = "tool_calls is empty" if calls == [] else f"tool_calls is {_kind(calls)}, not an array"
        yield Problem("tool_calls", pointer, reason)
        return
    seen: set[str] = set()
    for index, call in enumerate(calls):
        here = f"{pointer}/{index}"
        if not isinstance(call, dict):
            yield Problem("tool_calls", here, f"a tool call is {_kind(call)}, not an object")
            continue
        yield from _call_id_problems(call, seen, here)
        if call.get("type") != "function":
            yield Problem("tool_calls", f"{here}/type", f"type {shown(call.get('type'))} of a call is not 'function'")
        yield from _function_problems(call.get("function"), f"{here}/function")


def _call_id_problems(call: dict[str, Any], seen: set[str], pointer: str) -> Iterator[Problem]:
    identity = call.get("id")
    if not isinstance(identity, str) or not identity:
        yield Problem("tool_calls", f"{pointer}/id", f"id of a call is {shown(identity)}, not a string")
    elif identity in seen:
        yield Problem("tool_call_duplicate", f"{pointer}/id", f"id {shown(identity)} stands for two calls of a message")
    else:
        seen.add(identity)


def _function_problems(function: Any, pointer: str) -> Iterator[Problem]:
    if not isinstance(function, dict):
        yield Problem("tool_calls", pointer, f"function of a call is {_kind(function)}, not an object")
        return
    name = function.get("name")
    if not isinstance(name, str) or not TOOL_NAME.fullmatch(name):
        yield Problem("tool_calls", f"{pointer}/name", f"name of a call is {shown(name)}, not [a-zA-Z0-9_-]{{1,64}}")
    yield from _encoding_problems(function.get("arguments"), f"{pointer}/arguments")


def _encoding_problems(arguments: Any, pointer: str) -> Iterator[Problem]:
    if not isinstance(arguments, str):
        kind = "an object" if isinstance(arguments, dict) else "missing" if arguments is None else "no string"
        yield Problem("arguments_type", pointer, f"arguments is {kind}, not a string of JSON")
        return
    try:
        value = _parsed(arguments)
    except (ValueError, RecursionError):
        yield Problem("arguments_json", pointer, "arguments is not valid JSON")
        return
    if once_encoded(arguments) is not None:
        reason = "arguments is JSON encoded more than once: it parses to a string of JSON"
        yield Problem("arguments_twice", pointer, reason)
    elif not isinstance(value, dict):
        yield Problem("arguments_json", pointer, f"arguments parses to {_kind(value)}, not an object")


def _parsed(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> Any:
    # Python reads NaN and Infinity, JSON does not have them.
    raise ValueError(name)


def _unanswered(waiting: dict[str, str]) -> Iterator[Problem]:
    for identity, pointer in waiting.items():
        yield Problem("tool_unanswered", pointer, f"the call {shown(identity)} has no tool message with its result")


def _call_ids(message: dict[str, Any], pointer: str) -> dict[str, str]:
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return {}
    return {
        call["id"]: f"{pointer}/tool_calls/{index}"
        for index, call in enumerate(calls)
        if isinstance(call, dict) and isinstance(call.get("id"), str)
    }


def _called_functions(message: Any, pointer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(message, dict):
        return
    calls = message.get("tool_calls")
    functions = [
        (f"{pointer}/tool_calls/{index}/function", call.get("function"))
        for index, call in enumerate(calls if isinstance(calls, list) else ())
        if isinstance(call, dict)
    ]
    functions.append((f"{pointer}/function_call", message.get("function_call")))
    for here, function in functions:
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            yield here, function


def _fitting_problems(parameters: Any, function: dict[str, Any], pointer: str) -> Iterator[Problem]:
    arguments = parsed_arguments(function.get("arguments"))
    if arguments is not None and isinstance(parameters, dict):
        yield from argument_problems(parameters, arguments, pointer)


def _kind(value: object) -> str:
    return "a string" if isinstance(value, str) else shown(value)
