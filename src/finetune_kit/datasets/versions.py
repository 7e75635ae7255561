"""What a dataset was made from, version by version."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from finetune_kit.datasets.view import View

__all__ = ["Version", "versions_of"]


class Version(NamedTuple):
    """One version on the way to a dataset: the step that made it, its size, and the SHA-256 of its rows."""

    step: str
    n_examples: int
    fingerprint: str


def versions_of(data: View, parents: Sequence[tuple[Version, ...]]) -> tuple[Version, ...]:
    """Return the versions of the parents, each once, and that of the dataset itself."""
    before = dict.fromkeys(version for versions in parents for version in versions)
    return (*before, Version(data.history[-1], len(data), data.fingerprint))
