"""Following a job to its end."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetune_kit.errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    InternalServerError,
    JobCancelled,
    JobFailed,
    JobStalled,
    NotFoundError,
    WaitTimeout,
)
from finetune_kit.resources.job_progress import JobProgress
from finetune_kit.wire.answer import redacted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from finetune_kit.types.jobs import Event, Job
    from finetune_kit.wire.io import IO

__all__ = ["PATIENCE_SECONDS", "Patience", "checked", "follow"]

PATIENCE_SECONDS = 900.0
"""How long a service may be out of reach before a wait gives up; the job goes on meanwhile."""

KNOWN_STATUSES = frozenset(
    {"validating_files", "queued", "running", "pausing", "paused", "succeeded", "failed", "cancelled", "created"}
)

HINTS = {
    "invalid_n_examples": "Add examples: at least 10 are needed.",
    "invalid_training_file": "Run Dataset.validate() on the file: it names each line, the reason and the fix.",
    "invalid_file_format": "Run Dataset.validate() on the file: it names each line, the reason and the fix.",
}
"""What to do about the job error codes that are known."""

_log = logging.getLogger("finetune_kit")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a job, and how often to look."""

    poll_seconds: float
    timeout_seconds: float | None
    stall_seconds: float | None

    def check(self, progress: JobProgress, quiet_seconds: float) -> None:
        """Raise where the wait has been long enough."""
        job = progress.job
        if self.timeout_seconds is not None and progress.elapsed_seconds >= self.timeout_seconds:
            message = (
                f"Job {job.id} was still {job.status} after {self.timeout_seconds:g} seconds. "
                "It goes on: wait for it again, or cancel it."
            )
            raise WaitTimeout(message, job=job)
        if self.stall_seconds is not None and quiet_seconds >= self.stall_seconds:
            message = (
                f"Job {job.id} is {job.status} and has shown nothing new for {self.stall_seconds:g} seconds. "
                "It goes on: look at its events, wait for it again, or cancel it."
            )
            raise JobStalled(message, job=job)


async def follow(
    io: IO,
    retrieve: Callable[[], Awaitable[Job]],
    fresh_events: Callable[[], Awaitable[list[Event]]],
    patience: Patience,
    report: Callable[[JobProgress], None],
) -> Job:
    """Look at a job again and again until it has ended, and return it as it is then."""
    began = last_news = io.monotonic()
    progress: JobProgress | None = None
    pause = patience.poll_seconds / 10.0
    while True:
        job = await _reached(io, retrieve, progress)
        events = await _events(fresh_events)
        now = io.monotonic()
        if events or progress is None or job.status != progress.job.status:
            last_news = now
        _warn_of_unknown(job, progress)
        progress = (progress or JobProgress(job)).after(job, events, now - began)
        report(progress)
        if job.ended:
            return job
        patience.check(progress, now - last_news)
        await io.sleep(pause)
        pause = min(patience.poll_seconds, pause * 1.5)


def checked(job: Job) -> Job:
    """Return a job that has succeeded; raise what any other end means."""
    if job.status == "cancelled":
        message = f"Job {job.id} was cancelled. Create it again with attempt=2 to run it anew."
        raise JobCancelled(message, job=job)
    if job.status == "failed":
        detail = job.error
        code = detail.code if detail else None
        said = redacted(detail.message or "") if detail else "the service gave no reason"
        hint = f" {HINTS[code]}" if code in HINTS else ""
        message = f"Job {job.id} failed{f' ({code})' if code else ''}: {said}{hint}"
        raise JobFailed(message, job=job, code=code, param=detail.param if detail else None)
    return job


async def _reached(io: IO, retrieve: Callable[[], Awaitable[Job]], progress: JobProgress | None) -> Job:
    """Return the job, sitting out a service that is out of reach once the job has been seen."""
    lost_at: float | None = None
    while True:
        try:
            return await retrieve()
        except (APIConnectionError, APIResponseValidationError, InternalServerError) as error:
            lost_at = lost_at if lost_at is not None else io.monotonic()
            if progress is None or io.monotonic() - lost_at >= PATIENCE_SECONDS:
                raise
            _log.warning("The service is out of reach (%s); the job goes on, looking again.", type(error).__name__)
            await io.sleep(10.0)


async def _events(fresh_events: Callable[[], Awaitable[list[Event]]]) -> list[Event]:
    """Return new events; a service that has none, or cannot say now, must not end the wait."""
    try:
        return await fresh_events()
    except NotFoundError:
        return []
    except APIError as error:
        _log.warning("The job's events cannot be read now (%s).", type(error).__name__)
        return []


def _warn_of_unknown(job: Job, progress: JobProgress | None) -> None:
    known_before = progress is not None and progress.job.status == job.status
    if job.status not in KNOWN_STATUSES and not known_before:
        _log.warning("Job %s has the status %r, which is not known here; still waiting.", job.id, job.status)
