from __future__ import annotations

import pytest

from finetune_kit.errors import (
    APIResponseValidationError,
    APIStatusError,
    AuthenticationError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    TrainingNotAvailableError,
)
from finetune_kit.types.jobs import Job
from finetune_kit.wire.answer import check_status, read_answer, redacted
from finetune_kit.wire.call import Call, Response

CALL = Call("GET", "/fine_tuning/jobs/ftjob-1", Job)


def answer(content: bytes, status: int = 200, **headers: str) -> Response:
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def test_a_job_with_only_id_and_status_is_read():
    job = read_answer(CALL, answer(b'{"id": "ftjob-1", "status": "running"}'))
    assert (job.id, job.status, job.error, job.result_files) == ("ftjob-1", "running", None, ())


def test_unknown_fields_are_kept():
    job = read_answer(CALL, answer(b'{"id": "a", "status": "s", "class": 1, "_private": 2, "nested": {"a": [1]}}'))
    assert job.model_extra == {"class": 1, "_private": 2, "nested": {"a": [1]}}


@pytest.mark.parametrize("error", [b"{}", b"null", b'{"code": null, "message": null, "param": null}'])
def test_an_error_without_a_message_is_no_error(error):
    assert read_answer(CALL, answer(b'{"id": "a", "status": "running", "error": ' + error + b"}")).error is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"text"',
        b'{"id": "a"',
        b'{"id": "a", "status": NaN}',
        b'{"id": "a", "status": "\xff"}',
        b"<!doctype html><html></html>",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"id": 1, "status": []}',
    ],
)
def test_whatever_is_no_job_is_one_kind_of_error(content):
    with pytest.raises(APIResponseValidationError, match="/fine_tuning/jobs/ftjob-1"):
        read_answer(CALL, answer(content))


def test_a_success_that_carries_an_error_is_an_error():
    with pytest.raises(APIResponseValidationError, match="server had an error"):
        read_answer(CALL, answer(b'{"error": {"message": "The server had an error", "type": "server_error"}}'))


def test_an_error_of_reading_never_quotes_the_answer():
    with pytest.raises(APIResponseValidationError) as caught:
        read_answer(CALL, answer(b'{"id": {"secret row": 1}, "status": "x"}'))
    assert "secret row" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body", "cls", "code"),
    [
        (401, b'{"error": {"message": "no", "type": "t", "param": null, "code": "invalid_api_key"}}',
         AuthenticationError, "invalid_api_key"),
        (403, b'{"error": {"message": "no", "code": "training_not_available"}}',
         TrainingNotAvailableError, "training_not_available"),
        (403, b'{"error": {"message": "no", "code": null}}', PermissionDeniedError, None),
        (404, b'{"error": "plain text"}', NotFoundError, None),
        (404, b'{"detail": "Not Found"}', NotFoundError, None),
        (500, b"not json", InternalServerError, None),
        (529, b"", InternalServerError, None),
        (418, b"[]", APIStatusError, None),
        (400, b'{"error": {"code": 17, "message": ["odd"]}}', APIStatusError, "17"),
    ],
)  # fmt: skip
def test_each_status_has_its_class_whatever_the_body(status, body, cls, code):
    with pytest.raises(cls) as caught:
        check_status(CALL, answer(body, status, x_request_id="req_1"))
    assert (caught.value.status_code, caught.value.code, caught.value.request_id) == (status, code, "req_1")


def test_a_redirect_is_refused_with_a_remedy():
    with pytest.raises(APIStatusError, match="check the base URL"):
        check_status(CALL, answer(b"", 307, location="http://elsewhere.example/"))


@pytest.mark.parametrize(
    "text",
    ["Incorrect API key provided: sk-proj-abcdef123", "got Bearer abc.def", "key pk_live_1234567 is wrong"],
)
def test_what_looks_like_a_key_is_left_out(text):
    assert "[redacted]" in redacted(text)
    assert not any(secret in redacted(text) for secret in ("abcdef123", "abc.def", "1234567"))


def test_a_quoted_line_of_a_training_file_is_left_out():
    said = 'Line 1 is not a dictionary (HINT: line starts with: "{"prompt": "my secret"...").'
    assert redacted(said) == "Line 1 is not a dictionary"


def test_a_message_without_end_is_cut():
    assert len(redacted("x" * 10_000)) < 700
