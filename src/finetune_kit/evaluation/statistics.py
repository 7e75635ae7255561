"""The statistics behind a verdict, in plain Python: intervals, exact tests, power.

Every function cites its formula; the tests hold each to scipy, statsmodels or brute force.
"""

from __future__ import annotations

import math
import random
from statistics import NormalDist, fmean, stdev
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "Interval",
    "bootstrap_interval",
    "detectable_difference",
    "detectable_mean_difference",
    "deviation_of",
    "holm",
    "mcnemar_exact",
    "mcnemar_mid_p",
    "needed_items",
    "needed_pairs",
    "paired_interval",
    "sign_flip_p",
    "wilson_interval",
]


class Interval(NamedTuple):
    """The two ends of a confidence interval."""

    low: float
    high: float


def wilson_interval(successes: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Return the Wilson score interval of a rate of `successes` among `n`.

    Formula: E. B. Wilson (1927), Journal of the American Statistical Association 22:209.
    """
    z = _two_sided_z(1 - confidence)
    rate = successes / n
    centre = rate + z * z / (2 * n)
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if successes == 0 else (centre - half) / scale
    high = 1.0 if successes == n else (centre + half) / scale
    return Interval(low, high)


def mcnemar_exact(base_only: int, tuned_only: int) -> float:
    """Return the two-sided p-value of the exact McNemar test.

    The arguments count the discordant pairs: items that only the base model, or only the
    tuned model, got right. With no true difference either count is binomial with
    probability 1/2; p is twice the smaller tail, at most 1.
    """
    tail, _ = _half_binomial_tail(min(base_only, tuned_only), base_only + tuned_only)
    return min(1.0, 2 * tail)


def mcnemar_mid_p(base_only: int, tuned_only: int) -> float | None:
    """Return the mid-p of the McNemar test, or None where no pair is discordant.

    Formula: Fagerland, Lydersen, Laake (2013), BMC Medical Research Methodology 13:91:
    twice the smaller tail less the probability of the observed count.
    """
    if base_only + tuned_only == 0:
        return None
    tail, point = _half_binomial_tail(min(base_only, tuned_only), base_only + tuned_only)
    return min(1.0, 2 * tail - point)


def paired_interval(base_only: int, tuned_only: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Return Tango's score interval of the paired difference, tuned rate less base rate.

    Formula: T. Tango (1998), Statistics in Medicine 17:891. It holds its coverage in small
    samples and near 0 and 1, and leaves out 0 exactly where the McNemar score test
    rejects, so that it does not contradict a verdict drawn from the exact test.
    """
    z = _two_sided_z(1 - confidence)
    estimate = (tuned_only - base_only) / n

    def score(difference: float) -> float:
        return _tango_score(base_only, tuned_only, n, difference)

    low = -1.0 if base_only == n else _crossing(lambda d: score(d) <= z, -1.0, estimate)
    high = 1.0 if tuned_only == n else _crossing(lambda d: score(d) < -z, estimate, 1.0)
    return Interval(low, high)


def needed_pairs(difference: float, discordant: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Return how many items show a paired `difference` of rates when a share `discordant` disagrees.

    Formula: R. J. Connor (1987), Biometrics 43:207. A share smaller than the difference is
    impossible, so the difference itself is then taken for it.
    """
    share = max(discordant, abs(difference))
    spread = math.sqrt(max(0.0, share - difference * difference))
    root = _two_sided_z(alpha) * math.sqrt(share) + _normal_quantile(power) * spread
    return math.ceil((root / difference) ** 2)


def detectable_difference(n: int, discordant: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return the smallest paired difference of rates that `n` items show: `needed_pairs` turned round.

    1.0 means that not even the largest difference would be shown.
    """
    return _crossing(lambda d: needed_pairs(d, discordant, alpha=alpha, power=power) <= n, 1e-9, 1.0)


def needed_items(difference: float, deviation: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Return how many items show a mean paired `difference` when differences have this standard deviation."""
    return math.ceil(((_two_sided_z(alpha) + _normal_quantile(power)) * deviation / difference) ** 2)


def detectable_mean_difference(n: int, deviation: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return the smallest mean paired difference that `n` items show, by the normal approximation."""
    return (_two_sided_z(alpha) + _normal_quantile(power)) * deviation / math.sqrt(n)


def bootstrap_interval(values: Sequence[float], *, confidence: float = 0.95, seed: int = 0) -> Interval:
    """Return the percentile bootstrap interval of the mean of `values`.

    Formula: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
    """
    rng = random.Random(seed)  # noqa: S311 - resampling, not secrecy
    resamples = _resamples(len(values))
    means = sorted(fmean(rng.choices(values, k=len(values))) for _ in range(resamples))
    cut = int((1 - confidence) / 2 * resamples)
    return Interval(means[cut], means[resamples - 1 - cut])


def sign_flip_p(differences: Sequence[float], *, seed: int = 0) -> float:
    """Return the two-sided p-value of a paired permutation test of mean 0.

    With no true difference the sign of each difference is a coin toss; p is the share of
    random tosses whose sum is at least as far from 0 as the observed one, both counted
    with the observed one among them: Phipson and Smyth (2010), SAGMB 9:39.
    """
    moving = [abs(value) for value in differences if value]
    total = math.fsum(moving)
    # The slack, far above rounding and far below any score, keeps a toss that equals the observed sum.
    observed = abs(math.fsum(differences)) - 1e-9 * total
    rng = random.Random(seed)  # noqa: S311 - resampling, not secrecy
    resamples = _resamples(len(moving))
    extreme = sum(abs(total - 2 * _random_part(moving, rng)) >= observed for _ in range(resamples))
    return (extreme + 1) / (resamples + 1)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the p-values corrected for being several, in the same order.

    Formula: S. Holm (1979), Scandinavian Journal of Statistics 6:65.
    """
    corrected, least = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = least
    return tuple(corrected)


def deviation_of(values: Sequence[float]) -> float:
    """Return the sample standard deviation; 0 for a single value."""
    return stdev(values) if len(values) > 1 else 0.0


def _normal_quantile(probability: float) -> float:
    return NormalDist().inv_cdf(probability)


def _two_sided_z(alpha: float) -> float:
    return _normal_quantile(1 - alpha / 2)


def _half_binomial_tail(k: int, n: int) -> tuple[float, float]:
    """Return P(X <= k) and P(X = k) of a binomial with probability 1/2, for k <= n / 2.

    The largest term comes from log-gamma, the others from it by their ratios, so that
    neither a large n overflows nor a small tail is lost.
    """
    point = math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2))
    term, terms = point, [point]
    for count in range(k, 0, -1):
        term *= count / (n - count + 1)
        terms.append(term)
        if term < point * 1e-18:
            break
    return math.fsum(terms), point


def _tango_score(base_only: int, tuned_only: int, n: int, difference: float) -> float:
    a = 2 * n
    b = -tuned_only - base_only + (2 * n - tuned_only + base_only) * difference
    c = -base_only * difference * (1 - difference)
    base_share = (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
    variance = n * (2 * base_share + difference * (1 - difference))
    excess = tuned_only - base_only - n * difference
    if variance <= 0:
        return math.copysign(math.inf, excess) if excess else 0.0
    return excess / math.sqrt(variance)


def _crossing(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Return where `holds`, false below and true above, turns, to the last bits of a float."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _resamples(n: int) -> int:
    # Enough for the third decimal of p in small sets, and seconds at most in large ones.
    return max(2_000, min(10_000, 2_000_000 // max(n, 1)))


def _random_part(values: Sequence[float], rng: random.Random) -> float:
    bits = rng.getrandbits(len(values)) if values else 0
    return math.fsum(value for index, value in enumerate(values) if bits >> index & 1)
