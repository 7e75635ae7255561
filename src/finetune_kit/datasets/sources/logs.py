"""Logged API traffic: stored completions, and requests with their responses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from finetune_kit.datasets.sources.formats import RecordFormat
from finetune_kit.datasets.sources.found import Found, Lost, UnusableError
from finetune_kit.datasets.sources.streams import joined
from finetune_kit.datasets.sources.turns import messages_of

if TYPE_CHECKING:
    from finetune_kit.datasets.sources.formats import Yielded
    from finetune_kit.datasets.sources.found import Options
    from finetune_kit.datasets.tables import Table

__all__ = ["Logs", "is_log"]

_REQUESTS: Final = ("request", "request_body", "requestBody", "req", "kwargs", "body", "input", "messages")
_RESPONSES: Final = ("response", "response_body", "responseBody", "resp", "output", "completion")
_FEEDBACK: Final = ("feedback", "score", "rating", "scores", "thumbs", "reward")
_GOOD: Final = frozenset({"thumbs_up", "up", "positive", "good", "like", "liked", "yes", "correct", "accepted", "👍"})
_BAD: Final = frozenset({"thumbs_down", "down", "negative", "bad", "dislike", "disliked", "no", "incorrect", "👎"})
_IDS: Final = ("id", "request_id", "call_id", "custom_id", "trace_id", "traceId")
_KEPT: Final = ("model", "created", "metadata", "user", "timestamp", "start_time", "startTime", "tags")
_SHAPE: Final = "give records of a request with messages and a response with choices"
_CUT_OFF: Final = ("length", "content_filter", "max_tokens", "incomplete")


@dataclass(frozen=True, slots=True)
class Logs(RecordFormat):
    """Calls of a model that were logged: what was asked, what was answered, and how people liked it.

    Takes `chat.completion` objects stored with their messages, {"request", "response"}
    records, lines of the Batch API, and records of LiteLLM and Langfuse. A call that
    failed, was cut off, or whose id stands in the log already, gives no example.

    Example:
        >>> Logs(min_score=1).min_score
        1
    """

    min_score: float | None = None
    """Take only calls whose feedback is at least this; thumbs up is 1, thumbs down 0. A call without feedback is left
    out, too."""
    score: str | None = None
    """The name of the score where a call has several, or of the column that holds it."""

    def read_table(self, table: Table, options: Options) -> Yielded:
        """Yield an example for each call, the first of each id."""
        seen: dict[str, int] = {}
        for found in RecordFormat.read_table(self, table, options):
            name = found.extra.get("id") if isinstance(found, Found) else None
            if isinstance(name, str) and name in seen:
                yield Lost(found.line, f"the id stands already on line {seen[name]}", "nothing needed: it is one call")
                continue
            if isinstance(name, str):
                seen[name] = found.line
            yield found

    def convert(self, record: Mapping[str, Any], line: int, options: Options) -> Iterator[Found]:  # noqa: ARG002 - one way for all
        """Yield one chat."""
        feedback = self._feedback(record)
        if self.min_score is not None and (feedback is None or feedback < self.min_score):
            said = "there is no feedback" if feedback is None else "the feedback is below min_score"
            raise UnusableError(said, "nothing needed, or lower min_score")
        request = _request(record)
        messages, answer = _asked(request), _answer(record)
        row: dict[str, Any] = {"messages": [*messages, answer]}
        row |= {key: request[key] for key in ("tools", "parallel_tool_calls") if request.get(key) is not None}
        yield Found(row, line, _extra(record, request, feedback))

    def _feedback(self, record: Mapping[str, Any]) -> float | None:
        places = (record, _mapping(record.get("metadata")), _mapping(record.get("response")))
        names = (self.score,) if self.score else _FEEDBACK
        values = (_score(place[name], self.score) for place in places for name in names if place.get(name) is not None)
        named = (_score(record.get("scores"), self.score),)
        return next((value for value in (*values, *named) if value is not None), None)


def is_log(record: Mapping[str, Any]) -> bool:
    """Tell whether a record is a logged call beyond doubt."""
    if record.get("object") in ("chat.completion", "response"):
        return True
    requests, responses = record.keys() & set(_REQUESTS), record.keys() & set(_RESPONSES)
    if not requests or not responses:
        return False
    try:
        _asked(_request(record))
        return bool(_answer(record))
    except UnusableError:
        return False


def _request(record: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in _REQUESTS:
        value = _parsed(record.get(name))
        if isinstance(value, list) and value:
            return {**record, "messages": value}
        if isinstance(value, Mapping):
            inner = _parsed(value.get("body", value.get("kwargs", value)))
            if isinstance(inner, Mapping) and (inner.get("messages") or inner.get("input")):
                return inner
        if isinstance(value, str) and value.strip() and name == "input":
            return {**record, "messages": [{"role": "user", "content": value}]}
    raise UnusableError("there is no request with messages", _SHAPE)


def _asked(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    messages = _parsed(request.get("messages", request.get("input")))
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    asked = messages_of(messages)
    instructions = _text(request.get("instructions", request.get("system")))
    return [{"role": "system", "content": instructions}, *asked] if instructions.strip() else asked


def _text(value: object) -> str:
    """Return a text that is a string or a list of parts; empty where it is neither."""
    parts = value if isinstance(value, list) else [{"text": value}]
    texts = (part.get("text") for part in parts if isinstance(part, Mapping))
    return "\n".join(text for text in texts if isinstance(text, str))


def _answer(record: Mapping[str, Any]) -> dict[str, Any]:
    if record.get("error"):
        raise UnusableError("the call failed", "nothing needed: a call that failed has no answer")
    response = record if "choices" in record else None
    if response is None:
        response = _parsed(next((record[name] for name in _RESPONSES if record.get(name) is not None), None))
    if isinstance(response, Mapping) and "body" in response:
        response = _parsed(response["body"])
    return _message(joined(response))


def _message(response: Any) -> dict[str, Any]:
    if isinstance(response, str) and response.strip():
        return {"role": "assistant", "content": response}
    if isinstance(response, list) and response:
        return _of_items(response)
    if not isinstance(response, Mapping):
        raise UnusableError("there is no response", _SHAPE)
    if isinstance(response.get("choices"), list) and response["choices"]:
        return _of_choice(response["choices"][0])
    if response.get("stop_reason") in _CUT_OFF:
        raise UnusableError("the answer was cut off", "nothing needed, or complete it by hand")
    if isinstance(response.get("output"), list):
        if response.get("status") in _CUT_OFF:
            raise UnusableError("the answer was cut off", "nothing needed, or complete it by hand")
        return _of_items(response["output"])
    return _checked({"role": "assistant", **response} if {"content", "tool_calls"} & response.keys() else {})


def _of_choice(choice: Any) -> dict[str, Any]:
    if not isinstance(choice, Mapping):
        raise UnusableError("a choice is no object", _SHAPE)
    if choice.get("finish_reason") in _CUT_OFF:
        raise UnusableError("the answer was cut off or withheld", "nothing needed, or complete it by hand")
    message = choice.get("message")
    return _checked(message if isinstance(message, Mapping) else {})


def _of_items(items: list[Any]) -> dict[str, Any]:
    """Return the answer of the Responses API: its texts joined, and its calls of functions."""
    texts: list[Any] = []
    calls: list[dict[str, Any]] = []
    for item in items:
        if not isinstance(item, Mapping):
            continue
        if item.get("type") == "function_call":
            function = {"name": item.get("name"), "arguments": item.get("arguments")}
            calls.append({"id": item.get("call_id"), "type": "function", "function": function})
        content = item.get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        texts += [part["text"] for part in parts if isinstance(part, Mapping) and isinstance(part.get("text"), str)]
    answer: dict[str, Any] = {"role": "assistant", "content": "".join(texts) or None}
    return _checked(answer | ({"tool_calls": calls} if calls else {}))


def _checked(message: Mapping[str, Any]) -> dict[str, Any]:
    if message.get("role") != "assistant" or not (message.get("content") or message.get("tool_calls")):
        raise UnusableError("the response has no answer of the assistant", _SHAPE)
    return messages_of([message])[0]


def _extra(record: Mapping[str, Any], request: Mapping[str, Any], feedback: float | None) -> dict[str, Any]:
    name = next((record[key] for key in _IDS if isinstance(record.get(key), str)), None)
    if name is None:
        name = _mapping(record.get("response")).get("id")
    kept = {key: record.get(key, request.get(key)) for key in _KEPT}
    found = {"id": name, "feedback": feedback, **kept}
    return {key: value for key, value in found.items() if value is not None}


def _score(value: Any, name: str | None) -> float | None:
    if isinstance(value, bool | int | float):
        return float(value)
    if isinstance(value, str):
        said = value.strip().casefold()
        return 1.0 if said in _GOOD else 0.0 if said in _BAD else None
    if isinstance(value, Mapping):
        return _score(next((value[key] for key in (name, "score", "rating", "value") if key in value), None), name)
    items = value if isinstance(value, list) else []
    scored = [item for item in items if isinstance(item, Mapping) and (name is None or item.get("name") == name)]
    return _score(scored[0].get("value"), name) if scored else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _parsed(value: Any) -> Any:
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
