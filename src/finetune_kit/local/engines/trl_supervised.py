"""Supervised training by trl's SFTTrainer; importing it imports torch."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from finetune_kit.errors import LocalServerError
from finetune_kit.local.chat_format import load_chat_format
from finetune_kit.local.engines.base import Outcome, TrainingFailed
from finetune_kit.local.engines.trl_reasons import loading, out_of_resources
from finetune_kit.local.engines.trl_settings import (
    ADAM_BETA2,
    HALF_PRECISION_RATE,
    LORA_ALPHA,
    LORA_RANK,
    Hyperparameters,
    base_learning_rate,
    micro_batch_size,
    resolved,
)
from finetune_kit.local.torch_settings import compute_dtype, device_name, stay_offline
from finetune_kit.local.training_data import TokenizedFile, tokenized_file
from finetune_kit.local.weights import prepared_model

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PretrainedConfig, PreTrainedModel

    from finetune_kit.local.chat_format import ChatFormat
    from finetune_kit.local.engines.base import Control, Recorder, TrainingRun
    from finetune_kit.local.engines.trl_story import Story
    from finetune_kit.types.methods import SupervisedMethod

__all__ = ["train_supervised"]

VALIDATION_EXAMPLES: Final = 256
"""Examples of the validation file that are looked at after an epoch; more cost more than they tell."""

_MOST_TOKENS_IN_MEMORY: Final = {"cpu": 2048, "cuda": 16384}
_LINEAR_LAYERS: Final = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What a run needs, found to be sound before any weight is loaded."""

    model_directory: Path
    chat_format: ChatFormat
    training: TokenizedFile
    validation: TokenizedFile | None
    hyperparameters: Hyperparameters
    learning_rate: float


def train_supervised(run: TrainingRun, method: SupervisedMethod, recorder: Recorder, control: Control) -> Outcome:
    """Tune a LoRA on the training file, from where an earlier try of the same job stopped, if there was one."""
    prepared = _prepare(run, method, recorder)
    recorder.hyperparameters(prepared.hyperparameters.as_dict())
    with out_of_resources(run), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # trl and transformers talking to each other
        from finetune_kit.local.engines.trl_story import Story

        model = _tunable_model(run, prepared)
        story = Story(run.directory, recorder, control, validation_complete=_is_complete(prepared.validation))
        trainer = _trainer(run, prepared, model, story)
        state = story.last_state() if run.resume else None
        trainer.train(resume_from_checkpoint=str(state) if state else None)
        return _outcome(run, story, trainer)


def _prepare(run: TrainingRun, method: SupervisedMethod, recorder: Recorder) -> _Prepared:
    from transformers import AutoConfig

    try:
        directory = prepared_model(run.start_from.base, progress=recorder.message)
    except LocalServerError as error:
        raise TrainingFailed(error.message, code="model_not_available", param="model") from error
    stay_offline()
    with loading(run):
        chat_format = load_chat_format(directory)
        config = AutoConfig.from_pretrained(directory, local_files_only=True).get_text_config()
    length = int(getattr(config, "max_position_embeddings", sys.maxsize))
    training = tokenized_file(run.training_file, chat_format, max_length=length)
    _report_truncation(training, length, recorder)
    if not training.trainable:
        raise TrainingFailed(
            f"{run.training_file.name}: no token to learn. Every assistant message has weight 0 or lies behind the "
            f"{length} tokens that the model reads; give some of them weight 1 or make the examples shorter",
            code="no_trainable_tokens",
            param="training_file",
        )
    validation = _validation(run, chat_format, length)
    chosen = resolved(method, len(training.examples))
    rate = base_learning_rate(int(config.hidden_size)) * chosen.learning_rate_multiplier
    return _Prepared(directory, chat_format, training, validation, chosen, rate)


def _report_truncation(training: TokenizedFile, length: int, recorder: Recorder) -> None:
    if training.truncated:
        recorder.message(
            f"{training.truncated} of {len(training.examples)} examples are longer than the {length} tokens that the "
            "model reads; their ends were cut off",
            level="warn",
        )


def _validation(run: TrainingRun, chat_format: ChatFormat, length: int) -> TokenizedFile | None:
    if run.validation_file is None:
        return None
    whole = tokenized_file(run.validation_file, chat_format, max_length=length)
    return TokenizedFile([example for example in whole.examples if example.trainable], whole.truncated)


def _is_complete(validation: TokenizedFile | None) -> bool:
    return validation is not None and len(validation.examples) <= VALIDATION_EXAMPLES


def _tunable_model(run: TrainingRun, prepared: _Prepared) -> Any:
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM, set_seed

    set_seed(run.seed)
    full_precision = device_name() != "cpu" or prepared.learning_rate < HALF_PRECISION_RATE
    with loading(run):
        model = AutoModelForCausalLM.from_pretrained(
            prepared.model_directory, dtype=compute_dtype(), local_files_only=True
        )
        if run.start_from.adapter is not None:
            return PeftModel.from_pretrained(
                model, run.start_from.adapter, is_trainable=True, autocast_adapter_dtype=full_precision
            )
    return get_peft_model(model, LoraConfig(**_lora_settings(model)), autocast_adapter_dtype=full_precision)


def _lora_settings(model: PreTrainedModel) -> dict[str, Any]:
    """Return where the LoRA goes: on a CPU into the upper third of the layers, which halves the time of a step."""
    names = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    settings: dict[str, Any] = {"r": LORA_RANK, "lora_alpha": LORA_ALPHA, "task_type": "CAUSAL_LM"}
    if not names.issuperset(_LINEAR_LAYERS):
        return {**settings, "target_modules": "all-linear"}
    settings["target_modules"] = list(_LINEAR_LAYERS)
    if device_name() == "cpu":
        layers = _layer_count(model.config)
        settings["layers_to_transform"] = list(range(layers - max(1, layers // 3), layers))
    return settings


def _layer_count(config: PretrainedConfig) -> int:
    return int(config.get_text_config().num_hidden_layers)


def _trainer(run: TrainingRun, prepared: _Prepared, model: Any, story: Story) -> Any:
    from datasets import Dataset
    from transformers import PrinterCallback

    from finetune_kit.local.engines.trl_trainer import trainer_class

    validation = prepared.validation.sample(VALIDATION_EXAMPLES) if prepared.validation else None
    trainer = trainer_class(model.config, device_name())(
        model=model,
        args=_config(run, prepared),
        train_dataset=Dataset.from_dict(_columns(prepared.training)),
        eval_dataset=Dataset.from_dict(_columns(validation)) if validation else None,
        processing_class=prepared.chat_format.tokenizer,
        callbacks=[story],
    )
    trainer.remove_callback(PrinterCallback)  # it writes to standard output, which belongs to the caller
    return trainer


def _columns(file: TokenizedFile) -> dict[str, list[list[int]]]:
    return {
        "input_ids": [example.input_ids for example in file.examples],
        "labels": [example.labels for example in file.examples],
    }


def _config(run: TrainingRun, prepared: _Prepared) -> Any:
    from trl import SFTConfig

    chosen = prepared.hyperparameters
    cpu = device_name() == "cpu"
    micro = micro_batch_size(
        chosen.batch_size, prepared.training.longest, most_tokens=_MOST_TOKENS_IN_MEMORY[device_name()]
    )
    return SFTConfig(
        output_dir=str(run.directory / "trainer"),
        num_train_epochs=chosen.n_epochs,
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=chosen.batch_size // micro,
        per_device_eval_batch_size=max(micro, 4),
        learning_rate=prepared.learning_rate,
        adam_beta2=ADAM_BETA2,
        lr_scheduler_type="linear",
        warmup_steps=0.05,
        optim="adamw_torch_fused",
        seed=run.seed,
        data_seed=run.seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        include_num_input_tokens_seen="non_padding",
        save_strategy="epoch",
        save_total_limit=2,
        eval_strategy="epoch" if prepared.validation else "no",
        use_cpu=cpu,
        bf16=not cpu and compute_dtype().itemsize == 2,  # noqa: PLR2004 - bytes of a bfloat16
        gradient_checkpointing=not cpu,
        dataloader_pin_memory=not cpu,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        report_to="none",
        disable_tqdm=True,
    )


def _outcome(run: TrainingRun, story: Story, trainer: Any) -> Outcome:
    tokens = int(trainer.state.num_input_tokens_seen)
    if story.stopped_by == "cancel":
        return Outcome("cancelled", None, tokens)
    adapter = run.directory / "model"
    story.save_adapter(trainer.model, adapter)
    return Outcome("paused" if story.stopped_by == "pause" else "succeeded", adapter, tokens)
