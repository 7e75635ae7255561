"""Lineage: which files, jobs and models at a service a person's rows have reached."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from finetune_kit.errors import APIError, APIStatusError, AuthenticationError, ConfigurationError
from finetune_kit.resources.base import Resource
from finetune_kit.resources.exposure import ExposedFile, ExposedJob, Exposure, UnseenFile
from finetune_kit.resources.paging import every
from finetune_kit.types.files import File
from finetune_kit.wire.modes import M, operation

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Container, Sequence

    from finetune_kit.datasets.forget import Forgotten, LineKind
    from finetune_kit.resources.exposure import Why
    from finetune_kit.types.jobs import Checkpoint, Job
    from finetune_kit.types.pages import Page

__all__ = ["Lineage"]

_PURPOSE = "fine-tune"
_NOT_OFFERED = (404, 405, 501)
_GONE = (404, 410)
_BOM = b"\xef\xbb\xbf"


class Lineage(Resource[M]):
    """What came of what: files, the jobs that read them, the models that came out."""

    @operation
    async def exposure(self, forgotten: Forgotten, *, concurrency: int = 4) -> Exposure:
        """Find out which files, jobs and models of this service saw the rows of a person.

        Reads every training file that the service has, and looks in it for the rows that
        `Dataset.forget` dropped and for others that name the person; then follows the jobs
        that used such a file, the models and checkpoints that came out, and the jobs that
        went on from those. A file whose content the service does not give (any more) is
        told as such, and so are the jobs and models behind it. Nothing is changed.

        Args:
            forgotten: What `Dataset.forget` returned beside the remaining rows.
            concurrency: Files in flight at a time.

        Raises:
            APIError: The jobs or files could not be listed.
        """
        if concurrency < 1:
            raise ConfigurationError(f"concurrency={concurrency} reads nothing: give 1 or more")
        jobs = await self._jobs()
        files, gaps = await self._files(jobs)
        tasks = [partial(self._look_into, file, forgotten) for file in files]
        looked = await self._io.gather(tasks, limit=concurrency)
        exposed = tuple(each for each in looked if isinstance(each, ExposedFile) and each.n_rows)
        unseen = tuple(each for each in looked if isinstance(each, UnseenFile))
        trace = _Trace(jobs)
        certain = await self._follow(trace, {file.id for file in exposed}, gaps)
        doubtful = await self._follow(trace, {file.id for file in unseen}, gaps)
        return Exposure(exposed, certain, unseen, doubtful, tuple(gaps), len(files), len(jobs))

    async def _jobs(self) -> list[Job]:
        async def fetch(after: str | None) -> Page[Job]:
            return await self._dialect.list_jobs(self._send, after=after, limit=100)

        return [job async for job in every(fetch)]

    async def _files(self, jobs: Sequence[Job]) -> tuple[list[File], list[str]]:
        """Return the training files that are listed and those that jobs name, and what is not known of them."""

        async def fetch(after: str | None) -> Page[File]:
            return await self._dialect.list_files(self._send, purpose=_PURPOSE, after=after, limit=1000)

        gaps = []
        files: dict[str, File] = {}
        try:
            files = {file.id: file async for file in every(fetch) if file.purpose in (_PURPOSE, None)}
        except APIStatusError as error:
            if error.status_code not in _NOT_OFFERED:
                raise
            gaps.append("files that no job has used: the service does not list files")
        named = [file for job in jobs for file in (job.training_file, job.validation_file) if file]
        files |= {file: File(id=file) for file in named if file not in files}
        return list(files.values()), gaps

    async def _look_into(self, file: File, forgotten: Forgotten) -> ExposedFile | UnseenFile:
        policy = self._send.policy
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._read(file, forgotten)
            except APIError as error:
                if isinstance(error, AuthenticationError):
                    raise
                if attempt > policy.max_retries or not policy.repeats(error, safe=True):
                    return UnseenFile(file.id, file.filename, _reason(error))
                await self._io.sleep(policy.seconds(error, attempt))

    async def _read(self, file: File, forgotten: Forgotten) -> ExposedFile | UnseenFile:
        kinds: Counter[LineKind] = Counter()
        lines = _lines(self._dialect.file_chunks(self._send, file.id))
        try:
            async for line in lines:
                kinds[forgotten.kind_of(line)] += 1
        finally:
            await lines.aclose()
        n_rows = kinds["dropped row"] + kinds["names the subject"]
        if not n_rows and not kinds["other row"]:
            return UnseenFile(file.id, file.filename, "its content is not JSON lines")
        return ExposedFile(file.id, file.filename, n_rows, kinds.total())

    async def _follow(self, trace: _Trace, files: set[str], gaps: list[str]) -> tuple[ExposedJob, ...]:
        """Return the jobs behind these files that have not been found before, and all that went on from them."""
        found: list[ExposedJob] = []
        models: set[str] = set()
        while fresh := trace.take(files, models):
            for job, why in fresh:
                made = await self._made(job, gaps)
                models.update(made)
                found.append(ExposedJob(job.id, job.status, why, job.model, made))
        return tuple(found)

    async def _made(self, job: Job, gaps: list[str]) -> tuple[str, ...]:
        """Return the model and the checkpoints that came out of a job."""

        async def fetch(after: str | None) -> Page[Checkpoint]:
            return await self._dialect.list_checkpoints(self._send, job.id, after=after, limit=100)

        names = [job.fine_tuned_model]
        try:
            if self._dialect.capabilities.checkpoints:
                names += [checkpoint.fine_tuned_model_checkpoint async for checkpoint in every(fetch)]
        except APIStatusError as error:
            gaps.append(f"the checkpoints of job {job.id}: {_reason(error)}")
        return tuple(dict.fromkeys(name for name in names if name))


class _Trace:
    """The jobs of a service, each taken once."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._left = list(jobs)

    def take(self, files: Container[str], models: Container[str]) -> list[tuple[Job, Why]]:
        """Take the jobs that read one of the files or began with one of the models."""
        taken = [(job, why) for job in self._left if (why := _why(job, files, models))]
        ids = {job.id for job, _ in taken}
        self._left = [job for job in self._left if job.id not in ids]
        return taken


def _why(job: Job, files: Container[str], models: Container[str]) -> Why | None:
    if job.training_file in files:
        return "training file"
    if job.model in models:
        return "base model"
    return "validation file" if job.validation_file in files else None


async def _lines(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Give the lines of a file that comes in pieces, blank ones left out, holding no more than one line."""
    begun: list[bytes] = [b""]
    try:
        async for chunk in chunks:
            first, *others = chunk.split(b"\n")
            begun.append(first)
            if others:
                for line in (b"".join(begun), *others[:-1]):
                    if line.strip():
                        yield line.removeprefix(_BOM)
                begun = [others[-1]]
    finally:
        await chunks.aclose()
    if (line := b"".join(begun)).strip():
        yield line.removeprefix(_BOM)


def _reason(error: APIError) -> str:
    if isinstance(error, APIStatusError):
        status = f"{type(error).__name__}, status {error.status_code}"
        return f"the service does not have its content any more ({status})" if error.status_code in _GONE else status
    return type(error).__name__
