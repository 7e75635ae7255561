"""How many tokens a dataset has, in all and for each example."""

from __future__ import annotations

from array import array
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from finetune_kit.datasets.counting import RowCounter
from finetune_kit.datasets.encodings import base_model, encoding_name
from finetune_kit.datasets.own_tokenizers import own_counter
from finetune_kit.datasets.rules import MAX_TRAINING_TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from finetune_kit.datasets.own_tokenizers import Tokenizer

__all__ = ["TokenCount", "TokenTally", "count_tokens"]


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
    per_example: Sequence[int] = field(repr=False, hash=False)
    """The tokens of each example, in their order."""
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
        left = -(-95 * len(self.per_example) // 100)
        # There are few different counts, even where there are millions of examples.
        for tokens, examples in sorted(Counter(self.per_example).items()):
            left -= examples
            if left <= 0:
                return tokens
        return 0

    @property
    def n_over_limit(self) -> int:
        """How many examples are over the limit."""
        return 0 if self.limit is None else sum(count > self.limit for count in self.per_example)

    def __str__(self) -> str:
        about = "" if self.exact else "about "
        spread = f"mean {self.mean:.0f}, 95 % up to {self.p95:,}, longest {self.max:,}"
        return f"{about}{self.total:,} tokens for {self.model} ({self.encoding}): {spread}"


def count_tokens(rows: Iterable[Mapping[str, Any]], model: str, *, tokenizer: Tokenizer | None = None) -> TokenCount:
    """Count the tokens of parsed rows for a model, fine-tuned or not, if need be by its own tokenizer."""
    tally = TokenTally(model, tokenizer)
    for row in rows:
        tally.add(row)
    return tally.result()


class TokenTally:
    """The tokens of rows as they come: four bytes of memory for each row."""

    def __init__(self, model: str, tokenizer: Tokenizer | None = None) -> None:
        self.counts = array("I")
        self._model = model
        self._encoding, self._known = encoding_name(model)
        count = None if tokenizer is None else own_counter(tokenizer)
        self._counter = RowCounter(self._encoding, count)
        self._is_own = count is not None

    @property
    def guessed(self) -> bool:
        """Whether some row had something whose tokens no published formula tells."""
        return self._counter.guessed

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one more row."""
        self.counts.append(self._counter.row(row))

    def loads(self, raw: bytes) -> Any:
        """Parse a line and count it; one that is no object has no tokens."""
        row = None
        try:
            row = orjson.loads(raw)
        finally:
            self.counts.append(self._counter.row(row) if type(row) is dict else 0)
        return row

    def noting(self, lines: Iterable[bytes], parsed: tuple[bytes, ...] = ()) -> Iterator[bytes]:
        """Count lines on their way, without blank ones and those with an end in `parsed`, which `loads` counts."""
        for raw in lines:
            if not raw.endswith(parsed) and not raw.isspace():
                with suppress(orjson.JSONDecodeError):
                    self.loads(raw)
            yield raw

    def merge(self, counts: array[int], *, guessed: bool) -> None:
        """Add what was counted elsewhere for the rows that follow."""
        self.counts += counts
        self._counter.guessed = self._counter.guessed or guessed

    def result(self) -> TokenCount:
        """Return the count of all rows so far."""
        # The constants of the chat format are published for OpenAI's hosted models, not for gpt-oss or any other.
        exact = self._known and self._encoding != "o200k_harmony" and not self._is_own and not self.guessed
        name = "own tokenizer" if self._is_own else self._encoding
        return TokenCount(self._model, name, exact, self.counts, MAX_TRAINING_TOKENS.get(base_model(self._model)))
