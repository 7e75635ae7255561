"""The route of moderations, for engines that offer them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from finetune_kit.local.identifiers import new_id
from finetune_kit.local.problems import JsonAnswer, bad_request, not_found
from finetune_kit.local.requests import parts_of, read_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from finetune_kit.local.fields import Fields

__all__ = ["ROUTES"]

_FLAGGED_FROM = 0.5


async def create_moderation(request: Request) -> Response:
    """Judge texts by the engine's moderation."""
    parts = parts_of(request)
    fields = await read_fields(request, ("input", "model"))
    fields.text("model")
    scores = [parts.engine.moderate(text) for text in _texts(fields)]
    if None in scores:
        message = f"The engine {parts.engine.name!r} offers no moderation: use a hosted service for it."
        raise not_found(message, code="moderation_not_available")
    results = [_result(each) for each in scores if each is not None]
    return JsonAnswer({"id": new_id("modr-"), "model": f"{parts.engine.name}:moderation", "results": results})


def _texts(fields: Fields) -> list[str]:
    """Return the texts to judge: of an array of parts, which are one input, all text as one."""
    given = fields.raw("input")
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list) or not given:
        raise bad_request("Invalid 'input': expected a string, or an array with at least one item.", "input")
    if all(isinstance(each, str) for each in given):
        return given
    if not all(isinstance(each, dict) and each.get("type") in ("text", "image_url") for each in given):
        raise bad_request("Invalid 'input': expected strings only, or parts of type 'text' and 'image_url'.", "input")
    return ["\n".join(str(each.get("text", "")) for each in given)]


def _result(scores: Mapping[str, float]) -> dict[str, Any]:
    categories = {name: score >= _FLAGGED_FROM for name, score in scores.items()}
    return {
        "flagged": any(categories.values()),
        "categories": categories,
        "category_scores": dict(scores),
        "category_applied_input_types": {name: ["text"] for name in scores},
    }


ROUTES = (Route("/moderations", create_moderation, methods=["POST"]),)
