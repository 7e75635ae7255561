"""What type checkers must infer of the public API: read by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import assert_type

from finetune_kit import AsyncClient, Client, Dataset, File, Job, Model, SupervisedMethod
from finetune_kit.types.jobs import Checkpoint, Event


def blocking(client: Client, data: Dataset) -> None:
    assert_type(client.files.upload(data), File)
    assert_type(client.jobs.create("m", "file-1", method=SupervisedMethod(n_epochs=3)), Job)
    assert_type(client.jobs.wait("ftjob-1"), Job)
    assert_type(client.jobs.list(), Iterator[Job])
    assert_type(client.jobs.events("ftjob-1"), Iterator[Event])
    assert_type(client.checkpoints.list("ftjob-1"), Iterator[Checkpoint])
    assert_type(client.models.retrieve("m"), Model)
    assert_type(client.tune(data, "m"), Job)
    with Client.local() as local:
        assert_type(local, Client)


async def awaited(client: AsyncClient, data: Dataset) -> None:
    assert_type(await client.files.upload(data), File)
    assert_type(await client.jobs.create("m", "file-1"), Job)
    assert_type(client.jobs.list(), AsyncIterator[Job])
    assert_type([event async for event in client.jobs.events("ftjob-1")], list[Event])
    assert_type(await client.tune(data, "m"), Job)
    async with AsyncClient.local() as local:
        assert_type(local, AsyncClient)


def refused(client: Client) -> None:
    client.jobs.create("m", "file-1", epochs=3)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    client.jobs.wait(3)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    SupervisedMethod(beta=0.1)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
