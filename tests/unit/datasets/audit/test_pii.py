from __future__ import annotations

import builtins
import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from finetune_kit import Dataset
from finetune_kit.datasets.audit import AuditSettings

pytest.importorskip("phonenumbers")
pytest.importorskip("stdnum")

from finetune_kit.datasets.audit.pii import find_spans


def kinds(text: str) -> list[tuple[str, str]]:
    return [(span.kind, text[span.start : span.end]) for span in find_spans(text)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Write to o.brien+news@mail.co.uk.", "email", "o.brien+news@mail.co.uk"),
        ("meine Adresse: jörg@müller.de!", "email", "jörg@müller.de"),
        ("Reach me at ana (at) mail (dot) pt", "email", "ana (at) mail (dot) pt"),
        ("Call +44 20 7946 0958 now", "phone", "+44 20 7946 0958"),
        ("Rufen Sie mich an: 030 901820", "phone", "030 901820"),
        ("電話は090-1234-5678です", "phone", "090-1234-5678"),
        ("My card is 4111 1111 1111 1111.", "card", "4111 1111 1111 1111"),
        ("amex 3782 822463 10005", "card", "3782 822463 10005"),
        ("card 2223003122003222", "card", "2223003122003222"),
        ("IBAN DE89 3704 0044 0532 0130 00, please", "iban", "DE89 3704 0044 0532 0130 00"),
        ("pay FR1420041010050500013M02606", "iban", "FR1420041010050500013M02606"),
        ("I connect from 81.2.69.160.", "ip", "81.2.69.160"),
        ("host 2a02:6b8:0:1::feed here", "ip", "2a02:6b8:0:1::feed"),
        ("MAC 00:1B:44:11:3A:B7", "mac", "00:1B:44:11:3A:B7"),
        ("meu CPF é 529.982.247-25", "national_id", "529.982.247-25"),
        ("mi DNI es 12345678Z", "national_id", "12345678Z"),
        ("codice fiscale RSSMRA85T10A562S", "national_id", "RSSMRA85T10A562S"),
        ("my SSN is 536-22-1234", "national_id", "536-22-1234"),
        ("我的身份证号是11010519491231002X", "national_id", "11010519491231002X"),
        ("my passport is X1234567", "document", "X1234567"),
        ("born on 12 March 1980", "birth", "12 March 1980"),
        ("this is Tomás Kříž speaking", "person", "Tomás Kříž"),
        ("Ich heiße Petra Schäfer.", "person", "Petra Schäfer"),
        ("меня зовут Иван Петров", "person", "Иван Петров"),
        ("I live at 41 Old Mill Lane, Ely", "address", "41 Old Mill Lane"),
        ("Ich wohne in der Hauptstraße 5", "address", "Hauptstraße 5"),
        ("Vivo en la Calle Mayor 10", "address", "Calle Mayor 10"),
    ],
)
def test_personal_data_is_found(text: str, kind: str, value: str) -> None:
    assert any(found == kind and value in said for found, said in kinds(text))


@pytest.mark.parametrize(
    "text",
    [
        "Order 4111111111111112 has shipped.",
        "The tracking number is 9400110200881234567890.",
        "The ISBN is 978-0-596-52068-7.",
        "We run build 10.0.22631.3 of it.",
        "It costs 1,234,567.89 in 2019-2020-2021.",
        "uuid 550e8400-e29b-41d4-a716-446655440000",
        "Version 2.14.0.7 is out; see section 10.2.3.4.",
        "Write to support@example.com or you@example.org.",
        "On 2024-05-12 at 10:30:45 we had 3 rooms.",
        "The SKU is 123-456-7890.",
        "Use std::vector or fe::b and localhost 127.0.0.1.",
        "1000000 + 2000000 = 3000000",
        "I am Happy With This",
    ],
)
def test_numbers_that_only_look_personal_are_not(text: str) -> None:
    assert kinds(text) == []


def test_national_numbers_are_found_for_the_regions_of_the_settings() -> None:
    text = "Tel: x. Try 8 495 123-45-67 or 212-555-0188."
    assert [s.kind for s in find_spans("212-736-5000 is it", ("US",))] == ["phone"]
    assert find_spans("212-736-5000 is it", ("DE",)) == []
    assert find_spans(text, ("US",))


def test_a_finding_names_the_kind_and_never_the_value() -> None:
    rows = [{"q": "I am at ana.silva@mail.pt", "a": "ok"}]
    report = Dataset.read(rows, user="q", assistant="a").audit(only={"pii"})
    finding = report.by_rule("pii_email")[0]
    assert (finding.severity, finding.pointer) == ("warning", "/messages/0/content")
    assert "ana" not in str(report)


def test_arguments_of_tool_calls_are_searched() -> None:
    function = {"name": "mail", "arguments": json.dumps({"to": "ana.silva@mail.pt"})}
    call = {"id": "c", "type": "function", "function": function}
    row = {"messages": [{"role": "user", "content": "Send it"}, {"role": "assistant", "tool_calls": [call]}]}
    report = Dataset.read([row]).audit(only={"pii"})
    assert [f.pointer for f in report.by_rule("pii_email")] == ["/messages/1/tool_calls/0/function/arguments"]


def test_without_its_library_the_check_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: object, **rest: object) -> object:
        if name.startswith("phonenumbers"):
            raise ImportError(name)
        return real(name, *args, **rest)  # type: ignore[arg-type]

    for name in [name for name in sys.modules if name.startswith("phonenumbers")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(builtins, "__import__", without)
    report = Dataset.read([{"q": "ana@mail.pt", "a": "ok"}], user="q", assistant="a").audit(only={"pii"})
    assert report.check("pii").state == "not run"
    assert "finetune_kit[audit]" in report.check("pii").why


def test_names_by_a_language_model_are_not_looked_for_unasked() -> None:
    report = Dataset.read([{"q": "Hello", "a": "ok"}], user="q", assistant="a").audit(only=None, skip={"pii"})
    assert report.check("pii_names").state == "not run"
    assert "pii_names" in report.check("pii_names").why


def test_structured_kinds_are_found_in_the_sentences_of_presidio(shared: Path) -> None:
    path = shared / "data" / "pii_presidio" / "synth_v2.jsonl"
    known = {"EMAIL_ADDRESS": "email", "CREDIT_CARD": "card", "IBAN_CODE": "iban", "IP_ADDRESS": "ip"}
    n, n_found = Counter[str](), Counter[str]()
    for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        spans = find_spans(row["text"], AuditSettings().regions)
        for gold in row["spans"]:
            if kind := known.get(gold["type"]):
                n[kind] += 1
                n_found[kind] += any(s.kind == kind and s.start < gold["end"] and gold["start"] < s.end for s in spans)
    assert n_found == n


def severities(*messages: dict[str, str]) -> list[str]:
    report = Dataset.read([{"messages": list(messages)}]).audit(only={"pii"})
    return [finding.severity for finding in report.by_rule("pii_phone")]


def test_a_telephone_of_a_business_is_a_hint() -> None:
    question = {"role": "user", "content": "What is the number of the salon?"}
    answer = {"role": "assistant", "content": "The phone number of the salon is +44 20 7946 0958."}
    assert severities(question, answer) == ["hint"]


def test_a_telephone_that_the_user_gives_is_a_warning() -> None:
    question = {"role": "user", "content": "My number is +44 20 7946 0958, call me."}
    answer = {"role": "assistant", "content": "The phone number is +44 20 7946 0958, thanks."}
    assert severities(question, answer) == ["warning"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My name is Nguyễn Văn An.", "Nguyễn Văn An"),
        ("Please book it under the name Ahmed Al-Rashid.", "Ahmed Al-Rashid"),
        ("Kwame Mensah here.", "Kwame Mensah"),
        ("Mi chiamo Niccolò D'Angelo.", "Niccolò D'Angelo"),
        ("Réservez au nom de Éloïse Gauthier.", "Éloïse Gauthier"),
    ],
)
def test_names_of_many_languages_are_persons(text: str, name: str) -> None:
    assert [text[span.start : span.end] for span in find_spans(text) if span.kind == "person"] == [name]
