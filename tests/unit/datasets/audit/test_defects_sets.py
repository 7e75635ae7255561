"""Labelled defects in real data, of sets, labels, pairs, fairness and tools, are found, and natural ones counted."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.audit import AuditReport

# Our rules for each type of label, the least recall, and the most findings on rows without a label.
EXPECTED = [
    ("classify", "exact_duplicate", ["exact_duplicate"], 1.0, 0),
    ("classify", "near_duplicate", ["near_duplicate", "normalised_duplicate"], 0.95, 1),
    ("classify", "contradictory_label", ["contradictory_label"], 1.0, 0),
    ("classify", "label_format", ["label_variant"], 1.0, 0),
    ("classify", "format_drift", ["label_wrapped"], 1.0, 0),
    ("classify", "leak_exact", ["leak_exact"], 1.0, 0),
    ("classify", "leak_near", ["leak_near", "leak_normalised"], 1.0, 0),
    ("classify", "mislabel", ["mislabel"], 0.65, 24),
    ("support", "exact_duplicate", ["exact_duplicate"], 1.0, 0),
    ("support", "near_duplicate", ["near_duplicate", "normalised_duplicate"], 1.0, 0),
    ("tools", "ungrounded_argument", ["ungrounded_argument"], 1.0, 4),
    ("dpo", "identical_pair", ["identical_pair"], 1.0, 0),
    ("dpo", "empty_rejected", ["empty_rejected"], 1.0, 0),
    ("dpo", "contradictory_preference", ["contradictory_preference"], 1.0, 0),
    ("dpo", "leak_exact", ["leak_exact"], 1.0, 0),
    ("fairness", "counterfactual_flip", ["counterfactual_flip"], 1.0, 1),
    ("fairness", "stereotype", ["stereotype"], 0.5, 0),
]
OURS = {
    "duplicate", "near_duplicate", "leak", "near_leak", "contradiction", "label_format", "label_balance", "mislabel",
    "ungrounded_argument", "preference_pair", "contradictory_preference", "length_bias", "group_representation",
    "group_outcome_gap", "counterfactual_flip", "stereotype",
}  # fmt: skip
PAIRS = {
    "exact_duplicate",
    "near_duplicate",
    "contradictory_label",
    "contradictory_preference",
    "counterfactual_flip",
    "leak_exact",
    "leak_near",
}


@pytest.fixture(scope="module")
def reports() -> dict[str, AuditReport]:
    return {}


@pytest.fixture
def report(shared: Path, reports: dict[str, AuditReport], request: pytest.FixtureRequest) -> AuditReport:
    """The audit of one file of the benchmark, made once."""
    for package in ("rensa", "rapidfuzz", "sklearn"):
        pytest.importorskip(package, reason="needs the extras audit and labels")
    name = request.node.callspec.params["name"]
    if name not in reports:
        directory = shared / "data/defects"
        method = "dpo" if name == "dpo" else "supervised"
        other = directory / f"{name}.validation.jsonl"
        held_out = Dataset.read(other, method=method) if other.exists() else None
        reports[name] = Dataset.read(directory / f"{name}.train.jsonl", method=method).audit(
            held_out=held_out, only=OURS
        )
    return reports[name]


def labels(shared: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (shared / "data/defects/labels.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("name", "kind", "rules", "recall", "false_alarms"), EXPECTED)
def test_a_type_of_defect_is_found(
    shared: Path, report: AuditReport, name: str, kind: str, rules: list[str], recall: float, false_alarms: int
) -> None:
    at: dict[tuple[str, int], set[str]] = defaultdict(set)
    wanted: list[set[tuple[str, int]]] = []
    for label in labels(shared):
        lines = {(label["file"], label["line"])}
        if "related_line" in label and label["type"] in PAIRS:
            lines.add((label["related_file"], label["related_line"]))
        for line in lines:
            at[line].add(label["type"])
        if label["type"] == kind and label["file"].startswith(name):
            wanted.append(lines)
    found = {(Path(f.path or "").name, f.line or 0) for f in report.by_rule(*rules)}
    assert sum(bool(lines & found) for lines in wanted) >= recall * len(wanted)
    assert len([line for line in found if not at[line]]) <= false_alarms


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("classify", "rare_label"),
        ("dpo", "length_bias"),
        ("fairness", "group_outcome_gap"),
        ("fairness", "group_underrepresented"),
    ],
)
def test_a_defect_of_the_whole_file_is_found(report: AuditReport, name: str, rule: str) -> None:
    del name
    assert {finding.line for finding in report.by_rule(rule)} == {None}


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("banking77", {"normalised_duplicate": 30, "contradictory_label": 1, "leak_exact": 4, "leak_normalised": 12}),
        ("clinc150", {"normalised_duplicate": 28, "leak_exact": 1, "leak_normalised": 7}),
        ("hwu64", {"normalised_duplicate": 3, "contradictory_label": 2}),
    ],
)
def test_the_natural_defects_of_public_datasets_are_counted(shared: Path, name: str, counts: dict[str, int]) -> None:
    train, test = (
        Dataset.read(shared / f"data/{name}/{part}.jsonl", user="text", assistant="label") for part in ("train", "test")
    )
    report = train.audit(held_out=test, only={"duplicate", "leak", "contradiction", "label_format"})
    rules = (
        "exact_duplicate",
        "normalised_duplicate",
        "contradictory_label",
        "leak_exact",
        "leak_normalised",
        "label_variant",
    )
    assert {rule: report.counts[rule] for rule in rules if report.counts.get(rule)} == counts
