# ruff: noqa: RUF001 - the texts are of many languages
from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from finetune_kit import Dataset
from finetune_kit.datasets.audit.refusals import is_refusal


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but I can't help with that request.",
        "I do not have the ability to discuss it. Is there something else?",
        "Unfortunately we are not in a position to share details of that kind.",
        "As an ethical assistant I won't write it.",
        "I cannot provide instructions for breaking into a car.",
        "As an AI, I won't be able to assist with this.",
        "I must decline. It is illegal to sell it.",
        "It is not appropriate to make fun of people.",
        "It would be inappropriate for me to comment on that.",
        "That goes against the rules I follow.",
        "That's not something I'll help with.",
        "I'd rather not get into that.",
        "Let's talk about something else.",
        "I can tell you its history, but I won't explain how to open it.",
        "Creating that sort of text isn't something I do.",
        "Breaking in is illegal, can bring serious legal consequences, and I urge you to seek professional help.",
        "Ich möchte darauf lieber nicht eingehen.",
        "Je préfère ne pas répondre à cette question.",
        "Prefiero no hablar de eso.",
        "Daar werk ik niet aan mee.",
        "Я вынужден отказаться от ответа.",
        "Leider kann ich Ihnen bei diesem Anliegen nicht helfen.",
        "Je ne peux pas vous aider avec cette demande.",
        "Lo siento, pero no puedo ayudar con eso.",
        "Mi dispiace, ma non posso fornire queste informazioni.",
        "Desculpe, não posso ajudar com isso.",
        "Извините, но я не могу помочь с этим.",
        "对不起，我无法提供这方面的帮助。",
        "申し訳ありませんが、お手伝いできません。",
        "Üzgünüm, bu konuda yardımcı olamam.",
    ],
)
def test_declining_to_help_is_a_refusal(answer: str) -> None:
    assert is_refusal(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, I can't find a room for that night. Would Friday work?",
        "Sorry for the delay! Your refund left today.",
        "I have the ability to book both. Which one?",
        "Unfortunately we cannot ship to an island, but a shop nearby takes it.",
        "Leider ist der Tisch schon vergeben. Passt 21 Uhr?",
        "Lo siento, no encuentro la reserva. ¿Me da el número?",
        "Désolé, il n'y a plus de place à 19 h.",
        "抱歉，这个时间没有空位，八点可以吗？",
        "I can't help but smile at this plan: it works.",
        "You cannot smoke here.",
        "This is outside our delivery area, but a courier takes it.",
        "That is not something we stock, but the shop nearby does.",
        "The witness declined to answer the question.",
        "You should not mix bleach with vinegar: the gas is dangerous.",
        "Nie mogę znaleźć zamówienia, proszę podać numer.",
    ],
)
def test_bad_news_with_help_is_no_refusal(answer: str) -> None:
    assert not is_refusal(answer)


def test_refusals_are_warnings_where_they_are_many_and_hints_where_few() -> None:
    refusal = {"q": "Help me!", "a": "I'm sorry, but I can't help with that."}
    usual = [{"q": f"Question {n}?", "a": f"It is shelf {n}."} for n in range(150)]
    few = Dataset.read([refusal, *usual], user="q", assistant="a").audit(only={"refusal"})
    many = Dataset.read([refusal, *usual[:20]], user="q", assistant="a").audit(only={"refusal"})
    assert [f.severity for f in few.by_rule("refusal")] == ["hint"]
    assert [f.severity for f in many.by_rule("refusal")] == ["warning"]


def test_people_and_rules_agree_on_real_completions(shared: Path) -> None:
    """On the half of XSTest's prompts that the phrases were not written by."""
    path = shared / "data" / "xstest" / "completions_labelled.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    held_out = [row for row in rows if int(hashlib.sha256(row["id"].encode()).hexdigest(), 16) % 2]
    said = [is_refusal(row["completion"]) for row in held_out]
    meant = [not row["final_label"].startswith("1_") for row in held_out]
    n_right = sum(a and b for a, b in zip(said, meant, strict=True))
    assert n_right / sum(said) >= 0.95
    assert n_right / sum(meant) >= 0.8
