"""One row of a dataset, for each of the three methods."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from finetune_kit.types.messages import Message
from finetune_kit.types.values import Value

__all__ = ["Example", "PreferenceExample", "PreferenceInput", "ReinforcementExample", "SupervisedExample"]

Tools = tuple[dict[str, Any], ...]


class SupervisedExample(Value):
    """A conversation to learn from, ending with the wanted assistant message."""

    messages: tuple[Message, ...] = Field(repr=False, min_length=1)
    tools: Tools | None = Field(default=None, repr=False)
    parallel_tool_calls: bool | None = Field(default=None, repr=False)
    functions: Tools | None = Field(default=None, repr=False)

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return [("messages", len(self.messages))]


class PreferenceInput(Value):
    """The conversation before the two answers of a preference."""

    messages: tuple[Message, ...] = Field(repr=False, min_length=1)
    tools: Tools | None = Field(default=None, repr=False)
    parallel_tool_calls: bool | None = Field(default=None, repr=False)


class PreferenceExample(Value):
    """A conversation with a preferred and a non-preferred answer (DPO)."""

    input: PreferenceInput = Field(repr=False)
    preferred_output: tuple[Message, ...] = Field(repr=False, min_length=1, max_length=1)
    non_preferred_output: tuple[Message, ...] = Field(repr=False, min_length=1, max_length=1)

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return [("messages", len(self.input.messages) + 1)]


class ReinforcementExample(Value):
    """A conversation ending with the user, and the fields that graders read as `item`."""

    model_config = ConfigDict(**{**Value.model_config, "extra": "allow"})

    messages: tuple[Message, ...] = Field(repr=False, min_length=1)
    tools: Tools | None = Field(default=None, repr=False)

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return [("messages", len(self.messages)), ("fields", sorted(self.model_extra or {}))]


Example = SupervisedExample | PreferenceExample | ReinforcementExample
