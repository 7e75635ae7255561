"""Papers and long documents."""

from __future__ import annotations

import pytest

from finetune_kit.datasets import Dataset
from finetune_kit.datasets.sources.documents import Document
from finetune_kit.errors import ConfigurationError, DatasetError, FormatError

LONG = "The first sentence of a paragraph stands here. " + "Then Dr. Smith et al. write on and on about it. " * 6
PAPER = f"""# On Paper

## Abstract

{LONG}

## 1 Methods

{LONG}

```python
# not a heading
```

Results
-------

{LONG}

{LONG}

## References

[1] Somebody, somewhere.
"""


def texts(data: Dataset) -> list[list[str]]:
    return [[message.text for message in example.messages] for example in data]


def test_a_paper_with_an_abstract_teaches_to_summarise(put, beside):
    data = Dataset.read(put("paper.md", PAPER))
    question, answer = texts(data)[0]
    assert answer == LONG.strip()
    assert question.startswith("Summarise the following text.\n\n1 Methods\n\nThe first sentence")
    assert "# not a heading" in question
    assert "Somebody" not in question
    assert beside(data, 0) == {"file": "paper.md", "title": "On Paper", "section": "On Paper > Abstract"}


def test_the_summary_of_a_chapter_sums_up_its_chapter_only(put, beside):
    text = f"# Book\n## One\n### A\n{LONG}\n### Summary\n{LONG}\n## Two\n### B\nOther. {LONG}\n"
    data = Dataset.read(put("book.md", text))
    assert [beside(data, n)["section"] for n in range(len(data))] == ["Book > One > Summary"]
    assert "Other." not in texts(data)[0][0]


def test_a_document_without_a_summary_is_continued(put):
    data = Dataset.read(put("notes.md", PAPER.replace("Abstract", "Start")), system="You write papers.")
    assert texts(data)[0][1].startswith(
        'Continue the section "Start" of "On Paper".\n\nThe first sentence of a paragraph stands here.'
    )
    assert texts(data)[0][2].startswith("Then Dr. Smith et al. write on")


@pytest.mark.parametrize("budget", [200, 333, 500])
def test_no_passage_is_over_the_budget_nor_cuts_a_word(put, budget):
    source = " ".join(f"word{n}" for n in range(500))
    settings = Document(task="continuation", max_characters=budget, min_characters=1)
    data = Dataset.read(put("a.md", f"# A\n\n{LONG}{source}\n"), format=settings, user="{start}")
    assert all(sum(map(len, pair)) <= budget for pair in texts(data))
    words = {word for pair in texts(data) for text in pair for word in text.split()}
    assert words <= set((LONG + source).split())


def test_a_budget_may_be_one_of_tokens(put, table_cache):
    settings = Document(task="continuation", max_tokens=40, min_characters=50)
    data = Dataset.read(put("a.md", f"# A\n\n{LONG}\n"), format=settings, user="{start}")
    assert len(data) > 1
    assert max(data.tokens("gpt-4.1-mini").per_example) < 60


def test_a_text_over_the_budget_is_cut_and_counted(put):
    data = Dataset.read(put("paper.md", PAPER), format=Document(max_characters=400))
    assert any("cut to the budget" in step for step in data.history)


@pytest.mark.parametrize(
    "text",
    [
        f"ABSTRACT\n\n{LONG}\n\n1 Introduction\n{LONG}\n",
        f"Abstract\n{LONG}\n\n1. Introduction\n\n{LONG}\n",
        f"Abstract\n========\n{LONG}\n\nIntroduction\n============\n{LONG}\n",
    ],
)
def test_headings_of_plain_text_are_found(put, text):
    data = Dataset.read(put("paper.txt", text), format="document")
    assert [example.messages[1].text for example in data] == [LONG.strip()]


def test_html_is_read_without_scripts_and_navigation(put, beside):
    page = (
        "<html><head><title>On Paper</title><script>x()</script></head><body><nav>Home</nav>"
        f"<h2>Abstract</h2><p>{LONG}</p><h2>Body</h2><p>{LONG} &amp; more</p></body></html>"
    )
    data = Dataset.read(put("paper.html", page))
    assert beside(data, 0)["title"] == "On Paper"
    assert texts(data)[0][0].endswith("& more")
    assert "x()" not in texts(data)[0][0]
    assert "Home" not in texts(data)[0][0]


def test_a_pdf_keeps_the_page_of_each_section(put, beside):
    pytest.importorskip("pypdf")
    pages = [["Running head", "Abstract", *wrapped(LONG), "1"], ["Running head", "1 Methods", *wrapped(LONG), "2"],
             ["Running head", "2 Results", *wrapped(LONG), "3"]]  # fmt: skip
    data = Dataset.read(put("paper.pdf", pdf(pages)), format=Document(task="continuation"))
    assert [beside(data, n)["page"] for n in range(3)] == [1, 2, 3]
    assert not any("Running head" in text or "\n1" in text for pair in texts(data) for text in pair)


def test_lines_and_words_that_a_page_breaks_are_joined(put):
    pytest.importorskip("pypdf")
    first = ["Long lines of a page are broken for no rea-", "son but the width of the page. They go on and", "end."]
    page = ["Intro", "", *first, "Another paragraph begins here and goes on for a", "while, and then for more."]
    settings = Document(task="continuation", min_characters=20)
    data = Dataset.read(put("a.pdf", pdf([page])), format=settings, user="{start}")
    assert "for no reason but the width of the page. They go on and end.\n\nAnother paragraph" in " ".join(
        texts(data)[0]
    )


def test_a_pdf_without_text_is_refused(put):
    pytest.importorskip("pypdf")
    with pytest.raises(DatasetError, match="has no text"):
        Dataset.read(put("scan.pdf", pdf([[]])))


@pytest.mark.parametrize("content", [b"%PDF-1.7\nnothing", b"%PDF-1.4\n1 0 obj <</Pages 1 0 R>> endobj trailer <<>>"])
def test_what_is_no_pdf_is_refused(put, content):
    pytest.importorskip("pypdf")
    with pytest.raises(DatasetError, match=r"as PDF|has no text"):
        Dataset.read(put("a.pdf", content))


def test_a_document_in_another_encoding_is_named_by_its_line(put):
    with pytest.raises(FormatError, match=r"byte 0xE9 is not UTF-8") as caught:
        Dataset.read(put("a.md", "# A\n\ncafé\n".encode("latin-1")))
    assert caught.value.line == 3


def test_short_sections_are_told(put):
    data = Dataset.read(put("a.md", f"# A\n\n{LONG}\n\n# B\n\nShort. Very.\n"))
    assert [(skip.place.line, len(data)) for skip in data.skipped] == [(5, 1)]


def test_the_question_may_be_a_template(put):
    data = Dataset.read(put("paper.md", PAPER), user="{section}: {text}")
    assert texts(data)[0][0].startswith("On Paper > Abstract: 1 Methods")


@pytest.mark.parametrize("settings", [{"task": "poem"}, {"max_characters": 0}, {"max_tokens": 0}])
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigurationError):
        Document(**settings)


def wrapped(text: str) -> list[str]:
    words = text.split()
    return [" ".join(words[n : n + 9]) for n in range(0, len(words), 9)]


def pdf(pages: list[list[str]]) -> bytes:
    """Return a PDF of lines of text."""
    from pypdf import PdfWriter
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = PdfWriter()
    names = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    font = DictionaryObject({NameObject(key): NameObject(value) for key, value in names.items()})
    for lines in pages:
        page = writer.add_blank_page(612, 792)
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        shown = " ".join(f"({line}) Tj T*" for line in lines)
        stream.set_data(f"BT /F1 10 Tf 14 TL 40 750 Td {shown} ET".encode())
        page[NameObject("/Contents")] = writer._add_object(stream)
    from io import BytesIO

    out = BytesIO()
    writer.write(out)
    return out.getvalue()
