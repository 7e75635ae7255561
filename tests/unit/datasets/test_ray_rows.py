"""The functions of rows on a local Ray cluster of two workers: the same results as on one machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from finetune_kit.datasets import Dataset, validate_file
from finetune_kit.datasets.deduplicate import Likeness, row_identities
from finetune_kit.errors import DatasetError, FormatError

ray = pytest.importorskip("ray", reason="needs the extra ray")

MODEL = "gpt-4.1-mini-2025-04-14"

# Ray's own: settings of its context that it deprecates and reads itself, and files that its processes leave open.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning:ray.data.context"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def cluster(_guarded_session) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(num_cpus=2, include_dashboard=False, _node_ip_address="127.0.0.1", log_to_driver=False)
        yield ray
        ray.shutdown()


@pytest.fixture
def ray_rows(cluster, monkeypatch):
    """The functions, over stretches so small that a file has several."""
    import ray.data

    from finetune_kit.datasets import ray_rows, ray_source

    ray.data.DataContext.get_current().enable_progress_bars = False
    monkeypatch.setattr(ray_source, "_STRETCH_BYTES", 300)
    return ray_rows


def chats(n: int) -> list[dict[str, Any]]:
    texts = [
        f"Where is order {number % 7}? It was sent to the old address, and nobody is there any more."
        for number in range(n)
    ]
    return [
        {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "tracking"}]}
        for text in texts
    ]


@pytest.fixture
def path(save: Callable[..., Path]) -> Path:
    bad = [b"", b'{"messages": []}', b"null", b'{"messages": 1}', json.dumps({"prompt": "a"}).encode()]
    return save(*chats(6), *bad, *chats(9), bad[2])


@pytest.fixture
def good(save: Callable[..., Path]) -> Path:
    return save(*chats(15), name="good.jsonl")


def test_a_file_is_validated_as_on_one_machine(ray_rows, path):
    report = ray_rows.validate(path)
    assert report == validate_file(path)
    assert len(report.errors) > 3


def test_several_files_are_one_report_with_the_lines_of_each(ray_rows, path, good):
    report = ray_rows.validate([path, good, path])
    of_one = validate_file(path)
    assert report.n_examples == 2 * of_one.n_examples + 15
    assert [finding.line for finding in report.errors] == 2 * [finding.line for finding in of_one.errors]
    assert {finding.path for finding in report.errors} == {str(path)}


def test_rows_of_a_dataset_of_ray_are_validated_with_their_numbers(ray_rows, cluster):
    rows = [*chats(5), {"messages": [{"role": "bot", "content": "x"}]}, *chats(6)]
    source = cluster.data.from_items([{"text": json.dumps(row)} for row in rows], override_num_blocks=4)
    report = ray_rows.validate(source)
    assert report.n_examples == 12
    assert {finding.line for finding in report.errors} == {6}


def test_rows_in_columns_are_validated_without_the_keys_that_ray_filled_in(ray_rows, cluster):
    rows = chats(10)
    rows[0]["messages"][0]["name"] = "anna"
    assert ray_rows.validate(cluster.data.from_items(rows)).errors == ()


def test_a_missing_file_is_named(ray_rows, tmp_path):
    with pytest.raises(DatasetError, match=r"there\.jsonl"):
        ray_rows.validate(tmp_path / "there.jsonl")


def test_tokens_are_counted_as_on_one_machine(ray_rows, good, table_cache):
    assert ray_rows.count_tokens(good, MODEL) == Dataset.read(good).tokens(MODEL)


def test_an_error_of_a_worker_reaches_the_caller_with_its_line(ray_rows, path, table_cache):
    with pytest.raises(FormatError) as caught:
        ray_rows.count_tokens(path, MODEL)
    assert caught.value.line == 9


@pytest.mark.parametrize("of", ["row", "input"])
@pytest.mark.parametrize("by", ["exact", "normalised"])
def test_keys_are_those_of_one_machine(ray_rows, good, by, of):
    data = Dataset.read(good)
    expected = list(row_identities(data._rows, data._picks, "supervised", Likeness(by, of)))
    assert ray_rows.duplicate_keys(good, by=by, of=of) == expected
    assert len(set(expected)) == 7


def test_rows_that_are_nearly_the_same_share_a_key(ray_rows, save):
    pytest.importorskip("rensa", reason="needs the extra audit")
    pytest.importorskip("rapidfuzz", reason="needs the extra audit")
    rows = chats(3)
    rows[2]["messages"][0]["content"] = (
        "Please cancel my subscription to the weekly magazine, I read it no longer at all."
    )
    first, second, other = map(set, ray_rows.duplicate_keys(save(*rows), by="near"))
    assert first & second
    assert not first & other


def test_rows_are_filtered_and_written_in_order(ray_rows, good, tmp_path):
    kept = ray_rows.filter_rows(good, lambda example: "order 3" in example.messages[0].text)
    ray_rows.write_rows(kept, tmp_path / "kept.jsonl")
    lines = good.read_bytes().splitlines(keepends=True)
    assert (tmp_path / "kept.jsonl").read_bytes() == b"".join(line for line in lines if b"order 3" in line)


def test_rows_are_changed_and_keep_their_places(ray_rows, good):
    changed = ray_rows.map_rows(good, lambda example: example.model_copy(update={"messages": example.messages[1:]}))
    records = sorted(changed.take_all(), key=lambda record: record["line"])
    assert [record["line"] for record in records] == list(range(1, 16))
    assert json.loads(records[0]["row"]) == {"messages": [{"role": "assistant", "content": "tracking"}]}
