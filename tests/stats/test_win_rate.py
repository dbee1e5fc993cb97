import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import log_ndtr, ndtr
from scipy.stats import norm, spearmanr

from valuecompass.stats.win_rate import win_rates

BETA = 25 / 6
CELLS = st.sampled_from([0.0, 1.0, np.nan])


def rate(outcomes, team):
    """Ratings after (items, n) outcomes by TrueSkill's two-team update, item by item."""
    mu, variance = np.full(outcomes.shape[1], 25.0), np.full(outcomes.shape[1], (25 / 3) ** 2)
    for outcome in outcomes:
        win, lose = outcome == 1, outcome == 0
        if not (win.any() and lose.any()):
            continue
        # Each player's part in the difference of the two teams' performances.
        part = win / (win.sum() if team == "mean" else 1) - lose / (
            lose.sum() if team == "mean" else 1
        )
        variance[part != 0] += (25 / 300) ** 2
        noise = BETA * np.sqrt((part**2).sum())
        c = np.sqrt((part**2 * variance).sum() + noise**2)
        t = (part @ mu - norm.ppf(0.55) * noise) / c
        v = np.exp(-(t**2) / 2 - log_ndtr(t)) / np.sqrt(2 * np.pi)
        mu = mu + part * variance / c * v
        variance = variance * (1 - part**2 * variance / c**2 * v * (v + t))
    return mu, np.sqrt(variance)


def win_chance(mu, sigma):
    """Percent, mean over the others."""
    spread = np.sqrt(2 * BETA**2 + sigma[:, None] ** 2 + sigma**2)
    beats = ndtr((mu[:, None] - mu) / spread)
    np.fill_diagonal(beats, np.nan)
    return 100 * np.nanmean(beats, axis=1)


def rasch(skills, difficulties, rng):
    """(items, n, 1) answers."""
    chance = 1 / (1 + np.exp(difficulties[:, None] - skills))
    return (rng.random(chance.shape) < chance).astype(float)[..., None]


def test_published_ratings_of_two_players():
    # TrueSkill's documentation: after one game at its defaults 29.396 and 20.604, sigma 7.171.
    result = win_rates([[[1], [0]]], np.random.default_rng(0))
    chance = norm.cdf((29.396 - 20.604) / np.sqrt(2 * BETA**2 + 2 * 7.171**2))
    assert result.score[:, 0] == pytest.approx([100 * chance, 100 * (1 - chance)], abs=2e-3)
    assert result.n.tolist() == [[1], [1]]


@pytest.mark.parametrize("team", ["sum", "mean"])
def test_equals_the_closed_form_update(team):
    rng = np.random.default_rng(1)
    expressed = np.where(rng.random((40, 12, 2)) < 0.1, np.nan, rng.random((40, 12, 2)) < 0.2)
    result = win_rates(expressed, np.random.default_rng(2), team=team, orders=3)
    orders = np.random.default_rng(2)
    expected = np.array(
        [
            [win_chance(*rate(expressed[items, :, d], team)) for d in range(2)]
            for items in (orders.permutation(40) for _ in range(3))
        ]
    ).swapaxes(1, 2)
    assert result.score == pytest.approx(expected.mean(axis=0), abs=1e-9)
    assert result.order_sd == pytest.approx(expected.std(axis=0, ddof=1), abs=1e-9)
    assert result.order_range == pytest.approx(np.ptp(expected, axis=0), abs=1e-9)
    for d in range(2):
        first, second, third = expected[:, :, d]
        pairs = [(first, second), (first, third), (second, third)]
        rho = np.mean([spearmanr(*pair).statistic for pair in pairs])
        assert result.order_rho[d] == pytest.approx(rho)


@settings(max_examples=40, deadline=None)
@given(arrays(float, (6, 4, 2), elements=CELLS), st.sampled_from(["sum", "mean"]))
def test_invariants(expressed, team):
    result = win_rates(expressed, np.random.default_rng(0), team=team, orders=2)
    for d in range(2):
        rated = result.n[:, d] > 0
        assert (np.isfinite(result.score[:, d]) == rated).all()
        if rated.any():
            assert result.score[rated, d].mean() == pytest.approx(50)
        assert ((result.score[rated, d] > 0) & (result.score[rated, d] < 100)).all()
    seen = ~np.isnan(expressed)
    split = np.nanmax(expressed, 1, initial=0) > np.nanmin(expressed, 1, initial=1)
    assert (result.n == (seen & split[:, None]).sum(axis=0)).all()


@settings(max_examples=40, deadline=None)
@given(arrays(float, (6, 4, 1), elements=CELLS))
def test_only_with_means_the_other_side_is_the_mirror_image(expressed):
    # Sums are not: three that beat one win as expected, one that beats three is an upset.
    result = win_rates(expressed, np.random.default_rng(0), team="mean", orders=2)
    mirror = win_rates(1 - expressed, np.random.default_rng(0), team="mean", orders=2)
    assert mirror.score == pytest.approx(100 - result.score, nan_ok=True)


def test_unanimous_items_change_nothing():
    split = np.tile([1.0, 1, 0, np.nan], (5, 1))[..., None]
    unanimous = np.array([[1.0, 1, 1, 1], [0, 0, 0, 0], [1, np.nan, 1, 1], [np.nan] * 4])
    everything = np.vstack([split, unanimous[..., None]])
    alone = win_rates(split, np.random.default_rng(0))
    together = win_rates(everything, np.random.default_rng(0))
    assert together.score == pytest.approx(alone.score, nan_ok=True)
    assert together.n[:, 0].tolist() == [5, 5, 5, 0]


def test_a_missing_respondent_leaves_the_others_as_they_are():
    rng = np.random.default_rng(3)
    expressed = rasch(np.array([1.0, 0, -1]), rng.normal(size=30), rng)
    absent = np.full((30, 1, 1), np.nan)
    without = win_rates(expressed, np.random.default_rng(4))
    result = win_rates(np.hstack([expressed, absent]), np.random.default_rng(4))
    assert result.score[:3] == pytest.approx(without.score)
    assert result.order_rho == pytest.approx(without.order_rho)
    assert np.isnan(result.score[3]).all()
    assert np.isnan(result.order_sd[3]).all()


def test_order_cannot_matter_when_all_items_are_alike():
    expressed = np.tile([1.0, 1, 0, 0], (20, 1))[..., None]
    result = win_rates(expressed, np.random.default_rng(0), orders=4)
    assert result.order_sd == pytest.approx(np.zeros((4, 1)), abs=1e-9)
    assert result.order_range == pytest.approx(np.zeros((4, 1)), abs=1e-9)
    assert result.order_rho == pytest.approx([1])


def test_respondents_that_nothing_tells_apart_are_missing():
    result = win_rates(np.ones((5, 3, 2)), np.random.default_rng(0))
    for part in (result.score, result.order_sd, result.order_range, result.order_rho):
        assert np.isnan(part).all()
    assert (result.n == 0).all()


def test_recovers_planted_skills():
    rng = np.random.default_rng(5)
    skills = np.linspace(-1.5, 1.5, 8)
    expressed = rasch(skills, rng.normal(size=400), rng)
    for team in ("sum", "mean"):
        result = win_rates(expressed, rng, team=team)
        assert spearmanr(skills, result.score[:, 0]).statistic > 0.9
        assert result.order_rho[0] > 0.8


def test_on_one_sided_items_sums_agree_between_orders_without_being_right():
    truth, agreement = [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        skills = rng.normal(0, 0.6, 16)
        expressed = rasch(skills, rng.normal(-2, 1, 100), rng)
        found = [win_rates(expressed, rng, team=team, orders=2) for team in ("sum", "mean")]
        truth.append([spearmanr(skills, result.score[:, 0]).statistic for result in found])
        agreement.append([result.order_rho[0] for result in found])
    total, mean = np.mean(truth, axis=0)
    assert total < mean - 0.2
    assert np.min(agreement) > 0.85


@pytest.mark.parametrize(
    ("expressed", "options", "message"),
    [
        ([[1, 0]], {}, r"\(1, 2\)"),
        ([[[1], [0.5]]], {}, r"0, 1 or NaN, not 0\.5"),
        ([[[1], [np.inf]]], {}, "not inf"),
        ([[[1], [0]]], {"team": "max"}, "not 'max'"),
        ([[[1], [0]]], {"orders": 1}, "orders must be >= 2, not 1"),
    ],
)
def test_refuses_bad_arguments(expressed, options, message):
    with pytest.raises(ValueError, match=message):
        win_rates(expressed, np.random.default_rng(0), **options)
