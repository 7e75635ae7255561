"""Dividing rows so that those divided before stay where they are when rows are added."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, time
from fractions import Fraction
from hashlib import blake2b
from math import isfinite
from typing import TYPE_CHECKING, Final

import orjson

from finetune_kit.datasets.split import split_sizes
from finetune_kit.errors import ConfigurationError, DatasetError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from finetune_kit.datasets.findings import Place
    from finetune_kit.datasets.labels import Key

__all__ = ["Instant", "newest_parts", "parts_since", "row_times", "said_key", "seconds_of", "stable_parts"]

Instant = str | date | datetime
"""A moment: ISO 8601 text, a date (its beginning) or a datetime; without a zone, UTC."""

_DRAW_BYTES: Final = 8
_ALL_DRAWS: Final = 1 << 8 * _DRAW_BYTES
# Unix times in seconds stay below this until the year 5138; beyond are milliseconds.
_MOST_SECONDS: Final = 1e11


def stable_parts(
    keys: Iterable[Hashable], *, test: float, validation: float | None, seed: int
) -> tuple[list[int], list[int], list[int]]:
    """Divide rows by a hash of each key and the seed alone; return the positions of train, validation and test.

    The first 8 bytes of BLAKE2b(key), keyed by the seed, are read as a fraction of 2^64:
    below `test` a row is tested on, below `test` + `validation` it validates, else it trains.
    """
    share = _share(test, "test")
    both = share + (_share(validation, "validation") if validation is not None else 0)
    if both >= 1:
        raise ConfigurationError(f"test={test!r} and validation={validation!r} leave nothing to train on")
    tested, bound = int(share * _ALL_DRAWS), int(both * _ALL_DRAWS)
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for position, key in enumerate(keys):
        draw = _draw(key, seed)
        parts[2 if draw < tested else 1 if draw < bound else 0].append(position)
    return _filled(parts, with_validation=validation is not None)


def newest_parts(
    seconds: Sequence[float], *, test: float, validation: float | None
) -> tuple[list[int], list[int], list[int]]:
    """Divide rows by time, the newest to test, those before to validation; rows of one moment stay together."""
    _, n_valid, n_test = split_sizes(len(seconds), test, validation)
    ordered = sorted(seconds)
    test_from = _boundary(ordered, len(ordered) - n_test)
    valid_from = _boundary(ordered, bisect_left(ordered, test_from) - n_valid) if n_valid else test_from
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for position, moment in enumerate(seconds):
        parts[2 if moment >= test_from else 1 if moment >= valid_from else 0].append(position)
    return _filled(parts, with_validation=validation is not None)


def parts_since(seconds: Sequence[float], since: Instant) -> tuple[list[int], list[int], list[int]]:
    """Divide rows by one moment: those before it train, all others are tested on."""
    start = seconds_of(since)
    if start is None:
        raise ConfigurationError(f"since={since!r} is no time: give ISO 8601, such as '2026-06-01', or a date")
    before = [position for position, moment in enumerate(seconds) if moment < start]
    since_then = [position for position, moment in enumerate(seconds) if moment >= start]
    return _filled((before, [], since_then), with_validation=False)


def row_times(values: Iterable[Hashable], places: Iterable[Place], key: str) -> list[float]:
    """Return the moment of each row in seconds since 1970; raise ConfigurationError where a row has none."""
    times = []
    for value, place in zip(values, places, strict=True):
        moment = seconds_of(value)
        if moment is None:
            raise ConfigurationError(
                f"{place}: what stands under {key} is no time: give ISO 8601, a Unix time, or a function"
            )
        times.append(moment)
    return times


def said_key(key: Key | None) -> str:
    """Return how histories name a key."""
    return repr(key) if key is None or isinstance(key, str) else getattr(key, "__qualname__", "a function")


def seconds_of(value: object) -> float | None:
    """Return a moment in seconds since 1970, None where the value is none; numbers are Unix times."""
    if isinstance(value, bytes):
        value = _from_json(value)
    if isinstance(value, str):
        value = _parsed(value.strip())
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        return value if abs(value) < _MOST_SECONDS else value / 1000
    return None


def _from_json(value: bytes) -> object:
    """Return the value of a key that is no text: those of rows come as JSON."""
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None


def _parsed(text: str) -> datetime | float | None:
    try:
        # A year or a month begins with its first day.
        return datetime.fromisoformat(text + {4: "-01-01", 7: "-01"}.get(len(text), ""))
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None


def _share(size: float, name: str) -> Fraction:
    if not isinstance(size, float) or not 0 < size < 1:
        raise ConfigurationError(
            f"{name}={size!r}: parts that stay as rows are added have no fixed size: give a fraction between 0 and 1"
        )
    return Fraction(str(size))


def _draw(key: Hashable, seed: int) -> int:
    content = key.encode(errors="surrogatepass") if isinstance(key, str) else key
    if not isinstance(content, bytes):
        content = f"{type(key).__name__} {_written(key)}".encode()
    return int.from_bytes(blake2b(content, digest_size=_DRAW_BYTES, key=str(seed).encode()[:64]).digest())


def _written(key: Hashable) -> str:
    """Return a key in a form that is the same in every process."""
    if key is None or isinstance(key, bool | int | float | str | bytes | date):
        return repr(key)
    if isinstance(key, tuple):
        return f"({', '.join(map(_written, key))})"
    name = type(key).__name__
    raise ConfigurationError(f"a group of type {name!r} has no lasting form: return text, a number or a tuple of these")


def _boundary(ordered: Sequence[float], at: int) -> float:
    """Return the moment that begins the newer part, which is smaller rather than larger where a moment straddles."""
    after = bisect_right(ordered, ordered[at - 1])
    return ordered[after] if after < len(ordered) else ordered[at - 1]


def _filled(
    parts: tuple[list[int], list[int], list[int]], *, with_validation: bool
) -> tuple[list[int], list[int], list[int]]:
    train, valid, test = parts
    if not train or not test or (with_validation and not valid):
        raise DatasetError(
            f"train, validation, test would have {len(train)}, {len(valid)}, {len(test)} rows. "
            "Remedy: add rows or distinct groups or times, or ask for other sizes"
        )
    return parts
