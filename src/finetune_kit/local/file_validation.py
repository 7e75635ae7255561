"""Validation of a job's files, after creation, the way the service does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from finetune_kit.local.engines.base import TrainingFailed

if TYPE_CHECKING:
    from pathlib import Path

    from finetune_kit.datasets.findings import Finding

__all__ = ["check_file"]

_FEWEST_EXAMPLES = {"training_file": 10, "validation_file": 1}
_NAMES = {"training_file": "Training file", "validation_file": "Validation file"}


def check_file(path: Path, method: str, field: Literal["training_file", "validation_file"]) -> None:
    """Raise TrainingFailed, in the service's words, if a file cannot be used for a method.

    The words name the example by its number and never quote it.
    """
    from finetune_kit.datasets.validate import validate_file

    report = validate_file(path, method=method)
    least = _FEWEST_EXAMPLES[field]
    errors = report.refusals
    if report.n_examples < least and not any(finding.line for finding in errors):
        message = f"{_NAMES[field]} has {report.n_examples} example(s), but must have at least {least} examples"
        raise TrainingFailed(message, code="invalid_n_examples", param=field)
    if errors:
        raise TrainingFailed(_format_error(errors[0], len(errors), field), code="invalid_file_format", param=field)


def _format_error(finding: Finding, count: int, field: str) -> str:
    number = finding.example if finding.example is not None else finding.line
    where = f"Example {number}: " if number is not None else ""
    others = f" ({count - 1} more)" if count > 1 else ""
    kind = _NAMES[field].lower()
    return (
        f"The job failed due to a file format error in the {kind}. "
        f"Invalid file format. {where}{finding.reason.rstrip('.')}.{others}"
    )
