"""What a message of a thread says anew: without what it quotes, and without its signature."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["said_anew"]

# "On Mon, 3 Jun 2024 at 10:12, somebody wrote:" in the languages that mail programs speak most.
_ATTRIBUTION: Final = re.compile(
    r"^(?:On\b.{4,200}\bwrote|Am\b.{4,200}\bschrieb\b.{0,120}|Le\b.{4,200}\ba écrit|El\b.{4,200}\bescribió|"
    r"Il\b.{4,200}\bha scritto|Op\b.{4,200}\bschreef\b.{0,120}|Em\b.{4,200}\bescreveu)\s?:\s*$",
    re.DOTALL,
)
_BEGINS: Final = re.compile(r"^(?:On|Am|Le|El|Il|Op|Em)\b")
_DIVIDER: Final = re.compile(
    r"^(?:-{2,}\s*(?:Original|Forwarded|Ursprüngliche|Weitergeleitete|Message d'origine|Mensaje original)\b.*|"
    r"_{10,}|Begin forwarded message:|##-? ?Please type your reply above this line.*)\s*$",
    re.IGNORECASE,
)
_OUTLOOK: Final = re.compile(r"^\*?(?:From|Von|De|Da|Van)\s?:\*?\s")
_OUTLOOK_NEXT: Final = re.compile(
    r"^\*?(?:Sent|Date|Gesendet|Datum|Envoyé|Enviado|Inviato|Verzonden|To|An|À|Para)\s?:\*?\s"
)
_SIGNATURE: Final = re.compile(r"^--\s?$")
_DEVICE: Final = re.compile(
    r"^(?:Sent from my \w|Get Outlook for |Von meinem \w+ gesendet|Envoyé de mon )", re.IGNORECASE
)
_MOST_ATTRIBUTION_LINES: Final = 3
_MOST_SIGNATURE_LINES: Final = 12


def said_anew(text: str) -> str:
    """Return the lines of a message that are its own.

    An answer written between quoted lines stays; what follows the head of a message that
    is quoted whole goes, and so does a signature of at most twelve lines after "-- ".
    """
    lines = [line.rstrip() for line in text.splitlines()]
    end = _end_of_own(lines)
    kept = [line for line in _without_attributions(lines[:end]) if not line.lstrip().startswith(">")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(_unsigned(kept))).strip()


def _end_of_own(lines: list[str]) -> int:
    """Return the index of the line that begins a message quoted whole, or the number of lines."""
    for index, line in enumerate(lines):
        if _DIVIDER.match(line) or (_OUTLOOK.match(line) and _is_outlook_head(lines[index + 1 : index + 4])):
            return index
        n_lines = _attribution_lines(lines, index)
        if n_lines and not _is_quoted_after(lines, index + n_lines):
            return index
    return len(lines)


def _is_outlook_head(following: list[str]) -> bool:
    return any(_OUTLOOK_NEXT.match(line) for line in following)


def _is_quoted_after(lines: list[str], index: int) -> bool:
    """Tell whether the next line that is not blank is quoted by a mark, so that each line speaks for itself."""
    return next((line.lstrip().startswith(">") for line in lines[index:] if line.strip()), False)


def _without_attributions(lines: list[str]) -> list[str]:
    kept: list[str] = []
    index = 0
    while index < len(lines):
        n_lines = _attribution_lines(lines, index)
        if not n_lines:
            kept.append(lines[index])
        index += n_lines or 1
    return kept


def _attribution_lines(lines: list[str], index: int) -> int:
    """Return over how many lines an attribution that begins here goes, 0 where none does."""
    if not _BEGINS.match(lines[index]):
        return 0
    for n_lines in range(1, _MOST_ATTRIBUTION_LINES + 1):
        joined = " ".join(lines[index : index + n_lines])
        # Without a date or an address it is a sentence.
        if _ATTRIBUTION.match(joined) and re.search(r"\d|@", joined):
            return n_lines
    return 0


def _unsigned(lines: list[str]) -> list[str]:
    for index, line in enumerate(lines):
        if _SIGNATURE.match(line) and len(lines) - index - 1 <= _MOST_SIGNATURE_LINES:
            return _unsigned(lines[:index])
    while lines and (not lines[-1].strip() or _DEVICE.match(lines[-1])):
        lines = lines[:-1]
    return lines
