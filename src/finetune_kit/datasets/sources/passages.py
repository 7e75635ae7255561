"""Passages of long texts: cut between paragraphs, sentences or words, never inside a word."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

__all__ = ["Measure", "first_sentence", "fitted", "passages"]

Measure = Callable[[str], int]
"""How long a text is, in characters or tokens."""

# A sentence ends with its mark, closing quotes and brackets, and white space before what begins another: a capital
# (Latin, Greek or Cyrillic) or a digit. The marks of Chinese and Japanese need no white space.
_SENTENCE_END: Final = re.compile(
    r"(?<=[.!?\u2026])[\"'\u201D\u2019\u00BB)\]]*\s+(?=[\"'\u201C\u2018\u00AB(\[]?[A-Z0-9\u00C0-\u00DE\u0391-\u03A9\u0410-\u042F])|(?<=[\u3002\uFF01\uFF1F])"
)
_ABBREVIATED: Final = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|cf|al|Fig|Figs|Eq|Eqs|Sec|No|Vol|pp?|approx|ca|Inc|Ltd|Jr|Sr)|"
    r"\b[A-Z])\.$"
)
_WORD: Final = re.compile(r"\S+\s*")


def passages(paragraphs: Iterable[str], budget: int, measure: Measure) -> Iterator[str]:
    """Yield passages of whole paragraphs within a budget; a longer paragraph is cut between its sentences.

    A sentence over the budget is cut between words; a word over the budget stays whole.
    """
    held: list[str] = []
    for piece, joint in _pieces(paragraphs, budget, measure):
        joined = "".join([*held, joint if held else "", piece])
        if held and measure(joined) > budget:
            yield "".join(held)
            held = [piece]
        else:
            held = [joined]
    if held:
        yield "".join(held)


def fitted(paragraphs: Iterable[str], budget: int, measure: Measure) -> str:
    """Return the beginning of a text that fits a budget, cut as `passages` are."""
    return next(passages(paragraphs, budget, measure), "")


def first_sentence(text: str) -> tuple[str, str]:
    """Return the first sentence, and the rest; the rest is empty where there is one sentence only."""
    pieces = _sentences(text)
    return pieces[0].strip(), "".join(pieces[1:]).strip()


def _pieces(paragraphs: Iterable[str], budget: int, measure: Measure) -> Iterator[tuple[str, str]]:
    """Yield pieces within the budget, each with what joins it to the one before."""
    for paragraph in paragraphs:
        joint = "\n\n"
        for piece in _smaller(paragraph, budget, measure):
            yield piece.strip(), joint
            joint = " "


def _smaller(text: str, budget: int, measure: Measure) -> Iterator[str]:
    if measure(text) <= budget:
        yield text
        return
    for sentence in _sentences(text):
        if measure(sentence) <= budget:
            yield sentence
        else:
            yield from _worded(sentence, budget, measure)


def _worded(text: str, budget: int, measure: Measure) -> Iterator[str]:
    held = ""
    for word in _WORD.findall(text):
        if held and measure(held + word) > budget:
            yield held
            held = word
        else:
            held += word
    if held:
        yield held


def _sentences(text: str) -> list[str]:
    """Return the sentences of a text, each with the white space after it."""
    sentences: list[str] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if not _ABBREVIATED.search(text[start : match.start()]):
            sentences.append(text[start : match.end()])
            start = match.end()
    return [*sentences, text[start:]] if start < len(text) or not sentences else sentences
