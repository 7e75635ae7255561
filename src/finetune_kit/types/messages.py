"""The messages of a chat."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from finetune_kit.types.values import Answer, Value

__all__ = ["ContentPart", "FunctionCall", "Message", "Role", "ToolCall"]

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]


class FunctionCall(Value):
    """The name of a function, and its arguments as a JSON string."""

    name: str = Field(repr=False)
    arguments: str = Field(repr=False)


class ToolCall(Value):
    """One call of a tool by the assistant."""

    id: str
    type: Literal["function"] = "function"
    function: FunctionCall


class ContentPart(Answer):
    """One part of a message: text, or an image by its URL."""

    model_config = ConfigDict(**{**Answer.model_config, "extra": "allow"})

    type: str
    text: str | None = Field(default=None, repr=False)
    image_url: dict[str, Any] | None = Field(default=None, repr=False)


class Message(Value):
    """One message of a chat. Its repr never shows the content.

    Example:
        >>> Message(role="user", content="Where is my order?")
        Message(role='user')
    """

    role: Role
    content: str | tuple[ContentPart, ...] | None = Field(default=None, repr=False)
    name: str | None = Field(default=None, repr=False)
    tool_calls: tuple[ToolCall, ...] | None = Field(default=None, repr=False)
    tool_call_id: str | None = Field(default=None, repr=False)
    function_call: FunctionCall | None = Field(default=None, repr=False)
    refusal: str | None = Field(default=None, repr=False)
    weight: Literal[0, 1] | None = Field(default=None, repr=False)
    """0 leaves an assistant message out of the loss; None means 1."""

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return [("role", self.role)]

    @property
    def text(self) -> str:
        """The text of the message: its content, or the text parts joined."""
        if isinstance(self.content, tuple):
            return "".join(part.text or "" for part in self.content)
        return self.content or ""
