"""The rules for a whole file, told from what was counted in its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune_kit.datasets.rules import MAX_IMAGE_ROWS, MIN_EXAMPLES, VISION_MODELS, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["file_problems", "notes_not_run"]


def file_problems(n_examples: int, counts: Mapping[str, int], model: str | None) -> Iterator[Problem]:
    """Yield what is wrong with a file as a whole, from how many examples and notes were counted in it."""
    if n_examples < MIN_EXAMPLES:
        yield Problem("n_examples", "", f"has {n_examples} example(s), must have at least {MIN_EXAMPLES}")
    n_images = counts.get("note_image", 0)
    if n_images > MAX_IMAGE_ROWS:
        yield Problem("image_rows", "", f"has {n_images:,} examples with images, at most {MAX_IMAGE_ROWS:,} may be")
    if n_images and model is not None and _is_known_not_to_see(model):
        yield Problem("image_model", "", f"{n_images:,} examples have images, which {model!r} is not tuned with")


def notes_not_run(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Return which rules could not be tried on all rows, each with its reason."""
    reasons = {
        "note_schema": "needs 'jsonschema', which is not installed: pip install 'finetune_kit[audit]'",
        "note_unreadable": "has a $ref or a pattern that cannot be followed on this machine",
    }
    return tuple(
        f"tool_schema, argument_*, response_format: not compared with a JSON Schema {counts[note]:,} time(s): it {why}"
        for note, why in reasons.items()
        if counts.get(note)
    )


def _is_known_not_to_see(model: str) -> bool:
    from finetune_kit.datasets.encodings import base_model
    from finetune_kit.datasets.rules import MAX_TRAINING_TOKENS

    base = base_model(model)
    return base in MAX_TRAINING_TOKENS and base not in VISION_MODELS
