import sys
from subprocess import run

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from valuecompass.stats import Interval, beta_interval, cluster_bootstrap_mean

RUNS = 500
DRAWS = 500


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- Beta ---


@pytest.mark.parametrize(("k", "n"), [(1, 3), (2, 10), (7, 10), (2.5, 9)])
def test_jeffreys_encloses_95_percent_of_the_posterior(k, n):
    interval = beta_interval(k, n)
    posterior = beta(k + 0.5, n - k + 0.5)
    assert posterior.cdf(interval.low) == pytest.approx(0.025)
    assert posterior.sf(interval.high) == pytest.approx(0.025)


@pytest.mark.parametrize("n", [1, 5, 40])
def test_uniform_prior_has_a_closed_form_at_the_edges(n):
    # Beta(1, n + 1) has distribution function 1 - (1 - x)^(n + 1).
    high = 1 - 0.025 ** (1 / (n + 1))
    assert beta_interval(0, n, prior=1) == pytest.approx((0, 0, high))
    assert beta_interval(n, n, prior=1) == pytest.approx((1, 1 - high, 1))


@given(n=st.floats(0.5, 1e4), share=st.floats(0, 1))
def test_proportion_intervals_hold_the_estimate_and_mirror(n, share):
    k = share * n
    value, low, high = beta_interval(k, n)
    assert 0 <= low <= value <= high <= 1
    assert low < high
    mirror = beta_interval(n - k, n)
    assert (1 - mirror.high, 1 - mirror.low) == pytest.approx((low, high), abs=1e-7)


def test_edges_are_exact():
    for n in (1, 3, 7, 29, 1000):
        assert beta_interval(0, n).low == 0
        assert beta_interval(n, n).high == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [((0, 0), "n must"), ((3, 2), "successes"), ((-1, 2), "successes"), ((1, 2, 95), "level")],
)
def test_proportion_intervals_refuse_bad_arguments(args, message):
    with pytest.raises(ValueError, match=message):
        beta_interval(*args)


def test_beta_interval_refuses_an_improper_prior():
    with pytest.raises(ValueError, match="prior"):
        beta_interval(1, 2, prior=0)


# --- cluster bootstrap ---


@pytest.mark.parametrize(("k", "n"), [(0, 1), (0, 12), (12, 12), (1, 10), (7, 20)])
def test_one_binary_response_a_cluster_is_jeffreys(k, n):
    interval = cluster_bootstrap_mean(np.arange(n) < k, np.arange(n), rng(), draws=200_000)
    assert interval == pytest.approx(tuple(beta_interval(k, n)), abs=0.004)


@pytest.mark.parametrize("value", [0, 1])
def test_at_the_edge_equal_clusters_count_as_one_trial_each(value):
    interval = cluster_bootstrap_mean(
        np.full(24, value), np.repeat(np.arange(8), 3), rng(), draws=200_000
    )
    assert interval == pytest.approx(tuple(beta_interval(8 * value, 8)), abs=0.004)


def test_at_the_edge_unequal_clusters_count_a_little_less():
    clusters = np.repeat(np.arange(8), [1, 2, 3, 1, 3, 2, 1, 3])
    high = cluster_bootstrap_mean(np.zeros(16), clusters, rng(), draws=200_000).high
    assert beta_interval(0, 8).high < high < beta_interval(0, 6).high


def test_many_clusters_match_the_sandwich_standard_error():
    g = rng(1)
    clusters = np.repeat(np.arange(800), g.integers(1, 4, 800))
    values = np.clip(g.normal(0.5, 0.1, 800)[clusters] + g.normal(0, 0.1, len(clusters)), 0, 1)
    value, low, high = cluster_bootstrap_mean(values, clusters, rng(), draws=20_000)
    residuals = np.bincount(clusters, weights=values - values.mean())
    half = 1.96 * np.sqrt((residuals**2).sum()) / len(values)
    assert value == pytest.approx(values.mean())
    assert (value - low, high - value) == pytest.approx((half, half), rel=0.04)


def test_clustering_widens_the_interval():
    values = np.repeat(rng(2).random(30) < 0.5, 3)
    clustered = cluster_bootstrap_mean(values, np.repeat(np.arange(30), 3), rng())
    independent = cluster_bootstrap_mean(values, np.arange(90), rng())
    ratio = (clustered.high - clustered.low) / (independent.high - independent.low)
    assert ratio == pytest.approx(3**0.5, rel=0.1)


def test_missing_is_dropped_and_never_a_zero():
    values, clusters = np.array([1, 1, np.nan, 0.5, np.nan]), np.array([0, 0, 0, 1, 2])
    seen = ~np.isnan(values)
    interval = cluster_bootstrap_mean(values, clusters, rng())
    assert interval == cluster_bootstrap_mean(values[seen], clusters[seen], rng())
    assert interval.value == pytest.approx(2.5 / 3)


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_nothing_observed_gives_nan(values):
    assert np.isnan(cluster_bootstrap_mean(values, np.arange(len(values)), rng())).all()


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 5)), min_size=1), st.randoms())
def test_order_and_labels_do_not_matter(rows, random):
    random_rows = random.sample(rows, len(rows))
    one = cluster_bootstrap_mean(*zip(*rows, strict=True), rng(), draws=50)
    labels = [f"item {9 - c}" for _, c in random_rows]
    other = cluster_bootstrap_mean([v for v, _ in random_rows], labels, rng(), draws=50)
    assert one == pytest.approx(tuple(other), abs=1e-9)
    assert 0 <= one.low <= one.value <= one.high <= 1


def test_order_of_addition_does_not_matter():
    # .1 + .2 + .3 and .3 + .2 + .1 differ in the last bit; the clusters are still equal.
    clusters = np.repeat(np.arange(4), 3)
    one = cluster_bootstrap_mean([0.1, 0.2, 0.3, 0.3, 0.2, 0.1] * 2, clusters, rng())
    other = cluster_bootstrap_mean([0.1, 0.2, 0.3] * 4, clusters, rng())
    assert one == pytest.approx(tuple(other), abs=1e-12)


def test_same_generator_state_gives_the_same_interval():
    values, clusters = rng(3).random(20), np.arange(20) // 2
    assert cluster_bootstrap_mean(values, clusters, rng(4)) == cluster_bootstrap_mean(
        values, clusters, rng(4)
    )


def test_higher_level_is_wider():
    values, clusters = rng(3).random(20), np.arange(20) // 2
    intervals = [cluster_bootstrap_mean(values, clusters, rng(), level=x) for x in (0.5, 0.8, 0.99)]
    widths = [i.high - i.low for i in intervals]
    assert widths == sorted(widths)
    assert widths[0] < widths[2] / 2


@pytest.mark.parametrize(
    ("values", "clusters", "level", "message"),
    [
        ([0.5, 1], [0], 0.95, "both be"),
        ([[0.5]], [[0]], 0.95, "both be"),
        ([1.1], [0], 0.95, "in \\[0, 1\\]"),
        ([-0.1], [0], 0.95, "in \\[0, 1\\]"),
        ([0.5], [0], 1, "level"),
    ],
)
def test_bootstrap_refuses_bad_arguments(values, clusters, level, message):
    with pytest.raises(ValueError, match=message):
        cluster_bootstrap_mean(values, clusters, rng(), level=level)


@pytest.mark.parametrize("graded", [False, True])
@pytest.mark.parametrize("mean", [0.02, 0.5, 0.9])
def test_coverage_with_few_correlated_clusters(mean, graded):
    # The full table is benchmarks/coverage.py; 500 runs have a standard error of .01.
    g, covered = rng(5), 0
    for _ in range(RUNS):
        clusters = np.repeat(np.arange(12), g.integers(1, 4, 12))
        rate = g.beta(mean, 1 - mean, 12)[clusters]
        values = rate if graded else g.random(len(rate)) < rate
        interval = cluster_bootstrap_mean(values, clusters, g, draws=DRAWS)
        covered += interval.low <= mean <= interval.high
    assert covered / RUNS > 0.91


def test_importing_stats_does_not_import_scipy():
    code = "import sys, valuecompass.stats; sys.exit('scipy' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0


def test_interval_is_a_plain_tuple():
    value, low, high = Interval(0.5, 0.4, 0.6)
    assert (value, low, high) == (0.5, 0.4, 0.6)
