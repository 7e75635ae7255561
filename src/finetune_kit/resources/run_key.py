"""The run key: what makes two requests for a job the same run."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from finetune_kit.dialects.base import JobRequest
    from finetune_kit.types.files import File
    from finetune_kit.types.jobs import Job

__all__ = ["RUN_KEY", "content_name", "file_identity", "run_key", "same_request"]

RUN_KEY = "finetune_kit_run"
"""The name of the run key in a job's metadata."""

_DIGEST = re.compile(r"-([0-9a-f]{16})\.[a-z]+$")


def content_name(stem: str, digest: str, extension: str = ".jsonl") -> str:
    """Return a file name that carries the first 16 digits of its content's SHA-256.

    By this name a file is found again: after a lost answer, and by the next run.
    """
    return f"{stem}-{digest[:16]}{extension}"


def file_identity(file: File) -> str:
    """Return what stands for a file's content: the digest in its name, else its id."""
    digest = _DIGEST.search(file.filename or "")
    return digest.group(1) if digest else file.id


def run_key(request: JobRequest, *, training: str, validation: str | None, attempt: int) -> str:
    """Return the key of a run: SHA-256 over model, file contents, method, seed, suffix and attempt."""
    parts: dict[str, Any] = {
        "model": request.model,
        "training": training,
        "validation": validation,
        "method": request.method.model_dump(mode="json"),
        "seed": request.seed,
        "suffix": request.suffix,
        "attempt": attempt,
    }
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def same_request(job: Job, request: JobRequest) -> bool:
    """Say whether a job without a run key could be this request: nothing that it echoes differs.

    For gateways that strip metadata. Model names may be an alias and its snapshot.
    """
    model, wanted = job.model or "", request.model
    if not (model.startswith(wanted) or wanted.startswith(model)) or job.training_file != request.training_file:
        return False
    if (job.validation_file or None) != request.validation_file:
        return False
    if request.seed is not None and job.seed not in (None, request.seed):
        return False
    if request.suffix and job.user_provided_suffix not in (None, request.suffix):
        return False
    echoed = dict(job.hyperparameters) if job.hyperparameters else {}
    chosen = request.method.model_dump(mode="json")
    return all(
        chosen.get(name) in ("auto", None, value) or value in ("auto", None, -1) for name, value in echoed.items()
    )
