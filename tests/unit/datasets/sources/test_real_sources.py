"""Real files: all of each is read, or told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.sources import Document, Style

ABCD = {"agent": "assistant", "customer": "user", "action": None}
WITHOUT_COUNT = {"n_examples"}


def lines_of(path: Path) -> list[str]:
    return path.read_text().strip().split("\n")


def findings(data: Dataset) -> set[str]:
    return set(data.validate().counts) - WITHOUT_COUNT


@pytest.mark.parametrize(
    ("name", "options", "n_rows"),
    [
        ("abcd/abcd_sample.json", {"roles": ABCD}, 3),
        ("sgd/transcripts_raw.jsonl", {"assistant": "SYSTEM"}, 150),
        ("openai_cookbook/helpcenter_articles.csv", {"user": "policy", "assistant": "content"}, 4),
        ("openai_cookbook/labelled_transactions.csv", {"user": "{Supplier}", "assistant": "Classification"}, 101),
        ("openai_cookbook/NotRealCorp_financial_data.json", {"user": "{Year} {Quarter}", "assistant": "{Time}"}, 48),
        ("pubmedqa/train.jsonl", {"user": "{question}\n\n{context}", "assistant": "long_answer"}, 500),
        ("legalbench/items.jsonl", {"user": "{task}: {fields!j}", "assistant": "answer"}, 374),
        ("shakespeare_style/chat.jsonl", {}, 904),
        ("qmsum/val_whole_meetings_chat.jsonl", {}, None),
    ],
)
def test_every_row_of_a_real_file_is_read_without_a_fault(shared, name, options, n_rows):
    data = Dataset.read(shared / "data" / name, **options)
    assert n_rows in (None, len(data))
    assert (data.skipped, findings(data)) == ((), set())


def test_licences_stay_beside_the_rows(shared):
    data = Dataset.read(shared / "data/legalbench/items.jsonl", user="{fields!j}", assistant="answer")
    train, test = data.split(test=0.5, group="licence")
    assert len(train) + len(test) == 374


def test_real_chats_come_through_as_plain_text(shared, put):
    turns = [json.loads(line)["turns"] for line in lines_of(shared / "data/sgd/transcripts_raw.jsonl")]
    text = "\n\n".join("\n".join(f"{speaker}: {said}" for speaker, said in chat) for chat in turns)
    read = Dataset.read(put("sgd.txt", text), assistant="SYSTEM")
    from_json = Dataset.read(shared / "data/sgd/transcripts_raw.jsonl", assistant="SYSTEM")
    assert len(read) == 150
    assert [example.messages for example in read] == [example.messages for example in from_json]


def test_real_meetings_come_through_as_plain_text(shared, put):
    rows = [json.loads(line) for line in lines_of(shared / "data/qmsum/val_whole_meetings_chat.jsonl")]
    text = rows[0]["messages"][1]["content"].partition("\n\n")[2]
    data = Dataset.read(put("meeting.txt", text), format="transcript", assistant="Professor E")
    assert len(data) == 1
    spoken = sum(len(message.text) for message in data[0].messages)
    assert spoken > 0.8 * len(text)


def test_real_prose_becomes_samples_of_a_voice(shared, put):
    rows = [json.loads(line) for line in lines_of(shared / "data/shakespeare_style/chat.jsonl")]
    text = "\n\n".join(row["messages"][-1]["content"] for row in rows)
    data = Dataset.read(put("plays.txt", text), format=Style(), system="You write plays.")
    assert len(data) > 90
    words = set(text.split())
    assert all(set(example.messages[-1].text.split()) <= words for example in data)


def test_real_documents_are_continued(put, repository):
    pages = sorted((repository / "design").glob("*.md"))
    assert pages
    data = Dataset.read(repository / "design", format=Document(task="continuation", min_characters=80))
    assert len(data) >= len(pages)
    assert findings(data) == set()
