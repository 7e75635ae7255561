"""What the embedded server refuses and fails at, in the service's error body."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

from finetune_kit.errors import APIStatusError, ConfigurationError, FinetuneKitError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "DISK_ERRORS",
    "JsonAnswer",
    "Problem",
    "bad_request",
    "disk_full",
    "engine_problem",
    "not_found",
    "unknown_job",
    "unknown_model",
]

DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says when a disk, a quota or the largest allowed file is full."""


class JsonAnswer(Response):
    """An answer whose body is JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return orjson.dumps(content)


class Problem(Exception):  # noqa: N818 - the server's word for what it answers
    """A request that ends with an error body; the message never quotes what was sent but ids and bounds."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        type: str = "invalid_request_error",  # noqa: A002 - the wire's own name
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": type, "param": param, "code": code}}
        self.headers = headers

    def answer(self) -> JsonAnswer:
        """Return the answer that says so."""
        return JsonAnswer(self.body, self.status, dict(self.headers or {}))


def bad_request(message: str, param: str | None = None, code: str | None = None) -> Problem:
    """Return the problem of a request that cannot be meant."""
    return Problem(400, message, param=param, code=code)


def not_found(message: str, param: str | None = None, code: str | None = None) -> Problem:
    """Return the problem of something that is not there."""
    return Problem(404, message, param=param, code=code)


def unknown_job(identifier: str) -> Problem:
    """Return the problem of a job that is not there."""
    return not_found(f"Could not find fine tune: {identifier}", "fine_tune_id", "fine_tune_not_found")


def unknown_model(model: str) -> Problem:
    """Return the problem of a model that is not there."""
    return not_found(f"The model `{model}` does not exist or you do not have access to it.", "model", "model_not_found")


def disk_full() -> Problem:
    """Return the problem of a server that cannot keep what it was sent; to try again is no use."""
    return Problem(
        507,
        "The disk of the local server is full: nothing of this request was kept. Free space, then try again.",
        code="disk_full",
        type="server_error",
        headers={"x-should-retry": "false"},
    )


def engine_problem(error: FinetuneKitError) -> Problem:
    """Return the problem of an engine that cannot answer: the request's fault, or that of this machine."""
    if isinstance(error, APIStatusError):
        return Problem(error.status_code, error.message, param=error.param, code=error.code)
    if isinstance(error, ConfigurationError | UnsupportedError):
        return bad_request(error.message)
    return Problem(500, error.message, type="server_error", headers={"x-should-retry": "false"})
