"""Reading what people have."""

from __future__ import annotations

import json

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.errors import ConfigurationError, DatasetError, FormatError

TABLE = 'message,category\nWhere is it?,tracking\n"One, two\nthree",refund\n'


@pytest.fixture
def table(tmp_path):
    def write(content: str | bytes, name: str = "tickets.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def contents(data: Dataset) -> list[list[str]]:
    return [[message.text for message in example.messages] for example in data]


def test_a_table_becomes_chats(table):
    data = Dataset.read(table(TABLE), user="message", assistant="category", system="Name the category.")
    assert contents(data) == [
        ["Name the category.", "Where is it?", "tracking"],
        ["Name the category.", "One, two\nthree", "refund"],
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("excel.csv", b"\xef\xbb\xbf" + TABLE.replace("\n", "\r\n").encode()),
        ("europe.csv", TABLE.replace(",", ";", 2).replace(",refund", ";refund").encode()),
        ("tabs.tsv", b"message\tcategory\nWhere is it?\ttracking\n"),
        ("rows.json", json.dumps([{"message": "Where is it?", "category": "tracking"}], indent=1).encode()),
        ("rows.jsonl", b'{"message": "Where is it?", "category": "tracking"}\n'),
    ],
)
def test_tables_of_every_kind_are_read(table, name, content):
    data = Dataset.read(table(content, name), user="message", assistant="category")
    assert contents(data)[0] == ["Where is it?", "tracking"]


def test_a_template_fills_columns_into_a_text(table):
    data = Dataset.read(table(TABLE), user="Ticket: {message}", assistant='{{"intent": {category!j}}}')
    assert contents(data)[0] == ["Ticket: Where is it?", '{"intent": "tracking"}']


def test_a_value_as_json_is_escaped(rows):
    source = [{"q": 'say "hi"\n', "a": None}]
    data = Dataset.read(source, user="q", assistant='{{"q": {q!j}, "a": {a!j}}}')
    assert json.loads(contents(data)[0][1]) == {"q": 'say "hi"\n', "a": None}


def test_a_function_makes_a_text(table):
    data = Dataset.read(table(TABLE), user="message", assistant=lambda row: row["category"].upper())
    assert contents(data)[1][1] == "REFUND"


def test_a_text_of_the_user_is_never_a_template(rows):
    data = Dataset.read([{"q": "{a} {0.__class__}", "a": "x"}], user="{q}", assistant="a")
    assert contents(data) == [["{a} {0.__class__}", "x"]]


@pytest.mark.parametrize("argument", ["user", "assistant", "system"])
def test_a_column_that_is_not_there_is_named_with_those_that_are(table, argument):
    columns = {"user": "message", "assistant": "category", argument: "{mesage}"}
    with pytest.raises(ConfigurationError, match=rf"{argument}: there is no column 'mesage'.*'message', 'category'"):
        Dataset.read(table(TABLE), **columns)


def test_a_text_without_a_column_is_a_misspelt_column(table):
    with pytest.raises(ConfigurationError, match="no column 'categorie'"):
        Dataset.read(table(TABLE), user="message", assistant="categorie")


def test_a_function_that_asks_for_a_missing_column_is_explained(table):
    with pytest.raises(ConfigurationError, match="no column 'label'"):
        Dataset.read(table(TABLE), user="message", assistant=lambda row: row["label"])


def test_a_function_must_return_a_text(table):
    with pytest.raises(ConfigurationError, match="returned int, not str"):
        Dataset.read(table(TABLE), user="message", assistant=len)


@pytest.mark.parametrize("template", ["{message", "{message:>9}", "{message!r}"])
def test_a_malformed_template_is_refused(table, template):
    with pytest.raises(ConfigurationError, match="Remedy"):
        Dataset.read(table(TABLE), user=template, assistant="category")


@pytest.mark.parametrize("columns", [{}, {"user": "message"}, {"assistant": "category"}, {"system": "message"}])
def test_columns_that_are_left_out_are_asked_for(table, columns):
    with pytest.raises(ConfigurationError, match=r"user|assistant"):
        Dataset.read(table(TABLE), **columns)


def test_an_empty_cell_is_a_finding_on_its_line(table):
    data = Dataset.read(table('message,category\n"a\nb",x\nc,\n'), user="message", assistant="category")
    finding = next(f for f in data.validate().errors if f.rule == "content_empty")
    assert (finding.line, finding.pointer) == (4, "/messages/1/content")


def test_a_ragged_row_is_named_by_its_line(table):
    with pytest.raises(FormatError, match="has 3 cells, the header has 2") as caught:
        Dataset.read(table(TABLE + "a,b,c\n"), user="message", assistant="category", on_error="raise")
    assert caught.value.line == 5


def test_an_open_quote_is_named_by_its_line(table):
    with pytest.raises(FormatError, match="not a table") as caught:
        Dataset.read(
            table('message,category\na,b\n"c,d\ne,f\n'), user="message", assistant="category", on_error="raise"
        )
    assert caught.value.line == 3


@pytest.mark.parametrize(("encoding", "line"), [("cp1252", 3), ("utf-16", 1)])
def test_a_wrong_encoding_is_named_by_its_line(table, encoding, line):
    content = "message,category\na,b\ncafé,c\n".encode(encoding)
    with pytest.raises(FormatError, match="not UTF-8") as caught:
        Dataset.read(table(content), user="message", assistant="category", on_error="raise")
    assert caught.value.line == line
    assert "save it as UTF-8" in str(caught.value)


def test_two_columns_of_one_name_are_refused(table):
    with pytest.raises(FormatError, match="two columns are named 'a'"):
        Dataset.read(table("a,b,a\n1,2,3\n"), user="a", assistant="b")


def test_a_cell_may_be_a_long_document(table):
    data = Dataset.read(table("a,b\n" + "x" * 200_000 + ",y\n"), user="a", assistant="b")
    assert len(data[0].messages[0].text) == 200_000


def test_the_columns_of_a_reinforcement_table_stay_for_the_graders(table):
    data = Dataset.read(table(TABLE), user="message", system="Be brief.", method="reinforcement")
    assert data[0].model_extra == {"message": "Where is it?", "category": "tracking"}
    assert [message.role for message in data[0].messages] == ["developer", "user"]


def test_a_reinforcement_table_has_no_answer(table):
    with pytest.raises(ConfigurationError, match="has no answer"):
        Dataset.read(table(TABLE), user="message", assistant="category", method="reinforcement")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_is_read(library):
    frames = pytest.importorskip(library)
    frame = frames.DataFrame({"q": ["a", "b"], "n": [1, 2]})
    assert contents(Dataset.read(frame, user="q", assistant="{n}")) == [["a", "1"], ["b", "2"]]


def test_a_missing_cell_of_a_frame_is_empty():
    pandas = pytest.importorskip("pandas")
    data = Dataset.read(pandas.DataFrame({"q": ["a"], "a": [float("nan")]}), user="q", assistant="{a}!")
    assert contents(data) == [["a", "!"]]


def test_a_parquet_file_is_read(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    parquet.write_table(arrow.table({"messages": [messages]}), tmp_path / "a.parquet")
    assert contents(Dataset.read(tmp_path / "a.parquet")) == [["a", "b"]]


def test_what_is_not_parquet_is_refused(table):
    pytest.importorskip("pyarrow")
    with pytest.raises(DatasetError, match="as Parquet"):
        Dataset.read(table(b"PAR0", "a.parquet"))


@pytest.mark.parametrize("method", ["supervised", "dpo", "reinforcement"])
def test_examples_become_rows_again(rows, method):
    data = Dataset.read([rows[method]()])
    assert list(Dataset.read(list(data))) == list(data)


def test_a_null_field_of_an_item_survives(rows):
    row = {"messages": [{"role": "user", "content": "a"}], "answer": None}
    assert Dataset.read(list(Dataset.read([row])))[0].model_extra == {"answer": None}


@pytest.mark.parametrize("content", [b"", b"\n \n"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_a_file_without_rows_is_refused(table, name, content):
    with pytest.raises(DatasetError, match=r"a\.\w+' has no rows|header"):
        Dataset.read(table(content, name), user="q", assistant="a")


def test_no_rows_are_refused():
    with pytest.raises(DatasetError, match="no rows"):
        Dataset.read([])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"there is no file .*nowhere\.jsonl"):
        Dataset.read(tmp_path / "nowhere.jsonl")


def test_a_format_that_is_not_known_is_refused(table):
    with pytest.raises(ConfigurationError, match=r"\.jsonl, \.ndjson"):
        Dataset.read(table("a", "a.docx"))


@pytest.mark.parametrize("source", [5, ["text"]])
def test_what_holds_no_rows_is_refused(source):
    with pytest.raises(ConfigurationError, match="give"):
        Dataset.read(source)


def test_a_value_that_json_lacks_is_named_by_its_row(rows):
    with pytest.raises(FormatError, match="cannot be written as JSON") as caught:
        Dataset.read([rows["supervised"](), {"messages": {1, 2}}], on_error="raise")
    assert caught.value.line == 2


def test_a_broken_line_of_a_jsonl_table_is_named(table):
    with pytest.raises(FormatError, match="not JSON") as caught:
        Dataset.read(table('{"q": "a", "a": "b"}\n{"q"\n', "a.jsonl"), user="q", assistant="a", on_error="raise")
    assert caught.value.line == 2


def test_a_json_array_that_is_cut_off_is_named_without_its_text(table):
    with pytest.raises(FormatError, match="not JSON") as caught:
        Dataset.read(table('[{"q": "secret"', "a.json"), user="q", assistant="a")
    assert caught.value.__suppress_context__
    assert "secret" not in str(caught.value)


def test_preferences_are_not_made_from_columns(table):
    with pytest.raises(ConfigurationError, match="give rows of input, preferred_output"):
        Dataset.read(table(TABLE), user="message", assistant="category", method="dpo")


def test_a_jsonl_table_read_without_columns_says_how_to_name_them(table):
    data = Dataset.read(table('{"text": "a", "label": "b"}\n' * 10, "a.jsonl"))
    finding = data.validate().errors[0]
    assert "the keys are: 'text', 'label'" in finding.reason
    assert "user=..., assistant=..." in finding.fix
