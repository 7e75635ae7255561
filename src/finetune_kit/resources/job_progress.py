"""How far a job has come: the value that callers get, and the line that people see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from finetune_kit.resources.progress import bar, duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from finetune_kit.resources.progress import Display
    from finetune_kit.types.jobs import Event, Job

__all__ = ["JobProgress", "show_progress"]


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job has come, as of the last look; what is not known is None."""

    job: Job
    elapsed_seconds: float = 0.0
    """Since waiting began."""
    step: int | None = None
    total_steps: int | None = None
    train_loss: float | None = None
    valid_loss: float | None = None
    remaining_seconds: float | None = None
    """Estimate from the steps seen so far."""
    first_step: int | None = None
    first_step_seconds: float = 0.0
    new_events: tuple[Event, ...] = ()
    """What happened since the look before."""

    def after(self, job: Job, events: Sequence[Event], elapsed_seconds: float) -> JobProgress:
        """Return the progress as it is now, given the job and the new events."""
        now = replace(self, job=job, new_events=tuple(events), elapsed_seconds=elapsed_seconds)
        for metrics in [event.metrics for event in events if event.metrics]:
            now = replace(
                now,
                step=int(metrics["step"]),
                total_steps=_whole(metrics.get("total_steps")) or now.total_steps,
                train_loss=_real(metrics.get("train_loss"), now.train_loss),
                valid_loss=_real(metrics.get("full_valid_loss", metrics.get("valid_loss")), now.valid_loss),
            )
        if now.first_step is None and now.step is not None:
            now = replace(now, first_step=now.step, first_step_seconds=elapsed_seconds)
        return replace(now, remaining_seconds=_remaining_seconds(now))

    def __str__(self) -> str:
        parts = [self.job.status]
        if self.step is not None and self.total_steps:
            parts.append(f"step {self.step}/{self.total_steps} {bar(self.step, self.total_steps)}")
        if self.train_loss is not None:
            parts.append(f"loss {self.train_loss:.3f}")
        if self.valid_loss is not None:
            parts.append(f"validation loss {self.valid_loss:.3f}")
        parts.append(duration(self.elapsed_seconds))
        if self.remaining_seconds is not None:
            parts.append(f"{duration(self.remaining_seconds)} left")
        return "  ".join(parts)


def show_progress(display: Display, progress: JobProgress) -> None:
    """Show the messages that have come as milestones, and the state below them."""
    for event in progress.new_events:
        if not event.metrics and event.message:
            display.show(event.message, milestone=True)
    display.show(str(progress), milestone=progress.job.ended)


def _remaining_seconds(progress: JobProgress) -> float | None:
    if progress.step is None or progress.total_steps is None or progress.first_step is None or progress.job.ended:
        return None
    done = progress.step - progress.first_step
    if done <= 0:
        return None
    seconds_a_step = (progress.elapsed_seconds - progress.first_step_seconds) / done
    return seconds_a_step * max(0, progress.total_steps - progress.step)


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def _real(value: object, otherwise: float | None) -> float | None:
    return float(value) if isinstance(value, int | float) else otherwise
