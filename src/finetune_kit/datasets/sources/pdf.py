"""The text of PDF files, line by line with its pages."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from finetune_kit.errors import DatasetError, MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

    from pypdf import PdfReader

__all__ = ["Line", "read_pdf", "reflowed"]

Line = tuple[int, int | None, str]
"""The number of a line, the page that it is on (None where there are no pages), and its text."""

_HYPHEN_AT_END: Final = re.compile(r"(?<=[a-z])-\n(?=[a-z])")
_FEWEST_PAGES: Final = 3
_SHORT_PART: Final = 0.6


def read_pdf(path: Path) -> list[Line]:
    """Return the lines of a PDF file, words joined that its lines divide, without running heads; needs pypdf.

    Raises:
        DatasetError: It is no PDF, needs a password, or holds pictures only.
    """
    pages = _without_running_heads(_pages(path))
    if not any(line.strip() for page in pages for line in page):
        remedy = "recognise its text first (OCR): it holds pictures of pages"
        raise DatasetError(f"{str(path)!r} has no text. Remedy: {remedy}")
    joined = [_HYPHEN_AT_END.sub("", "\n".join(page)).split("\n") for page in pages]
    lines = [(number, line) for number, page in enumerate(joined, 1) for line in page]
    return [(index, page, line) for index, (page, line) in enumerate(lines, 1)]


def reflowed(paragraph: str) -> list[str]:
    """Return the paragraphs of lines that are broken where the page is: one ends with a sentence on a short line."""
    lines = [line.strip() for line in paragraph.split("\n") if line.strip()]
    longest = max(map(len, lines), default=0)
    paragraphs: list[list[str]] = [[]]
    for line in lines:
        paragraphs[-1].append(line)
        if line.endswith((".", "!", "?", ":")) and len(line) < _SHORT_PART * longest:
            paragraphs.append([])
    return [" ".join(part) for part in paragraphs if part]


def _pages(path: Path) -> list[list[str]]:
    try:
        import pypdf
    except ImportError as error:
        raise MissingExtraError("reading PDF", "documents", package="pypdf") from error
    # What it raises on a file that breaks the format, beside its own errors.
    broken = (ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError, RuntimeError)
    try:
        reader = pypdf.PdfReader(path)
        return [(page.extract_text() or "").strip().split("\n") for page in _opened(reader).pages]
    except (pypdf.errors.PyPdfError, pypdf.errors.DependencyError, *broken, OSError) as error:
        raise DatasetError(f"cannot read {str(path)!r} as PDF: {type(error).__name__}") from error


def _opened(reader: PdfReader) -> PdfReader:
    if reader.is_encrypted and not reader.decrypt(""):
        raise DatasetError("the PDF needs a password. Remedy: save it without one")
    return reader


def _without_running_heads(pages: list[list[str]]) -> list[list[str]]:
    """Return pages without the first and last lines that most of them share, apart from the page's number."""
    if len(pages) < _FEWEST_PAGES:
        return pages
    ends = Counter(_shape(line) for page in pages for line in {*page[:1], *page[-1:]} if line.strip())
    repeated = {shape for shape, count in ends.items() if 2 * count > len(pages)}
    return [
        [line for n, line in enumerate(page) if not (n in (0, len(page) - 1) and _shape(line) in repeated)]
        for page in pages
    ]


def _shape(line: str) -> str:
    return re.sub(r"\d+", "0", line.strip())
