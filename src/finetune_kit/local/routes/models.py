"""Routes of models: base models, and those tuned here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio.to_thread
from starlette.routing import Route

from finetune_kit.local.answers import model_answer
from finetune_kit.local.problems import JsonAnswer, Problem, unknown_model
from finetune_kit.local.requests import parts_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["ROUTES"]

_PATH = "/models/{model:path}"


async def list_models(request: Request) -> Response:
    """Answer with all models: those tuned here, then the base models."""
    parts = parts_of(request)
    tuned = [model_answer(model.id, model.created_at) for model in parts.store.models.finals()]
    bases = [model_answer(entry.id, entry.created, entry.owned_by) for entry in parts.engine.models()]
    return JsonAnswer({"object": "list", "data": tuned + bases})


async def retrieve_model(request: Request) -> Response:
    """Answer with a model: by its id, an alias, or the id of a checkpoint."""
    return JsonAnswer(_find(request))


async def delete_model(request: Request) -> Response:
    """Delete a model that was tuned here, with its checkpoints."""
    model, parts = request.path_params["model"], parts_of(request)
    if not await anyio.to_thread.run_sync(parts.store.models.delete, model):
        _find(request)
        message = f"The base model `{model}` cannot be deleted: only models that were tuned here can."
        raise Problem(403, message, param="model")
    return JsonAnswer({"id": model, "object": "model", "deleted": True})


def _find(request: Request) -> dict[str, Any]:
    wanted, parts = request.path_params["model"], parts_of(request)
    tuned = parts.store.models.get(wanted)
    if tuned is not None:
        return model_answer(tuned.id, tuned.created_at)
    base = parts.engine.resolve(wanted)
    if base is None:
        raise unknown_model(wanted)
    known = {entry.id: entry for entry in parts.engine.models()}
    entry = known.get(base)
    return model_answer(base, entry.created if entry else 0, entry.owned_by if entry else "local")


ROUTES = (
    Route("/models", list_models, methods=["GET"]),
    Route(_PATH, retrieve_model, methods=["GET"]),
    Route(_PATH, delete_model, methods=["DELETE"]),
)
