"""Routes of uploads: large files in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio.to_thread
from starlette.routing import Route

from finetune_kit.local.answers import part_answer, upload_answer
from finetune_kit.local.multipart import read_form
from finetune_kit.local.problems import JsonAnswer, Problem, bad_request, not_found
from finetune_kit.local.requests import parts_of, read_fields
from finetune_kit.local.routes.files import PURPOSES, keep_seconds
from finetune_kit.local.stored_uploads import UploadRefused

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from finetune_kit.local.stored_uploads import StoredUpload

__all__ = ["ROUTES"]

_MAX_PART_BYTES = 64 * 1024 * 1024
_MAX_UPLOAD_BYTES = 8 * 1024**3


async def create_upload(request: Request) -> Response:
    """Announce a file that will come in parts."""
    fields = await read_fields(request, ("filename", "purpose", "bytes", "mime_type", "expires_after"))
    filename = fields.required_text("filename")
    fields.required_text("purpose")
    purpose = fields.one_of("purpose", PURPOSES) or ""
    size = fields.integer("bytes", 1, _MAX_UPLOAD_BYTES)
    if size is None:
        raise bad_request("Missing required parameter: 'bytes'.", "bytes", "missing_required_parameter")
    fields.required_text("mime_type")
    upload = parts_of(request).store.uploads.create(
        filename=filename, purpose=purpose, size=size, keep_seconds=keep_seconds(fields)
    )
    return JsonAnswer(upload_answer(upload))


async def add_part(request: Request) -> Response:
    """Keep one part."""
    upload, store = _pending(request), parts_of(request).store
    temporary = store.files.temporary_path()
    try:
        form = await read_form(request, file_field="data", target=temporary, max_bytes=_MAX_PART_BYTES)
        if form.filename is None:
            raise bad_request("Missing required parameter: 'data'.", "data", "missing_required_parameter")
        part = store.uploads.add_part(upload, temporary)
    finally:
        temporary.unlink(missing_ok=True)
    if part is None:
        raise _ended(upload)
    return JsonAnswer(part_answer(part))


async def complete_upload(request: Request) -> Response:
    """Make the file of the parts."""
    upload, store = _pending(request), parts_of(request).store
    fields = await read_fields(request, ("part_ids", "md5"))
    part_ids, md5 = fields.texts("part_ids"), fields.text("md5")
    if not part_ids:
        raise bad_request("Missing required parameter: 'part_ids'.", "part_ids", "missing_required_parameter")
    try:
        done = await anyio.to_thread.run_sync(lambda: store.uploads.complete(upload, part_ids, md5))
    except UploadRefused as refusal:
        raise bad_request(str(refusal), refusal.param) from refusal
    if done is None:
        raise _ended(upload)
    return JsonAnswer(upload_answer(done, store.files.get(done.file_id or "")))


async def cancel_upload(request: Request) -> Response:
    """End an upload."""
    upload = _pending(request)
    cancelled = parts_of(request).store.uploads.cancel(upload)
    if cancelled is None:
        raise _ended(upload)
    return JsonAnswer(upload_answer(cancelled))


def _pending(request: Request) -> StoredUpload:
    identifier = request.path_params["upload_id"]
    upload = parts_of(request).store.uploads.get(identifier)
    if upload is None:
        raise not_found(f"No such Upload object: {identifier}", "upload_id")
    if upload.status != "pending":
        raise bad_request(f"Upload {identifier} is {upload.status}: nothing can be done with it any more.")
    return upload


def _ended(upload: StoredUpload) -> Problem:
    return bad_request(f"Upload {upload.id} has ended meanwhile: nothing can be done with it any more.")


ROUTES = (
    Route("/uploads", create_upload, methods=["POST"]),
    Route("/uploads/{upload_id}/parts", add_part, methods=["POST"]),
    Route("/uploads/{upload_id}/complete", complete_upload, methods=["POST"]),
    Route("/uploads/{upload_id}/cancel", cancel_upload, methods=["POST"]),
)
