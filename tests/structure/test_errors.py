"""Every error of the tree can be sent to another process and explains itself."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import pytest

from finetune_kit import errors

CLASSES = [getattr(errors, name) for name in errors.__all__ if not name.endswith("Warning")]

# A value for each parameter that some error requires, by its name.
VALUES: dict[str, Any] = {
    "code": "invalid_value",
    "extra": "local",
    "feature": "Reading Parquet",
    "message": "it broke",
    "package": "pyarrow",
    "path": "train.jsonl",
    "reason": "not JSON",
    "remedy": "write one JSON object a line",
    "status": 400,
    "status_code": 400,
}


def make(cls: type[errors.FinetuneKitError]) -> errors.FinetuneKitError:
    arguments: list[Any] = []
    keywords: dict[str, Any] = {}
    for parameter in list(inspect.signature(cls).parameters.values()):
        if parameter.default is not inspect.Parameter.empty:
            continue
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            keywords[parameter.name] = VALUES[parameter.name]
        elif parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
            arguments.append(VALUES[parameter.name])
    return cls(*arguments, **keywords)


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_comes_through_pickle_unchanged(cls: type[errors.FinetuneKitError]) -> None:
    error = make(cls)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(copy), str(copy), vars(copy)) == (cls, str(error), vars(error))


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_has_a_docstring(cls: type[errors.FinetuneKitError]) -> None:
    assert cls.__doc__
    assert cls.__doc__ is not Exception.__doc__


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_belongs_to_the_tree_and_stands_in_its_drawing(cls: type[errors.FinetuneKitError]) -> None:
    assert issubclass(cls, errors.FinetuneKitError)
    assert cls.__name__ in str(errors.__doc__)
