"""The usual spelling of each label, and the unusual ones."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final, NamedTuple

from finetune_kit.datasets.audit.classification import folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Spelling", "spellings"]

_ROWS_OF_A_LABEL: Final = 5
_ROWS_OF_A_SLIP: Final = 2
_SHARE_OF_A_SLIP: Final = 0.2
_LETTERS_OF_A_SLIP: Final = 2
_ALIKE: Final = 0.85
_SHORTEST_WITH_SLIP: Final = 5
_WORDS_AROUND: Final = 5
_WORD: Final = re.compile(r"[^\W_]+")


class Spelling(NamedTuple):
    """What is wrong with the spelling of a label, None if nothing, and its usual spelling."""

    rule: str | None
    usual: str


def spellings(counts: Mapping[str, int]) -> dict[str, Spelling]:
    """Return the spelling of every answer of a classification, given how many rows have it.

    Example:
        >>> spellings({"card_lost": 20, "Card lost": 1, "refund": 9, "It is refund.": 1})["Card lost"]
        Spelling(rule='label_variant', usual='card_lost')
    """
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for label, count in counts.items():
        groups[folded(label) or label][label] = count
    usual = _usual(groups, counts)
    frequent = {usual[fold]: group.total() for fold, group in groups.items() if group.total() >= _ROWS_OF_A_LABEL}
    found: dict[str, Spelling] = {}
    for fold, group in groups.items():
        slip = None if group.total() >= _ROWS_OF_A_LABEL else _slip(usual[fold], group.total(), frequent)
        for label in group:
            variant = Spelling(None if label == usual[fold] else "label_variant", usual[fold])
            found[label] = slip or variant
    return found


def _usual(groups: Mapping[str, Counter[str]], counts: Mapping[str, int]) -> dict[str, str]:
    """Choose of each group the spelling that most rows have; of equals, the one in the style of most labels."""
    styles: Counter[tuple[bool, ...]] = Counter()
    for label, count in counts.items():
        styles[_style(label)] += count
    return {
        fold: max(group, key=lambda label, group=group: (group[label], styles[_style(label)]))  # type: ignore[misc]
        for fold, group in groups.items()
    }


def _style(label: str) -> tuple[bool, ...]:
    plain = label.replace("_", "").replace("-", "").replace(" ", "")
    return (label.islower(), label.isupper(), "_" in label, "-" in label, " " in label, not plain.isalnum())


def _slip(label: str, count: int, frequent: Mapping[str, int]) -> Spelling | None:
    """Tell whether a rare answer is a frequent label with more around it, or with a letter or two wrong."""
    words = _words(label)
    inside = [(_words(other), other) for other in frequent if _is_inside(_words(other), words)]
    longest = max((known for known, _ in inside), key=len, default=())
    if inside and all(_is_inside(known, longest) or known == longest for known, _ in inside):
        return Spelling("label_wrapped", next(other for known, other in inside if known == longest))
    if count <= _ROWS_OF_A_SLIP:
        alike = (other for other, n in frequent.items() if count <= _SHARE_OF_A_SLIP * n and _is_slip(label, other))
        if usual := next(alike, None):
            return Spelling("label_variant", usual)
    return None


def _is_inside(label: tuple[str, ...], answer: tuple[str, ...]) -> bool:
    """Tell whether an answer is a label with a few words around it, or begins or ends with a label."""
    size = len(label)
    if not 0 < size < len(answer):
        return False
    if len(answer) <= size + _WORDS_AROUND:
        return any(answer[start : start + size] == label for start in range(len(answer) - size + 1))
    return label in (answer[:size], answer[-size:])


def _is_slip(label: str, other: str) -> bool:
    one, two = folded(label), folded(other)
    if abs(len(one) - len(two)) > _LETTERS_OF_A_SLIP or min(len(one), len(two)) < _SHORTEST_WITH_SLIP:
        return False
    # A figure more or less is another label, as is "un" in front.
    if _figures(one) != _figures(two) or one.endswith(two) or two.endswith(one):
        return False
    return SequenceMatcher(None, one, two, autojunk=False).ratio() >= _ALIKE


def _figures(label: str) -> list[str]:
    return [sign for sign in label if sign.isdigit()]


def _words(text: str) -> tuple[str, ...]:
    return tuple(_words_of(text.casefold()))


def _words_of(text: str) -> Iterable[str]:
    return _WORD.findall(text)
