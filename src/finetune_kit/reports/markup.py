"""The markup that the parts of a page share. Plain text comes in, and is escaped here."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["fact_list", "section", "table"]


def section(name: str, heading: str, *parts: str) -> str:
    """Return a section with its heading; `parts` are markup already."""
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(heading)}</h2>{"".join(parts)}</section>'


def table(heading: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str, texts: int = 1) -> str:
    """Return a table; the first `texts` columns are text, the others figures."""
    head = "".join(f'<th scope="col"{_class(at, texts)}>{escape(cell)}</th>' for at, cell in enumerate(heading))
    body = "".join(f"<tr>{_cells(row, texts)}</tr>" for row in rows)
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def fact_list(facts: Iterable[tuple[str, object]]) -> str:
    """Return names with their values; a value of None is left out."""
    entries = (
        f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>" for name, value in facts if value is not None
    )
    return f'<dl class="facts">{"".join(entries)}</dl>'


def _cells(row: Sequence[str], texts: int) -> str:
    return "".join(f"<td{_class(at, texts)}>{escape(cell)}</td>" for at, cell in enumerate(row))


def _class(column: int, texts: int) -> str:
    return ' class="text"' if column < texts else ""
