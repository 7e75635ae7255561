"""HTML as plain text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final, NamedTuple

__all__ = ["Block", "blocks_of", "plain_text"]

_UNSEEN: Final = frozenset({"script", "style", "noscript", "template", "svg", "head", "nav", "form", "button"})
_BREAKS: Final = frozenset((
    "p", "div", "br", "li", "ul", "ol", "table", "tr", "section", "article", "header", "footer", "blockquote", "pre",
    "figure", "figcaption", "hr", "dl", "dt", "dd", "main", "aside", "h1", "h2", "h3", "h4", "h5", "h6", "title",
))  # fmt: skip
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_QUOTES: Final = frozenset({"blockquote"})
_SPACES: Final = re.compile(r"[ \t\r\n\f\v\xa0]+")


class Block(NamedTuple):
    """A paragraph, or with a level from 1 to 6 a heading; the title of the page has level 0. `line` counts from 1."""

    text: str
    level: int | None
    line: int


def plain_text(markup: str) -> str:
    """Return the text of HTML, a paragraph a line; quotations, scripts and navigation left out."""
    parser = _Parser(skips_quotes=True)
    parser.feed(markup)
    parser.close()
    return "\n".join(block.text for block in parser.blocks if block.level != 0)


def blocks_of(markup: str) -> list[Block]:
    """Return the paragraphs and headings of an HTML page."""
    parser = _Parser(skips_quotes=False)
    parser.feed(markup)
    parser.close()
    return parser.blocks


class _Parser(HTMLParser):
    def __init__(self, *, skips_quotes: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self._unseen = _UNSEEN | (_QUOTES if skips_quotes else frozenset())
        self._hidden: list[str] = []
        self._in_title = False
        self._level: int | None = None
        self._preformatted = 0
        self._parts: list[str] = []
        self._line = 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in self._unseen:
            self._hidden.append(tag)
        if tag in _BREAKS:
            self._flush()
            self._line = self.getpos()[0]
            self._in_title = tag == "title"
            self._level = _HEADINGS.get(tag, 0 if tag == "title" else None)
            self._preformatted += tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            # Tags that were left open inside end with it.
            while self._hidden and self._hidden.pop() != tag:
                pass
        if tag in _BREAKS:
            self._flush()
            self._in_title = False
            self._level = None
            self._preformatted = max(0, self._preformatted - (tag == "pre"))

    def handle_data(self, data: str) -> None:
        if not self._hidden or (self._in_title and self._hidden == ["head"]):
            self._parts.append(data)

    def close(self) -> None:
        super().close()
        self._flush()

    def _flush(self) -> None:
        joined = "".join(self._parts)
        text = joined.strip("\n") if self._preformatted else _SPACES.sub(" ", joined).strip()
        if text.strip():
            self.blocks.append(Block(text, self._level, self._line))
        self._parts.clear()
