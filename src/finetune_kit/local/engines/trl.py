"""The engine that really trains: transformers, peft and trl on this machine's CPU or GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from finetune_kit.local.answering import AnsweringProcess
from finetune_kit.local.engines.base import BaseModelEntry, TrainingFailed
from finetune_kit.local.torch_settings import prepare_environment, require_training_libraries
from finetune_kit.local.weights import SMALL_MODEL, model_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from finetune_kit.local.engines.base import ChatPiece, ChatRequest, Control, Outcome, Recorder, TrainingRun

__all__ = ["TrlEngine"]

_SMALL_MODEL_CREATED: Final = 1730332800
"""SmolLM2 was published on 2024-10-31."""


class TrlEngine:
    """Tunes by LoRA with trl's trainers, and answers through one process beside the server.

    Making one imports no torch and starts nothing: training happens in the process that
    calls `train`, and the answering process starts with the first chat.

    Example:
        >>> TrlEngine().resolve("HuggingFaceTB/SmolLM2-135M-Instruct")
        'smollm2-135m-instruct'
    """

    name = "trl"
    in_process = False
    methods = frozenset({"supervised"})

    def __init__(self) -> None:
        self._answering = AnsweringProcess()

    def models(self) -> Sequence[BaseModelEntry]:
        """Return the small model; directories and hub ids are taken too, but not listed."""
        return [BaseModelEntry(SMALL_MODEL.name, owned_by="huggingface", created=_SMALL_MODEL_CREATED)]

    def resolve(self, model: str) -> str | None:
        """Return the small model's name, the path of a model directory or a hub id; None for anything else."""
        return model_name(model)

    def train(self, run: TrainingRun, recorder: Recorder, control: Control) -> Outcome:
        """Train in this process, which then holds torch for good; raise TrainingFailed where it is impossible."""
        if run.method.type != "supervised":
            raise TrainingFailed(
                f"The engine 'trl' cannot train by the method {run.method.type!r} yet, only 'supervised'",
                code="unsupported_method",
                param="method",
            )
        require_training_libraries()
        prepare_environment()
        from finetune_kit.local.engines.trl_supervised import train_supervised

        return train_supervised(run, run.method, recorder, control)

    def chat(self, request: ChatRequest) -> AsyncIterator[ChatPiece]:
        """Answer a chat, together with the others that are waiting."""
        return self._answering.chat(request)

    def moderate(self, text: str) -> None:
        """Offer no moderation: the engine has no model for it."""
        del text

    async def release(self) -> None:
        """End the answering process once it has answered; the next chat starts a new one."""
        await self._answering.end()

    async def close(self) -> None:
        """End the answering process."""
        await self._answering.end(grace_seconds=0.0)
