"""Reading an answer: into the value that was asked for, or into the error that it means."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError

from finetune_kit.errors import APIResponseValidationError, APIStatusError, status_error_class
from finetune_kit.wire.retry import retry_after, should_retry

if TYPE_CHECKING:
    from finetune_kit.wire.call import Call, Response

__all__ = ["check_status", "read_answer", "redacted"]

T = TypeVar("T")

_LONGEST_MESSAGE = 600
_SECRETS = re.compile(r"\b(sk|pk|rk|hf|gsk|xai)[-_][A-Za-z0-9_\-*]{4,}|(?i:bearer)\s+\S+")
_QUOTED_LINE = re.compile(r"\s*\(HINT: line starts with:.*?\)\.?", re.DOTALL)


def redacted(text: str) -> str:
    """Return a service's message without anything shaped like a key, or a quoted line of a file."""
    clean = _QUOTED_LINE.sub("", _SECRETS.sub("[redacted]", text)).strip()
    return clean if len(clean) <= _LONGEST_MESSAGE else clean[:_LONGEST_MESSAGE] + " …"


def check_status(call: Call[Any], response: Response) -> None:
    """Raise the error of the tree that an unsuccessful answer means."""
    status = response.status_code
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    where = f"{call.method} {call.path}"
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        message = (
            f"{where}: {status}, the service wants another address. Redirects are not followed, since they "
            "would carry the request there: check the base URL (host, https, trailing slash)."
        )
        raise APIStatusError(message, status_code=status)
    detail = _error_detail(response)
    code, request_id = _text(detail.get("code")), response.headers.get("x-request-id")
    said = _text(detail.get("message")) or _phrase(status)
    suffix = f", request {request_id}" if request_id else ""
    raise status_error_class(status, code)(
        redacted(f"{status}{f' {code}' if code else ''}: {said}") + f" ({where}{suffix})",
        status_code=status,
        code=code,
        param=_text(detail.get("param")),
        type=_text(detail.get("type")),
        request_id=request_id,
        retry_after=retry_after(response.headers),
        should_retry=should_retry(response.headers),
    )


def read_answer(call: Call[T], response: Response) -> T:
    """Return the body as the type that the call asks for; raise APIResponseValidationError otherwise."""
    body = _json(call, response)
    if isinstance(body, dict) and isinstance(body.get("error"), dict) and not body.keys() & {"id", "data"}:
        said = redacted(_text(body["error"].get("message")) or "no message")
        raise _unusable(call, response, f"is an error in spite of its status: {said}")
    try:
        if isinstance(call.answer, type) and issubclass(call.answer, BaseModel):
            return call.answer.model_validate(body)
        return TypeAdapter(call.answer).validate_python(body)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, e["loc"][:3])) or "the whole" for e in error.errors()})[:5])
        wanted = getattr(call.answer, "__name__", str(call.answer))
        raise _unusable(call, response, f"is not the {wanted} that was asked for (wrong: {fields})") from None


def _json(call: Call[Any], response: Response) -> Any:
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError:
        kind = response.headers.get("content-type", "no content type").split(";")[0]
        size = f"{len(response.content):,} bytes of {kind}" if response.content else "empty"
        raise _unusable(call, response, f"is no JSON ({size})") from None


def _unusable(call: Call[Any], response: Response, what: str) -> APIResponseValidationError:
    message = f"{call.method} {call.path}: the answer with status {response.status_code} {what}. "
    return APIResponseValidationError(
        message + "Check that the base URL is that of the service's API.", status_code=response.status_code
    )


def _error_detail(response: Response) -> dict[str, Any]:
    """Find code, message, param and type in the shapes that services and gateways use."""
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(body, dict):
        return {}
    inner = body.get("error", body)
    if isinstance(inner, str):
        return {"message": inner}
    if not isinstance(inner, dict):
        return {}
    return {**inner, "message": inner.get("message") or inner.get("detail")}


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) else None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no explanation"
