"""Dividing and ordering rows: seeded, exact in size, the same in every version of Python.

The algorithm, so that others can repeat it: `random.Random(seed).random()` (whose sequence
Python guarantees) is drawn once for each row in order; rows are taken by ascending draw.
Sizes are shared out by the method of the largest remainder, in exact fractions.
"""

from __future__ import annotations

import random
from fractions import Fraction
from typing import TYPE_CHECKING

from finetune_kit.errors import ConfigurationError, DatasetError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

__all__ = [
    "grouped_parts",
    "random_parts",
    "seeded_order",
    "share_out",
    "split_sizes",
    "stratified_parts",
    "stratified_sample",
]


def split_sizes(n_rows: int, test: float, validation: float | None) -> tuple[int, int, int]:
    """Return the sizes of train, validation and test; a float below 1 is a fraction, an int a count of rows."""
    wanted = [_quota(n_rows, validation, "validation") if validation is not None else Fraction(0)]
    wanted.append(_quota(n_rows, test, "test"))
    rest = n_rows - sum(wanted, Fraction(0))
    if rest <= 0:
        raise ConfigurationError(f"test={test!r} and validation={validation!r} leave none of {n_rows} rows to train on")
    train, valid, tested = _largest_remainder([rest, *wanted], n_rows)
    if not train or not tested or (validation is not None and not valid):
        raise DatasetError(
            f"{n_rows} rows are too few: train, validation, test would have {train}, {valid}, {tested}. "
            "Remedy: add rows, or give test (and validation) as counts"
        )
    return train, valid, tested


def seeded_order(n_rows: int, seed: int) -> list[int]:
    """Return the positions of the rows in random order."""
    draws = _draws(n_rows, seed)
    return sorted(range(n_rows), key=draws.__getitem__)


def random_parts(n_rows: int, sizes: tuple[int, int, int], seed: int) -> tuple[list[int], list[int], list[int]]:
    """Divide the rows at random; each part is in the order of the rows."""
    _, n_valid, n_test = sizes
    draws = _draws(n_rows, seed)
    # Draws alone are sorted several times as fast as rows by their draws.
    ordered = sorted(draws)
    last_of_test, last_of_valid = ordered[n_test - 1], ordered[n_test + n_valid - 1]
    if last_of_test == ordered[n_test] or last_of_valid in ordered[n_test + n_valid : n_test + n_valid + 1]:
        return _parts_of_order(seeded_order(n_rows, seed), n_valid, n_test)
    train = [row for row, draw in enumerate(draws) if draw > last_of_valid]
    valid = [row for row, draw in enumerate(draws) if last_of_test < draw <= last_of_valid] if n_valid else []
    return train, valid, [row for row, draw in enumerate(draws) if draw <= last_of_test]


def stratified_parts(
    labels: Sequence[Hashable], sizes: tuple[int, int, int], seed: int
) -> tuple[list[int], list[int], list[int]]:
    """Divide the rows so that each part has each label in proportion; train keeps one row of each at least."""
    _, n_valid, n_test = sizes
    classes = _by_label(labels, _draws(len(labels), seed))
    room = [len(rows) - 1 for rows in classes]
    if sum(room) < n_valid + n_test:
        raise DatasetError(
            f"the {len(classes)} labels keep one of {len(labels)} rows each for training, so that {sum(room)} are left "
            f"for {n_valid + n_test} of test and validation. Remedy: ask for fewer, or split without stratify"
        )
    weights = [len(rows) for rows in classes]
    tested = share_out(n_test, weights, room)
    valid = share_out(n_valid, weights, [free - taken for free, taken in zip(room, tested, strict=True)])
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for rows, for_test, for_valid in zip(classes, tested, valid, strict=True):
        parts[2].extend(rows[:for_test])
        parts[1].extend(rows[for_test : for_test + for_valid])
        parts[0].extend(rows[for_test + for_valid :])
    return sorted(parts[0]), sorted(parts[1]), sorted(parts[2])


def grouped_parts(
    groups: Sequence[Hashable], sizes: tuple[int, int, int], seed: int
) -> tuple[list[int], list[int], list[int]]:
    """Divide the rows so that no group straddles two parts.

    Groups are taken in random order while they fit, so that test and validation stay at or
    below their size; where not even one fits, the smallest is taken.
    """
    members: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    n_parts = 3 if sizes[1] else 2
    if len(members) < n_parts:
        raise DatasetError(f"{len(members)} group(s) cannot fill {n_parts} parts. Remedy: group by something finer")
    draws = _draws(len(members), seed)
    ordered = [rows for _, rows in sorted(zip(draws, members.values(), strict=True))]
    test, ordered = _take_groups(ordered, sizes[2])
    valid, ordered = _take_groups(ordered, sizes[1]) if sizes[1] else ([], ordered)
    return sorted(row for rows in ordered for row in rows), valid, test


def stratified_sample(labels: Sequence[Hashable], n: int, seed: int) -> list[int]:
    """Return `n` rows with each label in proportion, in the order of the rows."""
    classes = _by_label(labels, _draws(len(labels), seed))
    sizes = [len(rows) for rows in classes]
    shares = share_out(n, sizes, sizes)
    return sorted(row for rows, share in zip(classes, shares, strict=True) for row in rows[:share])


def share_out(total: int, weights: Sequence[int], room: Sequence[int]) -> list[int]:
    """Share a total out in proportion to weights, never more to one than it has room for.

    Largest remainder; ties go to the earlier. The room must suffice for the total.
    """
    whole = sum(weights)
    shares = [min(free, total * weight // whole) for weight, free in zip(weights, room, strict=True)]
    while left := total - sum(shares):
        open_ = [index for index, free in enumerate(room) if shares[index] < free]
        open_.sort(key=lambda index: shares[index] * whole - total * weights[index])
        for index in open_[:left]:
            shares[index] += 1
    return shares


def _quota(n_rows: int, size: float, name: str) -> Fraction:
    if isinstance(size, int) and not isinstance(size, bool) and size >= 1:
        return Fraction(size)
    if isinstance(size, float) and 0 < size < 1:
        # From the decimal that was written: 0.2 of 10 rows is 2, not a little more.
        return n_rows * Fraction(str(size))
    raise ConfigurationError(f"{name}={size!r}: give a fraction between 0 and 1, or a count of rows as int")


def _largest_remainder(quotas: list[Fraction], total: int) -> list[int]:
    sizes = [int(quota) for quota in quotas]
    by_remainder = sorted(range(len(quotas)), key=lambda index: sizes[index] - quotas[index])
    for index in by_remainder[: total - sum(sizes)]:
        sizes[index] += 1
    return sizes


def _parts_of_order(order: list[int], n_valid: int, n_test: int) -> tuple[list[int], list[int], list[int]]:
    test, valid, train = order[:n_test], order[n_test : n_test + n_valid], order[n_test + n_valid :]
    return sorted(train), sorted(valid), sorted(test)


def _draws(n_rows: int, seed: int) -> list[float]:
    generator = random.Random(seed)  # noqa: S311 - repeatable on purpose, guards nothing
    return [generator.random() for _ in range(n_rows)]


def _by_label(labels: Sequence[Hashable], draws: list[float]) -> list[list[int]]:
    classes: dict[Hashable, list[int]] = {}
    for row, label in enumerate(labels):
        classes.setdefault(label, []).append(row)
    return [sorted(rows, key=draws.__getitem__) for rows in classes.values()]


def _take_groups(ordered: list[list[int]], size: int) -> tuple[list[int], list[list[int]]]:
    """Return the rows of groups that have at most `size` rows in all, and the groups that are left."""
    taken: list[list[int]] = []
    rest: list[list[int]] = []
    left = size
    for rows in ordered:
        fits = len(rows) <= left
        (taken if fits else rest).append(rows)
        left -= len(rows) if fits else 0
    if not taken:
        smallest = min(range(len(rest)), key=lambda index: len(rest[index]))
        taken.append(rest.pop(smallest))
    return sorted(row for rows in taken for row in rows), rest
