"""Files of rows: found, copied and measured as they stand."""

from __future__ import annotations

import pickle

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.jsonl import JsonlFile, runs
from finetune_kit.errors import ConfigurationError

ROW = b'{"messages":[{"role":"user","content":"%d"},{"role":"assistant","content":"b"}]}'


def content(n: int, end: bytes = b"\n") -> bytes:
    return b"".join(ROW % number + end for number in range(n))


FILES = {
    "plain": content(30),
    "open end": content(30)[:-1],
    "CR LF": content(30, b"\r\n"),
    "one CR LF": content(20) + content(10, b"\r\n"),
    "a mark": b"\xef\xbb\xbf" + content(30),
    "a mark further down": content(15) + b"\xef\xbb\xbf" + content(15),
    "blank lines": content(10) + b"\n  \n" + content(20) + b"\n",
    "blank lines first": b"\n\n" + content(30),
    "white space before rows": b" " + content(10) + b"\t" + content(20),
    "large rows": content(10) + ROW.replace(b"%d", b"x" * 100_000) + b"\n" + content(19),
}


@pytest.fixture(params=FILES.values(), ids=FILES)
def data(request, tmp_path) -> Dataset:
    path = tmp_path / "a.jsonl"
    path.write_bytes(request.param)
    return Dataset.read(path)


VIEWS = {
    "all": lambda data: data,
    "take": lambda data: data.take(7),
    "shuffle": lambda data: data.shuffle(3),
    "train": lambda data: data.split(seed=1)[0],
    "test": lambda data: data.split(seed=1)[1],
    "backwards": lambda data: data[::-1],
    "last": lambda data: data[29:],
    "none": lambda data: data[:0],
    "twice": lambda data: data.shuffle(1) + data,
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_what_is_written_is_line_by_line_what_stands_there(data, tmp_path, view):
    seen = view(data)
    seen.write(tmp_path / "copy.jsonl")
    lines = b"".join(seen.lines())
    assert (tmp_path / "copy.jsonl").read_bytes() == lines
    assert seen.nbytes == len(lines)


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_the_fingerprint_is_that_of_the_rows_and_not_of_how_they_are_kept(data, view):
    seen = view(data)
    again = Dataset.read([dict(row) for row in rows_of(seen)]) if len(seen) else seen
    assert seen.fingerprint == again.fingerprint or b" " in b"".join(seen.lines())


def rows_of(data: Dataset) -> list[dict]:
    return [{"messages": [{"role": m.role, "content": m.text} for m in example.messages]} for example in data]


def test_places_are_physical_lines(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(content(2) + b"\n\n" + content(1) + b" \n" + content(1))
    assert [place.line for place in Dataset.read(path).places()] == [1, 2, 5, 7]


def test_a_file_that_was_replaced_is_written_as_it_was_read(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(content(30))
    data = Dataset.read(path)
    newer = tmp_path / "b.jsonl"
    newer.write_bytes(content(40))
    newer.replace(path)
    data.shuffle(1).write(tmp_path / "copy.jsonl")
    assert sorted((tmp_path / "copy.jsonl").read_bytes().splitlines()) == sorted(content(30).splitlines())


@pytest.mark.parametrize(
    ("picks", "expected"),
    [
        ([], []),
        ([3], [(3, 4)]),
        ([0, 1, 2], [(0, 3)]),
        ([2, 1, 0], [(2, 3), (1, 2), (0, 1)]),
        ([0, 0, 1, 5, 6], [(0, 1), (0, 2), (5, 7)]),
        (range(4), [(0, 4)]),
        (range(0), []),
        (range(0, 6, 2), [(0, 1), (2, 3), (4, 5)]),
    ],
)
def test_runs_are_of_neighbours_in_their_order(picks, expected):
    assert list(runs(picks)) == expected


def test_a_file_of_rows_can_be_pickled(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(content(3))
    rows = pickle.loads(pickle.dumps(JsonlFile(path)))  # noqa: S301 - made here
    assert rows.raw(2) == ROW % 2


def test_showing_a_large_dataset_does_not_read_it(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(content(10_001))
    data = Dataset.read(path)
    assert "fingerprint" not in repr(data)
    assert data.fingerprint[:12] in repr(data)


def test_rows_can_be_filtered_as_dicts(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(content(30))
    data = Dataset.read(path).filter(where=lambda row: row["messages"][0]["content"].endswith("7"))
    assert [example.messages[0].text for example in data] == ["7", "17", "27"]


@pytest.mark.parametrize("tests", [{}, {"keep": lambda _: True, "where": lambda _: True}])
def test_a_filter_has_one_test(tmp_path, tests):
    path = tmp_path / "a.jsonl"
    path.write_bytes(content(3))
    with pytest.raises(ConfigurationError, match="give keep"):
        Dataset.read(path).filter(**tests)
