"""A dataset as a sequence of examples that stay bytes."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.errors import AuditError, ConfigurationError, DatasetError, FormatError
from finetune_kit.types.examples import PreferenceExample, ReinforcementExample, SupervisedExample


@pytest.fixture
def path(save, good_lines) -> Path:
    return save(*good_lines)


def texts(data: Dataset) -> list[str]:
    return [example.messages[0].text for example in data]


def test_a_row_is_a_typed_example(path):
    example = Dataset.read(path)[3]
    assert isinstance(example, SupervisedExample)
    assert example.messages[1].content == "answer 3"


def test_negative_indexes_count_from_the_end(path):
    assert Dataset.read(path)[-1].messages[0].content == "Question 9"


def test_an_index_beyond_the_end_is_an_index_error(path):
    with pytest.raises(IndexError):
        Dataset.read(path)[10]


@pytest.mark.parametrize(
    ("method", "kind"),
    [("supervised", SupervisedExample), ("dpo", PreferenceExample), ("reinforcement", ReinforcementExample)],
)
def test_the_method_is_told_from_the_shape(save, rows, method, kind):
    data = Dataset.read(save(*[rows[method]()] * 3))
    assert data.method == method
    assert isinstance(data[0], kind)


def test_a_method_that_is_given_is_taken(save, rows):
    assert Dataset.read(save(rows["supervised"]()), method="reinforcement").method == "reinforcement"


def test_broken_first_lines_do_not_mislead_the_method(save, rows):
    assert Dataset.read(save(b"null", b"{", rows["dpo"]())).method == "dpo"


def test_a_slice_is_a_dataset(path):
    assert texts(Dataset.read(path)[2:8:3]) == ["Question 2", "Question 5"]


def test_views_of_views_look_at_the_same_rows(path):
    data = Dataset.read(path).filter(lambda example: example.messages[0].text != "Question 0")
    assert texts(data[1:].take(2)) == ["Question 2", "Question 3"]


def test_take_of_more_than_there_are_is_all(path):
    assert len(Dataset.read(path).take(99)) == 10


def test_shuffle_keeps_the_rows_and_is_repeatable(path):
    data = Dataset.read(path)
    once, again, other = data.shuffle(1), data.shuffle(1), data.shuffle(2)
    assert sorted(texts(once)) == texts(data)
    assert texts(once) == texts(again)
    assert texts(once) != texts(other)


def test_the_order_of_a_seed_never_changes(path):
    assert texts(Dataset.read(path).shuffle(7))[:4] == ["Question 8", "Question 6", "Question 3", "Question 1"]


def test_sample_keeps_order_and_proportions(rows):
    data = Dataset.read([rows["supervised"](answer="a" if n % 4 else "b") for n in range(40)])
    labels = [example.messages[1].content for example in data.sample(8, seed=3, stratify="assistant")]
    assert labels.count("b") == 2


@pytest.mark.parametrize("n", [0, 11])
def test_a_sample_of_an_impossible_size_is_refused(path, n):
    with pytest.raises(ConfigurationError, match=f"cannot sample {n} of 10"):
        Dataset.read(path).sample(n)


def test_joined_datasets_keep_their_places(save, path, rows):
    other = save({"messages": [{"role": "asistant", "content": "x"}]}, name="other.jsonl")
    joined = Dataset.read(path) + Dataset.read(other)
    finding = joined.validate().errors[0]
    assert (finding.path, finding.line, finding.example) == (str(other), 1, 11)


def test_datasets_of_different_methods_do_not_join(path, rows):
    with pytest.raises(DatasetError, match="a supervised dataset and a dpo one"):
        Dataset.read(path) + Dataset.read([rows["dpo"]()])


def test_write_copies_the_rows_byte_for_byte(path, tmp_path):
    Dataset.read(path).write(tmp_path / "copy.jsonl")
    assert (tmp_path / "copy.jsonl").read_bytes() == path.read_bytes()


def test_write_leaves_out_the_mark_cr_and_blank_lines(tmp_path, good_lines):
    source = tmp_path / "windows.jsonl"
    source.write_bytes(b"\xef\xbb\xbf" + b"\r\n\r\n".join(good_lines))
    Dataset.read(source).write(tmp_path / "clean.jsonl")
    assert (tmp_path / "clean.jsonl").read_bytes() == b"\n".join(good_lines) + b"\n"


def test_a_dataset_can_replace_the_file_that_it_looks_at(path, good_lines):
    data = Dataset.read(path)
    data.take(2).write(path)
    assert path.read_bytes().splitlines() == good_lines[:2]
    assert len(list(data)) == 10


def test_fingerprint_and_size_are_those_of_the_written_file(path):
    data = Dataset.read(path)
    assert data.fingerprint == hashlib.sha256(path.read_bytes()).hexdigest()
    assert data.nbytes == path.stat().st_size


def test_the_order_of_rows_is_part_of_the_fingerprint(path):
    data = Dataset.read(path)
    assert data.shuffle(1).fingerprint != data.fingerprint


def test_lines_are_what_is_written(path):
    assert b"".join(Dataset.read(path).lines()) == path.read_bytes()


def test_a_full_disk_is_named_with_a_remedy(path, tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal = pytest.importorskip("signal")
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    data = Dataset.read(path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(DatasetError, match=r"cannot write .*out\.jsonl.*Remedy: free space"):
            data.write(tmp_path / "out.jsonl")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["data.jsonl"]


def test_a_missing_directory_is_named(path, tmp_path):
    with pytest.raises(DatasetError, match="nowhere"):
        Dataset.read(path).write(tmp_path / "nowhere" / "out.jsonl")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON"),
        (b'{"a": "\xe9"}', "0xE9"),
        (b"[]", "an array, not an object"),
        (b'{"messages": []}', "empty"),
    ],
)
def test_a_broken_row_is_read_and_refused_when_used(save, good_lines, line, reason):
    path = save(b"", *good_lines, line)
    data = Dataset.read(path)
    assert len(data) == 11
    with pytest.raises(FormatError, match=reason) as caught:
        data[10]
    assert (caught.value.path, caught.value.line) == (str(path), 12)


def test_an_error_of_a_row_does_not_carry_the_row(save):
    with pytest.raises(FormatError) as caught:
        Dataset.read(save(b'{"messages": [{"role": "user", "content": "secret"'))[0]
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "secret" not in str(caught.value)


def test_repr_shows_counts_source_and_fingerprint_only(path):
    data = Dataset.read(path)
    assert repr(data) == f"Dataset(10 supervised examples from {str(path)!r}, fingerprint {data.fingerprint[:12]})"


def test_history_tells_what_made_it_from_what(path):
    train, _ = Dataset.read(path).split(test=2, seed=5)
    assert train.take(3).history == (
        f"read {path}: 10 rows",
        "split seed=5: train: 8 of 10 rows",
        "take 3: 3 of 8 rows",
    )


def test_validate_of_a_view_names_the_lines_of_the_file(save, good_lines):
    path = save(b"", *good_lines, b"null")
    finding = Dataset.read(path)[5:].validate().errors[-1]
    assert (finding.path, finding.line, finding.example) == (str(path), 12, 6)


def test_validate_of_the_whole_file_names_what_writing_mends(save, good_lines):
    path = save(b"\xef\xbb\xbf" + good_lines[0], *good_lines[1:])
    data = Dataset.read(path)
    assert [finding.rule for finding in data.validate().errors] == ["bom"]
    data.write(path)
    assert Dataset.read(path).validate().ok


def test_validate_of_a_replaced_file_checks_what_was_read(path, tmp_path):
    data = Dataset.read(path)
    (tmp_path / "new").write_bytes(b"null\n")
    (tmp_path / "new").rename(path)
    assert data.validate().ok


def test_rows_in_memory_are_numbered(rows):
    with pytest.raises(AuditError) as caught:
        Dataset.read([rows["supervised"](), {"messages": []}]).validate().raise_for_errors()
    assert [(finding.path, finding.line) for finding in caught.value.findings] == [(None, None), (None, 2)]


def test_a_file_that_shrinks_is_refused_and_not_touched(path):
    data = Dataset.read(path)
    path.write_bytes(b"")
    with pytest.raises(DatasetError, match="has changed since it was read"):
        data[0]


def test_a_dataset_pickles(path):
    data = pickle.loads(pickle.dumps(Dataset.read(path)[2:4]))  # noqa: S301 - its own
    assert texts(data) == ["Question 2", "Question 3"]


def test_a_pickled_dataset_knows_when_its_file_has_changed(path, rows):
    pickled = pickle.dumps(Dataset.read(path)[2:4])
    Dataset.read([rows["supervised"]()]).write(path)
    with pytest.raises(DatasetError, match="has changed since the dataset was pickled"):
        pickle.loads(pickled)  # noqa: S301 - its own
