"""The grader specifications of the protocol, as the reinforcement method carries them.

Fields and names follow the published description of `/fine_tuning/alpha/graders`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from finetune_kit.types.values import Value

__all__ = [
    "GraderSpec",
    "MultiGrader",
    "PythonGrader",
    "ScoreModelGrader",
    "StringCheckGrader",
    "TextSimilarityGrader",
]

SimilarityMetric = Literal[
    "cosine", "fuzzy_match", "bleu", "gleu", "meteor",
    "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l",
]  # fmt: skip


class StringCheckGrader(Value):
    """1 where `input` compares to `reference` as the operation says, else 0."""

    type: Literal["string_check"] = "string_check"
    name: str
    input: str
    reference: str
    operation: Literal["eq", "ne", "like", "ilike"]


class TextSimilarityGrader(Value):
    """How alike two texts are, 0 to 1."""

    type: Literal["text_similarity"] = "text_similarity"
    name: str
    input: str
    reference: str
    evaluation_metric: SimilarityMetric


class ScoreModelGrader(Value):
    """A number that a model gives, clipped to `range` (default 0 to 1)."""

    type: Literal["score_model"] = "score_model"
    name: str
    model: str
    input: tuple[dict[str, Any], ...]
    range: tuple[float, float] | None = None
    sampling_params: dict[str, Any] | None = None


class PythonGrader(Value):
    """A Python source with `def grade(sample, item) -> float`, run by the service."""

    type: Literal["python"] = "python"
    name: str
    source: str = Field(repr=False)
    image_tag: str | None = None


SingleGrader = Annotated[
    StringCheckGrader | TextSimilarityGrader | ScoreModelGrader | PythonGrader, Field(discriminator="type")
]


class MultiGrader(Value):
    """A formula over named graders, such as `0.7 * format + 0.3 * style`."""

    type: Literal["multi"] = "multi"
    name: str
    graders: dict[str, SingleGrader]
    calculate_output: str


GraderSpec = Annotated[
    StringCheckGrader | TextSimilarityGrader | ScoreModelGrader | PythonGrader | MultiGrader,
    Field(discriminator="type"),
]
