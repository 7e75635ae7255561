"""What must hold of datasets whatever is in them."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_kit.datasets import Dataset, validate_file
from finetune_kit.datasets.accept import ChatAcceptor
from finetune_kit.datasets.split import grouped_parts, random_parts, share_out, split_sizes, stratified_parts
from finetune_kit.datasets.syntax import parse_line
from finetune_kit.datasets.validate import line_problems
from finetune_kit.errors import DatasetError, FinetuneKitError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(lambda text: text.strip())
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}

# Good parts and bad ones, so that rows come out on both sides of the line.
ODD = st.sampled_from([None, "", " ", 0, 1, 2, True, 0.5, [], {}, "<|im_end|>", ":x", "\u2028", "c", "f", ["a"]])
CALLS = st.sampled_from([[CALL], [], [CALL, CALL], [{**CALL, "id": 1}], [{**CALL, "type": "x"}], None, [None]])
PARTS = st.lists(
    st.sampled_from(
        [
            {"type": "text", "text": "a"},
            {"type": "text", "text": ""},
            {"type": "image_url", "image_url": {"url": "u", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "u", "detail": "x"}},
            {"type": "image_url", "image_url": "u"},
            {"type": "x"},
            "a",
        ]
    ),
    max_size=2,
)
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "assistant", "system", "tool", "developer", "bot"])},
    optional={
        "content": TEXTS | ODD | PARTS,
        "name": TEXTS | ODD,
        "weight": ODD,
        "tool_calls": CALLS,
        "tool_call_id": ODD,
        "refusal": ODD,
        "extra": ODD,
    },
)
ROWS = st.fixed_dictionaries(
    {"messages": st.lists(MESSAGES, max_size=4)},
    optional={
        "tools": st.sampled_from([[TOOL], [], [TOOL, TOOL], [{}], None, {}]),
        "parallel_tool_calls": ODD,
        "functions": ODD,
    },
)


@given(ROWS, st.booleans())
@settings(max_examples=1500, deadline=None)
def test_what_is_accepted_quickly_breaks_no_rule(row, compact):
    raw = json.dumps(row, separators=(",", ":") if compact else None).encode()
    if ChatAcceptor().accepts(raw, orjson.loads(raw)):
        assert list(line_problems(raw, "supervised")) == []


@given(
    st.recursive(
        st.none() | st.integers(-5, 5) | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_lines_are_read_as_the_standard_library_reads_them(value):
    raw = json.dumps(value).encode()
    parsed, problems = parse_line(raw)
    assert problems or parsed == value


@given(
    st.lists(st.binary(max_size=60) | ROWS.map(orjson.dumps), min_size=1, max_size=12),
    st.sampled_from(["supervised", "dpo", "reinforcement"]),
)
@settings(deadline=None)
def test_no_bytes_bring_anything_but_an_error_of_the_kit(tmp_path_factory, lines, method):
    path = tmp_path_factory.mktemp("fuzz") / "a.jsonl"
    path.write_bytes(b"\n".join(lines))
    report = validate_file(path, method=method)
    try:
        data = Dataset.read(path, method=method)
    except DatasetError:
        assert report.n_examples == 0
        return
    assert len(data) == report.n_examples
    wrong = {finding.example for finding in report.errors}
    assert {index + 1 for index in range(len(data)) if not can_be_used(data, index)} <= wrong


def can_be_used(data: Dataset, index: int) -> bool:
    try:
        data[index]
    except FinetuneKitError:
        return False
    return True


@given(st.binary(max_size=80), st.sampled_from([".csv", ".tsv", ".json", ".parquet"]))
@settings(deadline=None)
def test_no_table_brings_anything_but_an_error_of_the_kit(tmp_path_factory, content, suffix):
    path = tmp_path_factory.mktemp("fuzz") / f"a{suffix}"
    path.write_bytes(content)
    with contextlib.suppress(FinetuneKitError):
        Dataset.read(path, user="a", assistant="b")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("round_trip")


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8), st.booleans())
@settings(deadline=None)
def test_good_rows_are_written_byte_for_byte_as_they_were_read(directory, pairs, ascii_only):
    rows = [{"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]} for q, a in pairs]
    content = b"".join(json.dumps(row, ensure_ascii=ascii_only).encode() + b"\n" for row in rows)
    source, copy = directory / "source.jsonl", directory / "copy.jsonl"
    source.unlink(missing_ok=True)
    source.write_bytes(content)
    data = Dataset.read(source)
    data.write(copy)
    assert copy.read_bytes() == content
    assert [[message.text for message in example.messages] for example in data] == [list(pair) for pair in pairs]


def is_partition(parts: tuple[list[int], ...], n_rows: int) -> bool:
    return sorted(row for part in parts for row in part) == list(range(n_rows))


@given(st.integers(3, 300), st.floats(0.01, 0.6), st.none() | st.floats(0.01, 0.3), st.integers())
def test_a_split_is_a_partition_of_the_sizes_asked_for(n_rows, test, validation, seed):
    try:
        sizes = split_sizes(n_rows, test, validation)
    except DatasetError:
        return
    parts = random_parts(n_rows, sizes, seed)
    assert is_partition(parts, n_rows)
    assert tuple(map(len, parts)) == sizes
    assert abs(len(parts[2]) - n_rows * test) < 1


@given(st.lists(st.integers(0, 6), min_size=4, max_size=120), st.floats(0.05, 0.4), st.integers())
def test_a_stratified_split_is_a_partition_with_every_label_in_train(labels, test, seed):
    try:
        sizes = split_sizes(len(labels), test, None)
        parts = stratified_parts(labels, sizes, seed)
    except DatasetError:
        return
    assert is_partition(parts, len(labels))
    assert tuple(map(len, parts)) == sizes
    assert {labels[row] for row in parts[0]} == set(labels)


@given(st.lists(st.integers(0, 9), min_size=4, max_size=120), st.integers())
def test_a_grouped_split_is_a_partition_of_whole_groups(groups, seed):
    try:
        parts = grouped_parts(groups, split_sizes(len(groups), 0.2, 0.2), seed)
    except DatasetError:
        return
    assert is_partition(parts, len(groups))
    assert all(parts)
    of_parts = [{groups[row] for row in part} for part in parts]
    assert sum(map(len, of_parts)) == len(set(groups))


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 50)), min_size=1, max_size=20), st.data())
def test_shares_add_up_and_keep_to_their_room(classes, data):
    weights, room = zip(*classes, strict=True)
    total = data.draw(st.integers(0, sum(room)))
    shares = share_out(total, weights, room)
    assert sum(shares) == total
    assert all(share <= free for share, free in zip(shares, room, strict=True))
