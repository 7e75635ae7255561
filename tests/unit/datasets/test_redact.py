from __future__ import annotations

import json
from typing import Any

import pytest

from finetune_kit import Dataset
from finetune_kit.errors import ConfigurationError

pytest.importorskip("phonenumbers")
pytest.importorskip("kingfisher_sdk")

SAID = "I am at ana.silva@mail.pt, call +351 912 345 678. My password is Kx9!vbQ27."


def with_tools() -> dict[str, Any]:
    arguments = {"email": "ana.silva@mail.pt", "phone": "212-736-5000", "card": 4111111111111111, "seats": 2}
    call = {"id": "call_1", "type": "function", "function": {"name": "book", "arguments": json.dumps(arguments)}}
    result = {"ok": True, "sent_to": ["ana.silva@mail.pt"]}
    return {
        "messages": [
            {"role": "user", "content": SAID},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": json.dumps(result)},
            {"role": "assistant", "content": "I sent it to ana.silva@mail.pt."},
        ]
    }


def redacted(**options: Any) -> list[dict[str, Any]]:
    row = json.loads(next(Dataset.read([with_tools()]).redact(**options).lines()))
    messages: list[dict[str, Any]] = row["messages"]
    return messages


def test_every_text_is_redacted() -> None:
    messages = redacted()
    assert messages[0]["content"] == "I am at [EMAIL], call [PHONE]. My password is [SECRET]."
    assert messages[3]["content"] == "I sent it to [EMAIL]."


def test_arguments_and_results_stay_json() -> None:
    messages = redacted()
    arguments = json.loads(messages[1]["tool_calls"][0]["function"]["arguments"])
    assert arguments == {"email": "[EMAIL]", "phone": "[PHONE]", "card": "[CARD]", "seats": 2}
    assert json.loads(messages[2]["content"]) == {"ok": True, "sent_to": ["[EMAIL]"]}


def test_the_same_value_has_the_same_number_everywhere() -> None:
    messages = redacted(replacement="<{kind}-{number}>")
    arguments = json.loads(messages[1]["tool_calls"][0]["function"]["arguments"])
    assert "<EMAIL-1>" in messages[0]["content"]
    assert (arguments["email"], arguments["phone"]) == ("<EMAIL-1>", "<PHONE-2>")


def test_only_the_kinds_that_are_named_are_redacted() -> None:
    assert redacted(kinds={"secret"})[0]["content"] == SAID.replace("Kx9!vbQ27", "[SECRET]")


def test_redacting_twice_changes_nothing_more() -> None:
    once = Dataset.read([with_tools()]).redact(replacement="[{kind}_{number}]")
    assert once.redact().fingerprint == once.fingerprint


def test_rows_without_personal_data_stay_to_the_byte() -> None:
    line = b'{"messages": [{"role": "user",  "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}'
    data = Dataset.read([json.loads(line)])
    assert data.redact().fingerprint == data.fingerprint


def test_the_columns_beside_the_rows_are_redacted() -> None:
    rows = [{"q": "Hello", "a": "Hi", "customer": "ana.silva@mail.pt"}]
    data = Dataset.read(rows, user="q", assistant="a").redact()
    assert dict(data._rows.extra(0)) == {"customer": "[EMAIL]"}


def test_the_history_counts_and_does_not_quote() -> None:
    data = Dataset.read([with_tools()]).redact()
    assert data.history[-1] == "redact: 1 card, 4 email, 2 phone, 1 secret in 1 of 1 rows"
    assert "ana" not in repr(data) + "".join(data.history)


def test_an_unknown_kind_names_those_that_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"cannot redact 'mail': use some of account, address"):
        Dataset.read([with_tools()]).redact({"mail"})


def test_a_replacement_that_cannot_be_filled_in_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="cannot be filled in"):
        Dataset.read([with_tools()]).redact(replacement="[{value}]")


def test_arguments_that_begin_with_a_space_stay_json() -> None:
    row = with_tools()
    function = row["messages"][1]["tool_calls"][0]["function"]
    function["arguments"] = " " + json.dumps({"phone": 351912345678, "email": "ana.silva@mail.pt"})
    masked = json.loads(next(Dataset.read([row]).redact().lines()))["messages"][1]["tool_calls"][0]["function"]
    assert json.loads(masked["arguments"]) == {"phone": "[PHONE]", "email": "[EMAIL]"}
