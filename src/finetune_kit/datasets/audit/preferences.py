"""Checks of preference pairs: pairs that teach nothing, pairs against each other, and what all pairs have in common."""

from __future__ import annotations

import math
from collections import defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from finetune_kit.datasets.audit.arithmetic import final_number, same_answer, wrong_equations
from finetune_kit.datasets.audit.check import AuditRule, AuditSettings, Check, Hit
from finetune_kit.datasets.audit.sides import Spot, sides, spot
from finetune_kit.datasets.duplicates import text_key
from finetune_kit.datasets.normalise import normalised

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from finetune_kit.datasets.audit.row import AuditRow

__all__ = ["CHECKS", "ContradictoryPreference", "LengthBias", "PreferencePair", "SwappedPreference", "binomial_p"]

_DPO: Final = "Rafailov et al. 2023, Direct Preference Optimization"
_SINGHAL: Final = "Singhal et al. 2023, A Long Way to Go: length correlations in RLHF"
_OPENAI: Final = "https://platform.openai.com/docs/guides/direct-preference-optimization"


class PreferencePair(Check):
    """Pairs whose outputs are the same, or of which one says nothing."""

    id = "preference_pair"
    method = "both outputs compared after normalisation, and without white space and invisible characters"
    rules: ClassVar[Mapping[str, AuditRule]] = MappingProxyType(
        {
            "identical_pair": AuditRule("error", _DPO, "leave the row out, or give two outputs that differ"),
            "nearly_identical_pair": AuditRule("hint", _DPO, "look whether what differs is what should be learnt"),
            "empty_preferred": AuditRule("error", _OPENAI, "write the output that should be preferred"),
            "empty_rejected": AuditRule("error", _OPENAI, "write an output that a model would really give"),
        }
    )
    applies_to = ("dpo",)

    def see(self, row: AuditRow) -> Iterator[Hit]:
        """Yield what is wrong with the pair."""
        preferred, rejected = row.answer, row.rejected
        if preferred is None or rejected is None or _calls_a_tool(row):
            return
        self.n_examined += 1
        pointer = "/non_preferred_output/0/content"
        if not _visible(preferred):
            yield Hit("empty_preferred", "the preferred output says nothing", row, "/preferred_output/0/content")
        elif not _visible(rejected):
            yield Hit("empty_rejected", "the non-preferred output says nothing", row, pointer)
        elif preferred.strip() == rejected.strip():
            yield Hit("identical_pair", "both outputs are the same: nothing is preferred", row, pointer)
        elif normalised(preferred) == normalised(rejected):
            reason = "the outputs differ in case, spaces and punctuation alone"
            yield Hit("nearly_identical_pair", reason, row, pointer)


class _Pair(NamedTuple):
    spot: Spot
    preferred: bytes
    rejected: bytes


class ContradictoryPreference(Check):
    """Pairs that prefer what another pair with the same input rejects."""

    id = "contradictory_preference"
    method = "digests of the normalised input and outputs, looked up with the outputs in the other order"
    rules: ClassVar[Mapping[str, AuditRule]] = MappingProxyType(
        {
            "contradictory_preference": AuditRule("error", _DPO, "decide which output is preferred"),
            "circular_preference": AuditRule(
                "warning", _DPO, "decide on an order of the outputs that all pairs agree with"
            ),
        }
    )
    applies_to = ("dpo",)

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self._pairs: dict[bytes, list[_Pair]] = defaultdict(list)

    def see(self, row: AuditRow) -> Iterator[Hit]:
        """Yield the pair if an earlier one with its input says the opposite."""
        said = sides(row)
        if not said.asked.strip() or row.answer is None or row.rejected is None:
            return
        self.n_examined += 1
        here = _Pair(spot(row), text_key(row.answer), text_key(row.rejected))
        earlier = self._pairs[text_key(said.asked) + said.setting]
        if here.preferred != here.rejected:
            yield from _against(row, here, earlier)
            earlier.append(here)


def _against(row: AuditRow, here: _Pair, earlier: list[_Pair]) -> Iterator[Hit]:
    """Yield whether earlier pairs prefer the rejected output: directly, or over others in between."""
    for other in earlier:
        if (other.preferred, other.rejected) == (here.rejected, here.preferred):
            reason = "an earlier pair with this input prefers the other output"
            yield Hit("contradictory_preference", reason, row, related=other.spot.place)
            return
    reached, last = {here.rejected}, 0
    while len(reached) > last:
        last = len(reached)
        reached |= {pair.rejected for pair in earlier if pair.preferred in reached}
    if here.preferred in reached:
        reason = "with earlier pairs of this input, the preferences go round in a circle"
        yield Hit("circular_preference", reason, row, related=earlier[-1].spot.place)


class LengthBias(Check):
    """Datasets in which the preferred output is mostly the longer one, so that length is what is learnt."""

    id = "length_bias"
    method = "share of pairs whose preferred output is longer in characters, with the two-sided exact binomial test"
    rules: ClassVar[Mapping[str, AuditRule]] = MappingProxyType(
        {
            "length_bias": AuditRule(
                "warning", _SINGHAL, "add pairs whose preferred output is the shorter one, or balance the lengths"
            ),
            "brevity_bias": AuditRule(
                "warning", _SINGHAL, "add pairs whose preferred output is the longer one, or balance the lengths"
            ),
        }
    )
    defaults: ClassVar[Mapping[str, float]] = MappingProxyType({"share": 0.6, "p": 1e-6})
    applies_to = ("dpo",)

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self._n_longer = 0

    def see(self, row: AuditRow) -> Iterable[Hit]:
        """Count which output is longer."""
        preferred, rejected = len(row.answer or ""), len(row.rejected or "")
        # A pair with an empty output says nothing of what is preferred.
        if preferred != rejected and min(preferred, rejected) > 0:
            self.n_examined += 1
            self._n_longer += preferred > rejected
        return ()

    def finish(self) -> Iterator[Hit]:
        """Yield whether length alone tells the outputs apart."""
        if not self.n_examined:
            return
        share = self._n_longer / self.n_examined
        p = binomial_p(self._n_longer, self.n_examined)
        if max(share, 1 - share) > self.thresholds["share"] and p < self.thresholds["p"]:
            rule, which = ("length_bias", "longer") if share > 1 / 2 else ("brevity_bias", "shorter")
            shown = max(share, 1 - share)
            yield Hit(rule, f"the preferred output is the {which} one in {shown:.0%} of pairs (p {p:.1e})")


def binomial_p(successes: int, n: int) -> float:
    """Return the two-sided exact p of `successes` of `n` under even odds (Clopper and Pearson 1934)."""
    extreme = max(successes, n - successes)
    logs = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(extreme, n + 1)]
    tail = math.fsum(math.exp(log - n * math.log(2)) for log in logs)
    return min(1.0, 2 * tail)


class SwappedPreference(Check):
    """Pairs of which the rejected output is right and the preferred one wrong."""

    id = "swapped_preference"
    method = (
        "both outputs held against the right answer in the key or column that settings.reference names; "
        "without one, sums that are written out (a + b = c) are worked out again"
    )
    rules: ClassVar[Mapping[str, AuditRule]] = MappingProxyType(
        {
            "swapped_preference": AuditRule(
                "error", "the reference answer of the row", "exchange the outputs: the rejected one is right"
            ),
            "preferred_wrong": AuditRule(
                "warning", "the reference answer of the row", "prefer an output that gives the right answer"
            ),
            "wrong_arithmetic": AuditRule(
                "hint", "arithmetic", "exchange the outputs, or correct the sum in the preferred one"
            ),
        }
    )
    applies_to = ("dpo",)

    def __init__(self, settings: AuditSettings) -> None:
        super().__init__(settings)
        self.why_not_run = (
            "no pair has sums in it, and no reference answer is given: name its key as settings.reference"
        )

    def see(self, row: AuditRow) -> Iterator[Hit]:
        """Yield the pair if its preferred output is wrong."""
        preferred, rejected = row.answer, row.rejected
        if not preferred or not rejected:
            return
        reference = self._reference(row)
        if reference is not None:
            self.n_examined += 1
            yield from _by_reference(row, reference, preferred, rejected)
            return
        wrong, wrong_rejected = wrong_equations(preferred), wrong_equations(rejected)
        if wrong is None or wrong_rejected is None:
            return
        self.n_examined += 1
        if wrong and not wrong_rejected:
            reason = "a sum in the preferred output is wrong, none in the rejected one is"
            yield Hit("wrong_arithmetic", reason, row, row.answer_pointer)

    def _reference(self, row: AuditRow) -> str | None:
        name = self.settings.reference
        if name is None:
            return None
        value = row.row.get(name, row.extra.get(name))
        return str(value) if isinstance(value, str | int | float) else None


def _by_reference(row: AuditRow, reference: str, preferred: str, rejected: str) -> Iterator[Hit]:
    if same_answer(preferred, reference):
        return
    if same_answer(rejected, reference):
        yield Hit("swapped_preference", "the rejected output gives the right answer, the preferred one not", row)
    elif final_number(preferred) is not None and final_number(reference) is not None:
        reason = "neither output gives the right answer"
        yield Hit("preferred_wrong", reason, row, row.answer_pointer, severity="hint")


def _calls_a_tool(row: AuditRow) -> bool:
    outputs = [*row.row["preferred_output"], *row.row["non_preferred_output"]]
    return any(isinstance(message, dict) and message.get("tool_calls") for message in outputs)


def _visible(text: str) -> bool:
    return any(sign.isprintable() and not sign.isspace() for sign in text)


CHECKS: Final[tuple[type[Check], ...]] = (PreferencePair, ContradictoryPreference, LengthBias, SwappedPreference)
