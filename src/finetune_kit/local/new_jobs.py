"""How a job is made of a request: what it names is looked up, and all of it is kept at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune_kit.local.identifiers import new_id, tuned_model_id
from finetune_kit.local.problems import bad_request
from finetune_kit.local.stored_jobs import StoredJob

if TYPE_CHECKING:
    from finetune_kit.local.job_requests import JobRequest
    from finetune_kit.local.requests import Parts

__all__ = ["create"]


def create(parts: Parts, request: JobRequest) -> StoredJob:
    """Keep a new job, and wake what validates it; raise the problem of what cannot be found."""
    model, base = _models(parts, request.model)
    _check_method(parts, request)
    _check_file(parts, request.training_file, "training_file")
    if request.validation_file is not None:
        _check_file(parts, request.validation_file, "validation_file")
    job = _job(parts, request, model, base)
    with parts.store.transaction():
        parts.store.jobs.add(job)
        parts.store.events.say(job.id, f"Created fine-tuning job: {job.id}", key="created")
        if job.integrations:
            message = "Integrations are kept, but this server reports to no other service"
            parts.store.events.say(job.id, message, level="warn", key="integrations")
    parts.supervisor.wake()
    return job


def _job(parts: Parts, request: JobRequest, model: str, base: str) -> StoredJob:
    return StoredJob(
        seq=0,
        id=new_id("ftjob-"),
        status="validating_files",
        created_at=int(parts.store.now()),
        model=model,
        base=base,
        seed=request.seed,
        method=request.method.model_dump(mode="json"),
        resolved={},
        training_file=request.training_file,
        reserved_model=tuned_model_id(base, request.suffix),
        suffix=request.suffix,
        validation_file=request.validation_file,
        metadata=request.metadata,
        integrations=request.integrations,
    )


def _models(parts: Parts, wanted: str) -> tuple[str, str]:
    """Return the id of the model to start from, and of the base model under it."""
    tuned = parts.store.models.get(wanted)
    if tuned is not None:
        return tuned.id, tuned.base
    base = parts.engine.resolve(wanted)
    if base is None:
        offered = ", ".join(entry.id for entry in parts.engine.models())
        message = f"The model `{wanted}` is not available for fine-tuning or does not exist. Available here: {offered}"
        raise bad_request(message, "model", "model_not_available")
    return base, base


def _check_method(parts: Parts, request: JobRequest) -> None:
    kind = request.method.type
    if kind not in parts.engine.methods:
        offered = ", ".join(sorted(parts.engine.methods))
        message = f"The model `{request.model}` does not support the fine-tuning method '{kind}' here, only: {offered}."
        raise bad_request(message, "method", "unsupported_method")


def _check_file(parts: Parts, file_id: str, param: str) -> None:
    file = parts.store.files.get(file_id)
    if file is None:
        raise bad_request(f"Invalid {param}: there is no file {file_id}.", param, "file_not_found")
    if file.purpose != "fine-tune":
        message = f"Invalid {param}: file {file_id} has the purpose '{file.purpose}', but 'fine-tune' is needed."
        raise bad_request(message, param, "invalid_file_purpose")
