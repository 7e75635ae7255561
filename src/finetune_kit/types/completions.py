"""Answers of a model to a chat."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from finetune_kit.types.values import Answer

__all__ = ["ChatCompletion", "ChatCompletionChunk", "Choice", "CompletionMessage", "Usage"]


class Usage(Answer):
    """Tokens that were read and written."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


class CompletionMessage(Answer):
    """The message that a model wrote. Its repr does not show the content."""

    role: str | None = None
    content: str | None = Field(default=None, repr=False)
    refusal: str | None = Field(default=None, repr=False)
    tool_calls: tuple[dict[str, Any], ...] | None = Field(default=None, repr=False)


class Choice(Answer):
    """One of the answers to a request."""

    index: int | None = None
    finish_reason: str | None = None
    message: CompletionMessage = CompletionMessage()
    logprobs: dict[str, Any] | None = Field(default=None, repr=False)


class ChatCompletion(Answer):
    """A model's answer to a chat."""

    id: str
    object: str | None = None
    created: int | None = None
    model: str | None = None
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    system_fingerprint: str | None = None

    @property
    def text(self) -> str:
        """The content of the first choice; an empty string where it has none."""
        return (self.choices[0].message.content or "") if self.choices else ""


class ChatCompletionChunk(Answer):
    """One piece of an answer that is being written."""

    id: str
    model: str | None = None
    choices: tuple[dict[str, Any], ...] = Field(default=(), repr=False)
    usage: Usage | None = None

    @property
    def text(self) -> str:
        """What this piece adds to the content of the first choice."""
        delta = self.choices[0].get("delta") if self.choices else None
        return (delta or {}).get("content") or ""
