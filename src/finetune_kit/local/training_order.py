"""A training run as a line of JSON: what a worker process is told to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter

from finetune_kit.local.engines.base import ServedModel, TrainingRun
from finetune_kit.types.methods import DPOMethod, Method, ReinforcementMethod, SupervisedMethod

__all__ = ["read_method", "read_order", "write_order"]

_METHOD: TypeAdapter[SupervisedMethod | DPOMethod | ReinforcementMethod] = TypeAdapter(Method)


def read_method(fields: Any) -> SupervisedMethod | DPOMethod | ReinforcementMethod:
    """Return a method from its own fields as JSON values."""
    return _METHOD.validate_python(fields)


def write_order(engine: str, run: TrainingRun) -> bytes:
    """Return the line that tells a worker which engine is to train what."""
    start = run.start_from
    order = {
        "engine": engine,
        "job_id": run.job_id,
        "start_from": {"id": start.id, "base": start.base, "adapter": _text(start.adapter)},
        "method": run.method.model_dump(mode="json"),
        "training_file": str(run.training_file),
        "validation_file": _text(run.validation_file),
        "directory": str(run.directory),
        "seed": run.seed,
        "resume": run.resume,
    }
    return orjson.dumps(order) + b"\n"


def read_order(line: bytes) -> tuple[str, TrainingRun]:
    """Return the name of the engine and the run that a line tells of."""
    order = orjson.loads(line)
    start = order["start_from"]
    run = TrainingRun(
        job_id=order["job_id"],
        start_from=ServedModel(start["id"], start["base"], _path(start["adapter"])),
        method=read_method(order["method"]),
        training_file=Path(order["training_file"]),
        validation_file=_path(order["validation_file"]),
        directory=Path(order["directory"]),
        seed=order["seed"],
        resume=order["resume"],
    )
    return order["engine"], run


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
