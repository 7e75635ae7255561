"""Formats that are told by what a source looks like."""

from __future__ import annotations

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.errors import ConfigurationError, DatasetError


@pytest.mark.parametrize(
    "record",
    [
        {"question": "Why?", "answer": "Because.", "source": "x"},
        {"Question": "Why?", "Answer": "Because."},
        {"prompt": "Why?", "completion": "Because."},
        {"instruction": "Why?", "response": "Because."},
        {"instruction": "Why?", "input": "", "output": "Because."},
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
def test_questions_and_answers_are_known_by_their_columns(put, record, name):
    table = "\n".join([",".join(record), ",".join(record.values())])
    data = Dataset.read(put(name, table if name == "a.csv" else [record]))
    assert [message.text for message in data[0].messages] == ["Why?", "Because."]


def test_alpaca_joins_instruction_and_input(beside):
    data = Dataset.read([{"instruction": "Translate.", "input": "cat", "output": "chat", "id": 5}])
    assert data[0].messages[0].text == "Translate.\n\ncat"
    assert beside(data, 0) == {"id": 5}


def test_alpaca_takes_templates_and_history():
    record = {"instruction": "And dog?", "output": "chien", "history": [["cat?", "chat"]], "system": "Translate."}
    data = Dataset.read([record], format="alpaca", user="[{instruction}]")
    assert [message.text for message in data[0].messages] == ["Translate.", "cat?", "chat", "[And dog?]", "chien"]


def test_named_columns_win_over_a_guess():
    data = Dataset.read([{"question": "a", "answer": "b", "c": "d"}], user="c", assistant="answer")
    assert data[0].messages[0].text == "d"


def test_rows_of_different_formats_are_not_guessed():
    with pytest.raises(ConfigurationError, match="no messages"):
        Dataset.read([{"question": "a", "answer": "b"}, {"chosen": "a", "rejected": "b", "prompt": "c"}])


def test_a_jsonl_file_of_chats_stays_mapped(put):
    row = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    path = put("a.jsonl", [row])
    assert next(Dataset.read(path).lines()) == path.read_bytes()


def test_an_unknown_format_is_named_with_the_known():
    with pytest.raises(ConfigurationError, match=r"unknown format 'sharedgpt'.*'sharegpt'"):
        Dataset.read([{}], format="sharedgpt")


def test_a_directory_in_doubt_is_asked_about(tmp_path):
    with pytest.raises(ConfigurationError, match="format='mail'"):
        Dataset.read(tmp_path)


def test_a_directory_without_files_of_the_format_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="has no rows"):
        Dataset.read(tmp_path, format="mail", assistant="a.example")


def test_files_are_not_read_from_memory():
    with pytest.raises(ConfigurationError, match="give a path"):
        Dataset.read([{"a": 1}], format="transcript")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"format": "turns", "user": "a"}, "user means nothing to the format Turns"),
        ({"format": "alpaca", "assistant": "a"}, "assistant means nothing"),
        ({"format": "pairs", "roles": {"a": "user"}}, "roles means nothing"),
        ({"format": "logs", "method": "dpo"}, "makes supervised examples, not dpo"),
        ({"format": "table", "user": "a", "assistant": "b", "roles": {"a": "user"}}, "roles are for conversations"),
    ],
)
def test_options_that_mean_nothing_to_a_format_are_refused(options, said):
    with pytest.raises(ConfigurationError, match=said):
        Dataset.read([{"a": "x", "b": "y"}], **options)


def test_chats_with_other_names_of_roles_are_read_by_who_is_named():
    record = {"messages": [{"role": "customer", "content": "Hi"}, {"role": "agent", "content": "Hello"}]}
    assert Dataset.read([record], assistant="agent")[0].messages[1].role == "assistant"


def test_answers_that_may_be_unwanted_are_not_taken_for_answers():
    with pytest.raises(ConfigurationError, match="format="):
        Dataset.read([{"prompt": "Hi", "completion": "What?", "label": False}])


@pytest.mark.parametrize(
    "record",
    [
        {"instruction": "Why?", "context": "It rains.", "response": "Wet."},
        {"question": "Why?", "context": "It rains.", "answers": {"text": ["Wet.", "Rain."], "answer_start": [0, 1]}},
    ],
)
def test_the_context_of_a_question_is_part_of_it(record):
    data = Dataset.read([record])
    assert [message.text for message in data[0].messages] == ["Why?\n\nIt rains.", "Wet."]


@pytest.mark.parametrize(
    "document",
    [
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}],
        [[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]],
        {"title": "a", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]},
        [{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], "title": "a"}],
    ],
)
def test_a_document_of_json_may_hold_chats_in_every_way(put, document):
    data = Dataset.read(put("a.json", document))
    assert [message.text for message in data[0].messages] == ["Hi", "Hello"]


def test_a_number_is_a_text_of_a_question_or_an_answer():
    data = Dataset.read([{"question": "2 + 2", "answer": 4}, {"question": 7, "answer": 7.5}])
    assert [[message.text for message in example.messages] for example in data] == [["2 + 2", "4"], ["7", "7.5"]]


def test_prompt_and_completion_that_are_messages_are_joined():
    record = {"prompt": [{"role": "user", "content": "Hi"}], "completion": [{"role": "assistant", "content": "Hello"}]}
    data = Dataset.read([record])
    assert [(message.role, message.text) for message in data[0].messages] == [("user", "Hi"), ("assistant", "Hello")]


def test_function_calls_of_xlam_are_known_by_their_columns():
    record = {"query": "Weather?", "answers": '[{"name": "f", "arguments": {"a": 1}}]', "tools": '[{"name": "f"}]'}
    assert Dataset.read([record])[0].messages[1].tool_calls[0].function.name == "f"


@pytest.mark.parametrize(
    "name", ["a.jsonl", "a.json", "a.csv", "a.xlsx", "a.parquet", "a.txt", "a.md", "a.mbox", "a.pdf"]
)
def test_an_empty_file_is_said_to_be_empty(put, name):
    with pytest.raises(DatasetError, match="it is empty"):
        Dataset.read(put(name, b""))


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.zst", "a.tar"])
def test_a_packed_file_is_to_be_unpacked_first(put, name):
    with pytest.raises(ConfigurationError, match="unpack it first"):
        Dataset.read(put(name, b"x"))
