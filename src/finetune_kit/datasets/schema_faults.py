"""What is wrong with a JSON Schema, or with a value by one, in the words of the library that knows all of it."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from finetune_kit.datasets.schemas import TYPE_NAMES, quick_acceptor
from finetune_kit.datasets.syntax import shown
from finetune_kit.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jsonschema import ValidationError  # type: ignore[import-untyped,unused-ignore]

__all__ = ["SchemaFault", "UnreadableSchemaError", "schema_fault", "value_faults"]

_REMEMBERED: Final = 512


class SchemaFault(NamedTuple):
    """One way in which a value does not fit, or a schema is none: the keyword that says so, where, and why.

    `place` holds the keys and indexes that lead to the value, or to the part of the schema.
    """

    keyword: str
    place: tuple[str | int, ...]
    reason: str


class UnreadableSchemaError(Exception):
    """A schema is valid, but cannot be compared with on this machine; the argument says why."""


def schema_fault(schema: dict[str, Any]) -> SchemaFault | None:
    """Return why a schema is no valid JSON Schema; None if it is one.

    Raises:
        MissingExtraError: The schema is not simple, and the library that knows all of JSON Schema is not installed.
    """
    if quick_acceptor(schema) is not None:
        return None
    try:
        return _schema_fault(json.dumps(schema))
    except RecursionError:
        return SchemaFault("", (), "the schema is nested too deeply")


def value_faults(schema: dict[str, Any], value: Any) -> list[SchemaFault]:
    """Return every way in which a value does not fit a valid schema.

    Raises:
        MissingExtraError: The library that knows all of JSON Schema is not installed.
        UnreadableSchemaError: The schema has a reference or a pattern that cannot be followed here.
    """
    library = _library()
    from referencing.exceptions import Unresolvable

    try:
        errors: list[ValidationError] = list(_validator(json.dumps(schema)).iter_errors(value))
    except (Unresolvable, library.exceptions.UnknownType) as error:
        raise UnreadableSchemaError("a $ref leads to nothing that is a schema here") from error
    except re.error as error:
        raise UnreadableSchemaError("a pattern is no regular expression of Python") from error
    except RecursionError as error:
        raise UnreadableSchemaError("the schema leads to itself without end") from error
    return [fault for error in errors for fault in _value_faults(error)]


def _library() -> Any:
    try:
        import jsonschema  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise MissingExtraError("comparing with a JSON Schema", "audit", package="jsonschema") from error
    return jsonschema


@lru_cache(maxsize=_REMEMBERED)
def _schema_fault(text: str) -> SchemaFault | None:
    library = _library()
    schema = json.loads(text)
    try:
        # Patterns are ECMAScript's, which the library's own check of formats takes for Python's.
        _validator_class(schema).check_schema(schema, format_checker=None)
    except library.SchemaError as error:
        place = tuple(error.absolute_path)
        return SchemaFault(str(error.validator), place, _schema_reason(place, error.instance))
    return None


@lru_cache(maxsize=_REMEMBERED)
def _validator(text: str) -> Any:
    from referencing import Registry

    schema = json.loads(text)
    # An empty registry keeps a $ref from being looked for on the network.
    return _validator_class(schema)(schema, registry=Registry())


def _validator_class(schema: dict[str, Any]) -> Any:
    validators = _library().validators
    named = isinstance(schema.get("$schema", ""), str)
    return validators.validator_for(schema if named else {}, default=validators.Draft202012Validator)


def _schema_reason(place: tuple[str | int, ...], value: object) -> str:
    keyword = next((step for step in reversed(place) if isinstance(step, str)), "")
    if keyword == "type" and isinstance(value, str):
        return f"type {shown(value)} is none of JSON Schema: {', '.join(TYPE_NAMES)}"
    return f"{shown(keyword)} is {_kind(value)}, which JSON Schema does not allow there"


def _value_faults(error: ValidationError) -> Iterator[SchemaFault]:
    place, keyword = tuple(error.absolute_path), str(error.validator)
    if keyword == "required":
        # The library reports each name by itself, and says which one in its message only.
        name = next(name for name in error.validator_value if error.message.startswith(repr(name)))
        yield SchemaFault(keyword, (*place, name), "is missing")
    elif keyword in ("additionalProperties", "unevaluatedProperties"):
        for name in _undeclared(error):
            yield SchemaFault("additionalProperties", (*place, name), "is not allowed by the schema")
    elif keyword in ("anyOf", "oneOf"):
        inner = {str(each.validator) for each in error.context}
        known = "type" if inner == {"type"} else "enum" if inner and inner <= {"type", "enum", "const"} else keyword
        yield SchemaFault(known, place, f"is {_kind(error.instance)}, which fits none of the declared forms")
    else:
        yield SchemaFault(keyword, place, _value_reason(keyword, error))


def _undeclared(error: ValidationError) -> list[str]:
    schema, given = error.schema, error.instance
    declared = schema.get("properties", {}).keys()
    patterns = [re.compile(pattern) for pattern in schema.get("patternProperties", ())]
    return [name for name in given if name not in declared and not any(each.search(name) for each in patterns)]


def _value_reason(keyword: str, error: ValidationError) -> str:
    kind = _kind(error.instance)
    if keyword == "type":
        wanted = error.validator_value
        return f"is {kind}, not of type {' or '.join(wanted) if isinstance(wanted, list) else wanted}"
    if keyword in ("enum", "const"):
        count = len(error.validator_value) if keyword == "enum" else 1
        return f"is {kind} that is none of the {count} declared value{'s' if count != 1 else ''}"
    return f"is {kind} that breaks {shown(keyword)} of the schema"


def _kind(value: object) -> str:
    """Describe a value by its type alone: it is part of an example."""
    if isinstance(value, bool) or value is None:
        return "null" if value is None else "a boolean"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, int | float):
        return "a number"
    return "an array" if isinstance(value, list) else "an object"
