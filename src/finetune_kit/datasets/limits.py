"""The limit of tokens that a model sets for one training example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finetune_kit.datasets.encodings import base_model, encoding_name
from finetune_kit.datasets.rules import MAX_TRAINING_TOKENS, Problem
from finetune_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from finetune_kit.datasets.counting import RowCounter

__all__ = ["TokenLimit"]


class TokenLimit:
    """The most tokens of one example for `model`, checked as far as that can be done here.

    Without a model it is the most that any tunable model takes. `tokens` is None where the
    limit is not known; `not_run` says why a check did not run.
    """

    def __init__(self, model: str | None) -> None:
        # Also in the encoding of the model that takes most.
        known = max(MAX_TRAINING_TOKENS, key=MAX_TRAINING_TOKENS.__getitem__) if model is None else model
        self.tokens = MAX_TRAINING_TOKENS.get(base_model(known))
        self.not_run: tuple[str, ...] = ()
        self._encoding = encoding_name(known)[0]
        self._counter: RowCounter | None = None
        if self.tokens is None:
            self.not_run = (f"too_long: the limit of tokens of {model!r} is not known",)

    def problems(self, row: Any) -> Iterator[Problem]:
        """Yield the problem of a row that is over the limit."""
        if self.tokens is None or self.not_run or not isinstance(row, dict):
            return
        try:
            self._counter = self._counter or self._new_counter()
        except ConfigurationError as error:
            self.not_run = (f"too_long: {error}",)
            return
        count = self._counter.longest(row)
        if count > self.tokens:
            reason = f"has {count:,} tokens, at most {self.tokens:,} are trained on: the end would be cut off"
            yield Problem("too_long", "", reason)

    def _new_counter(self) -> RowCounter:
        from finetune_kit.datasets.counting import RowCounter

        return RowCounter(self._encoding)
