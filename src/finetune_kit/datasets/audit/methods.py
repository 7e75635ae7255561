"""The checks of an audit as a table in Markdown, for the documentation."""

from __future__ import annotations

from finetune_kit.datasets.audit.run import all_checks

__all__ = ["methods_table"]


def methods_table() -> str:
    """Return one line a check: its rules with their severities, how it decides, its thresholds."""
    lines = ["| check | finds | how | thresholds |", "|---|---|---|---|"]
    for check in all_checks():
        rules = ", ".join(f"`{name}` ({rule.severity})" for name, rule in check.rules.items())
        thresholds = ", ".join(f"{name} {value:g}" for name, value in check.defaults.items())
        method = check.method.replace("|", r"\|")
        lines.append(f"| `{check.id}` | {rules} | {method} | {thresholds} |")
    return "\n".join(lines)
