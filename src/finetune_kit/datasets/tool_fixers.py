"""The mechanical fixes of tools and their calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from finetune_kit.datasets.calls import once_encoded

__all__ = ["Note", "fix_call", "fix_function", "fix_tool"]

Note = Callable[[str, str, str, str], None]
"""Takes down a change: its rule, the place, what was there, and what is there now."""

_TYPES: Final = {
    "dict": "object",
    "list": "array",
    "tuple": "array",
    "str": "string",
    "int": "integer",
    "float": "number",
    "double": "number",
    "bool": "boolean",
}


def fix_tool(tool: Any, pointer: str, note: Note) -> Any:
    """Return a declared tool with its form and the names of its types put right."""
    if isinstance(tool, dict) and "function" not in tool and isinstance(tool.get("name"), str):
        note("tools", pointer, "a bare function", "a tool of type function")
        tool = {"type": "function", "function": {key: item for key, item in tool.items() if key != "type"}}
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("parameters"), dict):
        return tool
    schema = _schema(function["parameters"], f"{pointer}/function/parameters", note)
    return {**tool, "function": {**function, "parameters": schema}}


def _schema(schema: Any, pointer: str, note: Note) -> Any:
    if not isinstance(schema, dict):
        return schema
    fixed = dict(schema)
    named = fixed.get("type")
    if isinstance(named, str) and named in _TYPES:
        note("tool_schema", f"{pointer}/type", f"the type {named!r}", f"the type {_TYPES[named]!r}")
        fixed["type"] = _TYPES[named]
    if isinstance(fixed.get("properties"), dict):
        inner = fixed["properties"].items()
        fixed["properties"] = {name: _schema(each, f"{pointer}/properties/{name}", note) for name, each in inner}
    if "items" in fixed:
        fixed["items"] = _schema(fixed["items"], f"{pointer}/items", note)
    return fixed


def fix_call(call: Any, pointer: str, note: Note) -> Any:
    """Return a call of a tool with its type, and its arguments encoded once."""
    if not isinstance(call, dict) or not isinstance(call.get("function"), dict):
        return call
    call = {**call, "function": fix_function(call["function"], f"{pointer}/function/arguments", note)}
    if "type" not in call:
        note("tool_calls", f"{pointer}/type", "missing", "function")
        call = {**call, "type": "function"}
    return call


def fix_function(function: dict[str, Any], pointer: str, note: Note) -> dict[str, Any]:
    """Return a called function with its arguments encoded once."""
    arguments = function.get("arguments")
    if isinstance(arguments, dict):
        note("arguments_type", pointer, "an object", "the object as JSON")
        return {**function, "arguments": json.dumps(arguments, ensure_ascii=False)}
    once = once_encoded(arguments)
    if once is None:
        return function
    note("arguments_twice", pointer, "JSON encoded more than once", "JSON encoded once")
    return {**function, "arguments": once}
