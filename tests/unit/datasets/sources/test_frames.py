"""Frames and datasets of Hugging Face, in and out."""

from __future__ import annotations

import json

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.errors import ConfigurationError

ASK = {"role": "user", "content": "Weather?"}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {}}}}}
ROWS = [
    {"messages": [ASK, {"role": "assistant", "content": "Rain."}]},
    {"messages": [ASK, {"role": "assistant", "content": None, "tool_calls": [CALL]}], "tools": [TOOL]},
    {
        "messages": [
            ASK,
            {"role": "assistant", "content": "Sun.", "weight": 0},
            ASK,
            {"role": "assistant", "content": ""},
        ]
    },
]
PAIR = {
    "input": {"messages": [ASK], "tools": [TOOL]},
    "preferred_output": [{"role": "assistant", "content": "Rain."}],
    "non_preferred_output": [{"role": "assistant", "content": None, "tool_calls": [CALL]}],
}
ITEM = {"messages": [ASK], "answer": None, "options": ["a", {"b": 1}], "n": 1}
LIBRARIES = [("to_pandas", "pandas"), ("to_polars", "polars"), ("to_hugging_face", "datasets")]


@pytest.mark.parametrize(("method", "library"), LIBRARIES)
@pytest.mark.parametrize("rows", [ROWS, [PAIR] * 2], ids=["chats", "preferences"])
def test_what_goes_out_comes_back(method, library, rows):
    pytest.importorskip(library)
    data = Dataset.read(rows)
    back = Dataset.read(getattr(data, method)())
    assert [json.loads(line) for line in back.lines()] == rows


@pytest.mark.parametrize(("method", "library"), LIBRARIES)
def test_columns_beside_the_rows_go_along(method, library, beside):
    pytest.importorskip(library)
    table = [{"q": "a", "a": "b", "customer": n % 2, "note": [n]} for n in range(4)]
    data = Dataset.read(table, user="q", assistant="a")
    back = Dataset.read(getattr(data, method)())
    assert back.fingerprint == data.fingerprint
    train, test = back.split(2, group="customer")
    assert {beside(back, n)["customer"] for n in train._picks} != {beside(back, n)["customer"] for n in test._picks}


def test_a_dataset_of_hugging_face_is_read_by_the_names_of_its_classes():
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    source = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features=features)
    for form in (source, source.to_iterable_dataset()):
        data = Dataset.read(form, user="text", assistant="label")
        assert [example.messages[1].text for example in data] == ["yes", "no"]


def test_the_splits_of_a_dictionary_are_named():
    datasets = pytest.importorskip("datasets")
    source = datasets.DatasetDict({"train": datasets.Dataset.from_dict({"q": ["a"]})})
    with pytest.raises(ConfigurationError, match=r"'train'.*source\['train'\]"):
        Dataset.read(source, user="q", assistant="q")


def test_a_lazy_frame_is_collected():
    polars = pytest.importorskip("polars")
    frame = polars.LazyFrame({"q": ["a"], "a": ["b"]})
    assert len(Dataset.read(frame, user="q", assistant="a")) == 1


def test_times_and_arrays_of_a_frame_become_json(beside):
    pandas = pytest.importorskip("pandas")
    numpy = pytest.importorskip("numpy")
    frame = pandas.DataFrame(
        {
            "q": ["a", "b"],
            "a": ["b", "c"],
            "at": [pandas.Timestamp("2024-01-05"), pandas.NaT],
            "v": [numpy.arange(2)] * 2,
        }
    )
    data = Dataset.read(frame, user="q", assistant="a")
    assert beside(data, 0) == {"at": "2024-01-05T00:00:00", "v": [0, 1]}
    assert beside(data, 1)["at"] is None


def test_chats_of_a_parquet_file_lose_their_empty_cells(tmp_path, beside):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"messages": [row["messages"] for row in ROWS[:1] + ROWS[2:]], "source": ["x", "y"]})
    frame.to_parquet(tmp_path / "a.parquet")
    data = Dataset.read(tmp_path / "a.parquet")
    assert [json.loads(line) for line in data.lines()] == ROWS[:1] + ROWS[2:]
    assert beside(data, 1) == {"source": "y"}
