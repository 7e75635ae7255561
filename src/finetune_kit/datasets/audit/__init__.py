"""Auditing datasets: duplicates, leaks, labels, texts, personal data, safety, fairness, tools, preferences."""

from finetune_kit.datasets.audit.check import AuditSettings
from finetune_kit.datasets.audit.report import AuditReport, CheckResult

__all__ = ["AuditReport", "AuditSettings", "CheckResult"]
