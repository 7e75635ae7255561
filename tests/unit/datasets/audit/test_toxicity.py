from __future__ import annotations

import pytest

from finetune_kit import Dataset


def test_swearing_is_a_hint() -> None:
    pytest.importorskip("profanity_check")
    rows = [{"q": "Hello", "a": "Piss off, you fucking idiot."}, {"q": "Hello", "a": "Good morning to you."}]
    report = Dataset.read(rows, user="q", assistant="a").audit(only={"profanity"})
    assert [(f.line, f.severity) for f in report.by_rule("profanity")] == [(1, "hint")]


def test_what_the_user_says_is_not_judged() -> None:
    pytest.importorskip("profanity_check")
    rows = [{"q": "Piss off, you fucking idiot.", "a": "I am here to help."}]
    assert Dataset.read(rows, user="q", assistant="a").audit(only={"profanity"}).by_rule("profanity") == ()


def test_the_check_says_what_it_cannot_do() -> None:
    pytest.importorskip("profanity_check")
    rows = [{"q": "Hello", "a": "Good morning."}]
    result = Dataset.read(rows, user="q", assistant="a").audit(only={"profanity"}).check("profanity")
    assert "moderated" in result.method
