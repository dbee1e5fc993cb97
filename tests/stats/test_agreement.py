import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, rankdata

from valuecompass.stats.agreement import ClusterBootstrap, auc, cohen_kappa


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
