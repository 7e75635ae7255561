"""What every value of the kit has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Answer", "Value"]


class Value(BaseModel):
    """A frozen value that a user makes: unknown fields are refused.

    Validation errors never quote the input, which may be a training example.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True, use_attribute_docstrings=True
    )


class Answer(BaseModel):
    """A frozen value that a service sent.

    Unknown fields are kept and reachable as attributes; enumerations stay open, and a
    field that a service leaves out is None.
    """

    model_config = ConfigDict(
        frozen=True, extra="allow", hide_input_in_errors=True, defer_build=True, use_attribute_docstrings=True
    )
