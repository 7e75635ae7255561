"""What the server keeps, as the service's objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finetune_kit.local.training_order import read_method
from finetune_kit.types.methods import ReinforcementMethod

if TYPE_CHECKING:
    from finetune_kit.local.stored_events import StoredEvent
    from finetune_kit.local.stored_files import StoredFile
    from finetune_kit.local.stored_jobs import StoredJob
    from finetune_kit.local.stored_models import StoredCheckpoint, StoredPermission
    from finetune_kit.local.stored_uploads import StoredPart, StoredUpload

__all__ = [
    "checkpoint_answer",
    "event_answer",
    "file_answer",
    "job_answer",
    "model_answer",
    "part_answer",
    "permission_answer",
    "upload_answer",
]

OWNER = "org-local"
_TOP_LEVEL = ("n_epochs", "batch_size", "learning_rate_multiplier")


def file_answer(file: StoredFile) -> dict[str, Any]:
    """Return a file object."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": file.created_at,
        "expires_at": file.expires_at,
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }


def upload_answer(upload: StoredUpload, file: StoredFile | None = None) -> dict[str, Any]:
    """Return an upload object; one that is complete has its file."""
    body: dict[str, Any] = {
        "id": upload.id,
        "object": "upload",
        "bytes": upload.bytes,
        "created_at": upload.created_at,
        "expires_at": upload.expires_at,
        "filename": upload.filename,
        "purpose": upload.purpose,
        "status": upload.status,
    }
    return body if file is None else {**body, "file": file_answer(file)}


def part_answer(part: StoredPart) -> dict[str, Any]:
    """Return an upload part object."""
    return {"id": part.id, "object": "upload.part", "created_at": part.created_at, "upload_id": part.upload_id}


def job_answer(job: StoredJob) -> dict[str, Any]:
    """Return a fine-tuning job object; "auto" stays until the engine has said what it means."""
    method = _method_answer(job)
    settings = method[method["type"]]["hyperparameters"]
    return {
        "id": job.id,
        "object": "fine_tuning.job",
        "created_at": job.created_at,
        "finished_at": job.finished_at,
        "estimated_finish": job.estimated_finish,
        "model": job.model,
        "fine_tuned_model": job.fine_tuned_model,
        "organization_id": OWNER,
        "status": job.status,
        "training_file": job.training_file,
        "validation_file": job.validation_file,
        "result_files": [job.result_file] if job.result_file else [],
        "hyperparameters": {name: settings[name] for name in _TOP_LEVEL},
        "method": method,
        "seed": job.seed,
        "trained_tokens": job.trained_tokens,
        "error": job.error,
        "integrations": job.integrations or [],
        "metadata": job.metadata,
        "user_provided_suffix": job.suffix,
    }


def event_answer(event: StoredEvent) -> dict[str, Any]:
    """Return a job event object."""
    return {
        "id": event.id,
        "object": "fine_tuning.job.event",
        "created_at": event.created_at,
        "level": event.level,
        "message": event.message,
        "type": event.type,
        "data": event.data,
    }


def checkpoint_answer(checkpoint: StoredCheckpoint) -> dict[str, Any]:
    """Return a checkpoint object."""
    return {
        "id": checkpoint.id,
        "object": "fine_tuning.job.checkpoint",
        "created_at": checkpoint.created_at,
        "fine_tuned_model_checkpoint": checkpoint.name,
        "fine_tuning_job_id": checkpoint.job_id,
        "step_number": checkpoint.step,
        "metrics": checkpoint.metrics,
    }


def permission_answer(permission: StoredPermission) -> dict[str, Any]:
    """Return a checkpoint permission object."""
    return {
        "id": permission.id,
        "object": "checkpoint.permission",
        "created_at": permission.created_at,
        "project_id": permission.project_id,
    }


def model_answer(model: str, created: int, owner: str = OWNER) -> dict[str, Any]:
    """Return a model object."""
    return {"id": model, "object": "model", "created": created, "owned_by": owner}


def _method_answer(job: StoredJob) -> dict[str, Any]:
    method = read_method(job.method)
    asked = method.model_dump(mode="json", exclude={"type", "grader", "response_format"})
    body: dict[str, Any] = {"hyperparameters": {name: job.resolved.get(name, value) for name, value in asked.items()}}
    if isinstance(method, ReinforcementMethod):
        body["grader"] = method.grader.model_dump(mode="json", exclude_none=True)
        if method.response_format is not None:
            body["response_format"] = method.response_format
    return {"type": method.type, method.type: body}
