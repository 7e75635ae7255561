"""Answers of models to chats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from pydantic import ValidationError

from finetune_kit.dialects.base import ChatCall
from finetune_kit.errors import APIResponseValidationError, ConfigurationError
from finetune_kit.resources.base import Resource
from finetune_kit.types.completions import ChatCompletionChunk
from finetune_kit.types.messages import Message
from finetune_kit.wire.answer import redacted
from finetune_kit.wire.modes import M, listing, operation

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from finetune_kit.types.completions import ChatCompletion

__all__ = ["Completions"]


class Completions(Resource[M]):
    """Answers of models, base and tuned, to chats."""

    @operation
    async def create(  # noqa: PLR0913 - the protocol's own parameters
        self,
        model: str,
        messages: Sequence[Message | Mapping[str, Any]],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        n: int | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None,
        response_format: Mapping[str, Any] | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> ChatCompletion:
        """Answer a chat; what is None is left to the service.

        Args:
            model: Id of a base model, a tuned one or a checkpoint.
            messages: The chat so far, as messages or as dictionaries in the protocol's shape.
            max_tokens: The most tokens that the answer may have.
            temperature: 0 (always the likeliest token) to 2.
            top_p: Share of probability to sample from, 0 to 1.
            n: How many answers.
            seed: Best effort for the same answer again.
            stop: Up to four texts at which an answer ends.
            tools: Functions that the model may call.
            tool_choice: "none", "auto", "required" or one function.
            response_format: A shape for the answer, such as a JSON Schema.
            logprobs: Whether to send log probabilities.
            top_logprobs: How many alternatives for each token, 0 to 20.
            extra: Further fields of the body, as the service knows them.

        Repeated after a failure on the way, since an answer has no lasting effect.
        """
        chat = ChatCall(
            model, _plain(messages), max_tokens, temperature, top_p, n, seed, stop,
            tools, tool_choice, response_format, logprobs, top_logprobs, extra or {},
        )  # fmt: skip
        return await self._dialect.create_completion(self._send, chat)

    @listing
    async def stream(
        self,
        model: str,
        messages: Sequence[Message | Mapping[str, Any]],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[ChatCompletionChunk, None]:
        """Answer a chat piece by piece; parameters as for `create`.

        Not repeated after a failure, since pieces may have been used already.
        """
        chat = ChatCall(
            model, _plain(messages), max_tokens, temperature, top_p, seed=seed, stop=stop, extra=extra or {}
        )
        pieces = self._dialect.stream_completion(self._send, chat)
        try:
            async for data in _server_sent(pieces):
                if data == b"[DONE]":
                    return
                yield _chunk(data)
        finally:
            await pieces.aclose()


def _plain(messages: Sequence[Message | Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    if not messages:
        raise ConfigurationError("A chat needs at least one message.")
    return [each.model_dump(mode="json", exclude_none=True) if isinstance(each, Message) else each for each in messages]


async def _server_sent(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Give the data of each event (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
    rest = b""
    async for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line.removeprefix(b"data:").strip()
    if rest.startswith(b"data:"):
        yield rest.removeprefix(b"data:").strip()


def _chunk(data: bytes) -> ChatCompletionChunk:
    try:
        body = orjson.loads(data)
        if isinstance(body, dict) and isinstance(body.get("error"), dict):
            said = redacted(str(body["error"].get("message") or "no message"))
            message = f"The answer broke off with an error of the service: {said}"
            raise APIResponseValidationError(message)
        return ChatCompletionChunk.model_validate(body)
    except (orjson.JSONDecodeError, ValidationError):
        message = "A piece of a streamed answer cannot be read. Ask again, or without streaming."
        raise APIResponseValidationError(message) from None
