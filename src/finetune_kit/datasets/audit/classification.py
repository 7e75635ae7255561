"""Recognising a classification in the answers of a dataset, and the one spelling that its labels share."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LONGEST_LABEL", "folded", "is_classification"]

LONGEST_LABEL: Final = 60
"""Characters of the longest answer that is taken for a label."""

_FEWEST_ROWS: Final = 20
_ROWS_OF_A_LABEL: Final = 5
_SHARE_OF_LABELS: Final = 0.8
_ROWS_PER_LABEL: Final = 4
# A plus, a hash, or a minus before a figure tells labels apart: "C" and "C++", "1" and "-1".
_NOT_IN_LABEL: Final = re.compile(r"[^\w+#-]|_|-(?!\d)|(?<=\w)-")


def folded(label: str) -> str:
    """Return a label without case, accents, spaces and punctuation, so that its variants become one.

    Example:
        >>> folded("Card-Arrival."), folded("card_arrival")
        ('cardarrival', 'cardarrival')
    """
    if label.isascii():
        return _NOT_IN_LABEL.sub("", label.casefold())
    return "".join(filter(_tells_apart, unicodedata.normalize("NFKD", label.casefold())))


def is_classification(answers: Iterable[str]) -> bool:
    """Tell whether nearly all answers are short, and come from few that are given again and again."""
    counts: Counter[str] = Counter()
    n_answers = 0
    for answer in answers:
        n_answers += 1
        if len(answer) <= LONGEST_LABEL and (key := folded(answer)):
            counts[key] += 1
    repeated = [count for count in counts.values() if count >= _ROWS_OF_A_LABEL]
    enough = n_answers >= _FEWEST_ROWS and len(repeated) > 1
    return enough and sum(repeated) >= max(_SHARE_OF_LABELS * n_answers, _ROWS_PER_LABEL * len(counts))


def _tells_apart(sign: str) -> bool:
    # Accents combine; vowels of Hindi or Thai are marks, too, but do not.
    kind = unicodedata.category(sign)[0]
    return kind in "LN" or sign in "+#" or (kind == "M" and not unicodedata.combining(sign))
