"""Files and uploads of the embedded server."""

from __future__ import annotations

import hashlib

import openai
import pytest

CONTENT = bytes(range(256)) * 1000


def test_a_file_comes_back_byte_for_byte_under_its_name(official):
    file = official.api.files.create(file=("naïve “rows”.jsonl", CONTENT), purpose="fine-tune")
    assert (file.bytes, file.filename, file.expires_at) == (len(CONTENT), "naïve “rows”.jsonl", None)
    answer = official.api.files.content(file.id)
    assert answer.read() == CONTENT
    assert answer.response.headers["content-type"] == "application/octet-stream"
    assert answer.response.headers["content-disposition"].startswith("attachment; filename")


def test_a_file_can_be_given_a_time_to_expire(official):
    after = {"anchor": "created_at", "seconds": 3600}
    file = official.api.files.create(file=("a", b"x"), purpose="batch", expires_after=after)
    assert file.expires_at == file.created_at + 3600


def test_a_deleted_file_is_gone(official):
    file = official.api.files.create(file=("a", b"x"), purpose="batch")
    assert official.api.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        official.api.files.retrieve(file.id)


@pytest.mark.parametrize(
    ("data", "param"),
    [
        ({}, "purpose"),
        ({"purpose": "magic"}, "purpose"),
        ({"purpose": "fine-tune-results"}, "purpose"),
        ({"purpose": "batch", "colour": "red"}, "colour"),
        ({"purpose": "batch", "expires_after[seconds]": "3600"}, "expires_after.anchor"),
        ({"purpose": "batch", "expires_after[anchor]": "created_at"}, "expires_after.seconds"),
        (
            {"purpose": "batch", "expires_after[anchor]": "created_at", "expires_after[seconds]": "5"},
            "expires_after.seconds",
        ),
    ],
)
def test_a_wrong_field_of_a_form_is_refused(raw, data, param):
    before = raw.get("/files").json()
    answer = raw.post("/files", data=data, files={"file": ("a", b"x")})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert raw.get("/files").json() == before


def test_a_form_without_a_file_is_refused(raw):
    answer = raw.post("/files", files={"purpose": (None, "batch")})
    assert answer.json()["error"]["param"] == "file"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{}", "application/json"),
        (b"rubbish", "multipart/form-data; boundary=x"),
        (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf a fi',
            "multipart/form-data; boundary=x",
        ),
        (b"", "multipart/form-data"),
    ],
)
def test_a_body_that_is_no_whole_form_is_refused(raw, content, kind):
    before = raw.get("/files").json()
    answer = raw.post("/files", content=content, headers={"content-type": kind})
    assert answer.status_code == 400
    assert raw.get("/files").json() == before


def test_a_large_file_comes_in_parts_in_the_order_given_at_the_end(official):
    uploads = official.api.uploads
    upload = uploads.create(bytes=len(CONTENT), filename="big.jsonl", mime_type="text/jsonl", purpose="fine-tune")
    assert upload.expires_at == upload.created_at + 3600
    second = uploads.parts.create(upload.id, data=CONTENT[1000:])
    first = uploads.parts.create(upload.id, data=CONTENT[:1000])
    digest = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    done = uploads.complete(upload.id, part_ids=[first.id, second.id], md5=digest)
    assert done.status == "completed"
    assert done.file.filename == "big.jsonl"
    assert official.api.files.content(done.file.id).read() == CONTENT


@pytest.fixture
def upload(official):
    """An upload of four bytes that has them in two parts."""
    upload = official.api.uploads.create(bytes=4, filename="a", mime_type="text/jsonl", purpose="fine-tune")
    parts = [official.api.uploads.parts.create(upload.id, data=data).id for data in (b"ab", b"cd")]
    return upload.id, parts


@pytest.mark.parametrize(
    ("choose", "md5"),
    [
        (lambda parts: parts, "0" * 32),
        (lambda parts: parts[:1], None),
        (lambda parts: [parts[0], parts[0]], None),
        (lambda parts: [*parts, "part_unknown"], None),
        (lambda _: [], None),
    ],
)
def test_parts_that_do_not_make_the_announced_file_are_refused_and_stay(official, upload, choose, md5):
    identifier, parts = upload
    options = {} if md5 is None else {"md5": md5}
    with pytest.raises(openai.BadRequestError):
        official.api.uploads.complete(identifier, part_ids=choose(parts), **options)
    assert official.api.uploads.complete(identifier, part_ids=parts).status == "completed"


@pytest.mark.parametrize("end", ["cancel", "complete"])
def test_an_ended_upload_takes_nothing_more(official, upload, end):
    identifier, parts = upload
    if end == "cancel":
        assert official.api.uploads.cancel(identifier).status == "cancelled"
    else:
        official.api.uploads.complete(identifier, part_ids=parts)
    with pytest.raises(openai.BadRequestError):
        official.api.uploads.parts.create(identifier, data=b"x")
    with pytest.raises(openai.BadRequestError):
        official.api.uploads.complete(identifier, part_ids=parts)
    with pytest.raises(openai.BadRequestError):
        official.api.uploads.cancel(identifier)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"bytes": 0}, "bytes"),
        ({"bytes": None}, "bytes"),
        ({"bytes": 9 * 1024**3}, "bytes"),
        ({"purpose": "magic"}, "purpose"),
        ({"filename": ""}, "filename"),
        ({"mime_type": None}, "mime_type"),
        ({"expires_after": {"anchor": "now", "seconds": 3600}}, "expires_after.anchor"),
    ],
)
def test_a_wrong_announcement_is_refused(raw, changes, param):
    body = {"bytes": 4, "filename": "a", "mime_type": "text/jsonl", "purpose": "fine-tune", **changes}
    answer = raw.post("/uploads", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
