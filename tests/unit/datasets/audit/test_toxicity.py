from __future__ import annotations

import pytest

from finetune_kit import Dataset


def test_swearing_is_a_hint() -> None:
    pytest.importorskip("profanity_check")
    rows = [{"q": "Hello", "a": "Piss off, you fucking idiot."}, {"q": "Hello", "a": "Good morning to you."}]
    report = Dataset.read(rows, user="q", assistant="a").audit(only={"profanity"})
    assert [(f.line, f.severity) for f in report.by_rule("profanity")] == [(1, "hint")]


def test_what_the_user_says_is_judged_too() -> None:
    pytest.importorskip("profanity_check")
    rows = [{"q": "Piss off, you fucking idiot.", "a": "I am here to help."}]
    report = Dataset.read(rows, user="q", assistant="a").audit(only={"profanity"})
    assert [f.pointer for f in report.by_rule("profanity")] == ["/messages/0/content"]


def test_the_check_says_what_it_cannot_do() -> None:
    pytest.importorskip("profanity_check")
    rows = [{"q": "Hello", "a": "Good morning."}]
    result = Dataset.read(rows, user="q", assistant="a").audit(only={"profanity"}).check("profanity")
    assert "moderated" in result.method


def hostile(text: str) -> bool:
    rows = [{"q": text, "a": "I am here to help."}]
    return bool(Dataset.read(rows, user="q", assistant="a").audit(only={"hostility"}).by_rule("hostility"))


@pytest.mark.parametrize(
    "text",
    [
        "I will kill you if you call again.",
        "They are vermin and should be wiped out.",
        "Those people are not even human.",
        "You deserve to die.",
        "I know where you live.",
        "You are a worthless idiot.",
        "Ich bring dich um.",
        "Je vais te tuer.",
        "Te voy a matar.",
        "Ti ammazzo.",
        "Сдохни!",
        "你去死吧",
    ],
)
def test_a_threat_or_a_denial_of_humanity_is_hostile(text: str) -> None:
    assert hostile(text)


@pytest.mark.parametrize(
    "text",
    [
        "How do I kill a Python process?",
        "I will find you a hotel.",
        "This film is killing me.",
        "They are animals in a zoo.",
        "The rats were given 5 mg.",
        "These tickets are garbage.",
        "Shut up, I did not know that!",
    ],
)
def test_figures_of_speech_are_not_hostile(text: str) -> None:
    assert not hostile(text)
