"""The request for a chat completion, read and checked as the service does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finetune_kit.local.engines.base import ChatRequest
from finetune_kit.local.fields import Fields
from finetune_kit.local.problems import bad_request

if TYPE_CHECKING:
    from finetune_kit.local.engines.base import ServedModel

__all__ = ["ChatOrder", "read_chat_order"]

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_MOST_ANSWERS = 128
_MOST_STOPS = 4
_PART_TYPES = ("text", "image_url", "input_audio", "file", "refusal")


@dataclass(frozen=True, slots=True)
class ChatOrder:
    """A chat to answer, by the model id it was asked of; `include_usage` ends a stream with the token counts."""

    model: str
    messages: tuple[dict[str, Any], ...]
    max_tokens: int | None
    temperature: float
    top_p: float
    n: int
    seed: int | None
    stop: tuple[str, ...]
    tools: tuple[dict[str, Any], ...]
    stream: bool
    include_usage: bool

    def request(self, model: ServedModel) -> ChatRequest:
        """Return the order as the request to an engine that has the model."""
        return ChatRequest(
            model=model,
            messages=self.messages,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            n=self.n,
            seed=self.seed,
            stop=self.stop,
            tools=self.tools,
            stream=self.stream,
        )


def read_chat_order(fields: Fields) -> ChatOrder:
    """Return what a body asks for; raise the problem of the first field that is wrong.

    Fields that steer services only (`store`, `user`, `service_tier` and the like) and
    `response_format`, which local engines cannot enforce, are taken and not used.
    """
    temperature = fields.number("temperature", 0, 2)
    top_p = fields.number("top_p", 0, 1)
    if fields.flag("logprobs") or fields.integer("top_logprobs", 0, 20):
        raise bad_request("This server does not give logprobs.", "logprobs", "unsupported_parameter")
    most = fields.integer("max_completion_tokens", 1)
    older = fields.integer("max_tokens", 1)
    return ChatOrder(
        model=fields.required_text("model"),
        messages=_messages(fields),
        max_tokens=older if most is None else most,
        temperature=1.0 if temperature is None else temperature,
        top_p=1.0 if top_p is None else top_p,
        n=fields.integer("n", 1, _MOST_ANSWERS) or 1,
        seed=fields.integer("seed", -(2**63), 2**63 - 1),
        stop=_stop(fields),
        tools=_objects(fields, "tools"),
        stream=fields.flag("stream"),
        include_usage=_include_usage(fields),
    )


def _messages(fields: Fields) -> tuple[dict[str, Any], ...]:
    messages = _objects(fields, "messages")
    if not messages:
        raise bad_request("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    for index, values in enumerate(messages):
        message = Fields(values, f"messages[{index}]")
        role = message.one_of("role", _ROLES)
        if role is None:
            raise message.refusal("role", "a role is required")
        _check_content(message, required=role not in {"assistant", "function"})
    return messages


def _check_content(message: Fields, *, required: bool) -> None:
    content = message.raw("content")
    if content is None and required:
        param = message.param("content")
        raise bad_request(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")
    if isinstance(content, list):
        for index, values in enumerate(content):
            part = Fields(values, f"{message.param('content')}[{index}]")
            if part.one_of("type", _PART_TYPES) == "text":
                part.text("text")
    elif content is not None:
        message.text("content")


def _objects(fields: Fields, name: str) -> tuple[dict[str, Any], ...]:
    values = fields.array(name) or []
    for index, value in enumerate(values):
        Fields(value, f"{fields.param(name)}[{index}]")
    return tuple(values)


def _stop(fields: Fields) -> tuple[str, ...]:
    if isinstance(fields.raw("stop"), str):
        return (fields.raw("stop"),) if fields.raw("stop") else ()
    stops = fields.texts("stop") or []
    if len(stops) > _MOST_STOPS:
        raise fields.refusal("stop", f"expected at most {_MOST_STOPS} sequences")
    return tuple(filter(None, stops))


def _include_usage(fields: Fields) -> bool:
    options = fields.object("stream_options")
    if options is None:
        return False
    if not fields.flag("stream"):
        raise bad_request("'stream_options' is only allowed when 'stream' is true.", "stream_options")
    return options.flag("include_usage")
