"""Checks of how often groups of people are spoken of in a dataset, and of what outcomes they are given."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import combinations
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from finetune_kit.datasets.audit.check import AuditRule, AuditSettings, Check, Hit
from finetune_kit.datasets.audit.classification import LONGEST_LABEL, folded
from finetune_kit.datasets.audit.group_terms import group_terms
from finetune_kit.datasets.audit.groups import Group, groups_of
from finetune_kit.datasets.audit.sides import sides

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from finetune_kit.datasets.audit.row import AuditRow

__all__ = ["CHECKS", "GroupOutcomes", "GroupRepresentation", "fisher_p", "newcombe_interval"]

_FEWEST_ON_AN_AXIS: Final = 40
_MOST_OUTCOMES: Final = 10
_ROWS_OF_AN_OUTCOME: Final = 5
_Z: Final = 1.959963984540054
"""Of a normal distribution, 95 % lie within so many standard deviations."""

_WORDS: Final = "words for groups, English above all, and columns such as gender or religion"


class GroupRepresentation(Check):
    """Groups of people that few rows speak of, compared with the others of their axis."""

    id = "group_representation"
    method = f"rows that name a group, by {_WORDS}; each row counts once for a group"
    rules: ClassVar[Mapping[str, AuditRule]] = MappingProxyType(
        {
            "group_underrepresented": AuditRule(
                "hint",
                "Buolamwini and Gebru 2018, Gender Shades",
                "add rows on this group, or say in the documentation that there are few",
            ),
        }
    )
    defaults: ClassVar[Mapping[str, float]] = MappingProxyType({"share": 0.1})

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self.why_not_run = "no row names a group of people"
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Count the groups that a row names."""
        groups = groups_of(sides(row).whole) | _of_columns(row)
        self.n_examined += bool(groups)
        for axis, name in groups:
            self._counts[axis][name] += 1
        return ()

    def finish(self) -> Iterator[Hit]:
        """Yield the groups with a small share of their axis."""
        for axis, counts in self._counts.items():
            total = counts.total()
            # Of many groups, each has a small share by rights.
            least = min(self.thresholds["share"], 1 / (2 * len(counts)))
            for name, count in sorted(counts.items()):
                if total >= _FEWEST_ON_AN_AXIS and count < least * total:
                    yield Hit(
                        "group_underrepresented",
                        f"{name}: {count} of {total} mentions on the axis {axis!r} ({count / total:.1%})",
                    )


class _Cell(NamedTuple):
    """How many rows of a group have an outcome, of how many."""

    name: str
    given: int
    total: int


class GroupOutcomes(Check):
    """Outcomes that one group of people is given less often than another."""

    id = "group_outcome_gap"
    method = (
        f"rows by outcome and group, by {_WORDS}; the four-fifths rule with Fisher's exact test, "
        "its p multiplied by the number of comparisons (Bonferroni), and Newcombe's interval of the difference"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = MappingProxyType(
        {
            "group_outcome_gap": AuditRule(
                "warning",
                "29 CFR 1607.4 D (four-fifths rule); Newcombe 1998",
                "look whether the rows of these groups differ in what should decide; else balance the outcomes",
            ),
        }
    )
    defaults: ClassVar[Mapping[str, float]] = MappingProxyType({"ratio": 0.8, "p": 0.01, "min_rows": 20})
    applies_to = ("supervised",)

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self.why_not_run = "there are not two groups with enough rows, or no few outcomes"
        self._outcomes: Counter[str] = Counter()
        self._names: dict[str, str] = {}
        self._counts: dict[Group, Counter[str]] = defaultdict(Counter)

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Count the outcome of a row for the groups that it asks about."""
        said = sides(row)
        outcome = folded(said.taught) if len(said.taught) <= LONGEST_LABEL else ""
        if not outcome:
            return ()
        self._outcomes[outcome] += 1
        self._names.setdefault(outcome, said.taught.strip())
        groups = groups_of(said.asked) | _of_columns(row)
        by_axis = Counter(group.axis for group in groups)
        for group in groups:
            # A row on two groups of an axis says nothing of either.
            if by_axis[group.axis] == 1:
                self._counts[group][outcome] += 1
        return ()

    def finish(self) -> Iterator[Hit]:
        """Yield the gaps between groups that chance does not explain."""
        outcomes = [outcome for outcome, count in self._outcomes.items() if count >= _ROWS_OF_AN_OUTCOME]
        if not 1 < len(outcomes) <= _MOST_OUTCOMES:
            return
        pairs = self._pairs()
        self.n_examined = sum(self._counts[group].total() for group in {group for pair in pairs for group in pair})
        n_comparisons = len(pairs) * (len(outcomes) if len(outcomes) > 2 else 1)  # noqa: PLR2004 - two mirror each other
        for one, other in pairs:
            gaps = [self._gap(outcome, one, other, n_comparisons) for outcome in outcomes]
            # Of two outcomes, each mirrors the other: one finding says both.
            found = sorted(gap for gap in gaps if gap)
            for _, reason in found[:1]:
                yield Hit("group_outcome_gap", reason)

    def _pairs(self) -> list[tuple[Group, Group]]:
        large = [group for group, counts in self._counts.items() if counts.total() >= self.thresholds["min_rows"]]
        return [(one, other) for one, other in combinations(sorted(large), 2) if one.axis == other.axis]

    def _gap(self, outcome: str, one: Group, other: Group, n_comparisons: int) -> tuple[float, str] | None:
        cells = [_Cell(group.name, self._counts[group][outcome], self._counts[group].total()) for group in (one, other)]
        low, high = sorted(cells, key=lambda cell: cell.given / cell.total)
        if low.given * high.total >= self.thresholds["ratio"] * high.given * low.total:
            return None
        p = min(1.0, n_comparisons * fisher_p((low.given, low.total), (high.given, high.total)))
        if p >= self.thresholds["p"]:
            return None
        least, most = newcombe_interval((high.given, high.total), (low.given, low.total))
        name = self._names[outcome]
        return p, (
            f"outcome {name!r}: {low.name} {low.given / low.total:.0%} of {low.total}, "
            f"{high.name} {high.given / high.total:.0%} of {high.total} "
            f"(difference {least:.2f} to {most:.2f}, p {p:.1e})"
        )


def fisher_p(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Return the two-sided p of Fisher's exact test for two (successes, trials)."""
    (first, n_first), (second, n_second) = one, other
    successes, total = first + second, n_first + n_second
    logs = {
        k: _log_choose(n_first, k) + _log_choose(n_second, successes - k) - _log_choose(total, successes)
        for k in range(max(0, successes - n_second), min(n_first, successes) + 1)
    }
    # Tables as probable as the one seen count as extreme, up to rounding.
    return min(1.0, math.fsum(math.exp(log) for log in logs.values() if log <= logs[first] + 1e-7))


def newcombe_interval(one: tuple[int, int], other: tuple[int, int]) -> tuple[float, float]:
    """Return the 95 % interval of the difference of two shares (Newcombe 1998, method 10: from Wilson's intervals)."""
    (p1, l1, u1), (p2, l2, u2) = _wilson(*one), _wilson(*other)
    difference = p1 - p2
    return difference - math.hypot(p1 - l1, u2 - p2), difference + math.hypot(u1 - p1, p2 - l2)


def _wilson(successes: int, n: int) -> tuple[float, float, float]:
    p = successes / n
    centre = p + _Z**2 / (2 * n)
    half = _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
    return p, (centre - half) / (1 + _Z**2 / n), (centre + half) / (1 + _Z**2 / n)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _of_columns(row: AuditRow) -> set[Group]:
    """Return the groups that columns beside the row give."""
    found: set[Group] = set()
    for column, value in row.extra.items():
        axis = group_terms().columns.get(column.casefold())
        if axis and isinstance(value, str) and value.strip():
            found.add(Group(axis, value.strip().casefold()))
    return found


CHECKS: Final[tuple[type[Check], ...]] = (GroupRepresentation, GroupOutcomes)
