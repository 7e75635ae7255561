"""The documentation says of every check what the code says."""

from __future__ import annotations

from pathlib import Path

from finetune_kit.datasets.audit.methods import methods_table


def test_the_table_of_the_checks_is_current(repository: Path) -> None:
    page = (repository / "docs/explanation/audit-methods.md").read_text(encoding="utf-8")
    assert methods_table() in page, (
        "put the output of finetune_kit.datasets.audit.methods.methods_table() into the page"
    )
