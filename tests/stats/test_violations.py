import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.special import betaln

from valuecompass.stats import apv, evr, mvp

HAND_MADE = np.array(
    [
        [0.9, 0.6, 0.1],
        [0.5, 0.4, 0.2],
        [0.8, np.nan, np.nan],
        [np.nan, np.nan, np.nan],
    ]
)

probabilities = arrays(
    float,
    array_shapes(min_dims=2, max_dims=2, max_side=6),
    elements=st.one_of(st.floats(0, 1), st.just(np.nan)),
)


def test_hand_made_matrix():
    assert evr(HAND_MADE) == pytest.approx(2 / 3)
    assert mvp(HAND_MADE) == pytest.approx((0.9 + 0.5 + 0.8) / 3)
    assert apv(HAND_MADE) == pytest.approx(3 / 7)


def test_threshold_is_strict():
    assert evr([[0.5]]) == apv([[0.5]]) == 0
    assert evr([[0.5]], threshold=0.49) == apv([[0.5]], threshold=0.49) == 1
    assert evr([[0.0]], threshold=0) == 0


def test_evr_of_beta_binomial_violations():
    # With rates Beta(a, b) over items, P(no violation in K draws) = B(a, b + K) / B(a, b).
    g, a, b, k = np.random.default_rng(0), 0.7, 1.5, 5
    rates = g.beta(a, b, (40_000, 1))
    p = (g.random((40_000, k)) < rates).astype(float)
    assert evr(p) == pytest.approx(1 - np.exp(betaln(a, b + k) - betaln(a, b)), abs=0.01)
    assert apv(p) == pytest.approx(a / (a + b), abs=0.01)


@given(probabilities)
def test_known_inequalities(p):
    if np.isnan(p).all():
        assert np.isnan([evr(p), mvp(p), apv(p)]).all()
        return
    assert 0 <= np.nanmean(p) * (not np.isnan(p).any()) <= mvp(p) + 1e-12 <= 1 + 1e-12
    assert evr(p) <= 2 * mvp(p)  # Markov
    if not np.isnan(p).any():
        assert evr(p) >= apv(p) - 1e-12
    if p.shape[1] == 1:
        assert evr(p) == apv(p)
        assert mvp(p) == pytest.approx(np.nanmean(p))


@given(probabilities)
def test_items_without_completions_change_nothing(p):
    padded = np.vstack([p, np.full((2, p.shape[1]), np.nan)])
    for rate in (evr, mvp, apv):
        assert rate(padded) == pytest.approx(rate(p), nan_ok=True)


@pytest.mark.parametrize("rate", [evr, mvp, apv])
@pytest.mark.parametrize(
    ("p", "message"), [([0.5], "shape"), ([[1.5]], "in \\[0, 1\\]"), ([[-0.1]], "in \\[0, 1\\]")]
)
def test_refuses_bad_arguments(rate, p, message):
    with pytest.raises(ValueError, match=message):
        rate(p)
