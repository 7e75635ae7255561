"""Whatever the bytes of a source are, reading gives rows or an error of the kit's tree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finetune_kit.datasets import Dataset
from finetune_kit.errors import FinetuneKitError

PIECES = {
    "a.txt": ["Agent: ", "Customer: ", "\n", "---", "[12:01] ", "é", "Chat 3", "\t", ": "],
    "a.md": ["# ", "\n", "Abstract", "---\n", "```", "text. ", "=====\n", "1.2 Title\n"],
    "a.html": ["<h1>", "</h1>", "<p>", "<script>", "</", "&amp;", "&#xD800;", "<title>", "x", "<!--", "<![CDATA["],
    "a.csv": ["q,a\n", '"', ",", "\n", "\r\n", "x", ";", "\t", "\x00"],
    "a.tsv": ["q\ta\n", '"', "\t", "\n", "x"],
    "a.jsonl": ['{"q": "b", "a": "c"}', "\n", '{"conversations": [', "{}", "]", "[", '"', "NaN", "5"],
    "a.json": ["[", "]", '{"q": "b", "a": "c"}', ",", '{"data": ', "}", "null", "[" * 2000],
    "a.mbox": ["From x\n", "\nFrom x\n", "From: a@b.example\n", "Message-ID: <1>\n", "\n\n", "=?utf-8?q?=C3?=", "x",
               "Content-Type: multipart/mixed; boundary=b\n", "--b\n", "Content-Transfer-Encoding: base64\n",
               "Date: 3\n"],
    "a.eml": ["From: a@b.example\n", 'Content-Type: text/html; charset="x\n', "\n\n", "> x\n", "On 3, A wrote:\n"],
    "a.pdf": ["%PDF-1.4\n", "1 0 obj <<", ">> endobj\n", "/Pages 1 0 R", "trailer <<", "startxref\n9\n%%EOF",
              "/Kids [1 0 R]"],
    "a.xlsx": ["PK\x03\x04", "PK\x05\x06", "\x00" * 18, "x"],
    "a.parquet": ["PAR1", "\x00\x01", "x"],
}  # fmt: skip
FORMATS = {"a.txt": [None, "transcript", "document", "style"], "a.md": [None, "style", "transcript"]}
CASES = [(name, form) for name in PIECES for form in FORMATS.get(name, [None])]
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
RECORD_FORMATS = ["rows", "turns", "alpaca", "pairs", "preferences", "functions", "logs", "zendesk", "style"]


def pieces(name: str) -> st.SearchStrategy[bytes]:
    known = st.sampled_from([piece.encode("latin-1", "replace") for piece in PIECES[name]])
    return st.lists(known | st.binary(max_size=6), max_size=25).map(b"".join)


def read_or_refuse(source: object, **options: object) -> None:
    try:
        data = Dataset.read(source, **options)
        list(data.lines())
        str(data.validate())
    except FinetuneKitError as error:
        assert str(error)  # noqa: PT017 - every error of the tree is right, any other is not


@pytest.mark.parametrize(("name", "form"), CASES)
def test_no_bytes_of_a_file_give_anything_but_rows_or_an_error_of_the_tree(name, form, tmp_path):
    @QUICK
    @given(content=pieces(name))
    def run(content: bytes) -> None:
        path = Path(tmp_path / name)
        path.write_bytes(content)
        asked = (
            {"user": "q", "assistant": "a"} if name.endswith(("csv", "tsv", "json", "jsonl", "xlsx", "parquet")) else {}
        )
        read_or_refuse(path, format=form, **(asked or {"assistant": "Agent"}))
        read_or_refuse(path)

    run()


KEYS = st.sampled_from(
    [
        "messages",
        "conversations",
        "from",
        "value",
        "role",
        "content",
        "chosen",
        "rejected",
        "prompt",
        "question",
        "function",
        "ground_truth",
        "name",
        "parameters",
        "properties",
        "type",
        "request",
        "response",
        "choices",
        "message",
        "comments",
        "body",
        "public",
        "author_id",
        "users",
        "instruction",
        "output",
        "scores",
        "responses",
        "tools",
        "text",
        "tool_calls",
        "input",
        "feedback",
        "finish_reason",
        "winner",
        "response_a",
        "response_b",
        "score_0",
        "object",
    ]
)
LEAVES = (
    st.none() | st.booleans() | st.integers(-2, 99) | st.floats(allow_nan=True)
    | st.sampled_from(["user", "assistant", "human", "gpt", "a", "", "{}", "[{", "chat.completion", "dict",
                       "\n\nHuman: a\n\nAssistant: b"])
)  # fmt: skip
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))


@pytest.mark.parametrize("form", [None, *RECORD_FORMATS])
def test_no_records_give_anything_but_rows_or_an_error_of_the_tree(form):
    @QUICK
    @given(records=st.lists(st.dictionaries(KEYS, VALUES, max_size=5), max_size=3))
    def run(records: list[dict]) -> None:
        read_or_refuse(records, format=form)
        read_or_refuse(records, format=form, method="reinforcement")

    run()


@given(document=VALUES)
@QUICK
def test_no_document_of_json_gives_anything_but_rows_or_an_error_of_the_tree(document, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(document))
    for form in (None, "turns", "zendesk", "slack"):
        read_or_refuse(tmp_path / "a.json", format=form)
