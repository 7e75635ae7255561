"""Sends calls to one service: authenticates, retries, and turns answers into values or errors."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import orjson
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from finetune_kit.errors import APIError, NotFoundError
from finetune_kit.wire.answer import check_status, read_answer
from finetune_kit.wire.call import Request
from finetune_kit.wire.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from finetune_kit.wire.call import Call, Response
    from finetune_kit.wire.io import IO

__all__ = ["Sender"]

T = TypeVar("T")

_log = logging.getLogger("finetune_kit")


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends calls to one service.

    `timeout_seconds` bounds one whole exchange, headers and body; `headers` hold the
    credentials and are never shown.
    """

    io: IO
    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    timeout_seconds: float = 60.0
    policy: RetryPolicy = field(default_factory=RetryPolicy)

    async def __call__(self, call: Call[T]) -> T:
        """Send the call and return its answer.

        Raises:
            APIError: Whatever went wrong, after the repeats that were worth while.
        """
        tries = 0

        async def once() -> T:
            nonlocal tries
            tries += 1
            try:
                return read_answer(call, await self._exchange(call))
            except NotFoundError:
                if call.if_gone is not None and tries > 1:
                    return call.if_gone
                raise

        return await self._retrying(call)(once)

    async def content(self, call: Call[bytes]) -> bytes:
        """Send the call and return the body of its answer as it is."""

        async def once() -> bytes:
            return (await self._exchange(call)).content

        return await self._retrying(call)(once)

    def chunks(self, call: Call[bytes]) -> AsyncGenerator[bytes, None]:
        """Send the call once, and give the body of its answer as it comes."""
        return self.io.chunks(self._request(call), lambda response: check_status(call, response))

    def patient(self, timeout_seconds: float) -> Sender:
        """Return the same sender with more time for an exchange, where it has less."""
        return replace(self, timeout_seconds=max(timeout_seconds, self.timeout_seconds))

    async def _exchange(self, call: Call[T]) -> Response:
        response = await self.io.exchange(self._request(call))
        check_status(call, response)
        return response

    def _request(self, call: Call[T]) -> Request:
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", **self.headers}
        content = None
        if call.body is not None:
            content = orjson.dumps(call.body)
            headers["Content-Type"] = "application/json"
        return Request(
            method=call.method,
            url=self.base_url + call.path,
            query=call.query,
            headers=headers,
            content=content,
            form=call.form,
            timeout_seconds=self.timeout_seconds,
            limit_bytes=call.limit_bytes,
        )

    def _retrying(self, call: Call[T]) -> AsyncRetrying:
        def wait(state: RetryCallState) -> float:
            return self.policy.seconds(state.outcome.exception() if state.outcome else None, state.attempt_number)

        def note(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            pause = state.next_action.sleep if state.next_action else 0.0
            name = type(error).__name__
            _log.warning("%s %s: %s, trying again in %.1f s", call.method, call.path, name, pause)

        return AsyncRetrying(
            sleep=self.io.sleep,
            stop=stop_after_attempt(self.policy.max_retries + 1),
            wait=wait,
            retry=retry_if_exception(
                lambda error: isinstance(error, APIError) and self.policy.repeats(error, safe=call.safe)
            ),
            before_sleep=note,
            reraise=True,
        )
