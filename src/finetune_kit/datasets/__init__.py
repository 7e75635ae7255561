"""Datasets of examples: read, checked, counted, split and written."""

from finetune_kit.datasets.dataset import Dataset
from finetune_kit.datasets.findings import Finding, ValidationReport
from finetune_kit.datasets.tokens import TokenCount
from finetune_kit.datasets.validate import validate_file

__all__ = ["Dataset", "Finding", "TokenCount", "ValidationReport", "validate_file"]
