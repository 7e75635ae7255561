"""What the embedded server asks of an engine: train a model, and answer chats with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from finetune_kit.types.methods import Method

__all__ = [
    "BaseModelEntry",
    "ChatPiece",
    "ChatRequest",
    "Control",
    "Engine",
    "Outcome",
    "Recorder",
    "ServedModel",
    "TrainingFailed",
    "TrainingRun",
]


@dataclass(frozen=True, slots=True)
class BaseModelEntry:
    """A base model that the engine offers: its id, and who made it."""

    id: str
    owned_by: str
    created: int = 0


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model to answer with: a base model, or one tuned here from that base.

    `adapter` is the directory that training left behind, None for the base model.
    """

    id: str
    base: str
    adapter: Path | None = None


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """All that an engine needs to train; paths are absolute.

    `start_from` is the model to begin with: a base model, or a tuned one to go on from.
    `directory` belongs to this job alone and survives a pause, a crash and a restart;
    `resume` is true where an earlier try of the same job may have left a state there.
    """

    job_id: str
    start_from: ServedModel
    method: Method
    training_file: Path
    validation_file: Path | None
    directory: Path
    seed: int
    resume: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How training ended; `adapter` is the directory of the final model.

    `trained_tokens` counts the billable tokens: those of the file, once an epoch.
    A paused run has a model too: the one it had learnt by then.
    """

    status: Literal["succeeded", "cancelled", "paused"]
    adapter: Path | None
    trained_tokens: int


class TrainingFailed(Exception):  # noqa: N818 - the job's own status
    """Training cannot go on, for a reason that the job's owner should read."""

    def __init__(self, message: str, *, code: str = "training_failed", param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.param = param


class Recorder(Protocol):
    """Where an engine tells the job's story; each call is kept before it returns."""

    def message(self, text: str, *, level: Literal["info", "warn", "error"] = "info") -> None:
        """Add a message event."""

    def hyperparameters(self, resolved: Mapping[str, int | float]) -> None:
        """Say what "auto" became, before the first step."""

    def metrics(self, step: int, total_steps: int, values: Mapping[str, float]) -> None:
        """Add a metrics event.

        The names: `train_loss`, `train_mean_token_accuracy`, `valid_loss`,
        `valid_mean_token_accuracy`, `full_valid_loss`, `full_valid_mean_token_accuracy`
        (those that are known), or the reward names of a reinforcement run.
        """

    def checkpoint(self, step: int, adapter: Path, values: Mapping[str, float]) -> None:
        """Offer the model as it is after `step` (the end of an epoch) as a checkpoint."""


class Control(Protocol):
    """What the job's owner wants, asked by the engine between steps."""

    def requested(self) -> Literal["cancel", "pause"] | None:
        """Return the owner's wish, if there is one."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat to answer; bounds have been checked. `max_tokens` None means the engine's own limit."""

    model: ServedModel
    messages: Sequence[Mapping[str, Any]]
    max_tokens: int | None = None
    temperature: float = 1.0
    top_p: float = 1.0
    n: int = 1
    seed: int | None = None
    stop: Sequence[str] = ()
    tools: Sequence[Mapping[str, Any]] = ()
    stream: bool = False


@dataclass(frozen=True, slots=True)
class ChatPiece:
    """A piece of answer `index`; the last piece of each answer has a finish reason and token counts."""

    index: int
    text: str
    finish_reason: Literal["stop", "length"] | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Engine(Protocol):
    """Trains models and answers with them.

    The server makes one engine. `train` runs in a worker process of its own (made by
    name, so an engine can be made without arguments there), unless `in_process` is true:
    then it runs in a thread. `chat` and the others run in the server.
    """

    name: str
    in_process: bool
    methods: frozenset[str]

    def models(self) -> Sequence[BaseModelEntry]:
        """Return the base models to list."""

    def resolve(self, model: str) -> str | None:
        """Return the id of the base model that a request's `model` means, or None if unknown.

        Takes what `models` lists, their aliases, and (where the engine can) a directory
        or a hub id. Does not fetch anything.
        """

    def train(self, run: TrainingRun, recorder: Recorder, control: Control) -> Outcome:
        """Train; raise TrainingFailed with a reason where that is impossible."""

    def chat(self, request: ChatRequest) -> AsyncIterator[ChatPiece]:
        """Answer a chat, piece by piece."""

    def moderate(self, text: str) -> Mapping[str, float] | None:
        """Return a score from 0 to 1 for each category of moderation; None where the engine offers none."""

    async def release(self) -> None:
        """Give back memory that answering holds, before a training starts."""

    async def close(self) -> None:
        """End everything that the engine has started."""
