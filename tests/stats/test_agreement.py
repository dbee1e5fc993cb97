import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, rankdata

from valuecompass.stats.agreement import (
    ClusterBootstrap,
    auc,
    cohen_kappa,
    krippendorff_alpha,
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@st.composite
def rated(draw, weighted: bool = False):
    n = draw(st.integers(2, 40))
    # few distinct values, so that ties are common
    scores = draw(st.lists(st.integers(-3, 3).map(lambda v: v / 7), min_size=n, max_size=n))
    labels = [0, 1, *draw(st.lists(st.integers(0, 1), min_size=n - 2, max_size=n - 2))]
    weights = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)) if weighted else None
    return np.array(scores), np.array(labels), weights


# --- AUC ---


@given(rated())
def test_auc_is_the_rank_statistic(case):
    scores, labels, _ = case
    ones = labels == 1
    u = rankdata(scores)[ones].sum() - ones.sum() * (ones.sum() + 1) / 2
    assert auc(scores, labels) == pytest.approx(u / (ones.sum() * (~ones).sum()))


@given(rated(weighted=True))
def test_a_weight_is_so_many_rows(case):
    scores, labels, weights = case
    repeated = auc(np.repeat(scores, weights), np.repeat(labels, weights))
    assert auc(scores, labels, weights) == pytest.approx(repeated, nan_ok=True)


def test_auc_of_small_cases():
    assert auc([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1]) == 1
    assert auc([0.1, 0.2, 0.8, 0.9], [1, 1, 0, 0]) == 0
    assert auc([3, 3, 3], [0, 1, 0]) == 0.5
    assert auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]) == 0.75


def test_auc_of_two_normals_has_a_closed_form():
    # P(X > Y) = Phi(d / sqrt 2) for unit normals d apart; standard error below .002 here
    d, n = 1.2, 40_000
    scores = rng().normal(size=2 * n) + d * np.repeat([0, 1], n)
    expected = norm.cdf(d / np.sqrt(2))
    assert auc(scores, np.repeat([0, 1], n)) == pytest.approx(expected, abs=0.008)


@given(rated())
def test_auc_depends_on_order_only_and_mirrors(case):
    scores, labels, _ = case
    value = auc(scores, labels)
    assert auc(np.exp(scores), labels) == pytest.approx(value)
    assert auc(-scores, labels) == pytest.approx(1 - value)
    assert auc(scores, 1 - labels) == pytest.approx(1 - value)


@pytest.mark.parametrize("labels", [[0, 0], [1, 1], []])
def test_auc_of_one_class_is_unknown(labels):
    assert np.isnan(auc(np.zeros(len(labels)), labels))


@pytest.mark.parametrize(
    ("scores", "labels", "weights"),
    [
        ([0.1, np.nan], [0, 1], None),
        ([0.1, np.inf], [0, 1], None),
        ([0.1], [0, 1], None),
        ([[0.1]], [[1]], None),
        ([0.1, 0.2], [0, 2], None),
        ([0.1, 0.2], [0, 0.5], None),
        ([0.1, 0.2], [0, 1], [1]),
        ([0.1, 0.2], [0, 1], [1, -1]),
        ([0.1, 0.2], [0, 1], [1, np.nan]),
    ],
)
def test_auc_refuses_what_is_no_rating(scores, labels, weights):
    with pytest.raises(ValueError):
        auc(scores, labels, weights)


# --- kappa ---


def test_kappa_of_a_worked_example():
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: observed .7, by chance .5
    a = np.repeat([1, 1, 0, 0], [20, 5, 10, 15])
    b = np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    assert cohen_kappa(a, b) == pytest.approx(0.4)
    assert cohen_kappa(b, a) == pytest.approx(0.4)


def test_kappa_at_its_edges():
    assert cohen_kappa([0, 1, 1], [0, 1, 1]) == 1
    assert cohen_kappa([0, 1], [1, 0]) == -1
    assert cohen_kappa([1, 1, 0, 0], [1, 0, 1, 0]) == 0
    assert np.isnan(cohen_kappa([1, 1], [1, 1]))
    assert np.isnan(cohen_kappa([], []))
    with pytest.raises(ValueError):
        cohen_kappa([0.3], [1])


# --- bootstrap ---


def clustered(seed, clusters, size, area):
    generator = rng(seed)
    index = np.repeat(np.arange(clusters), size)
    labels = (generator.random(len(index)) < generator.beta(1, 1, clusters)[index]).astype(int)
    labels[:2] = 0, 1
    scores = norm.ppf(area) * np.sqrt(2) * labels + np.sqrt(0.5) * (
        generator.normal(size=len(index)) + generator.normal(size=clusters)[index]
    )
    return scores, labels, index, generator


@pytest.mark.parametrize(("clusters", "size"), [(20, 3), (80, 2)])
@pytest.mark.parametrize("area", [0.6, 0.95])
def test_the_interval_covers_a_planted_auc(clusters, size, area):
    hits = widths = 0
    for seed in range(200):
        scores, labels, index, generator = clustered(seed, clusters, size, area)
        draws = ClusterBootstrap(index, generator, 400).auc(scores, labels)
        interval = ClusterBootstrap.interval(auc(scores, labels), draws)
        hits += interval.low <= area <= interval.high
        widths += interval.high - interval.low
    assert 0.90 <= hits / 200 <= 0.99  # 95 % within three standard errors
    assert widths / 200 < 0.45


def test_rows_of_one_cluster_are_not_independent():
    generator = rng(3)
    labels, noise = generator.integers(0, 2, 30), generator.normal(size=30)
    copies = np.repeat(np.arange(30), 5)
    scores, repeated = (labels + noise)[copies], labels[copies]
    by_cluster = ClusterBootstrap(copies, rng(1)).auc(scores, repeated)
    by_row = ClusterBootstrap(np.arange(150), rng(1)).auc(scores, repeated)
    once = ClusterBootstrap(np.arange(30), rng(1)).auc(labels + noise, labels)
    assert by_cluster.std() == pytest.approx(once.std(), rel=0.1)
    assert by_row.std() < 0.6 * by_cluster.std()


def test_a_perfect_judge_of_few_items_is_not_certain():
    for clusters in (10, 40, 160):
        labels = np.arange(clusters) % 2
        draws = ClusterBootstrap(np.arange(clusters), rng()).auc(labels, labels)
        interval = ClusterBootstrap.interval(1.0, draws)
        assert interval.high == 1
        assert 1 - 4 / clusters < interval.low < 1 - 0.2 / clusters


def test_differences_are_paired():
    scores, labels, index, _ = clustered(5, 60, 2, 0.8)
    bootstrap = ClusterBootstrap(index, rng())
    same = bootstrap.auc(scores, labels) - bootstrap.auc(10 * scores, labels)
    assert np.abs(same).max() < 1e-12
    close = bootstrap.auc(scores, labels) - bootstrap.auc(
        scores + 0.1 * rng(1).normal(size=len(scores)), labels
    )
    assert close.std() < 0.3 * bootstrap.auc(scores, labels).std()


def test_a_selection_of_rows_is_judged_alone():
    scores, labels, index, _ = clustered(7, 60, 2, 0.7)
    use = np.arange(len(scores)) % 3 > 0
    some = ClusterBootstrap(index, rng(2)).auc(scores, labels, use)
    alone = ClusterBootstrap(index, rng(2)).auc(
        np.where(use, scores, 99), np.where(use, labels, 1 - labels), use
    )
    assert (some == alone).all()
    assert abs(some.mean() - auc(scores[use], labels[use])) < 0.03


@given(rated(), st.integers(1, 3))
def test_rows_of_one_group_tie(case, count):
    scores, labels, _ = case
    groups = np.arange(len(scores)) % count
    ones, zeros = np.flatnonzero(labels), np.flatnonzero(labels == 0)
    higher = np.sign(scores[ones][:, None] - scores[zeros]) / 2 + 0.5
    higher[groups[ones][:, None] == groups[zeros]] = 0.5
    assert auc(scores, labels, groups=groups) == pytest.approx(higher.mean())


def test_draws_of_groups_are_those_of_scores_that_tie():
    scores, labels, index, _ = clustered(7, 60, 2, 0.7)
    groups, use = np.arange(len(scores)) % 4, np.arange(len(scores)) % 3 > 0
    within = groups + 0.5 * scores / (1 + np.abs(scores).max())  # groups lie apart
    grouped = ClusterBootstrap(index, rng(2)).auc(within, labels, use, groups)
    np.testing.assert_allclose(grouped, ClusterBootstrap(index, rng(2)).auc(groups, labels, use))


def test_draws_are_repeatable_and_do_not_depend_on_names_or_blocks():
    scores, labels, index, _ = clustered(9, 30, 2, 0.7)
    first = ClusterBootstrap(index, rng(4), 450).auc(scores, labels)
    assert first.shape == (450,)
    names = np.array([f"item {i:03}" for i in range(30)])[index]
    assert (ClusterBootstrap(names, rng(4), 450).auc(scores, labels) == first).all()


def test_one_class_has_no_interval():
    draws = ClusterBootstrap([1, 2, 3], rng()).auc([0.1, 0.2, 0.3], [1, 1, 1])
    assert np.isnan(draws).all()
    interval = ClusterBootstrap.interval(float("nan"), draws)
    assert np.isnan(interval).all()
    empty = ClusterBootstrap([], rng()).auc([], [])
    assert np.isnan(empty).all()


# --- alpha ---

_ = np.nan
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
    [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
]
"""Krippendorff (2011), section C: four observers, twelve units, the last with one value only."""


@pytest.mark.parametrize(("level", "alpha"), [("nominal", 0.743), ("interval", 0.849)])
def test_alpha_of_the_published_example(level, alpha):
    assert krippendorff_alpha(OBSERVERS, level) == pytest.approx(alpha, abs=5e-4)
    # whoever is named first, and whatever is added to or multiplied into an interval scale
    shuffled = np.array(OBSERVERS)[::-1, rng().permutation(12)]
    assert krippendorff_alpha(shuffled, level) == pytest.approx(
        krippendorff_alpha(OBSERVERS, level)
    )
    assert krippendorff_alpha(1e6 + 7 * shuffled, level) == pytest.approx(
        krippendorff_alpha(OBSERVERS, level)
    )


def test_alpha_of_two_raters_without_gaps_has_a_short_form():
    # nominal, binary: 1 - (n - 1) * o01 / (n0 * n1), Krippendorff (2011), section A
    a = np.array([0, 1, 0, 0, 0, 0, 0, 0, 1, 0])
    b = np.array([1, 1, 1, 0, 0, 1, 0, 0, 0, 0])
    zeros = (a == 0).sum() + (b == 0).sum()
    expected = 1 - 19 * (a != b).sum() / (zeros * (20 - zeros))
    assert krippendorff_alpha([a, b]) == pytest.approx(expected)
    assert expected == pytest.approx(0.095, abs=5e-4)  # as printed there
    # two values: categories and numbers are the same
    assert krippendorff_alpha([a, b], "interval") == pytest.approx(expected)


def test_alpha_at_its_edges():
    assert krippendorff_alpha([[0, 1, 1], [0, 1, 1]]) == 1
    assert krippendorff_alpha([[0.2, 0.9], [0.2, 0.9]], "interval") == 1
    assert krippendorff_alpha([[0, 1], [1, 0]]) < 0
    for empty in ([[1, 1], [1, 1]], [[1, 0], [_, _]], [[_], [_]], np.zeros((2, 0)), [[0.1, 0.7]]):
        for level in ("nominal", "interval"):
            assert np.isnan(krippendorff_alpha(empty, level))
    assert np.isnan(krippendorff_alpha(np.full((3, 4), 0.1), "interval"))
    for wrong in ([1, 0], [[np.inf, 1]], [[[1]]]):
        with pytest.raises(ValueError):
            krippendorff_alpha(wrong)
    with pytest.raises(ValueError):
        ClusterBootstrap([1, 2], rng()).alpha([[0, 1, 1], [0, 1, 1]])


@given(st.integers(0, 10_000))
def test_independent_raters_agree_by_chance_alone(seed):
    generator = rng(seed)
    ratings = (generator.random((3, 2_000)) < 0.3).astype(float)
    ratings[generator.random((3, 2_000)) < 0.1] = np.nan
    assert abs(krippendorff_alpha(ratings)) < 0.07  # standard error about .015


def rated_by_items(seed, clusters, size, error, level):
    """Raters of a shared truth that depends on the item, and the alpha that was planted."""
    generator = rng(seed)
    index = np.repeat(np.arange(clusters), size)
    truth = (generator.random(len(index)) < generator.beta(2, 2, clusters)[index]).astype(float)
    shape = (2, len(index))
    if level == "nominal":
        flipped = generator.random(shape) < error
        return np.where(flipped, 1 - truth, truth), index, 1 - 4 * error * (1 - error), generator
    truth += generator.normal(size=len(index))
    ratings = truth + 4 * error * generator.normal(size=shape)
    return ratings, index, 1.25 / (1.25 + 16 * error**2), generator


@pytest.mark.parametrize(("clusters", "size"), [(20, 3), (60, 2)])
@pytest.mark.parametrize("error", [0.15, 0.4])
@pytest.mark.parametrize(("level", "stated"), [("nominal", 0.94), ("interval", 0.92)])
def test_the_interval_covers_a_planted_alpha(clusters, size, error, level, stated):
    hits = widths = 0
    for seed in range(200):
        ratings, index, planted, generator = rated_by_items(seed, clusters, size, error, level)
        draws = ClusterBootstrap(index, generator, 400).alpha(ratings, level)
        interval = ClusterBootstrap.interval(krippendorff_alpha(ratings, level), draws)
        hits += interval.low <= planted <= interval.high
        widths += interval.high - interval.low
    assert abs(hits / 200 - stated) < 3 * np.sqrt(stated * (1 - stated) / 200)
    assert widths / 200 < 0.55


def test_raters_who_always_agreed_on_few_items_are_not_certain():
    for clusters in (10, 40, 160):
        ratings = np.tile(np.arange(clusters) % 2, (2, 1))
        draws = ClusterBootstrap(np.arange(clusters), rng()).alpha(ratings)
        interval = ClusterBootstrap.interval(1.0, draws)
        assert interval.high == 1
        assert 1 - 6 / clusters < interval.low < 1 - 0.2 / clusters


def test_gaps_and_units_of_one_rater_change_nothing_in_the_draws():
    ratings, index, _, _ = rated_by_items(3, 30, 2, 0.2, "nominal")
    lone = np.concatenate([ratings, [[1, 0], [np.nan, np.nan]]], axis=1)
    first = ClusterBootstrap(index, rng(1), 100).alpha(ratings)
    second = ClusterBootstrap([*index, 0, 7], rng(1), 100).alpha(lone)
    assert second == pytest.approx(first)
