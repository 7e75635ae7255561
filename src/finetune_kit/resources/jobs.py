"""Fine-tuning jobs: create, follow, stop, and read what they leave behind."""

from __future__ import annotations

import re
import warnings
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from finetune_kit.dialects.base import JobRequest
from finetune_kit.errors import APIError, APIStatusError, ConfigurationError, FinetuneKitWarning, NotFoundError
from finetune_kit.resources.base import Resource
from finetune_kit.resources.job_events import PAGE_SIZE, EventLog
from finetune_kit.resources.job_metrics import JobMetrics, read_result_csv
from finetune_kit.resources.job_progress import JobProgress, show_progress
from finetune_kit.resources.job_waiting import Patience, checked, follow
from finetune_kit.resources.paging import every
from finetune_kit.resources.progress import open_display
from finetune_kit.resources.run_key import RUN_KEY, file_identity, run_key, same_request
from finetune_kit.types.files import File
from finetune_kit.types.jobs import Event, Job
from finetune_kit.types.methods import DPOMethod, ReinforcementMethod, SupervisedMethod
from finetune_kit.wire.modes import M, listing, operation
from finetune_kit.wire.once import once, unsettled
from finetune_kit.wire.retry import ambiguous

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from finetune_kit.types.pages import Page

__all__ = ["Jobs"]

_SUFFIX = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LARGEST_SEED = 2**31 - 1
_SPENT = frozenset({"failed", "cancelled"})
_METADATA_PAIRS, _METADATA_KEY, _METADATA_VALUE = 16, 64, 512
_NEWEST_JOBS = 500


class Jobs(Resource[M]):
    """Fine-tuning jobs."""

    @operation
    async def create(  # noqa: PLR0913 - the protocol's own parameters
        self,
        model: str,
        training_file: File | str,
        *,
        validation_file: File | str | None = None,
        method: SupervisedMethod | DPOMethod | ReinforcementMethod | None = None,
        suffix: str | None = None,
        seed: int | None = None,
        metadata: Mapping[str, str] | None = None,
        integrations: Sequence[Mapping[str, Any]] = (),
        attempt: int = 1,
    ) -> Job:
        """Create a job, exactly once.

        The job carries a run key in its metadata: a hash of model, file contents, method,
        seed, suffix and attempt. A job with that key which has not failed or been cancelled
        is returned instead of making another, so that a program that is started again goes
        on with the job it had. After a lost answer the job is looked for, not made again.

        Args:
            model: Id of a base model, or of a tuned one to go on from.
            training_file: An uploaded file, or its id.
            validation_file: An uploaded file to measure on, or its id.
            method: How to tune; supervised with the service's own choices by default.
            suffix: A word for the tuned model's name, 1 to 64 of A-Z a-z 0-9 _ and -.
            seed: 0 to 2147483647; the service draws one by default.
            metadata: Up to 15 pairs of your own.
            integrations: Third services to report to, in the protocol's shape.
            attempt: Raise it to run the same thing again on purpose.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            UnsupportedError: The service lacks the method or the suffix; nothing was sent.
            TrainingNotAvailableError: The service no longer trains for this organization.
            APIError: The service refused; or its answers were lost and the job could not be
                found, in which case the same call again settles it.
        """
        method = method or SupervisedMethod()
        request = JobRequest(
            model=model,
            training_file=_file_id(training_file),
            method=method,
            validation_file=_file_id(validation_file) if validation_file is not None else None,
            suffix=suffix,
            seed=seed,
            metadata=dict(metadata or {}),
            integrations=tuple(integrations),
        )
        self._check(request, attempt)
        key = run_key(
            request,
            training=await self._identity(training_file),
            validation=await self._identity(validation_file) if validation_file is not None else None,
            attempt=attempt,
        )
        if self._dialect.capabilities.metadata:
            request = replace(request, metadata={**request.metadata, RUN_KEY: key})
        return await self._create_once(request, key, attempt)

    @operation
    async def retrieve(self, job: Job | str) -> Job:
        """Return a job as it is now."""
        return await self._dialect.retrieve_job(self._send, _job_id(job))

    @listing
    async def list(
        self,
        *,
        metadata: Mapping[str, str] | Literal["null"] | None = None,
        after: str | None = None,
        page_size: int = 100,
    ) -> AsyncGenerator[Job, None]:
        """Iterate over jobs, newest first, reading further pages as they are needed.

        Args:
            metadata: Only jobs with all these pairs; "null" for jobs without any metadata.
            after: Begin after the job with this id.
            page_size: How many to read at a time.
        """
        if metadata not in (None, "null"):
            self._dialect.require("metadata", what="metadata of jobs")
        pairs = metadata if isinstance(metadata, dict) else dict(metadata or {}) if metadata != "null" else None

        async def fetch(cursor: str | None) -> Page[Job]:
            return await self._dialect.list_jobs(
                self._send, metadata=pairs, without_metadata=metadata == "null", after=cursor, limit=page_size
            )

        async for job in every(fetch, after=after):
            if _has(job, pairs) and (metadata != "null" or not job.metadata):
                yield job

    @operation
    async def cancel(self, job: Job | str) -> Job:
        """Stop a job for good. What it has trained so far may still be billed."""
        return await self._act(_job_id(job), "cancel", lambda now: now.status == "cancelled")

    @operation
    async def pause(self, job: Job | str) -> Job:
        """Stop a running job for now; it keeps its place and leaves a usable model."""
        self._dialect.require("pause", what="pausing of jobs")
        return await self._act(_job_id(job), "pause", lambda now: now.status in ("pausing", "paused"))

    @operation
    async def resume(self, job: Job | str) -> Job:
        """Let a paused job go on."""
        self._dialect.require("pause", what="resuming of jobs")
        return await self._act(_job_id(job), "resume", lambda now: now.status not in ("pausing", "paused"))

    @operation
    async def wait(
        self,
        job: Job | str,
        *,
        progress: bool | Callable[[JobProgress], None] = False,
        poll_seconds: float | None = None,
        timeout_seconds: float | None = 86_400.0,
        stall_seconds: float | None = None,
    ) -> Job:
        """Follow a job to its end, and return it when it has succeeded.

        Only a status that is known to be an end ends the wait. A service that is out of
        reach for a while does not.

        Args:
            job: The job, or its id.
            progress: True shows steps, loss and the time left, in a terminal, a notebook or
                a log file on standard error; a function is called with each `JobProgress`.
            poll_seconds: Pause between two looks; by default what suits the service.
            timeout_seconds: Give up waiting after this long (a day); None never does.
            stall_seconds: Give up when nothing new has happened for this long; off by default.

        Raises:
            JobFailed: With the service's reason; JobCancelled; WaitTimeout; JobStalled.
        """
        job_id = _job_id(job)
        patience = Patience(poll_seconds or self._dialect.poll_seconds, timeout_seconds, stall_seconds)
        log = self._event_log(job_id)
        with ExitStack() as stack:
            report: Callable[[JobProgress], None] = progress if callable(progress) else _silent
            if progress is True:
                display = open_display()
                stack.callback(display.close)
                report = partial(show_progress, display)
            ended = await follow(
                self._io, partial(self._dialect.retrieve_job, self._send, job_id), log.fresh, patience, report
            )
        return checked(ended)

    @listing
    async def events(
        self, job: Job | str, *, follow: bool = False, poll_seconds: float | None = None
    ) -> AsyncGenerator[Event, None]:
        """Iterate over a job's events, oldest first, each once.

        With `follow` it goes on with new ones as they happen, until the job has ended.
        """
        self._dialect.require("events", what="events of jobs")
        job_id = _job_id(job)
        log = self._event_log(job_id)
        while True:
            ended = not follow or (await self._dialect.retrieve_job(self._send, job_id)).ended
            for event in await log.fresh():
                yield event
            if ended:
                return
            await self._io.sleep(poll_seconds or self._dialect.poll_seconds)

    @operation
    async def metrics(self, job: Job | str) -> JobMetrics:
        """Return a job's metrics as one table, from its events and its result files."""
        now = await self._dialect.retrieve_job(self._send, _job_id(job))
        events = await self._event_log(now.id).fresh() if self._dialect.capabilities.events else []
        rows: list[dict[str, str]] = []
        for file in now.result_files:
            try:
                rows += read_result_csv(await self._dialect.file_content(self._send, file))
            except NotFoundError:
                warnings.warn(f"Result file {file} of job {now.id} is gone.", FinetuneKitWarning, stacklevel=2)
        return JobMetrics.merge(events, rows)

    def _event_log(self, job_id: str) -> EventLog:
        async def fetch(after: str | None) -> Page[Event]:
            return await self._dialect.list_events(self._send, job_id, after=after, limit=PAGE_SIZE)

        return EventLog(fetch)

    async def _act(self, job_id: str, action: str, reached: Callable[[Job], bool]) -> Job:
        async def act() -> Job:
            return await self._dialect.act_on_job(self._send, job_id, action)

        async def find() -> Job | None:
            now = await self._dialect.retrieve_job(self._send, job_id)
            return now if reached(now) else None

        return await once(self._io, act, find, what=f"job {job_id} was told to {action}")

    async def _identity(self, file: File | str) -> str:
        if isinstance(file, File):
            return file_identity(file)
        try:
            return file_identity(await self._dialect.retrieve_file(self._send, file))
        except NotFoundError:
            return file

    async def _create_once(self, request: JobRequest, key: str, attempt: int) -> Job:
        what = f"the job with run key {key} was created"
        try:
            before = await self._matching(request, key)
        except APIStatusError as error:
            if ambiguous(error) or error.status_code not in (404, 405, 501):
                raise
            return await self._create_unlisted(request, what)
        standing = [job for job in before.values() if job.status not in _SPENT]
        keyed = [job for job in standing if _has(job, {RUN_KEY: key})]
        if keyed:
            return keyed[0]
        if len(standing) >= attempt:
            return _without_promise(standing[-attempt])

        async def act() -> Job:
            return await self._dialect.create_job(self._send, request)

        async def find() -> Job | None:
            now = await self._matching(request, key)
            return next((job for job in now.values() if job.id not in before), None)

        job = await once(self._io, act, find, what=what)
        return job if _has(job, {RUN_KEY: key}) else _without_promise(job)

    async def _create_unlisted(self, request: JobRequest, what: str) -> Job:
        """Create a job at a service that cannot list jobs: a lost answer cannot be settled there."""
        try:
            return _without_promise(await self._dialect.create_job(self._send, request))
        except APIError as error:
            raise (unsettled(error, what) if ambiguous(error) else error) from None

    async def _matching(self, request: JobRequest, key: str) -> dict[str, Job]:
        """Return the jobs that carry the run key, or (without one) echo the same request; newest first."""
        pairs = {RUN_KEY: key} if self._dialect.capabilities.metadata_filter else None

        async def fetch(after: str | None) -> Page[Job]:
            return await self._dialect.list_jobs(self._send, metadata=pairs, after=after, limit=100)

        found: dict[str, Job] = {}
        looked_at = 0
        async for job in every(fetch):
            looked_at += 1
            stripped = pairs is None and RUN_KEY not in (job.metadata or {}) and same_request(job, request)
            if _has(job, {RUN_KEY: key}) or stripped:
                found[job.id] = job
            if looked_at >= _NEWEST_JOBS:
                break
        return found

    def _check(self, request: JobRequest, attempt: int) -> None:
        if request.method.type != "supervised":
            self._dialect.require(request.method.type, what=f"the {request.method.type} method")
        if request.suffix is not None:
            self._dialect.require("suffix", what="a suffix")
            if not _SUFFIX.fullmatch(request.suffix):
                message = f"The suffix {request.suffix!r} is not usable: take 1 to 64 of A-Z a-z 0-9 _ and -."
                raise ConfigurationError(message)
        if request.seed is not None and not 0 <= request.seed <= _LARGEST_SEED:
            raise ConfigurationError(f"The seed {request.seed} is not usable: take 0 to {_LARGEST_SEED}.")
        if attempt < 1:
            raise ConfigurationError(f"attempt={attempt} is not usable: the first attempt is 1.")
        if isinstance(request.method, ReinforcementMethod) and request.validation_file is None:
            raise ConfigurationError("Reinforcement needs a validation file: pass validation_file=.")
        _check_metadata(request.metadata)


def _check_metadata(metadata: Mapping[str, str]) -> None:
    if len(metadata) >= _METADATA_PAIRS:
        message = f"Metadata has {len(metadata)} pairs; a job takes {_METADATA_PAIRS}, of which the kit needs one."
        raise ConfigurationError(message)
    for name, value in metadata.items():
        if len(name) > _METADATA_KEY or not isinstance(value, str) or len(value) > _METADATA_VALUE:
            message = (
                f"The metadata pair {name[:80]!r} is not usable: names have up to {_METADATA_KEY} characters, "
                f"values are strings of up to {_METADATA_VALUE}."
            )
            raise ConfigurationError(message)


def _without_promise(job: Job) -> Job:
    message = (
        f"The service does not keep metadata, so the kit cannot promise that job {job.id} is made only once: "
        "it was told apart by model, files and settings."
    )
    warnings.warn(message, FinetuneKitWarning, stacklevel=2)
    return job


def _has(job: Job, pairs: Mapping[str, str] | None) -> bool:
    return all((job.metadata or {}).get(name) == value for name, value in (pairs or {}).items())


def _job_id(job: Job | str) -> str:
    return job.id if isinstance(job, Job) else job


def _file_id(file: File | str) -> str:
    return file.id if isinstance(file, File) else file


def _silent(_: JobProgress) -> None:
    return None
