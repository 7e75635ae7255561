"""What a dataset was made from, version by version."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from finetune_kit.datasets.view import View

__all__ = ["Version", "versions_of"]


class Version(NamedTuple):
    """One version on the way to a dataset: the step that made it, its size, and the SHA-256 of its rows."""

    step: str
    n_examples: int
    fingerprint: str


def versions_of(data: View, parents_of: Callable[[View], Sequence[View]]) -> tuple[Version, ...]:
    """Return the versions that led to a dataset, each once and after its parents, and its own at the end."""
    found: dict[Version, None] = {}
    seen: set[int] = set()
    # A stack of its own, since a dataset may have more ancestors than Python's holds.
    stack = [(data, False)]
    while stack:
        one, has_parents = stack.pop()
        if has_parents:
            version = Version(one.history[-1], len(one), one.fingerprint)
            if one is data:
                found.pop(version, None)
            found[version] = None
        elif id(one) not in seen:
            seen.add(id(one))
            stack.append((one, True))
            stack += [(parent, False) for parent in reversed(parents_of(one))]
    return tuple(found)
