"""Texts and rows that are the same, exactly or after normalisation."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import orjson

from finetune_kit.datasets.normalise import normalised

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

__all__ = ["digest", "duplicate_groups", "exact_key", "normalised", "text_key"]

# Among a billion texts, the odds that any two digests of 16 bytes agree by chance are below 10**-20.
_DIGEST_BYTES: Final = 16


def text_key(text: str) -> bytes:
    """Return 16 bytes that are the same for texts that are the same after normalisation."""
    return digest(normalised(text).encode(errors="surrogatepass"))


def exact_key(raw: bytes) -> bytes:
    """Return 16 bytes that are the same for rows with the same JSON value, however it is spaced, escaped or ordered.

    A row that is no JSON has the key of its bytes. Integers beyond 64 bits are compared as floats.
    """
    try:
        content = orjson.dumps(orjson.loads(raw), option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        content = raw
    return blake2b(content, digest_size=_DIGEST_BYTES).digest()


def duplicate_groups(keys: Iterable[Hashable]) -> list[list[int]]:
    """Return the positions of equal keys, in groups of two and more, in the order of the first of each.

    Example:
        >>> duplicate_groups(["a", "b", "a", "c", "b", "a"])
        [[0, 2, 5], [1, 4]]
    """
    first: dict[Hashable, int] = {}
    groups: dict[int, list[int]] = {}
    for position, key in enumerate(keys):
        earlier = first.setdefault(key, position)
        if earlier != position:
            groups.setdefault(earlier, [earlier]).append(position)
    return [groups[earlier] for earlier in sorted(groups)]


def digest(content: bytes) -> bytes:
    """Return the 16 bytes that stand for some content."""
    return blake2b(content, digest_size=_DIGEST_BYTES).digest()
