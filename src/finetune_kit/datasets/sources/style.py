"""Samples of a voice as examples that teach it: each passage answers a neutral instruction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from finetune_kit.datasets.sources.formats import RecordFormat, text_of
from finetune_kit.datasets.sources.found import Found, Lost, UnusableError
from finetune_kit.datasets.sources.passages import first_sentence, passages
from finetune_kit.datasets.sources.records import JSON_SUFFIXES, TABLE_SUFFIXES, read_table
from finetune_kit.datasets.sources.sections import DOCUMENT_SUFFIXES, read_paper
from finetune_kit.datasets.templates import text_maker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from finetune_kit.datasets.sources.found import Options

__all__ = ["Style"]

_TEXTS: Final = ("text", "content", "body", "passage", "post", "article", "letter", "email")
_HEADINGS: Final = ("heading", "title", "subject", "topic")
_ABOUT: Final = "Write about: {heading}"
_CONTINUE: Final = "Continue this text.\n\n{start}"


@dataclass(frozen=True, slots=True)
class Style(RecordFormat):
    """Samples of writing, as documents or as a column of texts, that teach a voice.

    A passage under a heading answers "Write about: {heading}"; one without is continued
    from its first sentence. `user` is a template of your own, of {start}, {heading} and
    {title}, and then the answer is the whole passage unless the template holds {start}.
    What is learnt is how the writer sounds; facts of the samples come along and are not
    made true by it.

    Example:
        >>> Style(max_characters=800).max_characters
        800
    """

    suffixes = (*DOCUMENT_SUFFIXES, *JSON_SUFFIXES, *TABLE_SUFFIXES)
    takes = frozenset({"user", "assistant"})
    min_characters: int = 120
    """Passages with fewer characters teach too little and give no example."""
    max_characters: int = 1_500
    """The most characters of a passage: whole paragraphs, a longer one cut between sentences."""

    def read_file(self, path: Path, options: Options) -> Iterator[Found | Lost]:
        """Yield the examples of a document or table."""
        if path.suffix.lower() not in DOCUMENT_SUFFIXES:
            yield from self.read_table(read_table(path), options)
            return
        paper = read_paper(path)
        for section in paper.sections:
            heading = section.heading if section.level > 1 or len(paper.sections) > 1 else ""
            extra = {"file": path.name, "title": paper.title, "section": section.heading}
            fields = {"heading": heading, "title": paper.title}
            yield from self._examples(section.paragraphs, fields, section.line, extra, options)

    def convert(self, record: Mapping[str, Any], line: int, options: Options) -> Iterator[Found]:
        """Yield the examples of one sample."""
        name = self._column(record, options)
        text = text_of(record[name], name)
        heading = next((record[key] for key in _HEADINGS if isinstance(record.get(key), str)), "")
        extra = {key: value for key, value in record.items() if key != name}
        paragraphs = [paragraph for paragraph in text.replace("\r\n", "\n").split("\n\n") if paragraph.strip()]
        for found in self._examples(paragraphs, {"heading": heading, "title": heading}, line, extra, options):
            if isinstance(found, Lost):
                raise UnusableError(found.reason, found.remedy)
            yield found

    def _column(self, record: Mapping[str, Any], options: Options) -> str:
        named = sorted(options.assistants) or _TEXTS
        name = next((name for name in named if name in record), None)
        if name is None:
            raise UnusableError("there is no column of texts", "name it: assistant='...'")
        return name

    def _examples(
        self, paragraphs: list[str], fields: dict[str, str], line: int, extra: Mapping[str, Any], options: Options
    ) -> Iterator[Found | Lost]:
        for passage in passages(paragraphs, self.max_characters, len):
            start, rest = first_sentence(passage)
            template = options.user or (_ABOUT if fields["heading"] else _CONTINUE)
            is_continued = isinstance(template, str) and "{start}" in template
            answer = rest if is_continued else passage
            if len(passage) < self.min_characters or not answer:
                reason = "a passage is shorter than min_characters, or has one sentence only"
                yield Lost(line, reason, "nothing needed, or lower min_characters")
                continue
            named = {**fields, "start": start}
            asked = text_maker(template, list(named), argument="user")(named)
            messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
            yield Found({"messages": messages}, line, extra)
