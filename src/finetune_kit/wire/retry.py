"""When a call is repeated, and how long to wait before it is."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from finetune_kit.errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    RateLimitError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LONGEST_WAIT_SECONDS", "RetryPolicy", "ambiguous", "retry_after", "should_retry"]

LONGEST_WAIT_SECONDS = 120.0
"""A service that asks for a longer wait is not waited for: the error is raised."""

HOPELESS_CODES = frozenset({"insufficient_quota", "daily_rate_limit_exceeded", "credit_balance_exhausted"})
"""Codes of 429 that a repeat cannot help: a person has to act, or a day has to pass."""

_TEMPORARY = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and after which waits.

    Waits grow as 0.5, 1, 2, 4 and at most 8 seconds, each drawn evenly from zero to that
    ("full jitter", https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
    A wait that the service asks for is kept to.
    """

    max_retries: int = 3
    first_seconds: float = 0.5
    most_seconds: float = 8.0

    def repeats(self, error: BaseException, *, safe: bool) -> bool:
        """Say whether the call that ended in this error is worth another try."""
        if isinstance(error, APIStatusError):
            return _status_repeats(error, safe=safe)
        if isinstance(error, APIConnectionError):
            return safe or not error.request_sent
        return safe and isinstance(error, APIResponseValidationError)

    def seconds(self, error: BaseException | None, attempt: int) -> float:
        """Return how long to wait after the given attempt, the first being 1."""
        if isinstance(error, APIStatusError) and error.retry_after is not None:
            return error.retry_after
        return random.uniform(0.0, min(self.most_seconds, self.first_seconds * 2.0 ** (attempt - 1)))  # noqa: S311


def _status_repeats(error: APIStatusError, *, safe: bool) -> bool:
    if error.code in HOPELESS_CODES or (error.retry_after or 0.0) > LONGEST_WAIT_SECONDS:
        return False
    if isinstance(error, RateLimitError):
        # On a job's creation this type means "too many active jobs", which no quick repeat can help.
        return error.should_retry is not False and (safe or error.type != "invalid_request_error")
    if not safe:
        return False
    if error.should_retry is not None:
        return error.should_retry
    return error.status_code in _TEMPORARY or error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR


def ambiguous(error: BaseException) -> bool:
    """Say whether the service may have acted although the call ended in this error."""
    if isinstance(error, APIStatusError):
        return error.status_code in _TEMPORARY or error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    if isinstance(error, APIConnectionError):
        return error.request_sent
    return isinstance(error, APIResponseValidationError)


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the wait in seconds that the headers ask for, or None.

    Reads `retry-after-ms`, then `Retry-After` as seconds or as an HTTP date (RFC 9110,
    section 10.2.3). A date in the past means no wait; what cannot be read counts as absent.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000.0
    asked = headers.get("retry-after")
    seconds = _number(asked)
    if seconds is not None or asked is None:
        return seconds
    try:
        at = parsedate_to_datetime(asked)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """Return what `x-should-retry` says, or None."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and 0.0 <= number < float("inf") else None
