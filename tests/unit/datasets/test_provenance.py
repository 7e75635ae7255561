"""Where rows come from and under which licence: beside each row, through every operation."""

from __future__ import annotations

import json

import pytest

from finetune_kit import Dataset
from finetune_kit.datasets.licences import terms_of
from finetune_kit.errors import ConfigurationError, DatasetError, FormatError


def table(count: int = 4, **columns: object) -> Dataset:
    rows = [{"q": f"Question {number}", "a": str(number), **columns} for number in range(count)]
    return Dataset.read(rows, user="q", assistant="a")


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("MIT", "MIT"),
        ("The MIT License", "MIT"),
        ("mit", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("apache-2.0", "Apache-2.0"),
        ("CC BY 4.0", "CC-BY-4.0"),
        ("cc-by-sa-3.0", "CC-BY-SA-3.0"),
        ("Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International", "CC-BY-NC-SA-4.0"),
        ("https://creativecommons.org/licenses/by-nd/4.0/", "CC-BY-ND-4.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("CC0", "CC0-1.0"),
        ("https://spdx.org/licenses/ODbL-1.0.html", "ODbL-1.0"),
        ("GPL-3.0 or later", "GPL-3.0-or-later"),
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("CC BY 4.0 / MIT", "CC-BY-4.0 AND MIT"),
        ("LicenseRef-acme", "LicenseRef-acme"),
        ("CC BY-NC", None),
        ("unknown", None),
        ("ask the owner", None),
    ],
)
def test_a_licence_is_known_by_its_names_and_addresses(text: str, spdx: str | None) -> None:
    assert terms_of(text).spdx == spdx


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("CC-BY-4.0", (False, False, False)),
        ("CC-BY-NC-4.0", (True, False, False)),
        ("CC-BY-ND-4.0", (False, True, False)),
        ("CC-BY-SA-4.0", (False, False, True)),
        ("CC BY-NC-SA 4.0", (True, False, True)),
        ("CC-BY-NC-ND-3.0", (True, True, False)),
        ("GPL-3.0-only", (False, False, True)),
        ("MIT AND CC-BY-NC-4.0", (True, False, False)),
        ("MIT OR CC-BY-SA-4.0", (False, False, False)),
        ("Acme licence, non-commercial", (True, False, False)),
        ("for research use only", (True, False, False)),
    ],
)
def test_what_a_licence_asks(text: str, asks: tuple[bool, bool, bool]) -> None:
    assert terms_of(text)[1:] == asks


def test_facts_for_all_rows_stand_beside_each_and_are_not_written(tmp_path) -> None:
    plain = table()
    data = plain.with_provenance(source="help desk", licence="CC-BY-4.0", collected="2026-05", consent="contract")
    assert data.provenance(3).source == "help desk"
    assert data.provenance(3).terms.spdx == "CC-BY-4.0"
    assert data.fingerprint == plain.fingerprint
    assert data.history[-1] == "with_provenance: source, licence, collected, consent"


@pytest.mark.parametrize(
    "columns",
    [{"source": "crm", "licence": "MIT"}, {"Source": "crm", "License": "MIT"}, {"dataset": "crm", "spdx": "MIT"}],
)
def test_columns_with_usual_names_count(columns: dict) -> None:
    known = table(**columns).provenance(0)
    assert (known.source, known.licence) == ("crm", "MIT")


def test_a_function_takes_facts_from_any_column() -> None:
    data = table(terms="CC BY-SA 4.0", channel="mail").with_provenance(
        source=lambda row: f"inbox {row['channel']}", licence=lambda row: row["terms"]
    )
    assert [(one.source, one.licence, one.n_rows) for one in data.sources()] == [("inbox mail", "CC-BY-SA-4.0", 4)]


def test_what_is_given_replaces_a_column_and_leaves_the_others() -> None:
    known = table(source="crm", licence="MIT").with_provenance(licence="CC0-1.0").provenance(0)
    assert (known.source, known.licence) == ("crm", "CC0-1.0")


def test_reinforcement_rows_keep_their_columns_inside() -> None:
    row = {"messages": [{"role": "user", "content": "2 + 2"}], "answer": "4", "licence": "MIT"}
    assert Dataset.read([row]).provenance(0).licence == "MIT"


def test_facts_are_kept_through_views_splits_and_joins() -> None:
    own = table(30).with_provenance(source="own", licence="MIT")
    bought = table(10).with_provenance(source="bought", licence="CC-BY-NC-4.0")
    train, test = (own + bought).shuffle(seed=3).split(test=10, seed=1)
    counts = {one.source: one.n_rows for one in (train + test).sources()}
    assert counts == {"own": 30, "bought": 10}


def test_facts_are_written_beside_the_file_and_read_back_by_content(tmp_path) -> None:
    data = table(5).with_provenance(source="own", licence="MIT") + table(5, x=1).with_provenance(source="bought")
    data.write(tmp_path / "train.jsonl", provenance=True)
    beside = tmp_path / "train.provenance.jsonl"
    again = Dataset.read(tmp_path / "train.jsonl").shuffle(seed=5).with_provenance(beside)
    assert {one.source: one.n_rows for one in again.sources()} == {"own": 5, "bought": 5}
    assert "Question" not in beside.read_text()


def test_a_file_about_other_rows_is_refused(tmp_path) -> None:
    table(3).with_provenance(source="own").write(tmp_path / "a.jsonl", provenance=True)
    other = Dataset.read([{"q": "?", "a": "!"}], user="q", assistant="a")
    with pytest.raises(DatasetError, match="about none of these rows"):
        other.with_provenance(tmp_path / "a.provenance.jsonl")


def test_a_broken_record_is_named_by_its_line(tmp_path) -> None:
    beside = tmp_path / "a.provenance.jsonl"
    beside.write_text(json.dumps({"row": "00"}) + "\n[1]\n")
    with pytest.raises(FormatError, match="line 2"):
        table().with_provenance(beside)


def test_a_missing_file_is_an_error_with_its_remedy(tmp_path) -> None:
    with pytest.raises(DatasetError, match="Remedy: check the path"):
        table().with_provenance(tmp_path / "none.jsonl")


@pytest.mark.parametrize("facts", [{}, {"source": " "}])
def test_saying_nothing_is_refused(facts: dict) -> None:
    with pytest.raises(ConfigurationError):
        table().with_provenance(**facts)


def test_the_audit_flags_what_licences_ask_row_by_row() -> None:
    data = table(2).with_provenance(source="own", licence="MIT") + table(1).with_provenance(
        source="forum", licence="CC BY-NC-SA 4.0"
    )
    report = data.audit(only=["documentation"])
    found = {finding.rule: finding.example for finding in report.findings if finding.rule.startswith("licence")}
    assert found == {"licence_non_commercial": 3, "licence_share_alike": 3}


def test_the_audit_flags_a_licence_that_it_does_not_know() -> None:
    report = table(1).with_provenance(licence="ask the owner").audit(only=["documentation"])
    assert report.counts["licence_unknown"] == 1


def test_the_audit_tells_how_many_rows_lack_what_others_have() -> None:
    report = (table(2).with_provenance(source="own", licence="MIT") + table(3)).audit(only=["documentation"])
    assert [finding.reason for finding in report.findings if finding.rule == "provenance_missing"] == [
        "3 of 5 rows say no source; line 1 is the first",
        "3 of 5 rows say no licence; line 1 is the first",
    ]


def test_the_audit_says_that_it_could_not_judge_rows_without_any_facts() -> None:
    check = table().audit(only=["documentation"]).check("documentation")
    assert (check.state, "with_provenance" in check.why) == ("not run", True)


def test_share_alike_sets_and_licences_per_row_in_real_data(shared) -> None:
    sgd = Dataset.read(shared / "data" / "sgd" / "train_chat_tools.jsonl").with_provenance(
        source="sgd", licence="CC BY-SA 4.0"
    )
    items = (shared / "data" / "legalbench" / "items.jsonl").read_bytes().splitlines()
    legal = Dataset.read(
        [json.loads(item) for item in items], user=lambda row: json.dumps(row["fields"]), assistant="answer"
    ).with_provenance(source="legalbench")
    report = (sgd.take(100) + legal).audit(only=["documentation"])
    assert {one.licence for one in legal.sources()} == {"CC-BY-4.0", "MIT"}
    assert {rule: n for rule, n in report.counts.items() if rule.startswith(("licence", "prov"))} == {
        "licence_share_alike": 100
    }
