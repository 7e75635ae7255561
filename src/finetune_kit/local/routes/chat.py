"""The route of chat completions, whole or streamed."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import StreamingResponse
from starlette.routing import Route

from finetune_kit.errors import FinetuneKitError
from finetune_kit.local.chat_requests import ChatOrder, read_chat_order
from finetune_kit.local.engines.base import ServedModel
from finetune_kit.local.identifiers import new_id
from finetune_kit.local.problems import JsonAnswer, Problem, engine_problem, unknown_model
from finetune_kit.local.requests import Parts, parts_of, read_fields

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from finetune_kit.local.engines.base import ChatPiece

__all__ = ["ROUTES"]


async def create_completion(request: Request) -> Response:
    """Answer a chat with a base model, a tuned one or a checkpoint."""
    parts = parts_of(request)
    order = read_chat_order(await read_fields(request))
    model = _model(parts, order.model)
    head = {"id": new_id("chatcmpl-"), "created": int(parts.store.now()), "model": model.id}
    pieces = _asked(parts.engine.chat(order.request(model)))
    if not order.stream:
        return JsonAnswer({**head, "object": "chat.completion", **_whole([piece async for piece in pieces])})
    # The first piece is awaited here, so that what is wrong with the model has a status of its own.
    first = await anext(pieces, None)
    return StreamingResponse(_stream(head, first, pieces, order), media_type="text/event-stream")


def _model(parts: Parts, wanted: str) -> ServedModel:
    tuned = parts.store.models.get(wanted)
    if tuned is not None:
        return ServedModel(tuned.id, tuned.base, tuned.adapter)
    base = parts.engine.resolve(wanted)
    if base is None:
        raise unknown_model(wanted)
    return ServedModel(base, base)


async def _asked(pieces: AsyncIterator[ChatPiece]) -> AsyncIterator[ChatPiece]:
    """Yield the pieces of an engine; what it fails at becomes a problem."""
    try:
        async for piece in pieces:
            yield piece
    except FinetuneKitError as error:
        raise engine_problem(error) from error


def _whole(pieces: Sequence[ChatPiece]) -> dict[str, Any]:
    texts: dict[int, list[str]] = defaultdict(list)
    for piece in pieces:
        texts[piece.index].append(piece.text)
    reasons = {piece.index: piece.finish_reason for piece in pieces if piece.finish_reason}
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": "".join(text), "refusal": None},
            "logprobs": None,
            "finish_reason": reasons.get(index, "stop"),
        }
        for index, text in sorted(texts.items())
    ]
    return {"choices": choices, "usage": _usage(pieces)}


def _usage(pieces: Sequence[ChatPiece]) -> dict[str, int]:
    """Return the token counts: the prompt is counted once, however many answers it has."""
    prompt = max((piece.prompt_tokens for piece in pieces), default=0)
    written = sum(piece.completion_tokens for piece in pieces)
    return {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}


async def _stream(
    head: dict[str, Any], first: ChatPiece | None, rest: AsyncIterator[ChatPiece], order: ChatOrder
) -> AsyncIterator[bytes]:
    head = {**head, "object": "chat.completion.chunk"}
    ends: list[ChatPiece] = []
    for index in range(order.n):
        yield _event({**head, "choices": [_delta(index, {"role": "assistant", "content": "", "refusal": None})]})
    try:
        async for piece in _chained(first, rest):
            if piece.text:
                yield _event({**head, "choices": [_delta(piece.index, {"content": piece.text})]})
            if piece.finish_reason:
                ends.append(piece)
                yield _event({**head, "choices": [_delta(piece.index, {}, piece.finish_reason)]})
    except Problem as problem:
        yield _event(problem.body)
        return
    if order.include_usage:
        yield _event({**head, "choices": [], "usage": _usage(ends)})
    yield b"data: [DONE]\n\n"


async def _chained(first: ChatPiece | None, rest: AsyncIterator[ChatPiece]) -> AsyncIterator[ChatPiece]:
    if first is not None:
        yield first
    async for piece in rest:
        yield piece


def _delta(index: int, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}


def _event(body: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(body) + b"\n\n"


ROUTES = (Route("/chat/completions", create_completion, methods=["POST"]),)
