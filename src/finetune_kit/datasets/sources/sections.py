"""Long documents as sections: headings with the paragraphs under them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from finetune_kit.datasets.sources.markup import blocks_of
from finetune_kit.datasets.sources.pdf import Line, read_pdf, reflowed
from finetune_kit.datasets.sources.texts import SAVE_AS_UTF8, is_decoded, read_text, undecodable_byte
from finetune_kit.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["DOCUMENT_SUFFIXES", "Paper", "Section", "read_paper"]

DOCUMENT_SUFFIXES: Final = (".md", ".markdown", ".txt", ".text", ".rst", ".html", ".htm", ".pdf")

_HEADING: Final = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?\s*$")
_UNDERLINE: Final = re.compile(r"^ {0,3}(=+|-+|~+)\s*$")
_FENCE: Final = re.compile(r"^ {0,3}(```|~~~)")
_NUMBERED: Final = re.compile(r"^(?P<number>\d{1,2}(?:\.\d{1,2}){0,4})\.?\s+(?P<text>[A-Z][^.!?;]{1,78})$")
_NAMED: Final = re.compile(
    r"^(?:abstract|summary|executive summary|introduction|background|related work|methods?|methodology|materials and "
    r"methods|results|discussion|results and discussion|conclusions?|references|bibliography|acknowledge?ments|appendix"
    r"(?: [A-Z])?|keywords|contents)\s*[:.—-]?$",
    re.IGNORECASE,
)
_LONGEST_HEADING: Final = 80
_SHORT_LINE: Final = 40
_FEWEST_CAPITALS: Final = 4
_LONGEST_SIGNATURE_MARK: Final = 2


@dataclass(slots=True)
class Section:
    """A heading with its paragraphs; level 1 is the highest, 0 what stands before any heading."""

    heading: str
    level: int
    line: int
    page: int | None = None
    paragraphs: list[str] = field(default_factory=list)
    parents: tuple[str, ...] = ()
    """The headings above, the highest first."""

    @property
    def text(self) -> str:
        """The paragraphs, with a blank line between."""
        return "\n\n".join(self.paragraphs)


@dataclass(frozen=True, slots=True)
class Paper:
    """A document: its title, and its sections in their order."""

    title: str
    sections: list[Section]


def read_paper(path: Path) -> Paper:
    """Read a document by the end of its name; PDF needs pypdf (extra `documents`).

    Raises:
        DatasetError: The file cannot be read.
        FormatError: It is not UTF-8; names the line.
    """
    suffix = path.suffix.lower()
    if suffix == ".pdf":
        sections = list(_sections_of_text(read_pdf(path)))
        for section in sections:
            section.paragraphs = [text for paragraph in section.paragraphs for text in reflowed(paragraph)]
        return _paper(path, sections)
    text = _whole_text(path)
    if suffix in (".html", ".htm"):
        return _of_markup(path, text)
    lines: list[Line] = [(number, None, line) for number, line in enumerate(text.splitlines(), 1)]
    is_marked = suffix in (".md", ".markdown") or sum(_HEADING.match(line) is not None for _, _, line in lines) > 1
    return _paper(path, _sections_of_markdown(lines) if is_marked else _sections_of_text(lines))


def _whole_text(path: Path) -> str:
    text = read_text(path)
    if is_decoded(text):
        return text
    lines = enumerate(text.split("\n"), 1)
    number, line = next((number, line) for number, line in lines if not is_decoded(line))
    reason = f"byte {undecodable_byte(line)} is not UTF-8"
    raise FormatError(reason, path=str(path), line=number, remedy=SAVE_AS_UTF8)


def _paper(path: Path, sections: Iterable[Section]) -> Paper:
    found = [section for section in sections if section.paragraphs or section.heading]
    above: list[Section] = []
    for section in found:
        while above and above[-1].level >= section.level:
            above.pop()
        section.parents = tuple(parent.heading for parent in above if parent.heading)
        if section.level:
            above.append(section)
    tops = [section for section in found if section.level == 1]
    title = (
        tops[0].heading if len(tops) == 1 and tops[0] is next(iter(s for s in found if s.level), None) else path.stem
    )
    return Paper(title, found)


def _of_markup(path: Path, text: str) -> Paper:
    sections = [Section("", 0, 1)]
    title = ""
    for block in blocks_of(text):
        if block.level == 0:
            title = title or block.text
        elif block.level is not None:
            sections.append(Section(block.text, block.level, block.line))
        else:
            sections[-1].paragraphs.append(block.text)
    paper = _paper(path, sections)
    return Paper(title or paper.title, paper.sections)


def _sections_of_markdown(lines: list[Line]) -> Iterator[Section]:
    body = _without_front_matter(lines)
    section, block, fence = Section("", 0, 1), _Paragraph(), ""
    for index, (number, _, line) in enumerate(body):
        mark = _FENCE.match(line)
        if mark and (not fence or fence == mark[1]):
            fence = "" if fence else mark[1]
        heading = None if fence or mark else _markdown_heading(body, index)
        if heading is not None:
            block.end(section)
            yield section
            section = Section(heading[1], heading[0], number)
        elif not (not fence and _UNDERLINE.match(line) and index and _markdown_heading(body, index - 1)):
            block.add(section, line, keeps_blank=bool(fence))
    block.end(section)
    yield section


def _without_front_matter(lines: list[Line]) -> list[Line]:
    if lines and lines[0][2].strip() == "---":
        end = next((index for index, (_, _, line) in enumerate(lines[1:], 1) if line.strip() == "---"), None)
        return lines if end is None else lines[end + 1 :]
    return lines


def _markdown_heading(lines: list[Line], index: int) -> tuple[int, str] | None:
    line = lines[index][2]
    match = _HEADING.match(line)
    if match:
        return len(match[1]), match[2].strip()
    following = lines[index + 1][2] if index + 1 < len(lines) else ""
    rule = _UNDERLINE.match(following)
    before = lines[index - 1][2] if index else ""
    if rule and line.strip() and len(rule[1]) > 1 and not before.strip() and not _UNDERLINE.match(line):
        return (1 if rule[1][0] == "=" else 2), line.strip()
    return None


def _sections_of_text(lines: list[Line]) -> Iterator[Section]:
    section, block = Section("", 0, 1, lines[0][1] if lines else None), _Paragraph()
    for index, (number, page, line) in enumerate(lines):
        level = _text_level(lines, index)
        if level is not None:
            block.end(section)
            yield section
            section = Section(line.strip().rstrip(":"), level, number, page)
        elif not (_UNDERLINE.match(line) and index and _text_level(lines, index - 1) is not None):
            block.add(section, line)
    block.end(section)
    yield section


def _text_level(lines: list[Line], index: int) -> int | None:
    """Return the level of a line that is a heading: numbered, underlined, known by name, or in capitals alone."""
    line = lines[index][2].strip()
    if not line or len(line) > _LONGEST_HEADING:
        return None
    if _NAMED.match(line):
        return 1
    before, after = (_at(lines, index - 1), _at(lines, index + 1))
    if _UNDERLINE.match(after) and len(after.strip()) > _LONGEST_SIGNATURE_MARK:
        return 1 if after.strip()[0] == "=" else 2
    numbered = _NUMBERED.match(line)
    if numbered and (not before.strip() or (lines[index][1] is not None and _ends(before))):
        return numbered["number"].count(".") + 1
    is_alone = not before.strip() and not after.strip()
    letters = [character for character in line if character.isalpha()]
    return 1 if is_alone and len(letters) >= _FEWEST_CAPITALS and line.upper() == line else None


def _ends(line: str) -> bool:
    """Tell whether a line ends a paragraph, or is a heading itself: pages of a PDF have no blank lines."""
    return line.rstrip().endswith((".", "!", "?", ":", ")")) or len(line.strip()) < _SHORT_LINE


def _at(lines: list[Line], index: int) -> str:
    return lines[index][2] if 0 <= index < len(lines) else ""


class _Paragraph:
    """The lines of the paragraph that is being read."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, section: Section, line: str, *, keeps_blank: bool = False) -> None:
        if line.strip() or keeps_blank:
            self._lines.append(line.rstrip())
        else:
            self.end(section)

    def end(self, section: Section) -> None:
        text = "\n".join(self._lines).strip("\n")
        if text.strip():
            section.paragraphs.append(text)
        self._lines.clear()
