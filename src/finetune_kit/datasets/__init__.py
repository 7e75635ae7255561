"""Datasets of examples: read, checked, counted, audited, split and written."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finetune_kit.datasets.audit import AuditReport, AuditSettings, CheckResult
    from finetune_kit.datasets.dataset import Dataset
    from finetune_kit.datasets.findings import Finding, Place, ValidationReport
    from finetune_kit.datasets.tokens import TokenCount
    from finetune_kit.datasets.validate import validate_file

__all__ = [
    "AuditReport",
    "AuditSettings",
    "CheckResult",
    "Dataset",
    "Finding",
    "Place",
    "TokenCount",
    "ValidationReport",
    "validate_file",
]

_HOMES = {
    "AuditReport": "audit",
    "AuditSettings": "audit",
    "CheckResult": "audit",
    "Dataset": "dataset",
    "Finding": "findings",
    "Place": "findings",
    "TokenCount": "tokens",
    "ValidationReport": "findings",
    "validate_file": "validate",
}
"""Where each name lives; it is imported when it is first used, so that validation alone stays small."""


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
