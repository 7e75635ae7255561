"""Exports of Slack."""

from __future__ import annotations

import json
import shutil

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.sources.slack import Slack
from finetune_kit.errors import DatasetError

USERS = [
    {"id": "U1", "name": "anna", "profile": {"display_name": "Anna"}},
    {"id": "U2", "name": "sam", "real_name": "Sam Support"},
    {"id": "U3", "name": "botty", "is_bot": True},
]
DAY = [
    {"type": "message", "user": "U1", "text": "<@U2> where is <http://a.example/4711|my order>?", "ts": "10.0",
     "thread_ts": "10.0"},
    {"type": "message", "subtype": "channel_join", "user": "U1", "text": "joined", "ts": "11.0"},
    {"type": "message", "user": "U1", "text": "Lunch &amp; coffee?", "ts": "12.0"},
    {"type": "message", "subtype": "bot_message", "bot_id": "B9", "username": "Helper", "text": "Beep", "ts": "30.0",
     "thread_ts": "30.0"},
]  # fmt: skip
NEXT_DAY = [
    {"type": "message", "user": "U2", "text": "It left <#C7|depot>.", "ts": "90000.0", "thread_ts": "10.0"},
    {"type": "message", "user": "U2", "text": "Yes.", "ts": "13.0"},
]


@pytest.fixture
def export(put):
    put("export/users.json", USERS)
    put("export/channels.json", [])
    put("export/help/2024-01-01.json", DAY)
    return put("export/help/2024-01-02.json", NEXT_DAY).parents[1]


def test_a_thread_over_several_days_is_a_conversation(export, beside):
    data = Dataset.read(export, assistant="Sam Support")
    assert [message.text for message in data[0].messages] == [
        "@anna where is my order (http://a.example/4711)?".replace("anna", "sam"),
        "It left #depot.",
    ]
    assert beside(data, 0) == {"channel": "help", "thread": "10.0", "time": 10.0}


def test_messages_in_no_thread_are_counted(export):
    reasons = [skip.reason for skip in Dataset.read(export, assistant="sam").skipped]
    assert "2 messages stand in no thread" in reasons


def test_messages_close_in_time_can_be_joined(export):
    data = Dataset.read(export, assistant="U2", format=Slack(gap_minutes=5))
    assert [message.text for message in data[1].messages] == ["Lunch & coffee?", "Yes."]


def test_bots_are_the_assistant_where_nobody_is_named(put):
    thread = [{**DAY[0], "ts": "29.0", "thread_ts": "30.0"}, DAY[3]]
    path = put("day.json", thread)
    data = Dataset.read(path, format="slack")
    assert [message.role for message in data[0].messages] == ["user", "assistant"]


def test_a_zip_file_is_read_like_its_directory(export, tmp_path):
    path = shutil.make_archive(str(tmp_path / "slack"), "zip", export)
    assert list(Dataset.read(path, assistant="sam")) == list(Dataset.read(export, assistant="sam"))


def test_a_file_that_is_no_list_is_told(export):
    (export / "help" / "2024-01-03.json").write_text(json.dumps({"a": 1}))
    reasons = [skip.reason for skip in Dataset.read(export, assistant="sam").skipped]
    assert "the file '2024-01-03.json' is no JSON array of messages" in reasons


def test_what_is_no_zip_is_refused(put):
    with pytest.raises(DatasetError, match="as zip"):
        Dataset.read(put("a.zip", b"PK\x03\x04 nothing"), format="slack")
