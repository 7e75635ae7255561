"""Function-calling data: questions with function lists and the right calls, as of BFCL and xLAM."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from finetune_kit.datasets.sources.formats import RecordFormat
from finetune_kit.datasets.sources.found import Found, UnusableError
from finetune_kit.datasets.sources.records import read_table
from finetune_kit.datasets.sources.turns import messages_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from finetune_kit.datasets.sources.formats import Yielded
    from finetune_kit.datasets.sources.found import Options
    from finetune_kit.datasets.tables import Table

__all__ = ["Functions"]

# The type names of Python and of BFCL for those of JSON Schema; None is any type.
_TYPES: Final[Mapping[str, str | None]] = {
    "dict": "object",
    "float": "number",
    "double": "number",
    "int": "integer",
    "long": "integer",
    "tuple": "array",
    "list": "array",
    "set": "array",
    "str": "string",
    "char": "string",
    "bool": "boolean",
    "any": None,
    "arraylist": "array",
    "hashmap": "object",
    "hashtable": "object",
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "array": "array",
    "object": "object",
    "null": "null",
}
_TYPES_NOTE: Final = "types of parameters rewritten as JSON Schema"
_NAMES_NOTE: Final = "names of functions rewritten in letters, digits, _ and -"
_LONGEST_NAME: Final = 64
_REFUSED: Final = re.compile(r"[^A-Za-z0-9_-]")
_ASKED: Final = ("messages", "question", "query", "prompt", "instruction")
_DECLARED: Final = ("tools", "function", "functions")
_CALLED: Final = ("ground_truth", "answers", "calls", "tool_calls", "possible_answer")


@dataclass(frozen=True, slots=True)
class Functions(RecordFormat):
    """A question, the functions that may be called, and the calls that are right.

    Type names that are not those of JSON Schema ("dict", "float") and names that the
    service refuses ("math.factorial") are rewritten; the history counts the rows. Where
    BFCL accepts several values of an argument, the first is taken.

    Example:
        >>> Functions(answers="possible_answer/BFCL_v4_simple_python.json").answers
        'possible_answer/BFCL_v4_simple_python.json'
    """

    methods = ("supervised", "reinforcement")
    answers: str | Path | None = None
    """A file with the right calls by `id`, where they are not in the records."""

    def convert(self, record: Mapping[str, Any], line: int, options: Options) -> Iterator[Found]:
        """Yield one chat with tools, or with method="reinforcement" one item for graders."""
        messages = _question(record)
        declared = _parsed(next((record[name] for name in _DECLARED if record.get(name)), None))
        tools, names, notes = _tools(declared)
        extra = {key: record[key] for key in record if key not in {*_ASKED, *_DECLARED, *_CALLED}}
        called = _parsed(next((record[name] for name in _CALLED if record.get(name) is not None), None))
        if options.method == "reinforcement":
            yield Found({"messages": messages, "tools": tools, "ground_truth": called, **extra}, line, notes=notes)
            return
        if called is None:
            remedy = "give the file of answers: format=Functions(answers='...'), or method='reinforcement'"
            raise UnusableError("there are no right calls to learn", remedy)
        calls = [_call(item, number, names) for number, item in enumerate(_list(called))]
        if not calls:
            raise UnusableError("no function is to be called, and no answer says what to do instead", "add the answer")
        answer = {"role": "assistant", "content": None, "tool_calls": calls}
        row: dict[str, Any] = {"messages": [*messages, answer], "tools": tools}
        if len(calls) > 1:
            row["parallel_tool_calls"] = True
        yield Found(row, line, extra, notes)

    def read_table(self, table: Table, options: Options) -> Yielded:
        """Yield what each record gives, with the calls of the file of answers."""
        if self.answers is None:
            return RecordFormat.read_table(self, table, options)
        known = {str(record.get("id")): record for record in read_table(Path(self.answers)).records}
        records = [{**known.get(str(record.get("id")), {}), **record} for record in table.records]
        return RecordFormat.read_table(self, replace(table, records=records), options)


def _question(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    asked = _parsed(next((record[name] for name in _ASKED if record.get(name)), None))
    while isinstance(asked, list) and len(asked) == 1 and isinstance(asked[0], list):
        asked = asked[0]
    if isinstance(asked, list) and asked and isinstance(asked[0], list):
        raise UnusableError("the question has several turns", "give one turn, with the answers of the turns before it")
    if isinstance(asked, str) and asked.strip():
        return [{"role": "user", "content": asked}]
    return messages_of(asked)


def _tools(declared: object) -> tuple[list[dict[str, Any]], dict[str, str], tuple[str, ...]]:
    """Return functions as tools, their new names by the old, and what was rewritten."""
    functions = [_function(item) for item in _list(declared)]
    if not functions:
        raise UnusableError("there are no functions to choose from", "list them under tools or function")
    names = _safe_names([function["name"] for function in functions])
    tools: list[dict[str, Any]] = []
    for function in functions:
        parameters = _as_schema(function.get("parameters") or {"type": "object", "properties": {}})
        kept = {key: function[key] for key in ("description", "strict") if function.get(key) is not None}
        tools.append(
            {"type": "function", "function": {"name": names[function["name"]], **kept, "parameters": parameters}}
        )
    is_retyped = [tool["function"]["parameters"] for tool in tools] != [old.get("parameters") for old in functions]
    notes = (_TYPES_NOTE,) * is_retyped + (_NAMES_NOTE,) * any(old != new for old, new in names.items())
    return tools, names, notes


def _function(item: object) -> dict[str, Any]:
    function = item.get("function", item) if isinstance(item, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise UnusableError("a function has no name", 'write {"name": ..., "parameters": {...}}')
    return _with_schema(dict(function))


def _with_schema(function: dict[str, Any]) -> dict[str, Any]:
    """Return a function whose parameters are a schema, not the bare properties that xLAM lists."""
    parameters = function.get("parameters")
    if not isinstance(parameters, Mapping) or "properties" in parameters or "type" in parameters:
        return function
    if not all(isinstance(item, Mapping) for item in parameters.values()):
        return function
    return {**function, "parameters": {"type": "object", "properties": dict(parameters)}}


def _safe_names(names: list[str]) -> dict[str, str]:
    """Return a name that the service takes for each, and no two the same."""
    safe: dict[str, str] = {}
    for name in names:
        stem = (_REFUSED.sub("_", name) or "function")[:_LONGEST_NAME]
        new, number = stem, 2
        while new in safe.values() and name not in safe:
            new, number = f"{stem[: _LONGEST_NAME - 1 - len(str(number))]}_{number}", number + 1
        safe.setdefault(name, new)
    return safe


def _as_schema(schema: Any) -> Any:
    """Return a schema with the type names of JSON Schema, at every depth."""
    if isinstance(schema, list):
        return [_as_schema(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    typed = {key: item for key, item in schema.items() if key != "type"}
    for key in ("items", "additionalProperties", "anyOf", "oneOf", "allOf"):
        if key in typed:
            typed[key] = _as_schema(typed[key])
    if isinstance(typed.get("properties"), Mapping):
        typed["properties"] = {name: _as_schema(item) for name, item in typed["properties"].items()}
    kind = _type(schema.get("type"))
    return typed if kind is None else {"type": kind, **typed}


def _type(kind: Any) -> Any:
    if isinstance(kind, list):
        return [_type(item) for item in kind if _type(item) is not None] or None
    if not isinstance(kind, str):
        return kind
    # "List[int]", "str, optional" and "Dict" are what people write for array, string and object.
    stem = re.split(r"[\[,( ]", kind.strip().casefold(), maxsplit=1)[0]
    return _TYPES.get(stem, kind)


def _call(item: object, number: int, names: Mapping[str, str]) -> dict[str, Any]:
    name, arguments = _called(item)
    # Tools whose names were made safe before may still be called by their old ones.
    name = name if name in names else _REFUSED.sub("_", name)
    if name not in names:
        raise UnusableError("a right call names a function that is not declared", "declare it, or correct the name")
    function = {"name": names[name], "arguments": orjson.dumps(arguments).decode()}
    return {"id": f"call_{number}", "type": "function", "function": function}


def _called(item: object) -> tuple[str, Any]:
    """Return the name and arguments of a call: {name: {argument: [accepted values]}}, or {name, arguments}."""
    if isinstance(item, Mapping) and isinstance(item.get("function"), Mapping):
        item = item["function"]
    if isinstance(item, Mapping) and isinstance(item.get("name"), str) and "arguments" in item:
        return item["name"], _parsed(item["arguments"])
    if isinstance(item, Mapping) and len(item) == 1:
        name, accepted = next(iter(item.items()))
        if isinstance(accepted, Mapping):
            return name, _first_values(accepted)
    raise UnusableError("a right call is not understood", 'write {"name": ..., "arguments": {...}}')


def _first_values(accepted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first accepted value of each argument; one whose first is "" is left out, as BFCL means it."""
    chosen = {key: values[0] if isinstance(values, list) and values else values for key, values in accepted.items()}
    return {key: _unwrapped(value) for key, value in chosen.items() if not (value == "" and accepted[key] != "")}


def _unwrapped(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _first_values(value)
    if isinstance(value, list):
        return [_unwrapped(item) for item in value]
    return value


def _list(value: object) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _parsed(value: object) -> Any:
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        raise UnusableError("functions or calls are not JSON", "write them as JSON") from None
