"""Routes of fine-tuning jobs."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from starlette.routing import Route

from finetune_kit.local.answers import checkpoint_answer, event_answer, job_answer
from finetune_kit.local.job_requests import JOB_FIELDS, read_job_request
from finetune_kit.local.new_jobs import create
from finetune_kit.local.problems import JsonAnswer, bad_request, unknown_job
from finetune_kit.local.requests import listing, parts_of, read_fields, read_window

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from finetune_kit.local.stored_jobs import JobStatus, StoredJob, Wish

__all__ = ["ROUTES"]

_JOBS_PAGE = 20
_EVENTS_PAGE = 20
_CHECKPOINTS_PAGE = 10
_CANCEL_SECONDS = 5.0
_PAUSE_SECONDS = 15.0
_POLL_SECONDS = 0.01
_ENDED = frozenset({"succeeded", "failed", "cancelled"})


async def create_job(request: Request) -> Response:
    """Create a job."""
    job = create(parts_of(request), read_job_request(await read_fields(request, JOB_FIELDS)))
    return JsonAnswer(job_answer(job))


async def list_jobs(request: Request) -> Response:
    """Answer with a page of jobs, those with some metadata if asked so."""
    window = read_window(request, _JOBS_PAGE)
    pairs, without = _metadata_filter(request)
    page = parts_of(request).store.jobs.page(window, metadata=pairs, without_metadata=without)
    if page is None:
        raise bad_request(f"Could not find job: {window.after}", "after")
    return JsonAnswer(listing(page, job_answer, ends=False))


async def retrieve_job(request: Request) -> Response:
    """Answer with a job."""
    return JsonAnswer(job_answer(_find(request)))


async def cancel_job(request: Request) -> Response:
    """Cancel a job; answer when its training has ended, or after a few seconds regardless."""
    job, parts = _find(request), parts_of(request)
    if job.status in _ENDED:
        raise _wrong_status(job, "cancelled")
    if not parts.supervisor.endings.withdrawn(job):
        await _wish(request, job, "cancel", _CANCEL_SECONDS)
        parts.supervisor.endings.cancelled(job, None)
    return JsonAnswer(job_answer(parts.store.jobs.require(job.id)))


async def pause_job(request: Request) -> Response:
    """Pause a job that is running; answer when it is paused, or with how it is after some seconds."""
    job = _find(request)
    if job.status != "running":
        raise _wrong_status(job, "paused")
    return JsonAnswer(job_answer(await _wish(request, job, "pause", _PAUSE_SECONDS)))


async def resume_job(request: Request) -> Response:
    """Put a paused job back into the queue."""
    job, parts = _find(request), parts_of(request)
    with parts.store.transaction():
        if not parts.store.jobs.move(job.id, "queued", where=["paused"], resume=1, trained_tokens=None, wish=None):
            raise _wrong_status(job, "resumed")
        parts.store.events.say(job.id, "Fine-tuning job resumed")
    parts.supervisor.wake()
    return JsonAnswer(job_answer(parts.store.jobs.require(job.id)))


async def list_events(request: Request) -> Response:
    """Answer with a page of a job's events."""
    job = _find(request)
    window = read_window(request, _EVENTS_PAGE)
    page = parts_of(request).store.events.page(job.id, window)
    if page is None:
        raise bad_request(f"Could not find event: {window.after}", "after")
    return JsonAnswer(listing(page, event_answer, ends=False))


async def list_checkpoints(request: Request) -> Response:
    """Answer with a page of a job's checkpoints."""
    job = _find(request)
    window = read_window(request, _CHECKPOINTS_PAGE)
    page = parts_of(request).store.models.checkpoints(job.id, window)
    if page is None:
        raise bad_request(f"Could not find checkpoint: {window.after}", "after")
    return JsonAnswer(listing(page, checkpoint_answer))


async def _wish(request: Request, job: StoredJob, wish: Wish, seconds: float) -> StoredJob:
    parts = parts_of(request)
    running: list[JobStatus] = ["running"]
    parts.store.jobs.move(job.id, "running", where=running, wish=wish)
    parts.supervisor.request(job.id, wish)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    # Polled: what ends a training is a thread that knows no event of this loop.
    while (current := parts.store.jobs.require(job.id)).status == "running" and loop.time() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(_POLL_SECONDS)
    return current


def _metadata_filter(request: Request) -> tuple[dict[str, str], bool]:
    """Return the pairs of `metadata[key]=value`, and whether jobs without metadata are wanted."""
    pairs: dict[str, str] = {}
    without = False
    for name, value in request.query_params.multi_items():
        if name == "metadata" and value == "null":
            without = True
        elif match := re.fullmatch(r"metadata\[(.*)\]", name, re.DOTALL):
            pairs[match[1]] = value
        elif name.startswith("metadata"):
            raise bad_request("Invalid 'metadata': use metadata[key]=value, or metadata=null.", "metadata")
    if pairs and without:
        raise bad_request("Invalid 'metadata': metadata=null and metadata[key]=value exclude each other.", "metadata")
    return pairs, without


def _find(request: Request) -> StoredJob:
    identifier = request.path_params["job_id"]
    job = parts_of(request).store.jobs.get(identifier)
    if job is None:
        raise unknown_job(identifier)
    return job


def _wrong_status(job: StoredJob, verb: str) -> Exception:
    return bad_request(f"Job {job.id} cannot be {verb}: its status is {job.status}.", code="invalid_job_status")


ROUTES = (
    Route("/fine_tuning/jobs", create_job, methods=["POST"]),
    Route("/fine_tuning/jobs", list_jobs, methods=["GET"]),
    Route("/fine_tuning/jobs/{job_id}", retrieve_job, methods=["GET"]),
    Route("/fine_tuning/jobs/{job_id}/cancel", cancel_job, methods=["POST"]),
    Route("/fine_tuning/jobs/{job_id}/pause", pause_job, methods=["POST"]),
    Route("/fine_tuning/jobs/{job_id}/resume", resume_job, methods=["POST"]),
    Route("/fine_tuning/jobs/{job_id}/events", list_events, methods=["GET"]),
    Route("/fine_tuning/jobs/{job_id}/checkpoints", list_checkpoints, methods=["GET"]),
)
