"""What cannot be used is left out, counted and told; what stands beside a row is kept."""

from __future__ import annotations

import pickle

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.errors import ConfigurationError, FormatError

TABLE = "q,a,customer,date\n" + "".join(f"question {n},answer {n},c{n % 3},2024-01-0{n}\n" for n in range(1, 7))


@pytest.fixture
def data(put):
    return Dataset.read(put("a.csv", TABLE + "secret,b\n"), user="{customer}: {q}", assistant="a")


def test_a_row_that_cannot_be_used_is_told_without_its_text(data):
    (skip,) = data.skipped
    assert (skip.place.line, skip.reason) == (8, "the row has 2 cells, the header has 4")
    assert str(skip).endswith("a.csv, line 8: " + skip.reason + ". Remedy: " + skip.remedy)
    assert "secret" not in repr(data.skipped)


def test_what_was_left_out_is_in_history_repr_and_report(data):
    assert data.history[0].endswith("6 rows, 1 skipped")
    assert ", 1 skipped, fingerprint" in repr(data)
    assert "left out when the source was read: 1\n" in str(data.validate())
    assert data.validate().skipped == data.skipped


def test_views_and_joins_keep_what_was_left_out(data):
    train, test = data.split(test=2)
    assert train.skipped == test.skipped == (train + test).skipped == data.skipped
    assert pickle.loads(pickle.dumps(data)).skipped == data.skipped  # noqa: S301 - our own bytes


def test_reading_may_stop_at_the_first_row_that_cannot_be_used(put):
    with pytest.raises(FormatError, match="line 8: the row has 2 cells"):
        Dataset.read(put("a.csv", TABLE + "secret,b\n"), user="q", assistant="a", on_error="raise")


def test_an_unknown_way_to_treat_errors_is_refused():
    with pytest.raises(ConfigurationError, match="use 'skip' or 'raise'"):
        Dataset.read([{}], on_error="ignore")


def test_columns_that_are_no_message_by_themselves_are_kept_beside(data, beside):
    assert beside(data, 0) == {"q": "question 1", "customer": "c1", "date": "2024-01-01"}
    assert b"2024" not in b"".join(data.lines())


def test_rows_are_grouped_by_a_column_beside_them(data, beside):
    train, test = data.split(test=2, group="customer")
    customers = [{beside(data, pick)["customer"] for pick in part._picks} for part in (train, test)]
    assert customers[0].isdisjoint(customers[1])


def test_joined_rows_keep_their_columns(data, beside):
    both = data.take(2) + data[4:]
    assert beside(both, 3)["date"] == "2024-01-06"


def test_a_column_that_is_neither_in_nor_beside_the_row_is_named(data):
    with pytest.raises(ConfigurationError, match="no key 'client'; they have 'messages', 'q', 'customer', 'date'"):
        data.split(group="client")


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_records_that_are_no_objects_are_told(put, name):
    content = '{"q": "a", "a": "b"}\n5\n' if name == "a.jsonl" else '[{"q": "a", "a": "b"}, 5]'
    data = Dataset.read(put(name, content), user="q", assistant="a")
    assert [skip.place.line for skip in data.skipped] == [2]


def test_a_byte_that_is_not_utf8_costs_its_row_only(put):
    data = Dataset.read(put("a.csv", TABLE.encode() + b"caf\xe9,b,c,d\n"), user="q", assistant="a")
    assert data.skipped[0].reason == "byte 0xE9 is not UTF-8"
    assert len(data) == 6


def test_after_an_open_quote_nothing_is_trusted(put):
    data = Dataset.read(put("a.csv", TABLE + '"open,b,c,d\nx,y,z,w\n'), user="q", assistant="a")
    assert (len(data), data.skipped[0].place.line) == (6, 8)
    assert "from here on" in data.skipped[0].reason


@pytest.mark.parametrize("options", [{"user": "q", "assistant": "a"}, {"user": "q", "method": "reinforcement"}])
def test_rows_and_what_is_beside_them_go_to_another_process(options, beside):
    data = Dataset.read([{"q": "a", "a": "b", "c": "d"}], **options)
    copy = pickle.loads(pickle.dumps(data))  # noqa: S301 - our own bytes
    assert (copy.fingerprint, beside(copy, 0)) == (data.fingerprint, beside(data, 0))
