"""The queue of jobs: validates files, trains one job after the other, and keeps how each ends."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
from typing import TYPE_CHECKING

from finetune_kit.errors import FinetuneKitError
from finetune_kit.local.engines.base import ServedModel, TrainingFailed, TrainingRun
from finetune_kit.local.file_validation import check_file
from finetune_kit.local.job_endings import JobEndings
from finetune_kit.local.recorder import JobRecorder
from finetune_kit.local.training_order import read_method
from finetune_kit.local.worker_process import OUT_OF_MEMORY, WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from finetune_kit.local.engines.base import Engine, Outcome
    from finetune_kit.local.store import Store
    from finetune_kit.local.stored_jobs import StoredJob, Wish

__all__ = ["Supervisor"]

_log = logging.getLogger("finetune_kit.local")
_STOP_SECONDS = 20.0
_LOOK_SECONDS = 2.0


class Wishes:
    """What the owner of a running job wants, as its engine sees it."""

    def __init__(self) -> None:
        self._wish: Wish | None = None
        self.worker: WorkerProcess | None = None

    def requested(self) -> Wish | None:
        """Return the owner's wish, if there is one."""
        return self._wish

    def request(self, wish: Wish) -> None:
        """Have the training cancelled or paused; the first to cancel has the last word."""
        if self._wish != "cancel":
            self._wish = wish
        if self.worker is not None:
            self.worker.request(wish)


class Supervisor:
    """Takes the jobs of a store through their life, on two threads: one validates, one trains.

    `release` makes the engine give back the memory that answering holds.
    """

    def __init__(self, store: Store, engine: Engine, *, release: Callable[[], None]) -> None:
        self._store = store
        self._engine = engine
        self._release = release
        self.endings = JobEndings(store)
        self._news = threading.Condition()
        self._news_count = 0
        self._stopping = False
        self._running: dict[str, Wishes] = {}
        self._threads = [
            threading.Thread(target=self._work, args=(step,), name=f"finetune_kit {step.__name__}", daemon=True)
            for step in (self.validate_next, self.train_next)
        ]

    def start(self) -> None:
        """Begin with the jobs that are waiting."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look for jobs that are waiting."""
        with self._news:
            self._news_count += 1
            self._news.notify_all()

    def request(self, job_id: str, wish: Wish) -> None:
        """Pass a wish, which the store has already, on to a job that is running."""
        wishes = self._running.get(job_id)
        if wishes is not None:
            wishes.request(wish)

    def stop(self, *, at_once: bool = False) -> None:
        """End the threads. What is running is paused (or, at once, killed) and goes on at the next start."""
        with self._news:
            self._stopping = True
            self._news.notify_all()
        for wishes in list(self._running.values()):
            wishes.request("pause")
            if at_once and wishes.worker is not None:
                wishes.worker.kill()
        self._join(_STOP_SECONDS)
        for wishes in list(self._running.values()):
            if wishes.worker is not None:
                wishes.worker.kill()
        self._join(_STOP_SECONDS)

    def validate_next(self) -> bool:
        """Validate the files of the next job; return whether there was one."""
        job = self._store.jobs.oldest("validating_files")
        if job is None:
            return False
        self._store.events.say(job.id, f"Validating training file: {job.training_file}", key="validating")
        try:
            self._validate(job)
        except TrainingFailed as failure:
            self.endings.failed(job, failure)
        except (sqlite3.Error, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - kept on the job
            # The outermost loop of a validation: what nobody foresaw ends this job, and no other.
            _log.error("The validation failed with %s", type(error).__name__)
            self.endings.failed(job, TrainingFailed(f"The validation failed with {type(error).__name__}."))
        else:
            self._queue(job)
        return True

    def train_next(self) -> bool:
        """Train the next job to its end; return whether there was one."""
        if self._store.jobs.oldest("running") is not None:
            # Its ending could not be kept, as on a full disk: nothing else trains on this thread.
            self._store.jobs.recover()
        job = self._store.jobs.oldest("queued")
        if job is None or not self._claim(job):
            return False
        self._running[job.id] = wishes = Wishes()
        recorder = JobRecorder(self._store, job.id)
        try:
            outcome = self._train(job, wishes, recorder)
        except TrainingFailed as failure:
            if not self._stopping:
                self.endings.failed(job, failure)
        else:
            self.endings.reached(job, outcome, recorder.last_step, interrupted=self._stopping)
        finally:
            del self._running[job.id]
        return True

    def _validate(self, job: StoredJob) -> None:
        training, validation = self._files(job)
        try:
            check_file(training, job.method["type"], "training_file")
            if validation is not None:
                check_file(validation, job.method["type"], "validation_file")
        except FinetuneKitError as error:
            raise TrainingFailed(error.message, code="invalid_training_file", param="training_file") from error

    def _work(self, step: Callable[[], bool]) -> None:
        while not self._stopping:
            seen = self._news_count
            try:
                busy = step()
            except Exception as error:  # noqa: BLE001 - the outermost loop must not end
                # A full disk, mostly: the job stays as it is, and is tried again.
                _log.error("%s failed with %s", step.__name__, type(error).__name__)
                busy = False
            with self._news:
                if not busy:
                    self._news.wait_for(lambda: self._stopping or self._news_count != seen, _LOOK_SECONDS)  # noqa: B023

    def _join(self, seconds: float) -> None:
        for thread in self._threads:
            if thread.is_alive():
                thread.join(seconds)

    def _files(self, job: StoredJob) -> tuple[Path, Path | None]:
        """Return the job's own names for its files, which outlive a deletion of the files."""
        training = self._own(job, job.training_file, "training_file")
        if job.validation_file is None:
            return training, None
        return training, self._own(job, job.validation_file, "validation_file")

    def _own(self, job: StoredJob, file_id: str, field: str) -> Path:
        own = self._store.job_directory(job.id) / f"{field}.jsonl"
        if own.exists():
            return own
        file = self._store.files.get(file_id)
        if file is None:
            raise TrainingFailed(f"The file {file_id!r} was deleted.", code="file_not_found", param=field)
        temporary = own.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        try:
            os.link(file.path, temporary)
        except OSError:
            shutil.copyfile(file.path, temporary)
        temporary.replace(own)
        return own

    def _queue(self, job: StoredJob) -> None:
        with self._store.transaction():
            if self._store.jobs.move(job.id, "queued", where=["validating_files"]):
                self._store.events.say(job.id, "Files validated, moving job to queued state", key="queued")
        self.wake()

    def _claim(self, job: StoredJob) -> bool:
        with self._store.transaction():
            claimed = self._store.jobs.move(job.id, "running", where=["queued"], wish=None)
            if claimed:
                self._store.events.say(job.id, "Fine-tuning job started", key="started")
        return claimed

    def _train(self, job: StoredJob, wishes: Wishes, recorder: JobRecorder) -> Outcome:
        try:
            self._release()
            run = self._run(job)
            if self._engine.in_process:
                self._repeat_wish(job, wishes)
                return self._engine.train(run, recorder, wishes)
            wishes.worker = WorkerProcess(self._engine.name, run)
            self._repeat_wish(job, wishes)
            return wishes.worker.outcome(recorder)
        except FinetuneKitError as error:
            raise TrainingFailed(error.message) from error
        except MemoryError as error:
            raise TrainingFailed(f"The training ran {OUT_OF_MEMORY}", code="out_of_memory") from error
        except TrainingFailed:
            raise
        except (sqlite3.Error, OSError) as error:
            raise TrainingFailed(f"The job's progress could not be kept: {error}. Free space and try again.") from error
        except Exception as error:
            # The outermost loop of a training: whatever an engine raises ends this job, and no other.
            _log.error("The engine failed with %s", type(error).__name__)
            raise TrainingFailed(f"The training failed with {type(error).__name__}.") from error

    def _repeat_wish(self, job: StoredJob, wishes: Wishes) -> None:
        """Pass on a wish that came before the training could hear it."""
        wish = self._store.jobs.require(job.id).wish
        if self._stopping or wish is not None:
            wishes.request(wish or "pause")

    def _run(self, job: StoredJob) -> TrainingRun:
        training, validation = self._files(job)
        start = ServedModel(job.base, job.base)
        if job.model != job.base:
            parent = self._store.models.get(job.model)
            if parent is None:
                message = f"The model {job.model!r} to start from was deleted."
                raise TrainingFailed(message, code="model_not_available", param="model")
            start = ServedModel(parent.id, parent.base, parent.adapter)
        return TrainingRun(
            job_id=job.id,
            start_from=start,
            method=read_method(job.method),
            training_file=training,
            validation_file=validation,
            directory=self._store.job_directory(job.id),
            seed=job.seed,
            resume=job.resume,
        )
