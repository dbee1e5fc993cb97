import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize

from valuecompass.stats import bradley_terry


def play(strengths, games, rng):
    """Wins of every pair after `games` comparisons each."""
    chance = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
    upper = np.triu(rng.binomial(games, chance), 1)
    return upper + np.tril((games - upper).T, -1)


def minorise_maximise(wins, steps=5000):
    """Maximum likelihood by Hunter (2004), equation 3."""
    played, strength = wins + wins.T, np.ones(len(wins))
    for _ in range(steps):
        strength = wins.sum(1) / (played / (strength[:, None] + strength)).sum(1)
        strength /= strength.sum()
    return np.log(strength) - np.log(strength).mean()


def mean_share(scale):
    chance = 1 / (1 + np.exp(scale[None, :] - scale[:, None]))
    return (chance.sum(1) - 0.5) / (len(scale) - 1)


# A cycle of pairs, not all of them compared, yet connected.
CONNECTED = np.array(
    [[0, 7, 0, 3, 2], [3, 0, 6, 0, 1], [0, 4, 0, 5, 0], [2, 0, 5, 0, 9], [1, 2, 0, 4, 0]]
)


def test_matches_mm_when_the_prior_vanishes():
    result = bradley_terry(CONNECTED, prior=1e-9)
    assert result.scale == pytest.approx(minorise_maximise(CONNECTED), abs=1e-6)


def test_two_dimensions_have_a_closed_form():
    result = bradley_terry([[0, 30], [10, 0]], prior=1e-9)
    assert result.scale == pytest.approx([np.log(3) / 2, -np.log(3) / 2], abs=1e-6)
    assert result.share == pytest.approx([0.75, 0.25], abs=1e-6)
    # Var(log odds) = 1 / (n p q); half of the log odds has a quarter of it.
    assert result.covariance[0, 0] == pytest.approx(1 / (40 * 0.75 * 0.25) / 4, rel=1e-6)
    half = 1.959964 / np.sqrt(40 * 0.75 * 0.25)
    limits = 1 / (1 + np.exp(-np.array([np.log(3) - half, np.log(3) + half])))
    assert (result.share_low[0], result.share_high[0]) == pytest.approx(limits, abs=1e-6)


def test_maximises_the_posterior():
    def loss(theta):
        margin = theta[:, None] - theta
        return (CONNECTED * np.logaddexp(0, -margin)).sum() + 0.3 / 2 * (theta**2).sum()

    expected = minimize(loss, np.zeros(5), method="BFGS", options={"gtol": 1e-8}).x
    assert bradley_terry(CONNECTED, prior=0.3).scale == pytest.approx(expected, abs=1e-5)


def test_recovers_planted_strengths():
    strengths = np.array([1.5, 0.7, 0, -0.2, -0.6, -1.4])
    result = bradley_terry(play(strengths, 5000, np.random.default_rng(0)))
    assert result.scale == pytest.approx(strengths, abs=0.1)
    assert result.share == pytest.approx(mean_share(strengths), abs=0.02)
    assert result.n.tolist() == [25_000] * 6


@pytest.mark.parametrize("games", [6, 40])
def test_intervals_cover_planted_shares(games):
    rng, strengths, runs = np.random.default_rng(1), np.array([1.5, 0.5, 0.0, -0.4, -1.6]), 400
    true_share, covered, z = mean_share(strengths), np.zeros(5), np.zeros((runs, 5))
    for run in range(runs):
        result = bradley_terry(play(strengths, games, rng))
        covered += (result.share_low <= true_share) & (true_share <= result.share_high)
        z[run] = (result.scale - strengths) / np.sqrt(np.diag(result.covariance))
    assert (covered / runs > 0.91).all()
    assert (abs(z) < 1.96).mean() > 0.93


def test_complete_separation_stays_finite():
    result = bradley_terry(np.triu(np.full((4, 4), 1000.0), 1))
    assert np.isfinite(result.scale).all()
    assert (np.diff(result.scale) < -3).all()
    assert (result.share_low < result.share).all()
    assert (result.share < result.share_high).all()


def test_unconnected_parts_meet_at_the_prior_mean_with_a_wide_covariance():
    wins = np.zeros((4, 4))
    wins[0, 1] = wins[2, 3] = 300
    wins[1, 0] = wins[3, 2] = 100
    result = bradley_terry(wins)
    assert result.scale[0] == pytest.approx(result.scale[2])
    contrast = np.array([1, 1, -1, -1]) / 2
    # Nothing was observed between the parts: the prior's variance of their difference remains.
    assert contrast @ result.covariance @ contrast == pytest.approx(1 / 0.1)


def test_dimensions_never_compared_are_missing():
    padded = np.zeros((7, 7))
    kept = [0, 1, 3, 4, 6]
    padded[np.ix_(kept, kept)] = CONNECTED
    result, expected = bradley_terry(padded), bradley_terry(CONNECTED)
    for name in ("scale", "share", "share_low", "share_high"):
        values = getattr(result, name)
        assert values[kept] == pytest.approx(getattr(expected, name))
        assert np.isnan(values[[2, 5]]).all()
    assert result.covariance[np.ix_(kept, kept)] == pytest.approx(expected.covariance)
    assert np.isnan(result.covariance[2]).all()
    assert result.n[[2, 5]].tolist() == [0, 0]


def test_converges_where_undamped_newton_steps_diverge():
    wins = np.array(
        [
            [0, 0, 18.77, 1912.9, 11363.22],
            [0.07, 0, 461.19, 0.25, 75.37],
            [0, 0.1, 0, 31.84, 8.97],
            [0.01, 1.46, 3.69, 0, 0],
            [0, 6611.84, 21.84, 0, 0],
        ]
    )
    scale = bradley_terry(wins).scale
    chance = 1 / (1 + np.exp(scale[None, :] - scale[:, None]))
    expected = ((wins + wins.T) * chance).sum(axis=1) + 0.1 * scale
    assert expected == pytest.approx(wins.sum(axis=1))


@pytest.mark.parametrize("size", [0, 1, 3])
def test_no_comparison_at_all(size):
    result = bradley_terry(np.zeros((size, size)))
    assert np.isnan(result.scale).all()
    assert np.isnan(result.share).all()


@given(arrays(float, (4, 4), elements=st.floats(0, 1e6)))
def test_invariants(wins):
    np.fill_diagonal(wins, 0)
    result = bradley_terry(wins)
    seen = result.n > 0
    if not seen.any():
        return
    assert result.scale[seen].sum() == pytest.approx(0, abs=1e-6)
    assert result.share[seen].mean() == pytest.approx(0.5)
    assert (result.share_low[seen] <= result.share[seen]).all()
    assert (result.share[seen] <= result.share_high[seen]).all()
    # At the mode the expected wins plus the prior's pull are the wins.
    chance = 1 / (1 + np.exp(result.scale[None, :] - result.scale[:, None]))
    expected = np.nansum((wins + wins.T) * np.nan_to_num(chance), axis=1)
    pull = 0.1 * np.nan_to_num(result.scale)
    assert expected + pull == pytest.approx(wins.sum(axis=1), rel=1e-6, abs=1e-6)
    mirror = bradley_terry(wins.T)
    assert mirror.scale == pytest.approx(-result.scale, abs=1e-5, nan_ok=True)


@pytest.mark.parametrize(
    ("wins", "options", "message"),
    [
        ([[0, 1]], {}, "square"),
        ([[0, -1], [1, 0]], {}, ">= 0"),
        ([[0, np.nan], [1, 0]], {}, "finite"),
        ([[1, 1], [1, 0]], {}, "diagonal"),
        ([[0, 1], [1, 0]], {"prior": 0}, "prior"),
        ([[0, 1], [1, 0]], {"level": 1}, "level"),
    ],
)
def test_refuses_bad_arguments(wins, options, message):
    with pytest.raises(ValueError, match=message):
        bradley_terry(wins, **options)
