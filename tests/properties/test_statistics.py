"""The statistics of verdicts against scipy, statsmodels, published examples and brute force."""

import itertools
import json
import math
import random
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from finetune_kit.evaluation.statistics import (
    bootstrap_interval,
    detectable_difference,
    detectable_mean_difference,
    holm,
    mcnemar_exact,
    mcnemar_mid_p,
    needed_items,
    needed_pairs,
    paired_interval,
    sign_flip_p,
    wilson_interval,
)

counts = st.integers(min_value=0, max_value=400)


@pytest.fixture
def vectors(shared: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((shared / "data" / "eval_vectors.json").read_text())["vectors"]
    return found


def group(vectors: list[dict[str, Any]], name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    found = [(vector["inputs"], vector["expected"]) for vector in vectors if vector["group"] == name]
    assert found
    return found


def outcomes(shared: Path, inputs: dict[str, Any]) -> list[tuple[int, int]]:
    lines = (shared / "data" / "gsm8k" / "model_correctness.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines][: inputs.get("first")]
    return [(row[inputs["base"]], row[inputs["tuned"]]) for row in rows]


@given(n=st.integers(min_value=1, max_value=5_000), share=st.floats(min_value=0, max_value=1))
def test_wilson_agrees_with_statsmodels(n: int, share: float) -> None:
    successes = round(n * share)
    expected = proportion_confint(successes, n, method="wilson")
    assert wilson_interval(successes, n) == pytest.approx(expected, abs=1e-12)


def test_wilson_reproduces_the_reference_vectors(vectors: list[dict[str, Any]]) -> None:
    for inputs, expected in group(vectors, "proportion_ci"):
        assert wilson_interval(inputs["k"], inputs["n"]) == pytest.approx(expected["wilson95"], abs=1e-9)


@given(base_only=counts, tuned_only=counts)
def test_exact_mcnemar_agrees_with_the_binomial_test_of_scipy(base_only: int, tuned_only: int) -> None:
    n = base_only + tuned_only
    expected = stats.binomtest(base_only, n, 0.5).pvalue if n else 1.0
    assert mcnemar_exact(base_only, tuned_only) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("base_only", "tuned_only"), [(43, 499), (0, 900), (499_000, 501_000), (1_000_000, 1_000_001)])
def test_exact_mcnemar_stays_exact_for_large_counts_and_small_tails(base_only: int, tuned_only: int) -> None:
    expected = min(1.0, 2 * stats.binom.cdf(base_only, base_only + tuned_only, 0.5))
    assert mcnemar_exact(base_only, tuned_only) == pytest.approx(expected, rel=1e-6)


@given(base_only=counts, tuned_only=counts)
def test_mid_p_is_the_exact_p_less_half_of_both_points(base_only: int, tuned_only: int) -> None:
    n, fewer = base_only + tuned_only, min(base_only, tuned_only)
    expected = 2 * stats.binom.cdf(fewer, n, 0.5) - stats.binom.pmf(fewer, n, 0.5) if n else None
    assert mcnemar_mid_p(base_only, tuned_only) == (None if n == 0 else pytest.approx(expected, rel=1e-9))


def test_mcnemar_reproduces_the_reference_vectors(vectors: list[dict[str, Any]]) -> None:
    for inputs, expected in group(vectors, "mcnemar"):
        (_, base_only), (tuned_only, _) = inputs["table"]
        assert mcnemar_exact(base_only, tuned_only) == pytest.approx(expected["exact_p"], abs=1e-12)
        mid_p = expected["midp"]
        assert mcnemar_mid_p(base_only, tuned_only) == (None if mid_p is None else pytest.approx(mid_p, abs=1e-12))


def test_real_models_reproduce_the_published_comparisons(vectors: list[dict[str, Any]], shared: Path) -> None:
    for inputs, expected in group(vectors, "paired_binary"):
        pairs = outcomes(shared, inputs)
        lost, gained = pairs.count((1, 0)), pairs.count((0, 1))
        assert (lost, gained) == (expected["discordant_base_only"], expected["discordant_tuned_only"])
        assert mcnemar_exact(lost, gained) == pytest.approx(expected["mcnemar_exact_p"], rel=1e-6)
        assert mcnemar_mid_p(lost, gained) == pytest.approx(expected["mcnemar_midp"], rel=1e-6)
        base = wilson_interval(sum(one for one, _ in pairs), len(pairs))
        assert base == pytest.approx(expected["wilson_ci95_base"], abs=1e-9)
        assert paired_interval(lost, gained, len(pairs)) == pytest.approx(expected["wald_ci95"], abs=0.006)
        differences = [float(after - before) for before, after in pairs]
        assert bootstrap_interval(differences) == pytest.approx(expected["bootstrap_percentile_ci95"], abs=0.006)


def test_tango_reproduces_the_published_example_of_airway_hyper_responsiveness() -> None:
    """Fagerland, Lydersen, Laake (2014), Statistics in Medicine 33:2850, table II: 21 children, 7 against 1."""
    assert paired_interval(7, 1, 21) == pytest.approx((-0.517, -0.026), abs=5e-4)


@settings(max_examples=60, deadline=None)
@given(
    base_only=st.integers(min_value=0, max_value=30),
    tuned_only=st.integers(min_value=0, max_value=30),
    concordant=st.integers(min_value=1, max_value=60),
)
def test_the_ends_of_tangos_interval_are_where_the_constrained_score_test_turns(
    base_only: int, tuned_only: int, concordant: int
) -> None:
    n = base_only + tuned_only + concordant
    low, high = paired_interval(base_only, tuned_only, n)
    for end in (low, high):
        excess = abs(tuned_only - base_only - n * end)
        assert excess / constrained_deviation(base_only, tuned_only, n, end) == pytest.approx(1.959964, abs=2e-3)


def constrained_deviation(base_only: int, tuned_only: int, n: int, difference: float) -> float:
    """Brute force: maximise the likelihood of the counts under a given difference, then take its variance."""

    def loss(base_share: float) -> float:
        tuned_share = base_share + difference
        rest = 1 - base_share - tuned_share
        cells = ((base_only, base_share), (tuned_only, tuned_share), (n - base_only - tuned_only, rest))
        return -sum(count * math.log(max(share, 1e-300)) for count, share in cells if count)

    bounds = (max(0.0, -difference), (1 - difference) / 2)
    found = optimize.minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-12})
    best = min((float(found.x), *bounds), key=loss)
    return math.sqrt(n * (2 * best + difference - difference**2))


def test_an_interval_never_holds_zero_where_the_exact_test_rejects() -> None:
    for base_only, tuned_only in itertools.combinations_with_replacement(range(120), 2):
        if mcnemar_exact(base_only, tuned_only) < 0.05:
            assert (tuned_only - base_only) / math.sqrt(base_only + tuned_only) > 1.959964


@pytest.mark.parametrize(("base_only", "tuned_only"), [(0, 0), (0, 40), (40, 0), (3, 5)])
def test_the_paired_interval_is_ordered_bounded_and_holds_the_estimate(base_only: int, tuned_only: int) -> None:
    low, high = paired_interval(base_only, tuned_only, 40)
    assert -1 <= low <= (tuned_only - base_only) / 40 <= high <= 1


@settings(max_examples=10, deadline=None)
@given(lost=st.sampled_from([0.02, 0.1, 0.2]), gained=st.sampled_from([0.05, 0.15, 0.3]))
def test_the_paired_interval_covers_the_true_difference(lost: float, gained: float) -> None:
    n, covered = 40, 0.0
    for base_only in range(n + 1):
        outer = stats.binom.pmf(base_only, n, lost)
        inner = stats.binom.pmf(range(n - base_only + 1), n - base_only, gained / (1 - lost))
        for tuned_only in range(n - base_only + 1):
            if outer * inner[tuned_only] > 1e-7:
                low, high = paired_interval(base_only, tuned_only, n)
                covered += outer * inner[tuned_only] * (low <= gained - lost <= high)
    assert covered > 0.93


def test_needed_pairs_reproduces_the_reference_vectors(vectors: list[dict[str, Any]]) -> None:
    for inputs, expected in group(vectors, "mcnemar_sample_size"):
        lost, gained = inputs["p10"], inputs["p01"]
        assert needed_pairs(gained - lost, lost + gained) == expected["n_connor1987"]


@pytest.mark.parametrize(("lost", "gained"), [(0.05, 0.12), (0.1, 0.2), (0.02, 0.1)])
def test_needed_pairs_reach_the_stated_power(lost: float, gained: float) -> None:
    rng = random.Random(5)
    n, runs = needed_pairs(gained - lost, lost + gained), 1_500
    found = 0
    for _ in range(runs):
        draws = [rng.random() for _ in range(n)]
        losses, gains = sum(draw < lost for draw in draws), sum(draw > 1 - gained for draw in draws)
        found += mcnemar_exact(losses, gains) < 0.05
    assert found / runs == pytest.approx(0.8, abs=0.06)


@given(n=st.integers(min_value=10, max_value=20_000), discordant=st.floats(min_value=0, max_value=1))
def test_the_detectable_difference_is_the_smallest_that_n_items_show(n: int, discordant: float) -> None:
    smallest = detectable_difference(n, discordant)
    assert needed_pairs(smallest, discordant) <= n
    assert needed_pairs(smallest * 0.999, discordant) >= n


def test_a_handful_of_items_shows_not_even_the_largest_difference() -> None:
    assert detectable_difference(2, 0.5) == 1.0


def test_the_detectable_mean_difference_reproduces_the_reference_vectors(vectors: list[dict[str, Any]]) -> None:
    for inputs, expected in group(vectors, "min_detectable_effect"):
        found = detectable_mean_difference(inputs["n"], inputs["sd_diff"])
        assert found == pytest.approx(expected["mde_normal"], abs=1e-7)


def test_needed_items_turn_the_detectable_mean_difference_round() -> None:
    assert needed_items(detectable_mean_difference(400, 0.5) + 1e-9, 0.5) == 400


def test_the_bootstrap_and_the_permutation_test_reproduce_the_reference_vector(vectors: list[dict[str, Any]]) -> None:
    ((inputs, expected),) = group(vectors, "paired_continuous")
    differences = [after - before for before, after in zip(inputs["base"], inputs["tuned"], strict=True)]
    assert bootstrap_interval(differences) == pytest.approx(expected["bca_ci95"], abs=0.004)
    assert sign_flip_p(differences) == pytest.approx(expected["signflip_permutation_p"], abs=0.002)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(min_value=-1, max_value=1), min_size=1, max_size=9))
def test_the_permutation_test_agrees_with_all_flips_tried(differences: list[float]) -> None:
    observed = abs(math.fsum(differences)) - 1e-9 * math.fsum(map(abs, differences))
    flips = list(itertools.product((-1, 1), repeat=len(differences)))
    sums = [abs(math.fsum(map(math.prod, zip(signs, differences, strict=True)))) for signs in flips]
    exact = sum(total >= observed for total in sums) / len(flips)
    assert sign_flip_p(differences) == pytest.approx(exact, abs=0.025)


def test_the_bootstrap_repeats_itself_for_a_seed() -> None:
    values = [0.1, 0.5, 0.9, 0.4]
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)


def test_the_bootstrap_interval_agrees_with_scipy() -> None:
    values = [random.Random(1).betavariate(2, 3) for _ in range(60)]
    oracle = stats.bootstrap((values,), fmean, vectorized=False, method="percentile", random_state=1)
    interval = oracle.confidence_interval
    assert bootstrap_interval(values) == pytest.approx((interval.low, interval.high), abs=0.006)


@settings(max_examples=10, deadline=None)  # the oracle is slow
@given(st.lists(st.floats(min_value=0, max_value=1), min_size=1, max_size=20))
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)


def test_holm_reproduces_the_reference_vectors(vectors: list[dict[str, Any]]) -> None:
    for inputs, expected in group(vectors, "multiple_comparisons"):
        assert holm(inputs["p"]) == pytest.approx(expected["holm"], abs=1e-9)
