"""A training run's story, told to the job while trl trains; importing it imports transformers."""

# ruff: noqa: ARG002 - the trainer calls each method with the same arguments, needed or not

from __future__ import annotations

import json
import math
import os
import shutil
from typing import TYPE_CHECKING, Any, Final, Literal

from transformers import TrainerCallback

from finetune_kit.local.engines.base import TrainingFailed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from transformers import TrainerControl, TrainerState, TrainingArguments

    from finetune_kit.local.engines.base import Control, Recorder

__all__ = ["Story"]

_TRAIN_NAMES: Final = {"loss": "train_loss", "mean_token_accuracy": "train_mean_token_accuracy"}
_VALID_NAMES: Final = {"eval_loss": "valid_loss", "eval_mean_token_accuracy": "valid_mean_token_accuracy"}


class Story(TrainerCallback):
    """Records metrics and checkpoints, asks for the owner's wishes, and remembers where to resume.

    The metrics of an epoch's last step wait for those of the validation, so that a step is
    told once. `stopped_by` is the wish that ended the run early, if one did.
    """

    def __init__(self, directory: Path, recorder: Recorder, control: Control, *, validation_complete: bool) -> None:
        self.stopped_by: Literal["cancel", "pause"] | None = None
        self._directory = directory
        self._recorder = recorder
        self._control = control
        self._validation_complete = validation_complete
        self._told: dict[str, float] = {}
        self._untold: dict[str, float] = {}
        self._last_checkpoint = 0

    def last_state(self) -> Path | None:
        """Return the directory of the trainer's last whole state, None if there is none."""
        try:
            name = json.loads(self._marker.read_text(encoding="utf-8"))["state"]
        except FileNotFoundError:
            return None
        state = self._directory / "trainer" / str(name)
        return state if state.is_dir() else None

    def save_adapter(self, model: Any, directory: Path) -> None:
        """Write the adapter under another name first, so that a kill leaves no half of one."""
        partial = directory.with_name(f".{directory.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        model.save_pretrained(partial)
        (partial / "README.md").unlink(missing_ok=True)  # peft's empty model card
        shutil.rmtree(directory, ignore_errors=True)
        partial.rename(directory)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Stop where the owner wants that, keeping the trainer's state for a pause."""
        self.stopped_by = self._control.requested()
        if self.stopped_by:
            control.should_training_stop = True
            control.should_save = self.stopped_by == "pause"
        return control

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Leave out the epoch's validation and state where the owner has stopped the run within it."""
        if self.stopped_by and not (self.stopped_by == "pause" and self._ends_epoch(state)):
            control.should_evaluate = control.should_save = False
        return control

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Record the metrics of a step."""
        values = {ours: float(logs[theirs]) for theirs, ours in _TRAIN_NAMES.items() if logs and theirs in logs}
        if "train_loss" not in values:
            return
        if not math.isfinite(values["train_loss"]):
            raise TrainingFailed(
                f"The loss of step {state.global_step} is not a number. Choose a smaller learning_rate_multiplier",
                code="loss_not_finite",
                param="learning_rate_multiplier",
            )
        self._untold = values
        if not (self._ends_epoch(state) and args.eval_strategy != "no"):
            self._tell(state)

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Add the validation's metrics to those of the step before it."""
        found = {ours: float(metrics[theirs]) for theirs, ours in _VALID_NAMES.items() if metrics and theirs in metrics}
        if self._validation_complete:
            found |= {f"full_{name}": value for name, value in found.items()}
        self._untold |= found
        self._tell(state)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **_: Any
    ) -> None:
        """Offer a checkpoint at the end of an epoch, and remember the state as one to resume from."""
        step = state.global_step
        if self._ends_epoch(state) and self._last_checkpoint < step and not self._untold:
            adapter = self._directory / "checkpoints" / f"step-{step}"
            self.save_adapter(model, adapter)
            self._recorder.checkpoint(step, adapter, self._told)
            self._last_checkpoint = step
        partial = self._marker.with_suffix(".partial")
        partial.write_text(json.dumps({"state": f"checkpoint-{step}"}), encoding="utf-8")
        os.replace(partial, self._marker)  # noqa: PTH105 - the one that replaces on every system

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Record what was still waiting for a validation that did not come."""
        if self._untold:
            self._tell(state)

    @property
    def _marker(self) -> Path:
        return self._directory / "resume.json"

    def _tell(self, state: TrainerState) -> None:
        self._told, self._untold = self._untold, {}
        self._recorder.metrics(state.global_step, state.max_steps, self._told)

    def _ends_epoch(self, state: TrainerState) -> bool:
        return state.global_step % math.ceil(state.max_steps / state.num_train_epochs) == 0
