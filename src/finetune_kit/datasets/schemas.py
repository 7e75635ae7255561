"""A quick test of values by simple JSON Schemas, such as tools declare for their arguments."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Acceptor = Callable[[Any], bool]

__all__ = ["TYPE_NAMES", "quick_acceptor"]

TYPE_NAMES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")
_TEXT: Final = frozenset({"title", "description", "format"})
_OF_OBJECTS: Final = frozenset({"properties", "required", "additionalProperties"})
_SIZES: Final = frozenset({"minLength", "maxLength", "minItems", "maxItems"})
_BOUNDS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
# Every other keyword of the drafts from 3 to 2020-12; what is no keyword of any draft means nothing to a schema.
# fmt: off
_BEYOND: Final = frozenset((
    "$schema", "$id", "id", "$ref", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef",
    "$recursiveAnchor", "$vocabulary", "$comment", "$defs", "definitions", "allOf", "anyOf", "oneOf", "not",
    "if", "then", "else", "dependencies", "dependentRequired", "dependentSchemas", "disallow", "extends",
    "divisibleBy", "multipleOf", "pattern", "patternProperties", "propertyNames", "minProperties",
    "maxProperties", "prefixItems", "contains", "minContains", "maxContains", "uniqueItems", "additionalItems",
    "unevaluatedItems", "unevaluatedProperties", "readOnly", "writeOnly", "contentEncoding", "contentMediaType",
    "contentSchema",
))
# fmt: on
_MOST_LEVELS: Final = 16


class _NotSimpleError(Exception):
    """A schema says more than the quick test understands."""


def quick_acceptor(parameters: Any) -> Callable[[dict[str, Any]], bool] | None:
    """Return a quick test of arguments for a simple schema of an object; None for any other schema.

    A schema that has such a test is valid JSON Schema for certain. The test says True where
    arguments fit for certain and all of them are declared; False means "look closer".
    """
    try:
        schema = {"type": "object", **parameters} if isinstance(parameters, dict) else None
        if schema is None or schema["type"] != "object":
            return None
        return _compiled(schema, 0)
    except _NotSimpleError:
        return None


def _compiled(schema: Any, level: int) -> Acceptor:
    if type(schema) is not dict or level > _MOST_LEVELS or not _BEYOND.isdisjoint(schema):
        raise _NotSimpleError
    if not all(type(schema[key]) is str for key in _TEXT & schema.keys()):
        raise _NotSimpleError
    if type(schema.get("examples", [])) is not list or type(schema.get("deprecated", False)) is not bool:
        raise _NotSimpleError
    tests = [_enumerated(schema[key] if key == "enum" else [schema[key]]) for key in ("enum", "const") if key in schema]
    names = _type_names(schema)
    if ("object" not in names and _OF_OBJECTS & schema.keys()) or ("array" not in names and "items" in schema):
        raise _NotSimpleError
    by_type = {name: _typed(name, schema, level) for name in names}
    return _joined(by_type, tests)


def _type_names(schema: dict[str, Any]) -> tuple[str, ...]:
    names = schema.get("type", TYPE_NAMES)
    names = (names,) if type(names) is str else tuple(names) if type(names) in (list, tuple) else ()
    known = all(type(name) is str and name in TYPE_NAMES for name in names)
    if not names or not known or len(set(names)) != len(names):
        raise _NotSimpleError
    return names


def _joined(by_type: dict[str, Acceptor], tests: list[Acceptor]) -> Acceptor:
    if len(by_type) == 1:
        (first,) = by_type.values()
    else:
        either = tuple(by_type.values())

        def first(value: Any) -> bool:
            return any(accepts(value) for accepts in either)

    if not tests:
        return first

    def accepts(value: Any) -> bool:
        return first(value) and all(test(value) for test in tests)

    return accepts


def _enumerated(values: Any) -> Acceptor:
    if type(values) is not list or not values:
        raise _NotSimpleError
    # Python holds 1, 1.0 and True for the same; JSON tells true from 1.
    allowed = frozenset((type(value) is bool, value) for value in values if type(value) in (str, int, bool, type(None)))

    def accepts(value: Any) -> bool:
        return type(value) in (str, int, bool, type(None)) and (type(value) is bool, value) in allowed

    return accepts


def _typed(name: str, schema: dict[str, Any], level: int) -> Acceptor:
    _check_numbers(schema)
    if name == "string":
        return _string(schema)
    if name in ("integer", "number"):
        return _number(schema, whole=name == "integer")
    if name == "boolean":
        return lambda value: type(value) is bool
    if name == "null":
        return lambda value: value is None
    return _array(schema, level) if name == "array" else _object(schema, level)


def _check_numbers(schema: dict[str, Any]) -> None:
    sizes = [schema[key] for key in _SIZES & schema.keys()]
    bounds = [schema[key] for key in _BOUNDS & schema.keys()]
    if not all(type(size) is int and size >= 0 for size in sizes):
        raise _NotSimpleError
    if not all(type(bound) in (int, float) for bound in bounds):
        raise _NotSimpleError


def _string(schema: dict[str, Any]) -> Acceptor:
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if not least and most is None:
        return lambda value: type(value) is str
    return lambda value: type(value) is str and least <= len(value) and (most is None or len(value) <= most)


def _number(schema: dict[str, Any], *, whole: bool) -> Acceptor:
    least, most = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")

    def accepts(value: Any) -> bool:
        if type(value) is not int and (whole or type(value) is not float):
            return False
        if not least <= value <= most:
            return False
        return (above is None or value > above) and (below is None or value < below)

    return accepts


def _array(schema: dict[str, Any], level: int) -> Acceptor:
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    item = _compiled(schema["items"], level + 1) if "items" in schema else None

    def accepts(value: Any) -> bool:
        if type(value) is not list or len(value) < least or (most is not None and len(value) > most):
            return False
        return item is None or all(map(item, value))

    return accepts


def _object(schema: dict[str, Any], level: int) -> Acceptor:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    more = schema.get("additionalProperties", True)
    if type(properties) is not dict or type(required) is not list or type(more) is not bool:
        raise _NotSimpleError
    if not all(type(name) is str for name in required) or len(set(required)) != len(required):
        raise _NotSimpleError
    tests = {name: _compiled(inner, level + 1) for name, inner in properties.items()}
    needed = frozenset(required)
    # A name that is not declared is worth a closer look even where the schema is open.
    if not tests:
        closed = not more or "properties" in schema
        return lambda value: type(value) is dict and needed <= value.keys() and not (closed and value)

    def accepts(value: Any) -> bool:
        if type(value) is not dict or not needed <= value.keys():
            return False
        for name, inner in value.items():
            test = tests.get(name)
            if test is None or not test(inner):
                return False
        return True

    return accepts
