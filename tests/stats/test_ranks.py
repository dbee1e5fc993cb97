import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, studentized_range

from valuecompass.stats.ranks import rank_sets


def places(truth):
    """Best and worst rank of each respondent, ties take every place of their group."""
    truth = np.asarray(truth)
    above = (truth[None, :] > truth[:, None]).sum(1)
    return 1 + above, len(truth) - (truth[None, :] < truth[:, None]).sum(1)


def covered(sets, truth):
    first, last = places(truth)
    return bool((sets.low <= first).all() and (last <= sets.high).all())


def test_without_draws_only_equality_is_known():
    sets = rank_sets([2.0, np.nan, 3.0, 2.0, 1.0])
    assert sets.rank == pytest.approx([2, np.nan, 1, 2, 4], nan_ok=True)
    assert sets.low == pytest.approx([2, np.nan, 1, 2, 4], nan_ok=True)
    assert sets.high == pytest.approx([3, np.nan, 1, 3, 4], nan_ok=True)


def test_rounding_does_not_break_a_tie():
    assert rank_sets([0.1 + 0.2, 0.3]).high.tolist() == [2, 2]
    assert rank_sets([0.3 + 1e-6, 0.3]).high.tolist() == [1, 2]


@settings(deadline=None)
@given(st.lists(st.integers(-5, 5), max_size=30))
def test_ranks_match_scipy(values):
    sets = rank_sets(values)
    negative = -np.array(values, dtype=float)
    assert sets.rank.tolist() == rankdata(negative, method="min").tolist()
    assert sets.high.tolist() == rankdata(negative, method="max").tolist()


def test_critical_value_is_the_studentised_range():
    # Independent equal normals: the largest studentised difference is the range over sqrt 2.
    rng, count = np.random.default_rng(0), 5
    draws = rng.standard_normal((200_000, count))
    critical = studentized_range.ppf(0.95, count, np.inf)  # in sd of one, 3.858
    just = np.zeros(count)
    for factor, separate in ((1.01, True), (0.99, False)):
        just[0] = critical * factor
        sets = rank_sets(just, draws + just)
        assert sets.high.tolist() == ([1] if separate else [5]) + [5] * 4
        assert sets.low.tolist() == [1] + [2 if separate else 1] * 4


@pytest.mark.parametrize(
    "truth", [np.zeros(6), np.arange(6) / 4, [0, 0, 0.5, 0.5, 4, 4], np.arange(6) * 5]
)
def test_joint_coverage_of_normal_scores(truth):
    # Correlated scores with unequal errors; the draws know the law exactly.
    rng, runs, truth = np.random.default_rng(1), 1500, np.asarray(truth, dtype=float)
    loadings = rng.uniform(0.3, 1, (6, 6)) * (1 + np.arange(6)) / 4
    noise = rng.standard_normal((1000, 6)) @ loadings.T
    hits = 0
    for error in rng.standard_normal((runs, 6)) @ loadings.T:
        hits += covered(rank_sets(truth + error, truth + error + noise), truth)
    assert hits / runs > 0.95 - 3 * np.sqrt(0.95 * 0.05 / runs)


def test_joint_coverage_of_bootstrapped_binary_items():
    rng, runs, items, count = np.random.default_rng(2), 400, 50, 8
    truth, hits = np.full(count, 0.4), {None: 0, items: 0}
    for _ in range(runs):
        ease = rng.uniform(-0.2, 0.2, (items, 1))
        answers = (rng.random((items, count)) < truth + ease).astype(float)
        weights = rng.standard_exponential((500, items))
        zeros, ones = rng.standard_gamma(0.5, (2, 500, count))
        draws = (weights @ answers + ones) / (weights.sum(axis=1, keepdims=True) + zeros + ones)
        for n in hits:
            hits[n] += covered(rank_sets(answers.mean(axis=0), draws, n=n), truth)
    assert hits[items] / runs > 0.94 - 3 * np.sqrt(0.94 * 0.06 / runs)
    assert hits[None] < hits[items]


def test_few_items_widen_by_student_and_the_variance_of_the_bootstrap():
    # Two respondents: normal quantile 1.960, with 9 degrees of freedom 2.262.
    draws = np.zeros((200_000, 2))
    draws[:, 0] = np.random.default_rng(7).standard_normal(200_000)
    for n, critical in ((None, 1.95996), (10, 2.26216 * np.sqrt(11 / 9))):
        for factor, worst in ((1.01, 1), (0.99, 2)):
            values = np.array([critical * factor, 0])
            assert rank_sets(values, draws + values, n=n).high.tolist() == [worst, 2]


def test_rounding_errors_in_some_draws_hide_nothing():
    # Counted as deviations they would be 4 of their own sd, beyond the 3 of the real difference.
    draws = np.random.default_rng(8).standard_normal((500, 3))
    draws[:, 1] = draws[:, 0]
    draws[:30, 1] += 1e-15
    assert rank_sets([0, 0, 3 * np.sqrt(2)], draws).high.tolist() == [3, 3, 1]


def test_strong_separation_gives_single_ranks():
    rng = np.random.default_rng(3)
    values = np.array([10.0, 40, 20, 30])
    sets = rank_sets(values, values + rng.standard_normal((500, 4)))
    assert sets.rank.tolist() == sets.low.tolist() == sets.high.tolist() == [4, 1, 3, 2]


def test_identical_respondents_share_every_rank():
    draws = np.random.default_rng(4).standard_normal((500, 1)) @ np.ones((1, 4))
    sets = rank_sets(np.zeros(4), draws * [1, 1 + 1e-15, 1, 1 - 1e-15])
    assert (sets.rank == 1).all()
    assert (sets.low == 1).all()
    assert (sets.high == 4).all()


def test_a_difference_that_never_varies_is_sure():
    # The first two move together, the third goes its own way.
    rng = np.random.default_rng(5)
    draws = np.column_stack([rng.standard_normal(500)] * 2 + [rng.standard_normal(500)])
    values = np.array([0.0, 0.1, 0.05])
    sets = rank_sets(values, draws + values)
    assert (sets.low.tolist(), sets.high.tolist()) == ([2, 1, 1], [3, 2, 3])


def test_respondents_without_a_value_change_nothing():
    rng = np.random.default_rng(6)
    values, draws = rng.standard_normal(5), rng.standard_normal((300, 5))
    padded_values, padded = np.full(7, np.nan), np.full((300, 7), np.nan)
    kept = [0, 2, 3, 5, 6]
    padded_values[kept], padded[:, kept] = values, draws
    for all_of_them, some in zip(
        rank_sets(padded_values, padded), rank_sets(values, draws), strict=True
    ):
        assert all_of_them[kept] == pytest.approx(some)
        assert np.isnan(all_of_them[[1, 4]]).all()


@pytest.mark.parametrize("values", [[], [np.nan, np.nan], [3.0]])
@pytest.mark.parametrize("drawn", [False, True])
def test_too_few_to_rank(values, drawn):
    sets = rank_sets(values, np.ones((5, len(values))) if drawn else None)
    expected = [1.0] if values == [3.0] else [np.nan] * len(values)
    for field in sets:
        assert field == pytest.approx(expected, nan_ok=True)


@settings(deadline=None)
@given(st.integers(1, 8), st.integers(0, 2**32 - 1), st.floats(0, 5))
def test_sets_hold_the_rank_and_widen_with_level(count, seed, spread):
    rng = np.random.default_rng(seed)
    values = rng.integers(-2, 3, count) * spread
    draws = values + rng.standard_normal((50, count))
    narrow, wide = (rank_sets(values, draws, level=level) for level in (0.5, 0.95))
    assert (wide.low <= narrow.low).all()
    assert (narrow.high <= wide.high).all()
    assert (narrow.low <= narrow.rank).all()
    assert (narrow.rank <= narrow.high).all()


@pytest.mark.parametrize(
    ("values", "draws", "level", "message"),
    [
        ([[1, 2]], None, 0.95, "values"),
        ([1, np.inf], None, 0.95, "finite"),
        ([1, 2], [[1, 2]], 0.95, "draws"),
        ([1, 2], [[1], [2]], 0.95, "draws"),
        ([1, 2], [[1, np.nan], [1, 2]], 0.95, "finite"),
        ([1, 2], None, 1, "level"),
    ],
)
def test_refuses_bad_arguments(values, draws, level, message):
    with pytest.raises(ValueError, match=message):
        rank_sets(values, draws, level=level)


def test_refuses_too_few_items():
    with pytest.raises(ValueError, match="n must"):
        rank_sets([1, 2], n=1)
