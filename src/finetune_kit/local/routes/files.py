"""Routes of files."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import anyio.to_thread
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from finetune_kit.local.answers import file_answer
from finetune_kit.local.fields import Fields
from finetune_kit.local.multipart import Form, read_form
from finetune_kit.local.problems import JsonAnswer, bad_request, not_found
from finetune_kit.local.requests import listing, parts_of, read_window

if TYPE_CHECKING:
    from starlette.requests import Request

    from finetune_kit.local.stored_files import StoredFile

__all__ = ["MAX_FILE_BYTES", "PURPOSES", "ROUTES", "keep_seconds"]

PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
MAX_FILE_BYTES = 512 * 1024 * 1024
_LARGEST_PAGE = 10_000
_SHORTEST_SECONDS = 3600
_LONGEST_SECONDS = 30 * 24 * 3600


async def list_files(request: Request) -> Response:
    """Answer with a page of files."""
    window = read_window(request, _LARGEST_PAGE, _LARGEST_PAGE)
    page = parts_of(request).store.files.page(window, request.query_params.get("purpose") or None)
    if page is None:
        raise not_found(f"No such File object: {window.after}", "after")
    return JsonAnswer(listing(page, file_answer))


async def create_file(request: Request) -> Response:
    """Keep an uploaded file."""
    files = parts_of(request).store.files
    files.delete_expired()
    temporary = files.temporary_path()
    try:
        form = await read_form(request, file_field="file", target=temporary, max_bytes=MAX_FILE_BYTES)
        purpose, seconds = _checked(form)
        file = await anyio.to_thread.run_sync(
            lambda: files.keep(temporary, filename=form.filename or "file", purpose=purpose, keep_seconds=seconds)
        )
    finally:
        temporary.unlink(missing_ok=True)
    return JsonAnswer(file_answer(file))


async def retrieve_file(request: Request) -> Response:
    """Answer with a file object."""
    return JsonAnswer(file_answer(_find(request)))


async def delete_file(request: Request) -> Response:
    """Delete a file."""
    file = _find(request)
    parts_of(request).store.files.delete(file.id)
    return JsonAnswer({"id": file.id, "object": "file", "deleted": True})


async def file_content(request: Request) -> Response:
    """Answer with the bytes of a file."""
    file = _find(request)
    disposition = f"attachment; filename*=UTF-8''{quote(file.filename, safe='')}"
    return FileResponse(file.path, media_type="application/octet-stream", headers={"content-disposition": disposition})


def keep_seconds(fields: Fields) -> int | None:
    """Return how long a file is to be kept, from `expires_after`; None means for ever."""
    after = fields.object("expires_after")
    if after is None:
        return None
    after.only(("anchor", "seconds"))
    if after.one_of("anchor", ("created_at",)) is None:
        raise after.refusal("anchor", "supported values are: 'created_at'")
    seconds = after.integer("seconds", _SHORTEST_SECONDS, _LONGEST_SECONDS)
    if seconds is None:
        raise after.refusal("seconds", f"expected an integer between {_SHORTEST_SECONDS} and {_LONGEST_SECONDS}")
    return seconds


def _checked(form: Form) -> tuple[str, int | None]:
    if form.filename is None:
        raise bad_request("Missing required parameter: 'file'.", "file", "missing_required_parameter")
    fields = Fields({name: value for name, value in form.fields.items() if "[" not in name})
    fields.only(("purpose",))
    fields.required_text("purpose")
    purpose = fields.one_of("purpose", PURPOSES) or ""
    nested = {name: value for name, value in form.fields.items() if "[" in name}
    return purpose, _keep_seconds_of_form(nested)


def _keep_seconds_of_form(nested: dict[str, str]) -> int | None:
    """Read `expires_after[anchor]` and `expires_after[seconds]`, which a form can only give as texts."""
    if not nested:
        return None
    after: dict[str, str | int] = {}
    for name, value in nested.items():
        key = name.removeprefix("expires_after[").removesuffix("]")
        if name != f"expires_after[{key}]":
            raise bad_request(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
        digits = value.isascii() and value.isdecimal() and len(value) < len("1000000000")
        after[key] = int(value) if key == "seconds" and digits else value
    return keep_seconds(Fields({"expires_after": after}))


def _find(request: Request) -> StoredFile:
    identifier = request.path_params["file_id"]
    file = parts_of(request).store.files.get(identifier)
    if file is None:
        raise not_found(f"No such File object: {identifier}", "id")
    return file


ROUTES = (
    Route("/files", list_files, methods=["GET"]),
    Route("/files", create_file, methods=["POST"]),
    Route("/files/{file_id}", retrieve_file, methods=["GET"]),
    Route("/files/{file_id}", delete_file, methods=["DELETE"]),
    Route("/files/{file_id}/content", file_content, methods=["GET"]),
)
