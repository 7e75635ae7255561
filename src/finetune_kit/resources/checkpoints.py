"""The checkpoints of a job, and who may use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune_kit.resources.base import Resource
from finetune_kit.resources.paging import every
from finetune_kit.types.jobs import Checkpoint, CheckpointPermission, Job
from finetune_kit.wire.modes import M, listing, operation

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from finetune_kit.dialects import OpenAIDialect
    from finetune_kit.types.files import Deleted
    from finetune_kit.types.pages import Page
    from finetune_kit.wire.io import IO
    from finetune_kit.wire.sender import Sender

__all__ = ["Checkpoints", "Permissions"]


class Permissions(Resource[M]):
    """The projects that may use a checkpoint. Services ask for an administrator's key here."""

    @listing
    async def list(self, checkpoint: str, *, page_size: int = 100) -> AsyncGenerator[CheckpointPermission, None]:
        """Iterate over the permissions of a checkpoint, given its `fine_tuned_model_checkpoint`."""
        self._dialect.require("checkpoint_permissions", what="permissions for checkpoints")

        async def fetch(after: str | None) -> Page[CheckpointPermission]:
            return await self._dialect.list_permissions(self._send, checkpoint, after=after, limit=page_size)

        async for permission in every(fetch):
            yield permission

    @operation
    async def create(self, checkpoint: str, projects: Sequence[str]) -> tuple[CheckpointPermission, ...]:
        """Let projects, given by their ids, use a checkpoint."""
        self._dialect.require("checkpoint_permissions", what="permissions for checkpoints")
        return (await self._dialect.create_permissions(self._send, checkpoint, projects)).data

    @operation
    async def delete(self, checkpoint: str, permission: str) -> Deleted:
        """Take a permission back, given its id."""
        self._dialect.require("checkpoint_permissions", what="permissions for checkpoints")
        return await self._dialect.delete_permission(self._send, checkpoint, permission)


class Checkpoints(Resource[M]):
    """The models from the middle of a job; services keep those of the last three epochs."""

    def __init__(self, io: IO, send: Sender, dialect: OpenAIDialect, *, awaited: bool = False) -> None:
        super().__init__(io, send, dialect, awaited=awaited)
        self.permissions: Permissions[M] = Permissions(io, send, dialect, awaited=awaited)

    @listing
    async def list(self, job: Job | str, *, page_size: int = 100) -> AsyncGenerator[Checkpoint, None]:
        """Iterate over the checkpoints of a job, latest step first, whatever order the service has."""
        self._dialect.require("checkpoints", what="checkpoints")
        job_id = job.id if isinstance(job, Job) else job

        async def fetch(after: str | None) -> Page[Checkpoint]:
            return await self._dialect.list_checkpoints(self._send, job_id, after=after, limit=page_size)

        found = [checkpoint async for checkpoint in every(fetch)]
        for checkpoint in sorted(found, key=lambda each: each.step_number or 0, reverse=True):
            yield checkpoint
