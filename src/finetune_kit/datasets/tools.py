"""The rules for tools, their calls and their results."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from finetune_kit.datasets.rules import Problem
from finetune_kit.datasets.syntax import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["call_problems", "conversation_problems", "declaration_problems", "undeclared_problems"]

# https://platform.openai.com/docs/api-reference/chat/create: a-z, A-Z, 0-9, underscores and dashes, at most 64.
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MAX_TOOLS = 128


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


def declaration_problems(row: dict[str, Any], pointer: str) -> Iterator[Problem]:
    """Yield what is wrong with the tools that a row declares."""
    tools = row.get("tools")
    if tools is not None:
        yield from _tool_list_problems(tools, f"{pointer}/tools")
    if "parallel_tool_calls" in row and not isinstance(row["parallel_tool_calls"], bool):
        reason = f"parallel_tool_calls is {shown(row['parallel_tool_calls'])}, not true or false"
        yield Problem("tools", f"{pointer}/parallel_tool_calls", reason)
    functions = row.get("functions")
    if functions is not None and (not isinstance(functions, list) or not 1 <= len(functions) <= _MAX_TOOLS):
        yield Problem("tools", f"{pointer}/functions", f"functions is not an array of 1 to {_MAX_TOOLS} functions")


def undeclared_problems(row: dict[str, Any], messages: list[Any], pointer: str) -> Iterator[Problem]:
    """Yield calls of tools that the row does not declare."""
    declared = set(_declared_names(row.get("tools")))
    for index, message in enumerate(messages):
        calls = message.get("tool_calls") if isinstance(message, dict) else None
        for number, name in _called_names(calls):
            here = f"{pointer}/{index}/tool_calls/{number}/function/name"
            if not declared:
                yield Problem("tools_missing", here, "a tool is called, but the example declares no tools")
                return
            if name not in declared:
                yield Problem("tool_undeclared", here, f"the tool {shown(name)} is called, but not declared")


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
        yield Problem("tool_calls", f"{pointer}/id", f"id {shown(identity)} stands for two calls of one message")
    else:
        seen.add(identity)


def _function_problems(function: Any, pointer: str) -> Iterator[Problem]:
    if not isinstance(function, dict):
        yield Problem("tool_calls", pointer, f"function of a call is {_kind(function)}, not an object")
        return
    name = function.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield Problem("tool_calls", f"{pointer}/name", f"name of a call is {shown(name)}, not [a-zA-Z0-9_-]{{1,64}}")
    arguments = function.get("arguments")
    if reason := _wrong_arguments(arguments):
        yield Problem("tool_arguments", f"{pointer}/arguments", reason)


def _wrong_arguments(arguments: Any) -> str | None:
    if not isinstance(arguments, str):
        return f"arguments is {shown(arguments)}, not a string of JSON"
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        return "arguments is not valid JSON"
    if isinstance(value, str):
        return "arguments is JSON encoded twice: it parses to a string, not an object"
    return None if isinstance(value, dict) else f"arguments parses to {_kind(value)}, not an object"


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


def _tool_list_problems(tools: Any, pointer: str) -> Iterator[Problem]:
    if not isinstance(tools, list):
        yield Problem("tools", pointer, f"tools is {_kind(tools)}, not an array")
        return
    if len(tools) > _MAX_TOOLS:
        yield Problem("tools", pointer, f"{len(tools)} tools are declared, at most {_MAX_TOOLS} may be")
    seen: set[str] = set()
    for index, tool in enumerate(tools):
        yield from _tool_problems(tool, seen, f"{pointer}/{index}")


def _tool_problems(tool: Any, seen: set[str], pointer: str) -> Iterator[Problem]:
    if not isinstance(tool, dict) or tool.get("type") != "function" or not isinstance(tool.get("function"), dict):
        yield Problem("tools", pointer, "a tool is not an object with type 'function' and an object function")
        return
    function = tool["function"]
    name = function.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        reason = f"name of a tool is {shown(name)}, not [a-zA-Z0-9_-]{{1,64}}"
        yield Problem("tools", f"{pointer}/function/name", reason)
    elif name in seen:
        yield Problem("tools", f"{pointer}/function/name", f"the tool {shown(name)} is declared twice")
    else:
        seen.add(name)
    if not isinstance(function.get("description", ""), str):
        yield Problem("tools", f"{pointer}/function/description", "description of a tool is not a string")
    if not isinstance(function.get("parameters", {}), dict):
        yield Problem("tools", f"{pointer}/function/parameters", "parameters of a tool is not a JSON Schema object")


def _declared_names(tools: Any) -> Iterator[str]:
    for tool in tools if isinstance(tools, list) else ():
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            yield function["name"]


def _called_names(calls: Any) -> Iterator[tuple[int, str]]:
    for index, call in enumerate(calls if isinstance(calls, list) else ()):
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            yield index, function["name"]


def _kind(value: object) -> str:
    return "a string" if isinstance(value, str) else shown(value)
