"""The rules for the tools that an example declares."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from finetune_kit.datasets.rules import Problem
from finetune_kit.datasets.schema_faults import schema_fault
from finetune_kit.datasets.schemas import TYPE_NAMES
from finetune_kit.datasets.syntax import child, shown
from finetune_kit.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TOOL_NAME", "declaration_problems", "declared_tools"]

TOOL_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What a tool may be called: https://platform.openai.com/docs/api-reference/chat/create."""

_MAX_TOOLS: Final = 128
_NOT_OBJECTS: Final = tuple(name for name in TYPE_NAMES if name != "object")


def declaration_problems(row: dict[str, Any], pointer: str) -> Iterator[Problem]:
    """Yield what is wrong with the tools that a row declares."""
    for key in ("tools", "functions"):
        if key in row and row[key] is None:
            yield Problem("null_field", f"{pointer}/{key}", f"{key} is null, which the published format does not have")
    if row.get("tools") is not None:
        yield from _tool_list_problems(row["tools"], f"{pointer}/tools")
    if "parallel_tool_calls" in row and not isinstance(row["parallel_tool_calls"], bool):
        reason = f"parallel_tool_calls is {shown(row['parallel_tool_calls'])}, not true or false"
        yield Problem("tools", f"{pointer}/parallel_tool_calls", reason)
    if row.get("functions") is not None:
        yield from _function_list_problems(row["functions"], f"{pointer}/functions")


def declared_tools(row: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of each tool and legacy function that a row declares, by its name."""
    functions = [tool.get("function") if isinstance(tool, dict) else None for tool in _list(row.get("tools"))]
    functions += _list(row.get("functions"))
    return {
        function["name"]: function.get("parameters")
        for function in functions
        if isinstance(function, dict) and isinstance(function.get("name"), str)
    }


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _tool_list_problems(tools: Any, pointer: str) -> Iterator[Problem]:
    if not isinstance(tools, list):
        yield Problem("tools", pointer, f"tools is {_kind(tools)}, not an array")
        return
    if len(tools) > _MAX_TOOLS:
        yield Problem("tools", pointer, f"{len(tools)} tools are declared, at most {_MAX_TOOLS} may be")
    seen: set[str] = set()
    for index, tool in enumerate(tools):
        here = f"{pointer}/{index}"
        if isinstance(tool, dict) and tool.get("type") == "function" and isinstance(tool.get("function"), dict):
            yield from _declared_function_problems(tool["function"], seen, f"{here}/function")
        else:
            yield Problem("tools", here, "a tool is not an object with type 'function' and an object function")


def _function_list_problems(functions: Any, pointer: str) -> Iterator[Problem]:
    if not isinstance(functions, list) or not 1 <= len(functions) <= _MAX_TOOLS:
        yield Problem("tools", pointer, f"functions is not an array of 1 to {_MAX_TOOLS} functions")
        return
    seen: set[str] = set()
    for index, function in enumerate(functions):
        here = f"{pointer}/{index}"
        if isinstance(function, dict):
            yield from _declared_function_problems(function, seen, here)
        else:
            yield Problem("tools", here, f"a function is {_kind(function)}, not an object")


def _declared_function_problems(function: dict[str, Any], seen: set[str], pointer: str) -> Iterator[Problem]:
    yield from _name_problems(function.get("name"), seen, f"{pointer}/name")
    if not isinstance(function.get("description", ""), str):
        yield Problem("tools", f"{pointer}/description", "description of a tool is not a string")
    if not isinstance(function.get("strict"), bool | None):
        yield Problem("tools", f"{pointer}/strict", "strict of a tool is not true, false or null")
    if "parameters" in function:
        yield from _parameter_problems(function["parameters"], f"{pointer}/parameters")


def _name_problems(name: Any, seen: set[str], pointer: str) -> Iterator[Problem]:
    if not isinstance(name, str) or not TOOL_NAME.fullmatch(name):
        yield Problem("tool_name", pointer, f"name of a tool is {shown(name)}, not [a-zA-Z0-9_-]{{1,64}}")
    elif name in seen:
        yield Problem("tool_duplicate", pointer, f"the tool {shown(name)} is declared twice")
    else:
        seen.add(name)


def _parameter_problems(parameters: Any, pointer: str) -> Iterator[Problem]:
    if not isinstance(parameters, dict):
        yield Problem("tool_schema", pointer, f"parameters of a tool is {_kind(parameters)}, not a JSON Schema object")
        return
    if parameters.get("type", "object") in _NOT_OBJECTS:
        reason = f"type {shown(parameters['type'])} is not 'object', which arguments are"
        yield Problem("tool_schema", f"{pointer}/type", reason)
        return
    try:
        fault = schema_fault(parameters)
    except MissingExtraError as error:
        yield Problem("note_schema", pointer, error.message)
        return
    if fault:
        for step in fault.place:
            pointer = child(pointer, str(step))
        yield Problem("tool_schema", pointer, fault.reason)


def _kind(value: object) -> str:
    return "a string" if isinstance(value, str) else shown(value)
