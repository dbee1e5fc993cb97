import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit, lambertw, log_expit
from scipy.stats import norm, spearmanr

from valuecompass.stats.irt import Noise, expected_score, information, outcome_terms
from valuecompass.stats.irt_fit import fit_2pl
from valuecompass.stats.irt_scores import score

NOISY = Noise(quirk_sd=0.5, sensitivity=0.93, specificity=0.87)


def world(rng, respondents, n, noise=NOISY, opinions=3, shift=0.0):
    """Planted slopes, difficulties and positions, and the share of opinions found."""
    a, b = np.exp(rng.normal(0, 0.3, n)), rng.normal(shift, 1, n)
    theta = rng.normal(0, 1, respondents)
    quirk = noise.quirk_sd * rng.normal(size=(respondents, n))
    true = expit(a * (theta[:, None] - b) + quirk)
    found = 1 - noise.specificity + (noise.sensitivity + noise.specificity - 1) * true
    return a, b, theta, rng.binomial(opinions, found) / opinions


def outcome_chance(theta, a, b, k, m, noise):
    """Chance of k of m opinions in one order, the quirk integrated by another method."""

    def at(u):
        p = 1 - noise.specificity
        p += (noise.sensitivity + noise.specificity - 1) * expit(a * (theta - b) + u)
        return p**k * (1 - p) ** (m - k)

    if noise.quirk_sd == 0:
        return at(0.0)
    sd = noise.quirk_sd
    return quad(lambda u: at(u) * norm.pdf(u, 0, sd), -10 * sd, 10 * sd, epsabs=1e-12)[0]


@pytest.mark.parametrize("noise", [Noise(), NOISY, Noise(quirk_sd=1.0)])
def test_outcomes_match_the_integral_and_their_derivatives(noise):
    logit, step = np.array([-4.0, -1.0, 0.3, 2.5]), 1e-4
    outcomes = np.array([(0, 1), (1, 1), (2, 3), (3, 3)])
    value, first, second = outcome_terms(logit, outcomes, noise)
    for row, (k, m) in zip(value, outcomes, strict=True):
        expected = [outcome_chance(x, 1.0, 0.0, k, m, noise) for x in logit]
        assert np.exp(row) == pytest.approx(expected, abs=2e-6)
    above, below = (outcome_terms(logit + s, outcomes, noise)[0] for s in (step, -step))
    assert first == pytest.approx((above - below) / (2 * step), abs=1e-6)
    assert second == pytest.approx((above - 2 * value + below) / step**2, abs=1e-5)


def test_information_has_a_closed_form():
    theta, a, b = np.array([-1.0, 0.0, 2.0]), np.array([0.5, 2.0]), np.array([0.0, 1.0])
    p = expit(a * (theta[:, None] - b))
    assert information(theta, a, b) == pytest.approx(a**2 * p * (1 - p))
    assert information(theta, a, b, opinions=4) == pytest.approx(4 * a**2 * p * (1 - p))
    judge = Noise(sensitivity=0.9, specificity=0.8)
    found = 0.2 + 0.7 * p
    expected = (0.7 * a * p * (1 - p)) ** 2 / (found * (1 - found))
    assert information(theta, a, b, judge) == pytest.approx(expected)


@pytest.mark.parametrize("noise", [Noise(), Noise(quirk_sd=0.5)])
def test_chances_too_small_for_a_number_leave_everything_finite(noise):
    logit, outcomes = np.array([-900.0, -745.2, 745.2, 900.0]), np.array([(0, 1), (1, 1), (2, 3)])
    assert np.isfinite(outcome_terms(logit, outcomes, noise)).all()
    assert information([9.0], [100.0], [0.0], noise) == pytest.approx(0)
    _, _, _, y = world(np.random.default_rng(3), 8, 150, noise, opinions=1)
    fit = fit_2pl(y, noise=noise, slope_sd=1.5)
    assert np.isfinite([*fit.theta, *fit.a, *fit.b]).all()


@pytest.mark.parametrize("seed", [2, 4, 5])
def test_slopes_far_apart_leave_standard_errors(seed):
    rng = np.random.default_rng(seed)
    theta, b, a = rng.normal(size=16), rng.normal(size=40), np.exp(1.2 * rng.normal(size=40))
    y = rng.random((16, 40)) < expit(a * (theta[:, None] - b))
    fit = fit_2pl(y.astype(float), slope_sd=1.2)
    assert fit.converged and (fit.theta_se > 0).all()
    assert np.linalg.eigvalsh(fit.covariance)[1:].min() > 0
    assert np.corrcoef(fit.theta, theta)[0, 1] > 0.85


def test_opinions_that_share_a_quirk_tell_less_than_as_many_responses():
    noise, step = Noise(1.0), 1e-4
    one, three = (information([0.0], [1.0], [0.0], noise, opinions=m)[0, 0] for m in (1, 3))
    assert one < three < 2.7 * one
    expected = 0.0
    for k in range(4):
        low, middle, high = (outcome_chance(t, 1, 0, k, 3, noise) for t in (-step, 0, step))
        expected += math.comb(3, k) * ((high - low) / (2 * step)) ** 2 / middle
    assert three == pytest.approx(expected, rel=1e-4)


def test_expected_score_is_the_mean_chance():
    a, b = np.array([1.0, 2.0, np.nan]), np.array([0.0, 1.0, 0.0])
    expected = (expit(0.5) + expit(-1.0)) / 2
    assert expected_score(0.5, a, b) == pytest.approx(expected)
    judge = Noise(sensitivity=0.9, specificity=0.8)
    assert expected_score([[0.5]], a, b, judge) == pytest.approx(np.array([[0.2 + 0.7 * expected]]))
    assert np.isnan(expected_score([0.0, 1.0], [np.nan], [0.0])).all()


def posterior_moments(k, m, a, b, noise, prior_mean=0.0, prior_sd=1.0):
    """Mean and SD of theta by adaptive integration."""

    def weight(theta, power):
        chances = [outcome_chance(theta, *row, noise) for row in zip(a, b, k, m, strict=True)]
        return theta**power * norm.pdf(theta, prior_mean, prior_sd) * np.prod(chances)

    total, first, second = (
        quad(weight, -7, 7, args=(p,), epsabs=1e-13, limit=200)[0] for p in range(3)
    )
    return first / total, math.sqrt(second / total - (first / total) ** 2)


@pytest.mark.parametrize(
    ("noise", "prior"), [(Noise(), (0, 1)), (Noise(0, 0.93, 0.87), (0.5, 0.8))]
)
def test_eap_is_the_posterior_mean(noise, prior):
    a, b = np.array([1.2, 0.7, 1.5, 1.0]), np.array([-1.0, 0.0, 0.4, 2.0])
    k, m = np.array([3, 1, 2, 0]), np.array([3, 2, 2, 1])
    result = score([k / m], a, b, opinions=m, noise=noise, prior_mean=prior[0], prior_sd=prior[1])
    mean, sd = posterior_moments(k, m, a, b, noise, *prior)
    assert (result.theta[0], result.sd[0]) == pytest.approx((mean, sd), abs=1e-5)


def test_map_maximises_the_posterior_and_agrees_with_eap_when_data_are_many():
    rng = np.random.default_rng(0)
    a, b, theta, y = world(rng, 5, 3000)
    mode, mean = (score(y, a, b, opinions=3, noise=NOISY, method=m) for m in ("map", "eap"))
    assert mode.theta == pytest.approx(mean.theta, abs=2e-3)
    assert mode.sd == pytest.approx(mean.sd, rel=0.01)
    assert mean.low == pytest.approx(mode.low, abs=3e-3)
    assert mean.high == pytest.approx(mode.high, abs=3e-3)
    assert (abs(mean.theta - theta) < 4 * mean.sd).all()
    # one item, one success: a (1 - P) = theta at the mode
    single = score([[1.0]], [2.0], [0.0], method="map")
    at = single.theta[0]
    assert 2 * expit(-2 * at) == pytest.approx(at, abs=1e-5)
    assert single.sd[0] == pytest.approx((1 + 4 * expit(2 * at) * expit(-2 * at)) ** -0.5, abs=1e-4)


def test_scores_cover_planted_positions():
    rng = np.random.default_rng(1)
    a, b, theta, y = world(rng, 1500, 30)
    result = score(y, a, b, opinions=3, noise=NOISY)
    assert 0.93 < ((result.low < theta) & (theta < result.high)).mean() < 0.97
    assert np.sqrt(((result.theta - theta) ** 2).mean()) == pytest.approx(result.sd.mean(), rel=0.1)


@pytest.mark.parametrize("n", [2000, 5000, 20_000])
@pytest.mark.parametrize("top", [0.0, 1.0])
def test_whoever_expresses_all_or_nothing_of_a_large_form_is_placed_beyond_six(n, top):
    y = np.array([np.full(n, top), np.arange(n) % 2])
    sign = 2 * top - 1

    def posterior(theta, power):
        return theta**power * np.exp(n * (log_expit(theta) - log_expit(mode)) - theta**2 / 2 + c)

    mode = lambertw(n).real  # about; n (1 - P) = theta
    c = mode**2 / 2
    total, first, second = (quad(posterior, 0, 20, args=(k,), points=[mode])[0] for k in range(3))
    mean = first / total
    found = score(y, np.ones(n), np.zeros(n))
    assert found.theta == pytest.approx([sign * mean, 0], abs=1e-3)
    assert found.sd[0] == pytest.approx(np.sqrt(second / total - mean**2), rel=1e-3)
    assert found.low[0] < found.theta[0] < found.high[0]
    peak = score(y, np.ones(n), np.zeros(n), method="map").theta[0]
    assert n * expit(-sign * peak) == pytest.approx(sign * peak, rel=1e-3)


def test_score_leaves_out_what_is_missing():
    a, b = [1.0, 2.0, np.nan], [0.0, 1.0, 0.5]
    result = score([[1, np.nan, 1], [1, np.nan, np.nan], [np.nan, np.nan, 1]], a, b)
    assert result.theta[0] == result.theta[1] > 0
    assert np.isnan([result.theta[2], result.sd[2], result.low[2], result.high[2]]).all()
    assert score([[1.0]], [1.0], [0.0]).theta[0] == pytest.approx(result.theta[0])


def exact_difference(y, m, slope_sd=0.3):
    """Posterior mean and SD of the difference of two respondents, all else summed on grids."""
    theta, b = np.linspace(-4, 4, 41), np.arange(-8, 8.01, 0.5)
    z = np.linspace(-4, 4, 11)
    p = expit(np.exp(slope_sd * z)[:, None, None] * (theta[:, None] - b))
    slope_prior = np.exp(-0.5 * z**2) / np.exp(-0.5 * z**2).sum()
    natural = np.meshgrid(np.linspace(-1, 1, 15), -np.geomspace(0.1, 2, 21))
    first, second = (axis.ravel() for axis in natural)
    raw = np.stack([first, second], axis=1) @ np.stack([b, b**2])
    normaliser = np.logaddexp.reduce(raw, axis=1)
    # one imagined item of mean 0 and mean square 4; the geometric grid is uneven by its own size
    log = (4 * second - normaliser + np.log(-second))[:, None, None] + np.zeros((41, 41))
    for k in (y * m).T:
        one, other = (p**s * (1 - p) ** (m - s) for s in k)
        both = np.einsum("l,ltb,lub->tub", slope_prior, one, other)
        log += np.log(np.einsum("tub,hb->htu", both, np.exp(raw - normaliser[:, None])))
    log -= 0.5 * (theta[:, None] ** 2 + theta**2)
    chance = np.exp(log - log.max()).sum(axis=0)
    chance /= chance.sum()
    gap = theta[:, None] - theta
    mean = (chance * gap).sum()
    return mean, math.sqrt((chance * (gap - mean) ** 2).sum())


def difference_se(fit):
    variance = np.diagonal(fit.covariance)
    return np.sqrt(variance[:, None] + variance - 2 * fit.covariance)


def test_fit_matches_summation_over_everything():
    _, _, _, y = world(np.random.default_rng(4), 2, 120, Noise())
    result = fit_2pl(y, opinions=3)
    mean, sd = exact_difference(y, 3)
    assert result.theta[0] - result.theta[1] == pytest.approx(mean, abs=0.03 * sd)
    assert difference_se(result)[0, 1] == pytest.approx(sd, rel=0.01)


def test_fit_recovers_planted_items_and_positions():
    a, b, theta, y = world(np.random.default_rng(4), 24, 300)
    result = fit_2pl(y, opinions=3, noise=NOISY)
    assert result.converged
    assert np.corrcoef(result.theta, theta)[0, 1] > 0.99
    assert np.polyfit(theta, result.theta, 1)[0] == pytest.approx(1, abs=0.08)
    assert np.corrcoef(result.b, b)[0, 1] > 0.9
    assert np.corrcoef(np.log(result.a), np.log(a))[0, 1] > 0.5
    assert result.theta.sum() == pytest.approx(0, abs=1e-9)
    assert result.covariance.sum(axis=0) == pytest.approx(np.zeros(24), abs=1e-9)
    error = (result.b - b + theta.mean()) / result.b_se
    assert np.sqrt((error**2).mean()) == pytest.approx(1, abs=0.15)


def test_an_items_influence_is_what_the_positions_lose_without_it():
    _, _, _, y = world(np.random.default_rng(11), 8, 60)
    y[2, 5] = np.nan
    whole = fit_2pl(y)
    assert whole.influence.shape == (8, 60) and whole.influence.sum(axis=0) == pytest.approx(0)
    lost = np.stack([whole.theta - fit_2pl(np.delete(y, k, axis=1)).theta for k in range(12)], 1)
    told = whole.influence[:, :12]
    assert np.corrcoef(told.ravel(), lost.ravel())[0, 1] > 0.99
    assert np.polyfit(told.ravel(), lost.ravel(), 1)[0] == pytest.approx(1, abs=0.15)


def test_where_items_are_as_the_model_says_influences_tell_its_errors():
    rng, seen, told = np.random.default_rng(12), np.zeros((6, 6)), np.zeros((6, 6))
    for _ in range(12):
        y = (rng.random((6, 150)) < 1 / (1 + np.exp(rng.normal(0, 1, 150)))).astype(float)
        fit = fit_2pl(y)
        seen += fit.influence @ fit.influence.T
        told += fit.covariance
    # the prior, which is no item, draws positions together
    assert np.trace(seen) / np.trace(told) == pytest.approx(1, abs=0.1)


def test_intervals_of_differences_cover_and_fall_short_when_quirks_are_denied():
    """95 % limits; 16 respondents, 40 items; opinions of one response share a quirk."""
    rng, runs = np.random.default_rng(5), 8
    inside = np.zeros((2, runs))
    for run in range(runs):
        _, _, theta, y = world(rng, 16, 40, Noise(quirk_sd=1.0))
        for row, noise in enumerate((Noise(quirk_sd=1.0), Noise())):
            result = fit_2pl(y, opinions=3, noise=noise)
            gap = np.subtract.outer(result.theta - theta, result.theta - theta)
            pairs = np.triu_indices(16, 1)
            inside[row, run] = (abs(gap) < 1.96 * difference_se(result))[pairs].mean()
    assert 0.91 < inside[0].mean() < 0.98
    assert inside[1].mean() < 0.89


def test_the_log_posterior_tells_the_planted_quirk():
    _, _, _, y = world(np.random.default_rng(6), 16, 200, Noise(quirk_sd=1.0))
    fits = {sd: fit_2pl(y, opinions=3, noise=Noise(quirk_sd=sd)) for sd in (0.0, 1.0, 2.0)}
    assert max(fits, key=lambda sd: fits[sd].log_posterior) == 1.0


def test_never_behind_the_rate_where_respondents_saw_other_items():
    """Half of the cells missing, half of the respondents with easier items."""
    rng, gain = np.random.default_rng(7), []
    for _ in range(6):
        _, b, theta, y = world(rng, 16, 50, Noise())
        order = np.argsort(b)
        y[:8, order[35:]] = y[8:, order[:15]] = np.nan
        rate = spearmanr(np.nanmean(y, axis=1), theta)[0]
        gain.append(spearmanr(fit_2pl(y, opinions=3).theta, theta)[0] - rate)
    assert min(gain) > 0
    assert np.mean(gain) > 0.05


def test_without_slopes_equal_totals_give_equal_positions():
    rng = np.random.default_rng(8)
    y = (rng.random((12, 30)) < rng.random((12, 1))).astype(float)
    result = fit_2pl(y, slope_sd=0)
    assert (result.a == 1).all()
    assert (result.log_a_se == 0).all()
    order = np.argsort(y.sum(axis=1), kind="stable")
    steps, gaps = np.diff(y.sum(axis=1)[order]), np.diff(result.theta[order])
    assert (gaps[steps > 0] > 0.01).all()
    assert gaps[steps == 0] == pytest.approx(np.zeros((steps == 0).sum()), abs=1e-4)


@pytest.mark.parametrize("noise", [Noise(), NOISY])
def test_order_does_not_matter(noise):
    rng = np.random.default_rng(9)
    _, _, _, y = world(rng, 8, 300)
    y[rng.random(y.shape) < 0.2] = np.nan
    rows, columns = rng.permutation(8), rng.permutation(300)
    one, other = (fit_2pl(x, opinions=3, noise=noise) for x in (y, y[np.ix_(rows, columns)]))
    assert other.theta == pytest.approx(one.theta[rows], abs=1e-5)
    assert other.covariance == pytest.approx(one.covariance[np.ix_(rows, rows)], abs=1e-5)
    assert other.b == pytest.approx(one.b[columns], abs=1e-5)


def test_opinions_may_differ_and_graded_responses_count_as_fractions():
    rng = np.random.default_rng(10)
    _, _, _, y = world(rng, 6, 20, Noise(), opinions=1)
    # twice the same opinion on each item is one response of two opinions
    plain = fit_2pl(y, opinions=2)
    mixed = fit_2pl(y, opinions=np.full((6, 20), 2.0))
    assert mixed.theta == pytest.approx(plain.theta)
    assert abs(plain.theta).mean() > abs(fit_2pl(y).theta).mean()
    # between two whole numbers of successes, a graded response counts for both
    below, at, above = (
        score([[x, 1, 0]], [1, 1, 1], [0, 1, 2], opinions=2, noise=NOISY).theta[0]
        for x in (0.5, 0.75, 1)
    )
    assert below < at < above


def test_whoever_never_answered_is_missing():
    _, _, _, y = world(np.random.default_rng(11), 6, 30, Noise())
    padded = np.full((8, 32), np.nan)
    rows, columns = [0, 1, 3, 4, 5, 7], [j for j in range(32) if j not in (4, 31)]
    padded[np.ix_(rows, columns)] = y
    result, expected = fit_2pl(padded, opinions=3), fit_2pl(y, opinions=3)
    assert result.theta[rows] == pytest.approx(expected.theta)
    assert result.b[columns] == pytest.approx(expected.b)
    for values in (result.theta[[2, 6]], result.theta_se[[2, 6]], result.a[[4, 31]]):
        assert np.isnan(values).all()
    nothing = fit_2pl(np.full((3, 4), np.nan))
    assert np.isnan(nothing.theta).all()
    assert np.isnan(nothing.b_se).all()
    assert not nothing.converged


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_all_agree(value):
    result = fit_2pl(np.full((8, 30), value))
    assert result.theta == pytest.approx(np.zeros(8), abs=1e-3)
    assert (result.theta_se > 0.5).all()
    assert np.isfinite(result.b).all()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: fit_2pl([1.0, 0.0]), "responses"),
        (lambda: fit_2pl([[1.5]]), "1.5"),
        (lambda: fit_2pl([[1.0]], opinions=0), "opinions"),
        (lambda: fit_2pl([[1.0]], opinions=1.5), "1.5"),
        (lambda: fit_2pl([[1.0]], slope_sd=-1), "slope_sd"),
        (lambda: Noise(quirk_sd=-0.1), "quirk_sd"),
        (lambda: Noise(sensitivity=1.2), "sensitivity"),
        (lambda: Noise(sensitivity=0.4, specificity=0.6), "tells nothing"),
        (lambda: score([[1.0]], [1.0, 2.0], [0.0]), "both be"),
        (lambda: score([[1.0]], [1.0, 2.0], [0.0, 1.0]), "1 items"),
        (lambda: score([[1.0]], [1.0], [0.0], prior_sd=0), "prior_sd"),
        (lambda: score([[1.0]], [1.0], [0.0], level=1), "level"),
        (lambda: information([[0.0]], [1.0], [0.0]), "theta"),
        (lambda: information([0.0], [1.0], [0.0], opinions=0), "opinions"),
    ],
)
def test_refuses_bad_arguments(function, message):
    with pytest.raises(ValueError, match=message):
        function()
