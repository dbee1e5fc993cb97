"""What dimensions tell of others in rows left out, and of who wrote a row."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from valuecompass.stats.shared_variance import explained_share, told_apart

RNG = np.random.default_rng(4)
X = RNG.normal(size=(600, 6))
ITEMS = np.repeat(np.arange(60), 10)


def test_a_copy_is_explained_and_noise_is_not_however_many_predictors() -> None:
    targets = np.column_stack([3 * X[:, 0] - X[:, 1] + 7, RNG.normal(size=600), np.ones(600)])
    (share,) = explained_share(X, targets, ITEMS)
    assert share[0] == pytest.approx(1, abs=1e-5)
    assert share[1] < 0.02
    assert np.isnan(share[2])
    noise = explained_share(RNG.normal(size=(9, 10)), RNG.normal(size=(9, 20)), np.arange(9))
    assert noise.mean() < 0.15  # R squared of ten predictors of nine respondents is 1


def test_the_share_is_that_of_the_population() -> None:
    target = X[:, [0]] + X[:, [1]] + RNG.normal(size=(600, 1)) * np.sqrt(2)
    (share,) = explained_share(X, target, ITEMS)
    assert share[0] == pytest.approx(0.5, abs=0.08)


def test_clusters_are_left_out_as_a_whole() -> None:
    """Predictors that name their cluster know nothing of another one."""
    level = RNG.normal(size=40)
    items = np.repeat(np.arange(40), 5)
    target = level[items][:, None]
    known = np.eye(40)[items]
    assert explained_share(known, target, items)[0, 0] < 0.1
    assert explained_share(known, target, np.arange(200))[0, 0] > 0.9


def test_weights_of_whole_numbers_are_copies_of_clusters() -> None:
    target = X[:, [0]] + RNG.normal(size=(600, 1))
    weights = np.ones((3, 60))
    weights[1] *= 5  # scale says nothing
    weights[2, 30:] = 0
    found = explained_share(X, target, ITEMS, weights)[:, 0]
    assert found[1] == pytest.approx(found[0])
    first = ITEMS < 30
    assert found[2] == pytest.approx(
        explained_share(X[first], target[first], ITEMS[first])[0, 0], abs=0.03
    )


@pytest.mark.parametrize("n", [25, 90])
def test_labels_of_clusters_say_nothing(n: int) -> None:
    x = RNG.normal(size=(n, 8))
    targets = x[:, :3] + RNG.normal(size=(n, 3))
    groups, weights = np.arange(n) % 2, np.ones((1, n))
    items = np.arange(n) // 3
    share, weighted = (
        explained_share(x, targets, np.arange(n)),
        explained_share(x, targets, np.arange(n), weights),
    )
    told = told_apart(x + groups[:, None], groups, items)
    for _ in range(5):
        label = RNG.permutation(n)
        assert explained_share(x, targets, label) == pytest.approx(share)
        assert explained_share(x, targets, label, weights) == pytest.approx(weighted)
        assert (told_apart(x + groups[:, None], groups, label[items]) == told).all()


def test_two_groups_are_told_apart_as_often_as_theory_says() -> None:
    groups, items = np.tile([0, 1], 2000), np.repeat(np.arange(2000), 2)
    shared = 3 * RNG.normal(size=(2000, 1))[items]  # what an item does to both is taken out
    values = RNG.normal(size=(4000, 1)) + 2 * groups[:, None] + shared
    # centred within pairs, values are +-(difference / 2): right where the difference is above 0
    assert told_apart(values, groups, items).mean() == pytest.approx(
        norm.cdf(2 / np.sqrt(2)), abs=0.02
    )
    nothing = RNG.normal(size=(4000, 3))
    assert told_apart(nothing, groups, items).mean() == pytest.approx(0.5, abs=0.05)


def test_too_little_to_leave_out() -> None:
    assert np.isnan(explained_share(X[:30], X[:30, :1], ITEMS[:30])).all()
    assert not told_apart(X[:10], np.arange(10), ITEMS[:10]).any()
    with pytest.raises(ValueError, match="differ in length"):
        explained_share(X, X[:5], ITEMS)
    with pytest.raises(ValueError, match="must be"):
        explained_share(X, X, ITEMS, np.ones((2, 3)))
