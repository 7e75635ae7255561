"""What a service's moderation says about texts and images."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import Field

from finetune_kit.types.values import Answer, Value

__all__ = ["Moderation", "ModerationPolicy", "ModerationResult"]

T = TypeVar("T")
PolicySeverity = Literal["error", "warning", "hint", "ignore"]


class ModerationResult(Answer):
    """What a moderation says about one input; the categories are the service's own."""

    flagged: bool = False
    categories: dict[str, bool | None] = Field(default_factory=dict)
    """Category such as "self-harm/intent" -> whether the input is of it."""
    category_scores: dict[str, float | None] = Field(default_factory=dict)
    """Category -> how sure the moderation is, from 0 to 1."""
    category_applied_input_types: dict[str, tuple[str, ...]] | None = None
    """Category -> what of the input it was judged by: "text", "image"."""


class Moderation(Answer):
    """The answer of a moderation: a result for each input, or one for all parts of a mixed one."""

    id: str | None = None
    model: str | None = None
    results: tuple[ModerationResult, ...]

    @property
    def flagged(self) -> bool:
        """Whether any input is flagged."""
        return any(result.flagged for result in self.results)


class ModerationPolicy(Value):
    """What to make of what a moderation says.

    A category stands for its subcategories, too: "violence" for "violence/graphic", unless
    that is named itself.

    Example:
        >>> ModerationPolicy(thresholds={"violence": 0.8}, severities={"sexual": "error", "illicit": "ignore"}).learned
        'error'
    """

    learned: PolicySeverity = "error"
    """How grave a flagged text is that the model learns to write. Ten such rows undo a model's
    alignment (Qi et al. 2024, https://arxiv.org/abs/2310.03693)."""
    read: PolicySeverity = "hint"
    """How grave a flagged text is that the model only reads, such as a question that it learns to refuse."""
    severities: dict[str, PolicySeverity] = Field(default_factory=dict)
    """Category -> how grave it is wherever it is found, in place of `learned` and `read`."""
    thresholds: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    """Category -> score (0 to 1) from which it counts; the service's own flag decides where there is none."""

    def found(self, result: ModerationResult) -> dict[str, float | None]:
        """Return the categories that count, with their scores."""
        names = dict.fromkeys([*result.categories, *result.category_scores])
        return {name: result.category_scores.get(name) for name in names if self._counts(result, name)}

    def severity(self, category: str, *, learned: bool) -> PolicySeverity:
        """Return how grave a category is in a text that the model learns to write, or only reads."""
        return _of_category(self.severities, category) or (self.learned if learned else self.read)

    def _counts(self, result: ModerationResult, category: str) -> bool:
        threshold = _of_category(self.thresholds, category)
        if threshold is None:
            return bool(result.categories.get(category))
        return (result.category_scores.get(category) or 0.0) >= threshold


def _of_category(table: dict[str, T], category: str) -> T | None:
    return table[category] if category in table else table.get(category.partition("/")[0])
