"""The request to create a job, read and checked as the service does."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from finetune_kit.local.fields import Fields
from finetune_kit.local.problems import bad_request
from finetune_kit.local.training_order import read_method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from finetune_kit.types.methods import DPOMethod, ReinforcementMethod, SupervisedMethod

__all__ = ["JOB_FIELDS", "JobRequest", "read_job_request"]

JOB_FIELDS = (
    "model", "training_file", "validation_file", "method", "hyperparameters", "suffix", "seed", "metadata",
    "integrations",
)  # fmt: skip
_METHODS = ("supervised", "dpo", "reinforcement")
_METHOD_FIELDS = {
    "supervised": ("hyperparameters",),
    "dpo": ("hyperparameters",),
    "reinforcement": ("hyperparameters", "grader", "response_format"),
}
_COMMON = ("n_epochs", "batch_size", "learning_rate_multiplier")
_HYPERPARAMETERS: Mapping[str, tuple[str, ...]] = {
    "supervised": _COMMON,
    "dpo": (*_COMMON, "beta"),
    "reinforcement": (*_COMMON, "compute_multiplier", "eval_interval", "eval_samples", "reasoning_effort"),
}
_INTEGERS: Mapping[str, tuple[int, int | None]] = {
    "n_epochs": (1, 50), "batch_size": (1, 256), "eval_interval": (1, None), "eval_samples": (1, None),
}  # fmt: skip
_NUMBERS: Mapping[str, tuple[float, float | None]] = {
    "learning_rate_multiplier": (0, None), "beta": (0, 2), "compute_multiplier": (0.00001, 10),
}  # fmt: skip
_EFFORTS = ("default", "low", "medium", "high")
_LARGEST_SEED = 2**31 - 1
_SUFFIX = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_INTEGRATIONS = 5


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a new job is asked to be; ids are not looked up yet."""

    model: str
    training_file: str
    validation_file: str | None
    method: SupervisedMethod | DPOMethod | ReinforcementMethod
    suffix: str | None
    seed: int
    metadata: dict[str, str] | None
    integrations: list[dict[str, Any]] | None


def read_job_request(fields: Fields) -> JobRequest:
    """Return what a body asks for; raise the problem of the first field that is wrong."""
    seed = fields.integer("seed", 0, _LARGEST_SEED)
    request = JobRequest(
        model=fields.required_text("model"),
        training_file=fields.required_text("training_file"),
        validation_file=fields.text("validation_file") or None,
        method=_method(fields),
        suffix=_suffix(fields),
        seed=secrets.randbelow(_LARGEST_SEED + 1) if seed is None else seed,
        metadata=fields.metadata(),
        integrations=_integrations(fields),
    )
    if request.method.type == "reinforcement" and request.validation_file is None:
        message = "Reinforcement fine-tuning needs a validation_file as well as a training_file."
        raise bad_request(message, "validation_file", "missing_required_parameter")
    return request


def _suffix(fields: Fields) -> str | None:
    suffix = fields.text("suffix")
    if suffix is not None and not _SUFFIX.fullmatch(suffix):
        raise fields.refusal("suffix", "expected 1 to 64 letters, digits, hyphens or underscores")
    return suffix


def _method(fields: Fields) -> SupervisedMethod | DPOMethod | ReinforcementMethod:
    method = fields.object("method")
    if method is None:
        return read_method({"type": "supervised", **_hyperparameters(fields, "supervised")})
    if fields.has("hyperparameters"):
        message = "Give the hyperparameters inside 'method' alone: 'hyperparameters' beside it is deprecated."
        raise bad_request(message, "hyperparameters")
    kind = method.one_of("type", _METHODS)
    if kind is None:
        raise bad_request("Missing required parameter: 'method.type'.", "method.type", "missing_required_parameter")
    method.only(("type", kind))
    settings = method.object(kind) or Fields({}, f"method.{kind}")
    settings.only(_METHOD_FIELDS[kind])
    chosen = {"type": kind, **_hyperparameters(settings, kind)}
    return _reinforcement(chosen, settings) if kind == "reinforcement" else read_method(chosen)


def _hyperparameters(fields: Fields, kind: str) -> dict[str, Any]:
    given = fields.object("hyperparameters")
    if given is None:
        return {}
    given.only(_HYPERPARAMETERS[kind])
    chosen = {name: _hyperparameter(given, name) for name in _HYPERPARAMETERS[kind]}
    return {name: value for name, value in chosen.items() if value is not None}


def _hyperparameter(given: Fields, name: str) -> int | float | str | None:
    if name == "reasoning_effort":
        return given.one_of(name, _EFFORTS)
    if given.raw(name) == "auto":
        return "auto"
    if name in _INTEGERS:
        return given.integer(name, *_INTEGERS[name])
    return given.number(name, *_NUMBERS[name], above=True)


def _reinforcement(chosen: dict[str, Any], settings: Fields) -> SupervisedMethod | DPOMethod | ReinforcementMethod:
    if not settings.has("grader"):
        param = settings.param("grader")
        raise bad_request(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")
    settings.object("grader")
    settings.object("response_format")
    grader = _with_named_graders(settings.raw("grader"))
    try:
        return read_method({**chosen, "grader": grader, "response_format": settings.raw("response_format")})
    except ValidationError as error:
        # Not the error's own text: it names the kit's classes, and the service's words name the field.
        place = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"][1:])
        raise settings.refusal("grader", f"not a grader of this API, see {place!r}") from error


def _with_named_graders(grader: dict[str, Any]) -> dict[str, Any]:
    """Return a multi grader with a map of graders; the published description also allows a single one."""
    inner = grader.get("graders")
    if isinstance(inner, dict) and isinstance(inner.get("type"), str):
        return {**grader, "graders": {str(inner.get("name", "grader")): inner}}
    return grader


def _integrations(fields: Fields) -> list[dict[str, Any]] | None:
    given = fields.array("integrations")
    if given is not None and len(given) > _MOST_INTEGRATIONS:
        raise fields.refusal("integrations", f"at most {_MOST_INTEGRATIONS} are allowed")
    for index, value in enumerate(given or ()):
        integration = Fields(value, f"integrations[{index}]")
        integration.only(("type", "wandb"))
        if integration.one_of("type", ("wandb",)) is None or not integration.has("wandb"):
            raise integration.refusal("type", "expected 'wandb', with an object 'wandb' beside it")
        wandb = Fields(integration.raw("wandb"), integration.param("wandb"))
        wandb.required_text("project")
        wandb.text("name"), wandb.text("entity"), wandb.texts("tags")
    return given
