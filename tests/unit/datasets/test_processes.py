"""Validation in several processes: nothing but the time may differ."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys

import pytest

from finetune_kit.datasets import Dataset, validate_file
from finetune_kit.datasets.stretches import stretches
from finetune_kit.errors import ConfigurationError, DatasetError

GOOD = b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}'
FAULTS = [
    b"",
    b"  \t",
    b"null",
    b"{",
    b'{"messages": [], "messages": []}',
    b"\xff",
    b'\xef\xbb\xbf{"messages": []}',
    b'{"messages":[{"role":"bot","content":"x"}]}',
    GOOD.replace(b'"a"', b'"' + b"long " * 400 + b'"'),
    GOOD.replace(b'"b"', b'"<|im_end|>"'),
]

FILES = {
    "every fault between good rows": b"\n".join([*FAULTS, GOOD] * 3) + b"\n",
    "CR LF": b"\r\n".join([GOOD, b"", *FAULTS[2:], GOOD]) + b"\r\n",
    "CR LF from the middle on": b"\n".join([GOOD] * 9) + b"\r\n" + b"\r\n".join([GOOD] * 9),
    "a byte order mark": b"\xef\xbb\xbf" + b"\n".join([GOOD] * 12),
    "no end of line at the end": b"\n".join([GOOD] * 11 + [b"null"]),
    "one long line among short ones": b"\n".join([GOOD, FAULTS[8] * 30, GOOD]),
    "blank lines at both ends": b"\n\n\n" + GOOD + b"\n\n\n\n",
    "one row": GOOD,
    "nothing": b"",
    "line ends alone": b"\n" * 7,
    "more faults than are kept": b"null\n" * 700 + GOOD + b"\nnull" * 900,
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_the_report_is_that_of_one_process(tmp_path, content):
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    assert validate_file(path, processes=3) == validate_file(path)


@pytest.mark.parametrize("method", ["dpo", "reinforcement"])
def test_the_report_is_the_same_for_each_method(save, rows, method):
    path = save(*[rows[method]()] * 6, b"null", rows["supervised"](), b"")
    assert validate_file(path, method=method, processes=2) == validate_file(path, method=method)


def test_tokens_and_limits_are_the_same(save, rows, table_cache):
    path = save(*[rows["supervised"](question=f"Question {n} " * n) for n in range(40)], b"null", rows["supervised"]())
    model = "gpt-4o-mini-2024-07-18"
    one, two = (validate_file(path, model=model, tokens=True, processes=n) for n in (1, 2))
    assert one == two
    assert len(one.tokens.per_example) == one.n_examples == 42
    assert one.tokens.per_example[40] == 0


def test_a_dataset_that_is_a_whole_file_can_be_validated_so(save, good_lines):
    data = Dataset.read(save(*good_lines))
    assert data.validate(processes=2) == data.validate()


@pytest.mark.parametrize("n", range(1, 40))
def test_stretches_are_whole_lines_and_make_up_the_file(tmp_path, n):
    content = FILES["every fault between good rows"] + GOOD
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    parts = [content[start:end] for start, end in stretches(path, n)]
    assert b"".join(parts) == content
    assert all(part.endswith(b"\n") for part in parts[:-1])
    assert len(parts) <= n


def test_a_file_that_is_not_there_is_named_as_ever(tmp_path):
    with pytest.raises(DatasetError, match=r"nowhere\.jsonl"):
        validate_file(tmp_path / "nowhere.jsonl", processes=2)


@pytest.mark.parametrize("processes", [0, -1])
def test_no_processes_are_refused(save, good_lines, processes):
    with pytest.raises(ConfigurationError, match="give 1 or more"):
        validate_file(save(*good_lines), processes=processes)


def test_no_process_is_left_over(save, good_lines):
    validate_file(save(*good_lines), processes=2)
    assert multiprocessing.active_children() == []


def test_a_program_without_a_main_guard_is_told_what_to_do(tmp_path, save, good_lines):
    program = tmp_path / "program.py"
    call = f"validate_file({str(save(*good_lines))!r}, processes=2)"
    program.write_text(f"from finetune_kit.datasets import validate_file\n{call}\n")
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "call it below `if __name__ == '__main__':`" in done.stderr


def test_lines_are_counted_on_from_stretch_to_stretch(save):
    path = save(*[json.loads(GOOD)] * 20, b"", b"null")
    findings = validate_file(path, processes=4).findings
    assert [(f.rule, f.line, f.example) for f in findings] == [("blank_line", 21, 20), ("not_object", 22, 21)]
