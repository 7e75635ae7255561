"""Fine-tuning jobs, and what they leave behind."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from finetune_kit.types.values import Answer

__all__ = [
    "TERMINAL_STATUSES",
    "Checkpoint",
    "CheckpointMetrics",
    "CheckpointPermission",
    "Event",
    "Hyperparameters",
    "Integration",
    "Job",
    "JobErrorDetail",
]

TERMINAL_STATUSES = frozenset({"succeeded", "failed", "cancelled"})
"""The only statuses that end a wait; any other, known or not, keeps it going."""


class JobErrorDetail(Answer):
    """Why a job failed."""

    code: str | None = None
    message: str | None = None
    param: str | None = None


class Hyperparameters(Answer):
    """Hyperparameters as the service reports them: a number, or a word such as "auto"."""

    n_epochs: int | float | str | None = None
    batch_size: int | float | str | None = None
    learning_rate_multiplier: int | float | str | None = None


class Integration(Answer):
    """A third service that a job reports to."""

    type: str | None = None
    wandb: dict[str, Any] | None = None


class Job(Answer):
    """A fine-tuning job.

    Only `id` and `status` can be relied on; services leave out any of the others.
    """

    id: str
    status: str
    object: str | None = None
    created_at: int | None = None
    """Unix seconds."""
    finished_at: int | None = None
    """Unix seconds; None while the job is going."""
    estimated_finish: int | None = None
    """Unix seconds, where the service says so."""
    model: str | None = None
    """The model that is tuned."""
    fine_tuned_model: str | None = None
    """The model that came out; None until the job has succeeded."""
    organization_id: str | None = None
    training_file: str | None = None
    validation_file: str | None = None
    result_files: tuple[str, ...] = ()
    hyperparameters: Hyperparameters | None = None
    method: dict[str, Any] | None = None
    seed: int | None = None
    trained_tokens: int | None = None
    """Billable tokens; None while the job is going."""
    error: JobErrorDetail | None = None
    integrations: tuple[Integration, ...] | None = None
    metadata: dict[str, str] | None = None
    user_provided_suffix: str | None = None

    @field_validator("result_files", mode="before")
    @classmethod
    def _null_is_none_made(cls, value: Any) -> Any:
        return () if value is None else value

    @field_validator("error", mode="after")
    @classmethod
    def _empty_is_no_error(cls, value: JobErrorDetail | None) -> JobErrorDetail | None:
        return value if value is not None and value.message else None

    @property
    def ended(self) -> bool:
        """Whether the job has reached a status that it will not leave."""
        return self.status in TERMINAL_STATUSES


class Event(Answer):
    """Something that happened in a job."""

    id: str
    object: str | None = None
    created_at: int | None = None
    """Unix seconds."""
    level: str | None = None
    """"info", "warn" or "error"."""
    message: str | None = None
    type: str | None = None
    """"message" or "metrics", where the service says so."""
    data: Any = None
    """For metrics: step, total_steps, train_loss, valid_loss and the like."""

    @property
    def metrics(self) -> dict[str, Any]:
        """The data where it is a table of metrics with a step, else nothing."""
        return dict(self.data) if isinstance(self.data, dict) and "step" in self.data else {}


class CheckpointMetrics(Answer):
    """Metrics at a checkpoint; a service sends those that it has."""

    step: float | None = None
    train_loss: float | None = None
    train_mean_token_accuracy: float | None = None
    valid_loss: float | None = None
    valid_mean_token_accuracy: float | None = None
    full_valid_loss: float | None = None
    full_valid_mean_token_accuracy: float | None = None


class Checkpoint(Answer):
    """A model from the middle of a job, usable like the final one."""

    id: str
    object: str | None = None
    created_at: int | None = None
    fine_tuned_model_checkpoint: str | None = None
    fine_tuning_job_id: str | None = None
    step_number: int | None = None
    metrics: CheckpointMetrics | None = None


class CheckpointPermission(Answer):
    """Leave for another project to use a checkpoint."""

    id: str
    object: str | None = None
    created_at: int | None = None
    project_id: str | None = None
