"""Trains as a worker process does, and writes the story as JSON lines; started by the tests beside it.

Reads orders from standard input, one JSON object a line: the fields of a run, `wish` and
`wish_step` (what the owner wants after which step), and `crash_step` (after which the process
ends as if it had been killed). Several runs in one process save the seconds of importing torch.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from finetune_kit.local.engines.base import ServedModel, TrainingFailed, TrainingRun
from finetune_kit.local.engines.trl import TrlEngine
from finetune_kit.types.methods import SupervisedMethod

STORY = os.fdopen(os.dup(1), "w")


def tell(kind: str, **values) -> None:
    STORY.write(json.dumps({"kind": kind, **values}, default=str) + "\n")
    STORY.flush()


class Recorder:
    def __init__(self, crash_step: int | None) -> None:
        self.step = 0
        self.crash_step = crash_step

    def message(self, text, *, level="info"):
        tell("message", text=text, level=level)

    def hyperparameters(self, resolved):
        tell("hyperparameters", **resolved)

    def metrics(self, step, total_steps, values):
        tell("metrics", step=step, total_steps=total_steps, **values)
        self.step = step
        if step == self.crash_step:
            os._exit(9)

    def checkpoint(self, step, adapter, values):
        tell("checkpoint", step=step, adapter=adapter, files=sorted(path.name for path in adapter.iterdir()))


class Control:
    def __init__(self, recorder: Recorder, wish: str | None, wish_step: int) -> None:
        self.recorder = recorder
        self.wish = wish
        self.wish_step = wish_step

    def requested(self):
        # Asked before the metrics of the step are told.
        return self.wish if self.recorder.step + 1 >= self.wish_step else None


def main(order: dict) -> None:
    recorder = Recorder(order.get("crash_step"))
    adapter = order.get("start_adapter")
    run = TrainingRun(
        job_id="job",
        start_from=ServedModel("model", order["model"], Path(adapter) if adapter else None),
        method=SupervisedMethod(**order.get("method", {})),
        training_file=Path(order["training_file"]),
        validation_file=Path(order["validation_file"]) if order.get("validation_file") else None,
        directory=Path(order["directory"]),
        seed=order.get("seed", 0),
        resume=order.get("resume", False),
    )
    try:
        outcome = TrlEngine().train(run, recorder, Control(recorder, order.get("wish"), order.get("wish_step", 0)))
    except TrainingFailed as failure:
        tell("failed", text=str(failure), code=failure.code, param=failure.param)
        return
    tell("outcome", status=outcome.status, adapter=outcome.adapter, trained_tokens=outcome.trained_tokens)


def peak_mib() -> int:
    import resource

    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit


for line in sys.stdin:
    main(json.loads(line))
    tell("memory", peak_mib=peak_mib())
    tell("end")
