"""Routes of the permissions of checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from finetune_kit.local.answers import permission_answer
from finetune_kit.local.pages import PageOf
from finetune_kit.local.problems import JsonAnswer, bad_request, not_found
from finetune_kit.local.requests import listing, parts_of, read_fields, read_window

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["ROUTES"]

_PAGE = 10
_MOST_PROJECTS = 100
_PATH = "/fine_tuning/checkpoints/{checkpoint:path}/permissions"


async def list_permissions(request: Request) -> Response:
    """Answer with a page of a checkpoint's permissions: an empty one if there is no such checkpoint."""
    window = read_window(request, _PAGE, up="ascending")
    project = request.query_params.get("project_id") or None
    page = parts_of(request).store.models.permissions(request.path_params["checkpoint"], window, project)
    if page is None:
        raise bad_request(f"Could not find permission: {window.after}", "after")
    return JsonAnswer(listing(page, permission_answer))


async def create_permissions(request: Request) -> Response:
    """Let projects use a checkpoint."""
    checkpoint, store = request.path_params["checkpoint"], parts_of(request).store
    fields = await read_fields(request, ("project_ids",))
    project_ids = fields.texts("project_ids")
    if not project_ids or len(project_ids) > _MOST_PROJECTS:
        raise fields.refusal("project_ids", f"expected 1 to {_MOST_PROJECTS} ids of projects")
    if store.models.get(checkpoint) is None:
        raise not_found(f"Could not find checkpoint: {checkpoint}", "fine_tuned_model_checkpoint")
    permissions = store.models.permit(checkpoint, project_ids)
    return JsonAnswer(listing(PageOf(tuple(permissions), has_more=False), permission_answer))


async def delete_permission(request: Request) -> Response:
    """Take a permission back."""
    identifier = request.path_params["permission_id"]
    if not parts_of(request).store.models.revoke(request.path_params["checkpoint"], identifier):
        raise not_found(f"Could not find permission: {identifier}", "permission_id")
    return JsonAnswer({"id": identifier, "object": "checkpoint.permission", "deleted": True})


ROUTES = (
    Route(_PATH, list_permissions, methods=["GET"]),
    Route(_PATH, create_permissions, methods=["POST"]),
    Route(_PATH + "/{permission_id}", delete_permission, methods=["DELETE"]),
)
