"""How to tune: the three methods and their hyperparameters.

Bounds are those of the published description, as corrected in September 2026:
`n_epochs` 1 to 50, `batch_size` 1 to 256, `learning_rate_multiplier` above 0, `beta`
above 0 and at most 2, `compute_multiplier` above 0.00001 and at most 10.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from finetune_kit.types.graders import GraderSpec
from finetune_kit.types.values import Value

__all__ = ["Auto", "DPOMethod", "Method", "ReinforcementMethod", "SupervisedMethod", "method_request"]

Auto = Literal["auto"]
Epochs = Auto | Annotated[int, Field(ge=1, le=50)]
BatchSize = Auto | Annotated[int, Field(ge=1, le=256)]
LearningRateMultiplier = Auto | Annotated[float, Field(gt=0)]
Count = Auto | Annotated[int, Field(ge=1)]


class SupervisedMethod(Value):
    """Learn from examples of the wanted answer.

    Example:
        >>> SupervisedMethod(n_epochs=3).n_epochs
        3
    """

    type: Literal["supervised"] = "supervised"
    n_epochs: Epochs = "auto"
    """Passes over the training file, 1 to 50."""
    batch_size: BatchSize = "auto"
    """Examples in one step, 1 to 256."""
    learning_rate_multiplier: LearningRateMultiplier = "auto"
    """Factor on the service's own learning rate, above 0."""


class DPOMethod(Value):
    """Learn from pairs of a preferred and a non-preferred answer."""

    type: Literal["dpo"] = "dpo"
    n_epochs: Epochs = "auto"
    """Passes over the training file, 1 to 50."""
    batch_size: BatchSize = "auto"
    """Pairs in one step, 1 to 256."""
    learning_rate_multiplier: LearningRateMultiplier = "auto"
    """Factor on the service's own learning rate, above 0."""
    beta: Auto | Annotated[float, Field(gt=0, le=2)] = "auto"
    """Weight of staying close to the model it starts from, above 0 and at most 2."""


class ReinforcementMethod(Value):
    """Learn from what a grader says of the model's own answers."""

    type: Literal["reinforcement"] = "reinforcement"
    grader: GraderSpec
    """What rewards an answer."""
    n_epochs: Epochs = "auto"
    """Passes over the training file, 1 to 50."""
    batch_size: BatchSize = "auto"
    """Prompts in one step, 1 to 256."""
    learning_rate_multiplier: LearningRateMultiplier = "auto"
    """Factor on the service's own learning rate, above 0."""
    compute_multiplier: Auto | Annotated[float, Field(gt=0.00001, le=10)] = "auto"
    """Factor on the compute spent exploring."""
    eval_interval: Count = "auto"
    """Training steps between evaluations."""
    eval_samples: Count = "auto"
    """Answers sampled for an item in an evaluation."""
    reasoning_effort: Literal["default", "low", "medium", "high"] = "default"
    """How much a reasoning model thinks."""
    response_format: dict[str, Any] | None = None
    """JSON Schema that answers must follow, as the chat endpoint takes it."""


Method = Annotated[SupervisedMethod | DPOMethod | ReinforcementMethod, Field(discriminator="type")]

_OUTSIDE_HYPERPARAMETERS = {"type", "grader", "response_format"}


def method_request(method: SupervisedMethod | DPOMethod | ReinforcementMethod) -> dict[str, Any]:
    """Return the method as the `method` field of a request.

    Hyperparameters left at "auto" (or, for `reasoning_effort`, "default") are not sent:
    the service's default is the same, and services differ in which ones they know.
    """
    body: dict[str, Any] = {}
    settings = method.model_dump(mode="json", exclude=_OUTSIDE_HYPERPARAMETERS)
    chosen = {name: value for name, value in settings.items() if value not in ("auto", "default")}
    if chosen:
        body["hyperparameters"] = chosen
    if isinstance(method, ReinforcementMethod):
        body["grader"] = method.grader.model_dump(mode="json", exclude_none=True)
        if method.response_format is not None:
            body["response_format"] = method.response_format
    return {"type": method.type, method.type: body}
