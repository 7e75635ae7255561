"""How the story of a running job is kept, step by step."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from finetune_kit.local.store import Store

__all__ = ["JobRecorder"]

_WORDS = (
    ("train_loss", "training loss"),
    ("valid_loss", "validation loss"),
    ("full_valid_loss", "full validation loss"),
    ("train_mean_reward", "train mean reward"),
    ("full_valid_mean_reward", "full validation mean reward"),
)


class JobRecorder:
    """Keeps what an engine says of one job; nothing is kept of a job that is no longer running.

    What a resumed run says again (the same step, the same text) is kept once.
    """

    def __init__(self, store: Store, job_id: str) -> None:
        self._store = store
        self._job_id = job_id
        self._model = store.jobs.require(job_id).reserved_model
        self._began: tuple[float, int] | None = None
        self.last_step = 0

    def message(self, text: str, *, level: Literal["info", "warn", "error"] = "info") -> None:
        """Add a message event."""
        with self._store.transaction():
            if self._running():
                self._store.events.say(self._job_id, text, level=level, key=f"message:{text}")

    def hyperparameters(self, resolved: Mapping[str, int | float]) -> None:
        """Keep what "auto" became."""
        self._store.jobs.update(self._job_id, resolved=dict(resolved))

    def metrics(self, step: int, total_steps: int, values: Mapping[str, float]) -> None:
        """Add a metrics event, and say when the job should end at this pace."""
        self.last_step = step
        known = _finite(values)
        said = [f"{words}={known[name]:.4g}" for name, words in _WORDS if name in known]
        message = f"Step {step}/{total_steps}" + (f": {', '.join(said)}" if said else "")
        with self._store.transaction():
            if self._running():
                data = {"step": step, "total_steps": total_steps, **known}
                self._store.events.measure(self._job_id, message, data)
                self._store.jobs.update(self._job_id, estimated_finish=self._estimate(step, total_steps))

    def checkpoint(self, step: int, adapter: Path, values: Mapping[str, float]) -> None:
        """Keep the model after `step` as a checkpoint."""
        with self._store.transaction():
            if self._running():
                metrics = {**_finite(values), "step": step}
                self._store.models.add_checkpoint(self._job_id, self._model, step, metrics, adapter)
                self._store.events.say(self._job_id, f"Checkpoint created at step {step}", key=f"checkpoint:{step}")

    def _running(self) -> bool:
        return self._store.jobs.require(self._job_id).status == "running"

    def _estimate(self, step: int, total_steps: int) -> int | None:
        """Return when the last step will be done, from the pace since the first step of this run."""
        now = time.monotonic()
        if self._began is None:
            self._began = now, step
            return None
        began, first = self._began
        pace = (now - began) / max(1, step - first)
        return math.ceil(self._store.now() + pace * (total_steps - step))


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what JSON cannot say: losses that are infinite or no number."""
    return {name: value for name, value in values.items() if not isinstance(value, float) or math.isfinite(value)}
