from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from valuecompass.stats.divergence import generalised_js, js, kl, total_variation

LN2 = np.log(2)
ROUNDING = 1e-12

# half of the smallest subnormal number is none, so that rounding alone would set halves apart
weight = st.floats(0, 1).map(lambda x: x if x > 1e-290 else 0.0)
weights_of_outcomes = arrays(float, (2, 4), elements=weight).filter(
    lambda x: (x.sum(axis=1) > 1e-3).all()
)
chances = arrays(float, (2, 3), elements=st.floats(0, 1))


def dirichlet(rng, *shape, outcomes=5):
    """Distributions with exact zeros among them."""
    p = rng.dirichlet(np.full(outcomes, 0.5), shape) * (rng.random((*shape, outcomes)) < 0.8)
    p[..., 0] += 1e-3
    return p / p.sum(axis=-1, keepdims=True)


def test_kl_equals_scipy():
    rng = np.random.default_rng(0)
    p, q = dirichlet(rng, 6, 7), rng.dirichlet(np.ones(5), (6, 7))
    assert kl(p, q) == pytest.approx(entropy(p, q, axis=-1), abs=1e-12)
    assert kl(p, q).shape == (6, 7)


def test_js_equals_scipy():
    rng = np.random.default_rng(1)
    p, q = dirichlet(rng, 40), dirichlet(rng, 40)
    assert js(p, q) == pytest.approx(jensenshannon(p, q, axis=-1) ** 2, abs=1e-12)


def test_generalised_js_is_the_weighted_mean_of_scipys_divergences_from_the_mixture():
    rng = np.random.default_rng(2)
    p, weights = dirichlet(rng, 8, 3), np.array([0.5, 0.3, 0.2])
    mixture = np.einsum("k,nkc->nc", weights, p)
    expected = entropy(p, mixture[:, None], axis=-1) @ weights
    assert generalised_js(p, weights) == pytest.approx(expected, abs=1e-12)


def test_closed_forms():
    fair, sure, other = [0.5, 0.5], [1.0, 0.0], [0.0, 1.0]
    assert kl(sure, fair) == pytest.approx(LN2)
    assert kl(fair, sure) == np.inf
    assert kl([0.5, 0.25, 0.25], [0.25, 0.25, 0.5]) == pytest.approx(LN2 / 4)
    assert js(sure, other) == pytest.approx(LN2)
    assert total_variation(sure, other) == 1
    assert total_variation([0.5, 0.25, 0.25], [0.25, 0.25, 0.5]) == 0.25
    # H(3/4) - H(1/2) / 2
    assert js(sure, fair) == pytest.approx(1.5 * LN2 - 0.75 * np.log(3))


def test_distributions_without_a_common_outcome_are_as_far_apart_as_their_weights_allow():
    weights = np.array([0.5, 0.25, 0.125, 0.125])
    assert generalised_js(np.eye(4), weights) == pytest.approx(1.75 * LN2)


def test_a_weight_of_one_leaves_nothing_to_tell_apart():
    assert generalised_js(np.eye(3), [0, 1, 0]) == 0


@pytest.mark.parametrize("function", [kl, js, total_variation])
def test_a_bernoulli_dimension_is_a_distribution_over_yes_and_no(function):
    rng = np.random.default_rng(3)
    p, q = rng.random((4, 6)), rng.random((4, 6))
    found = function(p, q, bernoulli=True)
    expected = function(np.stack([p, 1 - p], -1), np.stack([q, 1 - q], -1))
    assert found.shape == (4, 6)
    assert found == pytest.approx(expected)


def test_bernoulli_closed_forms():
    p = np.array([0, 0.2, 1])
    binary_entropy = entropy([p, 1 - p])
    assert kl(p, [0.5] * 3, bernoulli=True) == pytest.approx(LN2 - binary_entropy)
    assert kl([0.2, 0, 1], [0, 0, 1], bernoulli=True).tolist() == [np.inf, 0, 0]
    assert total_variation(p, [0.5] * 3, bernoulli=True) == pytest.approx([0.5, 0.3, 0.5])
    assert js(p, 1 - p, bernoulli=True) == pytest.approx(LN2 - binary_entropy)


def test_generalised_js_of_bernoulli_vectors():
    rng = np.random.default_rng(4)
    p, weights = rng.random((5, 3, 4)), np.array([0.2, 0.2, 0.6])
    found = generalised_js(p, weights, bernoulli=True)
    assert found.shape == (5, 4)
    for item, dimension in product(range(5), range(4)):
        chance = p[item, :, dimension]
        expected = generalised_js(np.stack([chance, 1 - chance], -1), weights)
        assert found[item, dimension] == pytest.approx(float(expected))


def test_kl_of_independent_dimensions_adds_up():
    p, q = np.array([0.1, 0.5, 0.9]), np.array([0.3, 0.2, 0.6])
    cells = np.array(list(product([0, 1], repeat=3)))
    joint = [np.prod(np.where(cells, x, 1 - x), axis=1) for x in (p, q)]
    assert kl(p, q, bernoulli=True).sum() == pytest.approx(float(kl(*joint)))


def test_equal_weights_of_two_are_js():
    rng = np.random.default_rng(5)
    p = dirichlet(rng, 9, 2)
    assert generalised_js(p, [0.5, 0.5]) == pytest.approx(js(p[:, 0], p[:, 1]))


def test_leading_axes_broadcast():
    rng = np.random.default_rng(6)
    p, q = dirichlet(rng, 4, 1), dirichlet(rng, 3)
    for function in (kl, js, total_variation):
        table = function(p, q)
        assert table.shape == (4, 3)
        assert table[2, 1] == function(p[2, 0], q[1])


def test_missing_makes_missing_and_nothing_else():
    p, q = [[0.5, np.nan], [0.5, 0.5]], [0.25, 0.75]
    for function in (kl, js, total_variation):
        assert np.isnan(function(p, q)).tolist() == [True, False]
        assert np.isnan(function(p, q, bernoulli=True)).tolist() == [[False, True], [False, False]]
    assert np.isnan(generalised_js(p, [0.5, 0.5], bernoulli=True)).tolist() == [False, True]


def check_bounds(p, q, bernoulli):
    divergence = js(p, q, bernoulli=bernoulli)
    distance = total_variation(p, q, bernoulli=bernoulli)
    assert (distance**2 / 2 <= divergence + ROUNDING).all()
    assert (divergence <= LN2 * distance + ROUNDING).all()
    assert (kl(p, q, bernoulli=bernoulli) + ROUNDING >= 2 * distance**2).all()  # Pinsker
    assert js(q, p, bernoulli=bernoulli) == pytest.approx(divergence, abs=ROUNDING)


@given(weights_of_outcomes)
def test_total_variation_bounds_js(table):
    check_bounds(*(table / table.sum(axis=1, keepdims=True)), bernoulli=False)


@given(chances)
def test_total_variation_bounds_js_of_bernoulli_vectors(table):
    check_bounds(*table, bernoulli=True)


@given(weights_of_outcomes)
def test_equal_distributions_do_not_differ(table):
    p = table[0] / table[0].sum()
    assert kl(p, p) == js(p, p) == total_variation(p, p) == 0
    assert 0 <= generalised_js([p, p, p], [0.2, 0.3, 0.5]) < ROUNDING


def test_rounding_leaves_nothing_below_zero():
    p = np.random.default_rng(7).dirichlet(np.ones(5), 1000)
    same = np.stack([p, p, p], axis=1)
    assert (generalised_js(same, [0.2, 0.3, 0.5]) >= 0).all()
    assert (kl(p, p * (1 + 1e-15)) >= 0).all()


@given(chances, st.floats(0, 1))
def test_generalised_js_is_no_more_than_the_entropy_of_the_weights(table, share):
    found = generalised_js(table, [share, 1 - share], bernoulli=True)
    assert (found >= 0).all()
    assert (found <= entropy([share, 1 - share]) + ROUNDING).all()


@pytest.mark.parametrize("function", [kl, js, total_variation])
@pytest.mark.parametrize(
    ("p", "q", "bernoulli", "message"),
    [
        ([0.5, 0.6], [0.5, 0.5], False, r"sum to 1, not 1\.1"),
        ([0.5, 0.5], [0.2, 0.5], False, r"sum to 1, not 0\.7"),
        ([1.5, -0.5], [0.5, 0.5], False, r"in \[0, 1\], not 1\.5"),
        ([0.5], [-0.1], True, r"in \[0, 1\], not -0\.1"),
        ([1.0], [0.5, 0.5], False, "as many outcomes"),
        (1.0, [0.5, 0.5], False, "last axis"),
    ],
)
def test_refuses_what_is_no_distribution(function, p, q, bernoulli, message):
    with pytest.raises(ValueError, match=message):
        function(p, q, bernoulli=bernoulli)


@pytest.mark.parametrize(
    ("p", "weights", "message"),
    [
        (np.eye(3), [0.5, 0.5], "3, 3.*K weights"),
        ([0.5, 0.5], [0.5, 0.5], "K weights"),
        (np.eye(2), [[0.5, 0.5]], "K weights"),
        (np.eye(2), [0.5, 0.4], r"sum to 1, not 0\.9"),
        (np.eye(2), [1.5, -0.5], r"not 1\.5"),
    ],
)
def test_refuses_weights_that_do_not_fit(p, weights, message):
    with pytest.raises(ValueError, match=message):
        generalised_js(p, weights)
