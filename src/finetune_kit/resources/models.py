"""The models that a service offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune_kit.resources.base import Resource
from finetune_kit.wire.modes import M, listing, operation

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from finetune_kit.types.files import Deleted
    from finetune_kit.types.models import Model

__all__ = ["Models"]


class Models(Resource[M]):
    """The models that a service offers, base and tuned."""

    @listing
    async def list(self) -> AsyncGenerator[Model, None]:
        """Iterate over all models."""
        for model in (await self._dialect.list_models(self._send)).data:
            yield model

    @operation
    async def retrieve(self, model: str) -> Model:
        """Return one model; its `shutdown_date` is the day the service stops it, where announced."""
        return await self._dialect.retrieve_model(self._send, model)

    @operation
    async def delete(self, model: str) -> Deleted:
        """Delete a tuned model. There is no way back.

        Raises:
            NotFoundError: There is no such model; PermissionDeniedError: it is not yours to delete.
        """
        return await self._dialect.delete_model(self._send, model)
