from __future__ import annotations

from datetime import UTC, datetime

import pytest

from finetune_kit.errors import (
    APIConnectionError,
    APIResponseValidationError,
    APITimeoutError,
    BadRequestError,
    ConflictError,
    FinetuneKitError,
    InternalServerError,
    RateLimitError,
)
from finetune_kit.wire.retry import RetryPolicy, ambiguous, retry_after, should_retry

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "300", "retry-after": "9"}, 0.3),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:05 GMT"}, 5.0),
        ({"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "86400"}, 86400.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
    ],
)
def test_the_wait_asked_for_is_read_from_every_form(headers, seconds):
    assert retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(("value", "meaning"), [("true", True), ("False", False), ("maybe", None), ("", None)])
def test_the_services_own_word_on_repeating_is_read(value, meaning):
    assert should_retry({"x-should-retry": value}) is meaning


def status(cls: type, status_code: int, **fields: object) -> FinetuneKitError:
    return cls("x", status_code=status_code, **fields)


@pytest.mark.parametrize(
    ("error", "safe", "repeated"),
    [
        (APIConnectionError("x"), True, True),
        (APIConnectionError("x"), False, False),
        (APIConnectionError("x", request_sent=False), False, True),
        (APITimeoutError("x"), True, True),
        (APITimeoutError("x"), False, False),
        (APIResponseValidationError("x"), True, True),
        (APIResponseValidationError("x"), False, False),
        (status(InternalServerError, 502), True, True),
        (status(InternalServerError, 502), False, False),
        (status(InternalServerError, 507, should_retry=False), True, False),
        (status(ConflictError, 409), True, True),
        (status(BadRequestError, 400), True, False),
        (status(BadRequestError, 400, should_retry=True), True, True),
        (status(RateLimitError, 429), True, True),
        (status(RateLimitError, 429, type="requests"), False, True),
        (status(RateLimitError, 429, type="invalid_request_error"), False, False),
        (status(RateLimitError, 429, retry_after=120.0), True, True),
        (status(RateLimitError, 429, retry_after=121.0), True, False),
        (status(RateLimitError, 429, code="insufficient_quota"), True, False),
        (status(RateLimitError, 429, code="daily_rate_limit_exceeded"), True, False),
        (ValueError("a bug"), True, False),
    ],
)
def test_only_what_a_repeat_can_help_is_repeated(error, safe, repeated):
    assert RetryPolicy().repeats(error, safe=safe) is repeated


def test_a_wait_that_the_service_asks_for_is_kept_to():
    assert RetryPolicy().seconds(status(RateLimitError, 429, retry_after=42.0), 1) == 42.0


@pytest.mark.parametrize(("attempt", "most"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (9, 8.0)])
def test_backoff_is_drawn_from_zero_to_a_growing_bound(attempt, most):
    drawn = [RetryPolicy().seconds(None, attempt) for _ in range(500)]
    assert 0.0 <= min(drawn) < 0.1 * most
    assert 0.9 * most < max(drawn) <= most


@pytest.mark.parametrize(
    ("error", "open_outcome"),
    [
        (APITimeoutError("x"), True),
        (APIConnectionError("x", request_sent=False), False),
        (APIResponseValidationError("x"), True),
        (status(InternalServerError, 500), True),
        (status(ConflictError, 409), True),
        (status(BadRequestError, 400), False),
        (status(RateLimitError, 429), False),
    ],
)
def test_an_outcome_is_open_where_the_service_may_have_acted(error, open_outcome):
    assert ambiguous(error) is open_outcome
