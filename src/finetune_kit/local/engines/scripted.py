"""An engine that trains nothing, says so in every name, and answers at once: for tests."""

from __future__ import annotations

import hashlib
import math
import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from finetune_kit.local.engines.base import BaseModelEntry, ChatPiece, Outcome, TrainingFailed
from finetune_kit.local.engines.scripted_answers import Answers, learn
from finetune_kit.local.engines.scripted_moderation import moderate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from finetune_kit.local.engines.base import ChatRequest, Control, Recorder, TrainingRun

__all__ = ["ScriptedEngine"]

_PREFIX = "scripted:"
_MODELS = ("smollm2-135m-instruct", "gpt-4.1-mini-2025-04-14", "gpt-4o-mini-2024-07-18")
_STEP_SECONDS = 0.005
_AUTO_EPOCHS = 3
_AUTO_STEPS_AN_EPOCH = 10
_LARGEST_BATCH = 256
_AUTO = {"learning_rate_multiplier": 1.0, "beta": 0.1, "compute_multiplier": 1.0, "eval_interval": 1, "eval_samples": 1}


class ScriptedEngine:
    """Follows the whole life of a job without training.

    Losses come from the seed and the bytes of the training file alone. A tuned model
    answers a user text of its training file with the wanted answer, any other with the
    answer to the most similar one. Tokens are words, as `str.split` gives them.
    """

    name = "scripted"
    in_process = True
    methods = frozenset({"supervised", "dpo", "reinforcement"})

    def models(self) -> Sequence[BaseModelEntry]:
        """Return the base models: names of well-known ones, marked as scripted."""
        return [BaseModelEntry(_PREFIX + name, "scripted") for name in _MODELS]

    def resolve(self, model: str) -> str | None:
        """Return the id of the base model, given with or without the mark."""
        name = model.removeprefix(_PREFIX)
        return _PREFIX + name if name in _MODELS else None

    def train(self, run: TrainingRun, recorder: Recorder, control: Control) -> Outcome:
        """Play a training: about 5 ms a step, resumable after every step."""
        content = run.training_file.read_bytes()
        examples = [orjson.loads(line) for line in content.splitlines() if line.strip()]
        if not examples:
            raise TrainingFailed("The training file has no examples.", param="training_file")
        plan = _plan(run, len(examples))
        recorder.hyperparameters(plan.resolved)
        answers = learn(examples, run.start_from.adapter, run.directory)
        play = _Play(run, plan, random.Random(f"{run.seed}{hashlib.sha256(content).hexdigest()}").random())  # noqa: S311
        words = len(content.split())
        return play.perform(recorder, control, answers, words)

    async def chat(self, request: ChatRequest) -> AsyncIterator[ChatPiece]:
        """Answer word by word: a base model with a digest of the question, a tuned one with what it has read."""
        question = _last_user_text(request.messages)
        text = _base_answer(question)
        if request.model.adapter is not None:
            text = Answers.read(request.model.adapter).nearest(question) or text
        words, reason = _bounded(text, request.max_tokens, request.stop)
        prompt = sum(len(str(message.get("content") or "").split()) for message in request.messages)
        for index in range(request.n):
            for word in words:
                yield ChatPiece(index, word)
            written = sum(1 for word in words if word.strip())
            yield ChatPiece(index, "", reason, prompt, written)

    def moderate(self, text: str) -> Mapping[str, float]:
        """Judge a text by the marks in it: "scripted-moderation:violence" is of the category violence."""
        return moderate(text)

    async def release(self) -> None:
        """Hold nothing, so give nothing back."""

    async def close(self) -> None:
        """Have nothing to end."""


@dataclass(frozen=True, slots=True)
class _Plan:
    epochs: int
    steps_an_epoch: int
    resolved: dict[str, int | float]

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_an_epoch


def _plan(run: TrainingRun, n_examples: int) -> _Plan:
    method = run.method
    epochs = _AUTO_EPOCHS if method.n_epochs == "auto" else method.n_epochs
    usual = min(_LARGEST_BATCH, math.ceil(n_examples / _AUTO_STEPS_AN_EPOCH))
    batch = usual if method.batch_size == "auto" else method.batch_size
    auto = {"n_epochs": epochs, "batch_size": batch, **_AUTO}
    asked = method.model_dump(exclude={"type", "grader", "response_format", "reasoning_effort"})
    resolved = {name: auto[name] if value == "auto" else value for name, value in asked.items()}
    return _Plan(epochs, math.ceil(n_examples / batch), resolved)


@dataclass(frozen=True, slots=True)
class _Play:
    """One training that is played: where it stands is a number in a file, so that it can go on."""

    run: TrainingRun
    plan: _Plan
    luck: float

    def perform(self, recorder: Recorder, control: Control, answers: Answers, words: int) -> Outcome:
        state = self.run.directory / "step"
        first = int(state.read_text() or 0) if self.run.resume and state.exists() else 0
        for step in range(first + 1, self.plan.steps + 1):
            if (wish := control.requested()) is not None:
                return self._outcome("cancelled" if wish == "cancel" else "paused", step - 1, answers, words)
            threading.Event().wait(_STEP_SECONDS)
            values = self._values(step)
            recorder.metrics(step, self.plan.steps, values)
            if step % self.plan.steps_an_epoch == 0:
                recorder.checkpoint(step, answers.write(self.run.directory / f"step-{step}"), self._full(step, values))
            state.write_text(str(step))
        return self._outcome("succeeded", self.plan.steps, answers, words)

    def _outcome(self, status: Any, step: int, answers: Answers, words: int) -> Outcome:
        adapter = None if status == "cancelled" else answers.write(self.run.directory / "final")
        return Outcome(status, adapter, round(words * step / self.plan.steps_an_epoch))

    def _values(self, step: int) -> dict[str, float]:
        """Return a curve that falls (or, for rewards, rises) with a little noise of its own for each step."""
        noise = random.Random(f"{self.luck}:{step}").uniform(-0.02, 0.02)  # noqa: S311
        learned = 1 - math.exp(-4 * step / self.plan.steps)
        if self.run.method.type == "reinforcement":
            return _rewards(min(1.0, max(0.0, 0.2 + 0.6 * learned + noise)))
        values = {
            "train_loss": round(2.2 - 1.9 * learned + 0.2 * self.luck + noise, 4),
            "train_mean_token_accuracy": round(0.45 + 0.5 * learned + noise, 4),
        }
        if self.run.validation_file is not None:
            values["valid_loss"] = round(2.3 - 1.7 * learned + 0.2 * self.luck - noise, 4)
            values["valid_mean_token_accuracy"] = round(0.43 + 0.45 * learned - noise, 4)
        return values

    def _full(self, step: int, values: dict[str, float]) -> dict[str, float]:
        full = {f"full_{name}": value for name, value in values.items() if name.startswith("valid_")}
        return {"step": step, **values, **full}


def _rewards(reward: float) -> dict[str, float]:
    return {
        "train_mean_reward": round(reward, 4),
        "full_valid_mean_reward": round(reward * 0.95, 4),
        "full_valid_mean_parse_error": 0.0,
        "mean_unresponsive_rewards": 0.0,
        "completion_tokens_mean": 12.0,
        "reasoning_tokens_mean": 0.0,
    }


def _last_user_text(messages: Sequence[Any]) -> str:
    from finetune_kit.local.engines.scripted_answers import text_of

    return next((text_of(message) for message in reversed(messages) if message.get("role") == "user"), "")


def _base_answer(question: str) -> str:
    return f"scripted base answer: {hashlib.sha256(question.encode()).hexdigest()[:8]}"


def _bounded(text: str, max_tokens: int | None, stop: Sequence[str]) -> tuple[list[str], Any]:
    """Return the words of an answer, each with the space before it, and why it ends."""
    cut = min((place for mark in stop if (place := text.find(mark)) >= 0), default=len(text))
    pieces = _words(text[:cut])
    if max_tokens is not None and len(pieces) > max_tokens:
        return pieces[:max_tokens], "length"
    return pieces, "stop"


def _words(text: str) -> list[str]:
    import re

    return re.findall(r"\s*\S+(?:\s+\Z)?", text)
