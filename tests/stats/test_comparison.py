from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import beta, false_discovery_control, norm

from valuecompass.stats import cluster_bootstrap_mean, comparison
from valuecompass.stats.comparison import benjamini_hochberg, claims, paired_difference

# Benjamini & Hochberg (1995), section 3.2: the thrombolysis trial.
PUBLISHED = [
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459),
    *(0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000),
]


def correlated(rng, sets, items, rho, first, second):
    """Binary answers of two respondents to `items` items, tetrachoric correlation rho."""
    common = np.sqrt(rho) * rng.standard_normal((sets, items))
    own = np.sqrt(1 - rho) * rng.standard_normal((2, sets, items))
    answers = [common + noise < norm.ppf(p) for noise, p in zip(own, (first, second), strict=True)]
    return np.array(answers, dtype=float)


def exact_sign_flip(sums):
    signs = np.array(list(product([-1, 1], repeat=len(sums))))
    return (np.abs(signs @ sums) >= abs(sum(sums)) - 1e-12).mean()


def test_always_opposite_answers_have_jeffreys_limits():
    result = paired_difference(
        np.ones(12), np.zeros(12), np.arange(12), np.random.default_rng(0), draws=100_000
    )
    low, high = 2 * beta.ppf([0.025, 0.975], 12.5, 0.5) - 1
    assert result.interval.value == result.interval.high == 1
    assert high < 1
    assert result.interval.low == pytest.approx(low, abs=0.003)
    assert result.n == 12


def test_interval_is_the_house_interval_of_the_stretched_mean():
    rng = np.random.default_rng(1)
    a, b, items = rng.random(90), rng.random(90), rng.integers(0, 25, 90)
    ours = paired_difference(a, b, items, rng, draws=40_000).interval
    house = cluster_bootstrap_mean((1 + a - b) / 2, items, rng, draws=40_000)
    assert ours == pytest.approx([2 * x - 1 for x in house], abs=0.006)
    assert ours.value == pytest.approx((a - b).mean())


@pytest.mark.parametrize(
    ("items", "rho", "first", "second", "least"),
    [(10, 0.0, 0.5, 0.5, 0.92), (20, 0.5, 0.6, 0.4, 0.93), (20, 0.9, 0.1, 0.1, 0.93),
     (50, 0.9, 0.02, 0.02, 0.93), (50, 0.0, 0.2, 0.05, 0.93)],
)  # fmt: skip
def test_interval_covers_planted_differences(items, rho, first, second, least):
    # Every simulated data set is a dimension of its own with its own weights.
    rng, sets = np.random.default_rng(2), 600
    answers = correlated(rng, sets, items, rho, first, second)
    result = claims(answers.transpose(0, 2, 1), np.arange(items), rng, draws=500, flips=1)
    truth = first - second
    hits = ((result.low <= truth + 1e-12) & (truth - 1e-12 <= result.high)).mean()
    assert hits > least - 3 * np.sqrt(least * (1 - least) / sets)


def test_p_value_matches_all_sign_flips():
    rng = np.random.default_rng(3)
    for _ in range(5):
        a, b = rng.random((2, 10))
        b *= 0.7
        exact = exact_sign_flip((a - b).tolist())
        p = paired_difference(a, b, np.arange(10), rng, draws=1, flips=40_000).p
        assert p == pytest.approx(exact, abs=4 * np.sqrt(exact / 40_000) + 1e-4)


def test_the_bound_of_the_tail_is_not_rounded_below_what_is_proven():
    assert 1 / (4 * norm.sf(np.sqrt(2))) <= comparison.RADEMACHER


def test_p_value_flips_whole_clusters():
    # Three items of four equal rows each: of 8 flips only two reach the total.
    a, b = np.full(12, 0.9), np.full(12, 0.2)
    items = np.repeat([5, 3, 9], 4)
    result = paired_difference(a, b, items, np.random.default_rng(4), flips=40_000)
    assert result.p == pytest.approx(0.25, abs=0.01)
    assert result.n == 3


def test_one_item_can_show_nothing():
    assert paired_difference([1.0], [0.2], ["a"], np.random.default_rng(0), flips=9).p == 1


def test_p_value_is_valid_when_exchangeable():
    # Skewed, unequal and dependent values, exchanged at random within items.
    rng, sets, items = np.random.default_rng(5), 3000, 15
    values = rng.beta(0.3, 1, (2, items, sets)) * rng.random((items, 1))
    p = claims(values, np.arange(items), rng, draws=1, flips=300).p.ravel()
    for level in (0.01, 0.05, 0.2, 0.5):
        assert (p <= level).mean() < level + 3 * np.sqrt(level * (1 - level) / sets)
    assert (p <= 0.2).mean() > 0.15


@pytest.mark.parametrize("items", [12, 16, 18])
def test_beyond_the_flips_the_bound_is_above_the_exact_p_value(items):
    a, b = np.full(items, 0.9), np.full(items, 0.2)
    p = paired_difference(a, b, np.arange(items), np.random.default_rng(6), draws=1, flips=99).p
    assert 2.0 ** (1 - items) <= p <= 0.01


def test_one_strong_difference_is_found_among_many_claims():
    rng = np.random.default_rng(7)
    values = (rng.random((6, 150, 8)) < 0.5).astype(float)
    values[2, :, 3] = (rng.random(150) < 0.97).astype(float)
    result = claims(values, np.arange(150), rng, draws=10, flips=200)
    strong = (result.pairs == 2).any(axis=1)
    assert result.discovered[strong, 3].all()
    assert result.discovered.sum() <= strong.sum() + 2
    # 120 claims: no flip of 200 alone could give a q-value of .05.
    assert result.q[strong, 3].max() < 0.05 < 120 / 201 / strong.sum()


def test_claims_agree_with_each_pair_alone():
    rng = np.random.default_rng(8)
    values = rng.random((4, 60, 3))
    values[rng.random(values.shape) < 0.2] = np.nan
    values[:, 30:, 1] = np.nan
    items = rng.integers(0, 20, 60)
    result = claims(values, items, rng, draws=20_000, flips=20_000)
    assert result.pairs.tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    for row, (i, j) in enumerate(result.pairs):
        for d in range(3):
            alone = paired_difference(
                values[i, :, d], values[j, :, d], items, rng, draws=20_000, flips=20_000
            )
            mean = np.nanmean(values[i, :, d] - values[j, :, d])
            assert result.difference[row, d] == pytest.approx(mean)
            assert alone.interval.value == pytest.approx(mean)
            assert result.low[row, d] == pytest.approx(alone.interval.low, abs=0.015)
            assert result.high[row, d] == pytest.approx(alone.interval.high, abs=0.015)
            assert result.p[row, d] == pytest.approx(alone.p, abs=0.02)
            assert result.n[row, d] == alone.n
    q, discovered = benjamini_hochberg(result.p)
    assert (result.q == q).all()
    assert (result.discovered == discovered).all()


def test_some_pairs_are_those_pairs_of_all():
    values, items = np.random.default_rng(9).random((4, 40, 2)), np.arange(40)
    whole = claims(values, items, np.random.default_rng(0))
    some = claims(values, items, np.random.default_rng(0), pairs=[(0, 3), (2, 1)])
    assert some.pairs.tolist() == [[0, 3], [2, 1]]
    assert (some.low[0] == whole.low[2]).all() and (some.p[0] == whole.p[2]).all()
    assert some.difference[1] == pytest.approx(-whole.difference[3])
    with pytest.raises(ValueError, match="pairs"):
        claims(values, items, np.random.default_rng(0), pairs=[0, 1])


def test_blocks_do_not_change_the_numbers(monkeypatch):
    values, items = np.random.default_rng(9).random((5, 40, 2)), np.arange(40) // 2
    whole = claims(values, items, np.random.default_rng(0), draws=4000, flips=4000)
    monkeypatch.setattr("valuecompass.stats.comparison.BLOCK", 90)
    parts = claims(values, items, np.random.default_rng(0), draws=4000, flips=4000)
    assert (parts.difference == whole.difference).all()
    assert parts.low == pytest.approx(whole.low, abs=0.03)
    assert parts.p == pytest.approx(whole.p, abs=0.06)


def test_false_discoveries_stay_within_the_rate():
    # Six respondents, two groups of truly equal ones; 4 dimensions, of which one differs.
    rng, worlds, false_share, power = np.random.default_rng(10), 120, [], []
    for _ in range(worlds):
        rate = np.full((6, 1, 4), 0.4)
        rate[3:, :, 0] = 0.7
        values = (rng.random((6, 80, 4)) < rate).astype(float)
        result = claims(values, np.arange(80), rng, draws=1, flips=300)
        true = np.zeros(result.p.shape, bool)
        true[:, 0] = (result.pairs < 3).sum(axis=1) == 1
        false_share.append((result.discovered & ~true).sum() / max(result.discovered.sum(), 1))
        power.append(result.discovered[true].mean())
    assert np.mean(false_share) < 0.05 + 3 * np.std(false_share) / np.sqrt(worlds)
    assert np.mean(power) > 0.6


def test_benjamini_hochberg_of_the_published_example():
    q, discovered = benjamini_hochberg(PUBLISHED)
    assert discovered.sum() == 4
    assert q == pytest.approx(false_discovery_control(PUBLISHED))


@settings(deadline=None)
@given(arrays(float, (3, 7), elements=st.floats(0, 1) | st.just(np.nan)))
def test_q_values_match_scipy_and_missing_stays_missing(p):
    q, discovered = benjamini_hochberg(p, 0.1)
    tested = ~np.isnan(p)
    assert (np.isnan(q) == ~tested).all()
    assert q[tested] == pytest.approx(false_discovery_control(p[tested]))
    assert (discovered == (q <= 0.1)).all()


def test_swapping_the_respondents_mirrors_the_result():
    rng = np.random.default_rng(11)
    a, b, items = rng.random(80), rng.random(80) ** 2, rng.integers(0, 30, 80)
    one, other = (
        paired_difference(x, y, items, np.random.default_rng(0), draws=20_000)
        for x, y in ((a, b), (b, a))
    )
    low, high = other.interval.low, other.interval.high
    assert one.interval == pytest.approx([-other.interval.value, -high, -low], abs=0.01)
    assert one.p == other.p


def test_equal_answers_and_no_common_item():
    rng, items = np.random.default_rng(12), np.arange(10)
    same = paired_difference(np.ones(10), np.ones(10), items, rng)
    assert (same.interval.value, same.p) == (0, 1)
    assert same.interval.low < 0 < same.interval.high
    empty = paired_difference([1, np.nan], [np.nan, 0], [0, 1], rng)
    assert np.isnan(empty.interval).all()
    assert np.isnan(empty.p)
    assert empty.n == 0
    nothing = claims(np.full((3, 4, 2), np.nan), np.arange(4), rng)
    assert np.isnan(nothing.q).all()
    assert not nothing.discovered.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a": [1, 1, 1]}, "both be"),
        ({"clusters": [1]}, "clusters"),
        ({"b": [0, 1.5]}, r"\[0, 1\]"),
        ({"level": 0}, "level"),
        ({"draws": 0}, "draws"),
        ({"flips": 0}, "flips"),
    ],
)
def test_refuses_bad_arguments(change, message):
    arguments = {"a": [0, 1], "b": [1, 0], "clusters": [1, 2], "rng": np.random.default_rng(0)}
    with pytest.raises(ValueError, match=message):
        paired_difference(**arguments | change)


def test_refuses_bad_p_values():
    with pytest.raises(ValueError, match="p-values"):
        benjamini_hochberg([0.5, 1.2])
    with pytest.raises(ValueError, match="level"):
        benjamini_hochberg([0.5], 1)
    with pytest.raises(ValueError, match="level"):
        claims(np.zeros((2, 3, 1)), np.arange(3), np.random.default_rng(0), fdr=1)
