"""How many tokens a dataset has, in all and for each example."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from finetune_kit.datasets.counting import RowCounter
from finetune_kit.datasets.encodings import base_model, encoding_name
from finetune_kit.datasets.rules import MAX_TRAINING_TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["TokenCount", "count_tokens"]

_PLAIN_KEYS = frozenset({"role", "content", "name", "weight"})


@dataclass(frozen=True, slots=True)
class TokenCount:
    """The tokens of a dataset as one model reads them.

    Example:
        >>> TokenCount("gpt-4.1-mini-2025-04-14", "o200k_base", True, (10, 20, 60), 65_536).total
        90
    """

    model: str
    encoding: str
    exact: bool
    """False where the encoding is a guess for this model, or where tools, calls, images or pairs are estimated."""
    per_example: tuple[int, ...] = field(repr=False)
    limit: int | None = None
    """The most tokens of one example that are trained on; None where it is not known."""

    @property
    def total(self) -> int:
        """The tokens of all examples."""
        return sum(self.per_example)

    @property
    def billable_per_epoch(self) -> int:
        """The tokens that one pass over the file trains on and bills: what is over the limit is cut off before."""
        limit = self.limit
        return self.total if limit is None else sum(min(limit, count) for count in self.per_example)

    @property
    def max(self) -> int:
        """The tokens of the longest example."""
        return max(self.per_example)

    @property
    def mean(self) -> float:
        """The mean tokens of an example."""
        return self.total / len(self.per_example)

    @property
    def p95(self) -> int:
        """The tokens that 95 % of the examples do not exceed (nearest rank)."""
        rank = -(-95 * len(self.per_example) // 100)
        return sorted(self.per_example)[rank - 1]

    @property
    def n_over_limit(self) -> int:
        """How many examples are over the limit."""
        return 0 if self.limit is None else sum(count > self.limit for count in self.per_example)

    def __str__(self) -> str:
        about = "" if self.exact else "about "
        spread = f"mean {self.mean:.0f}, 95 % up to {self.p95:,}, longest {self.max:,}"
        return f"{about}{self.total:,} tokens for {self.model} ({self.encoding}): {spread}"


def count_tokens(rows: Iterable[Mapping[str, Any]], model: str) -> TokenCount:
    """Count the tokens of parsed rows for a model, fine-tuned or not."""
    encoding, known = encoding_name(model)
    counter = RowCounter(encoding)
    counts: list[int] = []
    # The constants of the chat format are published for OpenAI's hosted models, not for gpt-oss.
    exact = known and encoding != "o200k_harmony"
    for row in rows:
        counts.append(counter.row(row))
        exact = exact and _is_plain(row)
    return TokenCount(model, encoding, exact, tuple(counts), MAX_TRAINING_TOKENS.get(base_model(model)))


def _is_plain(row: Mapping[str, Any]) -> bool:
    messages = row.get("messages")
    if not isinstance(messages, list) or row.get("tools") or row.get("functions"):
        return False
    return all(
        isinstance(message, dict) and isinstance(message.get("content"), str) and message.keys() <= _PLAIN_KEYS
        for message in messages
    )
