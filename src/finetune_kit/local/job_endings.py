"""How a job leaves the status running: what is kept of each ending, all of it or nothing."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from finetune_kit.local.result_table import result_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from finetune_kit.local.engines.base import Outcome, TrainingFailed
    from finetune_kit.local.store import Store
    from finetune_kit.local.stored_jobs import JobStatus, StoredJob

__all__ = ["JobEndings"]


class JobEndings:
    """Keeps the endings of the jobs of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def reached(self, job: StoredJob, outcome: Outcome, last_step: int, *, interrupted: bool) -> None:
        """Keep the outcome of a training; one interrupted by the server's end goes back to the queue."""
        current = self._store.jobs.require(job.id)
        if current.status == "cancelled":
            self._store.jobs.update(job.id, trained_tokens=outcome.trained_tokens)
            self._tidy(job.id)
        elif outcome.status == "succeeded" and outcome.adapter is not None:
            self._succeeded(job, outcome.adapter, outcome.trained_tokens)
        elif outcome.status == "cancelled":
            self.cancelled(job, outcome.trained_tokens)
            self._tidy(job.id)
        elif interrupted and current.wish != "pause":
            self._store.jobs.move(job.id, "queued", where=["running"], resume=1, estimated_finish=None)
        else:
            self._paused(job, outcome, last_step)

    def failed(self, job: StoredJob, failure: TrainingFailed) -> None:
        """Keep why a job failed."""
        error = {"code": failure.code, "message": str(failure), "param": failure.param}
        with self._store.transaction():
            if self._store.jobs.move(
                job.id,
                "failed",
                where=["validating_files", "running"],
                error=error,
                finished_at=int(self._store.now()),
                estimated_finish=None,
            ):
                self._store.events.say(job.id, str(failure), level="error", key="failed")
        self._tidy(job.id)

    def withdrawn(self, job: StoredJob) -> bool:
        """Keep that a job was cancelled before, or between, its trainings; return whether it still could be."""
        moved = self._cancel(job.id, ["validating_files", "queued", "paused"], job.trained_tokens)
        if moved:
            self._tidy(job.id)
        return moved

    def cancelled(self, job: StoredJob, trained_tokens: int | None) -> None:
        """Keep that a running job was cancelled; None where nobody knows yet what it has trained."""
        self._cancel(job.id, ["running"], trained_tokens)

    def _cancel(self, job_id: str, where: Sequence[JobStatus], trained_tokens: int | None) -> bool:
        with self._store.transaction():
            moved = self._store.jobs.move(
                job_id,
                "cancelled",
                where=where,
                finished_at=int(self._store.now()),
                estimated_finish=None,
                trained_tokens=trained_tokens,
            )
            if moved:
                self._store.events.say(job_id, "The job has been cancelled", key="cancelled")
        return moved

    def _succeeded(self, job: StoredJob, adapter: Path, trained_tokens: int) -> None:
        store, model = self._store, job.reserved_model
        table = store.files.temporary_path()
        table.write_text(result_table(store.events.metrics(job.id)))
        with store.transaction():
            result = store.files.keep(table, filename="step_metrics.csv", purpose="fine-tune-results")
            store.models.add(model, job.id, job.base, adapter)
            moved = store.jobs.move(
                job.id,
                "succeeded",
                where=["running"],
                fine_tuned_model=model,
                result_file=result.id,
                trained_tokens=trained_tokens,
                finished_at=int(store.now()),
                estimated_finish=None,
            )
            if moved:
                store.events.say(job.id, f"New fine-tuned model created: {model}", key="model")
                store.events.say(job.id, "The job has successfully completed", key="completed")
        self._tidy(job.id)

    def _paused(self, job: StoredJob, outcome: Outcome, last_step: int) -> None:
        """Keep the pause, and the model learnt by then as a checkpoint: a copy, for training goes on in place."""
        store = self._store
        if outcome.adapter is not None and last_step > 0:
            copy = store.job_directory(job.id) / f"paused-{last_step}"
            shutil.copytree(outcome.adapter, copy, dirs_exist_ok=True)
            store.models.add_checkpoint(job.id, job.reserved_model, last_step, {"step": last_step}, copy)
        with store.transaction():
            tokens = outcome.trained_tokens
            if store.jobs.move(
                job.id, "paused", where=["running"], trained_tokens=tokens, estimated_finish=None, wish=None
            ):
                store.events.say(job.id, "Fine-tuning job paused")

    def _tidy(self, job_id: str) -> None:
        """Free what an ended job no longer needs: all but its models and its log."""
        kept = {adapter.parts[0] for adapter in self._store.models.adapters(job_id)} | {"worker.log"}
        for path in self._store.job_directory(job_id).iterdir():
            if path.name in kept:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
