"""Forgetting a person: which rows name them, and which only seem to."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_kit import Dataset
from finetune_kit.datasets.subject import Subject, texts_of
from finetune_kit.errors import ConfigurationError


def chat(question: str, answer: str = "Noted.") -> dict:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


@pytest.mark.parametrize(
    "text",
    [
        "Dear ANNA MEYER, thank you.",
        "anna  meyer called",
        "Anna\nMeyer",
        "Anna\u00a0Meyer",
        "Anna Mey\u00ader",
        "\uff21\uff4e\uff4e\uff41 \uff2d\uff45\uff59\uff45\uff52",
        "Anna Meyer's order",
        "(Anna Meyer)",
        "Anna Meyer\u3055\u3093",
        "Anna%20Meyer",
    ],
)
def test_a_full_name_is_found_however_it_is_written(text: str) -> None:
    assert Subject(["Anna Meyer"]).found_in(text) == (1,)


@pytest.mark.parametrize("text", ["Joanna Meyer", "Anna Meyers", "Anna and Meyer", "AnnaMeyer", "Anna Meyerova"])
def test_another_name_is_not(text: str) -> None:
    assert Subject(["Anna Meyer"]).found_in(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "ANNA@Example.COM.",
        "<anna@example.com>",
        "mailto:anna%40example.com",
        "anna&#64;example.com",
        "anna@example.com!",
    ],
)
def test_an_address_is_found_however_it_is_written(text: str) -> None:
    assert Subject(["anna@example.com"]).found_in(text) == (1,)


@pytest.mark.parametrize(
    "text", ["joanna@example.com", "mary.anna@example.com", "anna@example.community", "anna@example.com.au"]
)
def test_a_longer_address_is_somebody_elses(text: str) -> None:
    assert Subject(["anna@example.com"]).found_in(text) == ()


@pytest.mark.parametrize("text", ["+49 30 1234567", "0049301234567", "+49 (0)30 123-45-67", "Tel. 49/30/1234567."])
def test_a_phone_number_is_found_however_it_is_grouped(text: str) -> None:
    assert Subject(["+49 30 1234567"]).found_in(text) == (1,)


def test_a_longer_number_is_another_number() -> None:
    assert Subject(["+49 30 1234567"]).found_in("+49 30 12345678") == ()


@pytest.mark.parametrize(
    ("identifier", "text"),
    [
        ("Zo\u00eb Stra\u00dfe", "ZOE\u0308 STRASSE"),
        ("\u7530\u4e2d\u592a\u90ce", "\u7530\u4e2d\u592a\u90ce\u3055\u3093"),
        ("\uae40\ucca0\uc218", "\uae40\ucca0\uc218\uac00"),
        (
            "\u0410\u043d\u043d\u0430 \u041c\u0435\u0439\u0435\u0440",
            "\u0410\u041d\u041d\u0410 \u041c\u0415\u0419\u0415\u0420",
        ),
        ("Sin\u00e9ad O'Brien", "Sine\u0301ad O\u2019Brien"),
    ],
)
def test_names_of_other_scripts_are_found(identifier: str, text: str) -> None:
    assert Subject([identifier]).found_in(text) == (1,)


@pytest.mark.parametrize("identifier", ["", " ", "ab", "O'B", "Anna", "2024", "12345"])
def test_an_identifier_that_others_share_is_refused_without_being_quoted(identifier: str) -> None:
    with pytest.raises(ConfigurationError, match=r"identifier 2 of 2 .*Remedy: give the full name") as caught:
        Subject(["Anna Meyer", identifier])
    assert "Anna" not in str(caught.value)


def test_a_single_word_can_be_insisted_on() -> None:
    assert Subject(["annameyer"], allow_ambiguous=True).found_in("ask @annameyer") == (1,)


def test_no_identifier_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least one identifier"):
        Dataset.read([chat("Hello")]).forget()


def test_messages_names_calls_results_and_columns_are_searched() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"who": "Anna M\\u0065yer"}'}}
    rows = [
        chat("I am Anna Meyer"),
        chat("Hello", "Hello, Anna Meyer"),
        {"messages": [{"role": "user", "name": "anna meyer", "content": "Hi"}, {"role": "assistant", "content": "Hi"}]},
        {"messages": [{"role": "user", "content": "Find her"}, {"role": "assistant", "tool_calls": [call]}]},
        {
            "messages": [
                {"role": "user", "content": "Find her"},
                {"role": "tool", "tool_call_id": "c1", "content": '{"name": "Anna Meyer"}'},
                {"role": "assistant", "content": "Done"},
            ]
        },
        chat([{"type": "text", "text": "Anna Meyer"}]),
        chat("Nobody is here"),
    ]
    remaining, forgotten = Dataset.read(rows).forget("Anna Meyer")
    assert [mention.place.line for mention in forgotten.mentions] == [1, 2, 3, 4, 5, 6]
    assert forgotten.mentions[3].pointers == ("/messages/1/tool_calls/0/function/arguments",)
    assert len(remaining) == 1


def test_columns_beside_the_rows_are_searched() -> None:
    rows = [{"q": "Where is it?", "a": "Here", "customer": 4711_0815, "mail": "anna@example.com"}, {"q": "?", "a": "!"}]
    data = Dataset.read(rows, user="q", assistant="a")
    remaining, forgotten = data.forget("anna@example.com", "47110815")
    assert forgotten.mentions[0].columns == ("customer", "mail")
    assert forgotten.mentions[0].identifiers == (1, 2)
    assert len(remaining) == 1


def test_both_answers_of_a_pair_are_searched() -> None:
    pair = {
        "input": {"messages": [{"role": "user", "content": "Who?"}]},
        "preferred_output": [{"role": "assistant", "content": "Nobody"}],
        "non_preferred_output": [{"role": "assistant", "content": "Anna Meyer"}],
    }
    _, forgotten = Dataset.read([pair]).forget("Anna Meyer")
    assert forgotten.mentions[0].pointers == ("/non_preferred_output/0/content",)


def test_a_row_that_is_not_json_is_searched_as_text(save) -> None:
    path = save(chat("Hello"), b'{"messages": [{"role": "user", "content": "Anna Meyer"', b'{"messages": [')
    remaining, forgotten = Dataset.read(path).forget("Anna Meyer")
    assert (len(remaining), forgotten.n_not_json, forgotten.mentions[0].place.line) == (2, 2, 2)
    assert "2 rows are not JSON" in str(forgotten)


def test_what_is_shown_names_places_and_never_the_person(save) -> None:
    remaining, forgotten = Dataset.read(save(chat("I am Anna Meyer"), chat("Hello"))).forget("Anna Meyer")
    shown = f"{forgotten} {forgotten!r} {remaining!r} {remaining.history} {forgotten.rows!r}"
    assert "data.jsonl, line 1: /messages/0/content (identifier 1)" in shown
    assert "1 of 2 rows name the subject" in shown
    assert "anna" not in shown.lower()


def test_remaining_and_dropped_rows_are_all_rows() -> None:
    data = Dataset.read([chat(f"{'Anna Meyer' if number % 3 else 'Nobody'} {number}") for number in range(20)])
    remaining, forgotten = data.forget("Anna Meyer")
    assert sorted([*remaining.lines(), *forgotten.rows.lines()]) == sorted(data.lines())
    assert remaining.forget("Anna Meyer")[1].mentions == ()


def test_a_dropped_row_is_known_again_however_its_keys_are_ordered() -> None:
    _, forgotten = Dataset.read([chat("I am Anna Meyer")]).forget("Anna Meyer")
    message = {"content": "I am Anna Meyer", "role": "user"}
    same = {"messages": [message, {"content": "Noted.", "role": "assistant"}]}
    assert forgotten.kind_of(json.dumps(same, indent=1).encode()) == "dropped row"
    assert forgotten.kind_of(json.dumps(chat("Call Anna Meyer")).encode()) == "names the subject"
    assert forgotten.kind_of(json.dumps(chat("Hello")).encode()) == "other row"
    assert forgotten.kind_of(b"%PDF-1.4") == "not a row"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_a_name_is_found_wherever_it_is_put_into_json(value: object) -> None:
    subject = Subject(["Anna Meyer"])
    inside = {"a": value, "b": json.dumps([value, {"who": "Anna Meyer"}])}
    assert any(subject.found_in(text) for _, text in texts_of(inside))


def test_json_of_any_depth_is_walked() -> None:
    deep = json.loads("[" * 900 + '"Anna Meyer"' + "]" * 900)
    assert [text for _, text in texts_of(deep)] == ["Anna Meyer"]


@given(
    st.lists(
        st.sampled_from(
            ["Anna", " ", "Meyer", "\n", "\\", '"', "/", "%20", "\u00e9", "\u2028", "n", "x", "&nbsp;", ","]
        )
    )
)
def test_the_quick_look_at_a_row_misses_nothing_that_the_thorough_one_finds(pieces: list[str]) -> None:
    subject = Subject(["Anna Meyer", "n Anna", "Meyer/n"], allow_ambiguous=True)
    row = {"a": "".join(pieces), "b": json.dumps({"c": "".join(pieces)})}
    found = any(subject.found_in(text) for _, text in texts_of(row))
    assert subject.may_be_in(orjson.dumps(row)) >= found
    assert subject.may_be_in(json.dumps(row).encode()) >= found


@pytest.mark.parametrize(
    "text",
    ["Anna_Meyer", "anna-meyer", "anna.meyer@corp.example", "Meyer, Anna", "MEYER,Anna", "user_anna_meyer_2"],
)
def test_a_full_name_is_found_as_tables_and_accounts_have_it(text: str) -> None:
    assert Subject(["Anna Meyer"]).found_in(text) == (1,)


def test_the_name_of_a_message_is_searched_although_it_may_hold_no_space(rows) -> None:
    row = rows["supervised"]()
    row["messages"][0]["name"] = "Anna_Meyer"
    _, forgotten = Dataset.read([row, rows["supervised"]()]).forget("Anna Meyer")
    assert forgotten.mentions[0].pointers == ("/messages/0/name",)


@pytest.mark.parametrize("given", ["+49 170 1234567", "0049 (0)170 1234567", "0170 1234567"])
@pytest.mark.parametrize(
    "text",
    ["0170/1234567", "+49 170 1234567", "+491701234567", "00491701234567", "+49 (0)170 12 34 567", "(0170) 1234567"],
)
def test_a_phone_number_is_found_with_and_without_its_country(given: str, text: str) -> None:
    assert Subject([given]).found_in(f"call {text} now") == (1,)


@pytest.mark.parametrize(
    "text", ["+43 170 1234567", "+43170 1234567", "+43 (170) 1234567", "9170 1234567", "1170 1234567", "0170 12345678"]
)
def test_the_number_of_another_country_is_another_number(text: str) -> None:
    assert not Subject(["+49 170 1234567"]).found_in(text)


def test_a_number_given_without_its_country_is_found_after_any() -> None:
    assert Subject(["(555) 123-4567"]).found_in("+1 555 123 4567 or 5551234567") == (1,)
