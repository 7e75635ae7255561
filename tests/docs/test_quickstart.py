"""The quickstart does what the README says: fast with the scripted engine, and once for real."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

QUICKSTART = Path(__file__).resolve().parents[2] / "examples" / "quickstart.py"
INTENTS = {"billing": "invoice receipt paid", "login": "password account locked", "delivery": "parcel late courier"}

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def quickstart(tmp_path: Path) -> Run:
    def run(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(QUICKSTART), *options]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def rows() -> list[dict[str, str]]:
    """Return twelve messages for each of three intents."""
    return [
        {"text": f"{number} times the {words.split()[number % 3]}, please", "label": label}
        for label, words in INTENTS.items()
        for number in range(12)
    ]


def test_the_scripted_engine_shows_the_whole_program(quickstart: Run, tmp_path: Path) -> None:
    done = quickstart("--engine", "scripted")
    assert done.returncode == 0, done.stderr
    for words in ("12 intents", "tokens", "scripted", "before", "after", "hosted provider"):
        assert words in done.stdout
    assert "<html" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_jsonl_file_of_anyone_works_with_its_columns_found(quickstart: Run, tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows()), encoding="utf-8")
    done = quickstart("--data", "own.jsonl", "--engine", "scripted")
    assert done.returncode == 0, done.stderr
    assert "36 rows, 3 intents" in done.stdout


def test_columns_of_other_names_are_given(quickstart: Run, tmp_path: Path) -> None:
    lines = ["words,team", *(f'"{row["text"]}",{row["label"]}' for row in rows())]
    (tmp_path / "own.csv").write_text("\n".join(lines), encoding="utf-8")
    own = ("--data", "own.csv", "--text-column", "words", "--label-column", "team", "--engine", "scripted")
    assert quickstart(*own).returncode == 0


def test_fewer_intents_are_the_first_of_the_file(quickstart: Run, tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows()[:-1]), encoding="utf-8")
    done = quickstart("--data", "own.jsonl", "--intents", "2", "--engine", "scripted")
    assert "24 rows, 2 intents (billing, login)" in done.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot read"), ("a,b\n1,2\n", "--text-column"), ("text,label\n", "--text-column")],
    ids=["no file", "unknown columns", "no rows"],
)
def test_data_that_cannot_be_used_end_in_one_line(quickstart: Run, tmp_path: Path, content: str, words: str) -> None:
    if content is not None:
        (tmp_path / "own.csv").write_text(content, encoding="utf-8")
    done = quickstart("--data", "own.csv", "--engine", "scripted")
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.train
def test_the_demo_ends_with_a_tuned_model_better_than_its_base(quickstart: Run) -> None:
    done = quickstart()
    assert done.returncode == 0, done.stderr
    assert "improved" in done.stdout


@pytest.mark.train
def test_real_bank_messages_are_learnt_with_the_same_program(quickstart: Run, shared: Path) -> None:
    done = quickstart("--data", str(shared / "data" / "banking77" / "train.jsonl"))
    assert done.returncode == 0, done.stderr
    tuned, base = re.findall(r"([\d.]+) % by exact_match and \S+ ([\d.]+) %", done.stdout)[0]
    assert float(base) < 20
    assert float(tuned) >= 80
