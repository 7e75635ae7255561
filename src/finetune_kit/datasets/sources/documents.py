"""Papers and long documents as examples: summaries where the document has one, continuations else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from finetune_kit.datasets.sources.formats import FileFormat
from finetune_kit.datasets.sources.found import Found, Lost
from finetune_kit.datasets.sources.passages import Measure, first_sentence, fitted, passages
from finetune_kit.datasets.sources.sections import DOCUMENT_SUFFIXES, Paper, Section, read_paper
from finetune_kit.datasets.templates import text_maker
from finetune_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from finetune_kit.datasets.sources.found import Options

__all__ = ["Document"]

_SUMMARY: Final = re.compile(
    r"^(?:\d+(?:\.\d+)*\.?\s+)?(?:abstract|(?:executive |chapter |plain[- ]language )?summary|tl;?dr|"
    r"key (?:points|takeaways)|highlights|synopsis|overview)\b",
    re.IGNORECASE,
)
_NO_PROSE: Final = re.compile(
    r"^(?:\d+(?:\.\d+)*\.?\s+)?(?:references|bibliography|works cited|acknowledge?ments?|funding|table of contents|"
    r"contents|keywords|index|conflicts? of interest|author contributions)\b",
    re.IGNORECASE,
)
_SUMMARISE: Final = "Summarise the following text.\n\n{text}"
_CONTINUE: Final = 'Continue the section "{heading}" of "{title}".\n\n{start}'
_CUT_NOTE: Final = "text cut to the budget, between paragraphs, sentences or words"
_NO_PROSE_NOTE: Final = "references, acknowledgements and the like left out"
_LARGEST_START: Final = 0.5


@dataclass(frozen=True, slots=True)
class Document(FileFormat):
    """Papers and long documents: Markdown, text, HTML, and PDF (extra `documents`).

    A summary task asks for the abstract of a paper, or the summary of a chapter, given the
    text that it sums up; a continuation task gives the heading and the first sentence of a
    passage and asks for the rest. `user` is the template of the question, of {text} or
    {start}, {heading}, {title} and {section}, the headings from the highest down.

    Example:
        >>> Document(task="summary", max_characters=20_000).task
        'summary'
    """

    suffixes = DOCUMENT_SUFFIXES
    takes = frozenset({"user"})
    task: Literal["auto", "summary", "continuation"] = "auto"
    """What to make: "auto" takes summaries from documents that have one, continuations from the others."""
    max_characters: int = 8_000
    """The most characters of the text of an example: of what is summed up, or of a passage."""
    max_tokens: int | None = None
    """The same in tokens of `model`, instead of characters."""
    model: str = "gpt-4.1-mini-2025-04-14"
    min_characters: int = 200
    """Passages and summaries with fewer characters give no example."""

    def __post_init__(self) -> None:
        if self.task not in ("auto", "summary", "continuation"):
            raise ConfigurationError(f"unknown task {self.task!r}: use 'auto', 'summary' or 'continuation'")
        if self.max_characters < 1 or (self.max_tokens is not None and self.max_tokens < 1):
            raise ConfigurationError("the budget of a document must be at least 1")

    def read_file(self, path: Path, options: Options) -> Iterator[Found | Lost]:
        """Yield the examples of one document."""
        paper = read_paper(path)
        summaries = [section for section in paper.sections if _SUMMARY.match(section.heading)]
        if self.task == "continuation" or (self.task == "auto" and not summaries):
            found = self._continuations(paper, path.name, options)
        else:
            found = self._summaries(paper, summaries, path.name, options)
        is_empty = True
        for item in found:
            is_empty = False
            yield item
        if is_empty:
            sought = "summary" if self.task == "summary" else "paragraph"
            yield Lost(1, f"the document has no {sought}", "choose another task")

    def _summaries(self, paper: Paper, summaries: list[Section], file: str, options: Options) -> Iterator[Found | Lost]:
        for section in summaries:
            body = _summed_up(paper, section)
            prose = [item for item in body if not _NO_PROSE.match(item.heading)]
            whole = _with_headings(prose)
            text = fitted(whole, self._budget(), self._measure())
            if len(section.text) < self.min_characters or len(text) < self.min_characters:
                remedy = "lower min_characters, or choose task='continuation'"
                yield Lost(section.line, "a summary, or what it sums up, is shorter than min_characters", remedy)
                continue
            fields = {"text": text, **_fields(paper, section)}
            notes = (_CUT_NOTE,) * (len(text) < len("\n\n".join(whole))) + (_NO_PROSE_NOTE,) * (len(prose) < len(body))
            yield _chat(_asked(_SUMMARISE, fields, options), section.text, section, file, paper, notes)

    def _continuations(self, paper: Paper, file: str, options: Options) -> Iterator[Found | Lost]:
        for section in paper.sections:
            if _NO_PROSE.match(section.heading) or not section.paragraphs:
                continue
            for passage in passages(section.paragraphs, self._budget(), self._measure()):
                start, rest = first_sentence(passage)
                if len(passage) < self.min_characters or not rest or len(start) > _LARGEST_START * len(passage):
                    reason = "a passage is shorter than min_characters, or has nothing after its first sentence"
                    yield Lost(section.line, reason, "nothing needed, or lower min_characters")
                    continue
                fields = {"start": start, **_fields(paper, section)}
                yield _chat(_asked(_CONTINUE, fields, options), rest, section, file, paper)

    def _budget(self) -> int:
        return self.max_tokens if self.max_tokens is not None else self.max_characters

    def _measure(self) -> Measure:
        if self.max_tokens is None:
            return len
        from finetune_kit.datasets.encodings import encoding_name, load_encoding

        encode = load_encoding(encoding_name(self.model)[0]).encode_ordinary
        return lambda text: len(encode(text))


def _summed_up(paper: Paper, summary: Section) -> list[Section]:
    """Return what a summary sums up: the sections beside it under its heading, or the whole document."""
    others = [section for section in paper.sections if section is not summary and not _SUMMARY.match(section.heading)]
    # A heading above every section is the title: what is under it is the document.
    parents = summary.parents
    return [section for section in others if section.parents[: len(parents)] == parents] or others


def _with_headings(sections: list[Section]) -> list[str]:
    return [
        text for section in sections for text in (section.heading, *section.paragraphs) if text and section.paragraphs
    ]


def _fields(paper: Paper, section: Section) -> dict[str, str]:
    names = (*section.parents, section.heading)
    heading = section.heading or paper.title
    return {"heading": heading, "title": paper.title, "section": " > ".join(name for name in names if name)}


def _asked(template: str, fields: dict[str, str], options: Options) -> str:
    return text_maker(options.user or template, list(fields), argument="user")(fields)


def _chat(asked: str, answer: str, section: Section, file: str, paper: Paper, notes: tuple[str, ...] = ()) -> Found:
    extra: dict[str, Any] = {"file": file, "title": paper.title, "section": _fields(paper, section)["section"]}
    if section.page is not None:
        extra["page"] = section.page
    messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    return Found({"messages": messages}, section.line, extra, notes)
