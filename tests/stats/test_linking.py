import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import t

from valuecompass.stats.linking import Link, concurrent, link, link_parameters, link_rates

ANCHORS, ALONE = 20, 40


def world(rng, *, n=8, quirk=0.5, apart=0.0):
    """Two halves on forms of 60 items, 20 of them shared; form Y is harder by .5."""
    items = ANCHORS + 2 * ALONE
    a, b = np.exp(rng.normal(0, 0.3, items)), rng.normal(0, 1, items)
    b[ANCHORS + ALONE :] += 0.5
    theta = rng.normal(0, 1, 2 * n)
    theta[n:] += apart
    logit = a * (theta[:, None] - b)
    x = draw(rng, logit + quirk * rng.normal(size=logit.shape))
    return theta, x, logit


def draw(rng, logit):
    """Responses; the first half of the respondents answers X, the second Y."""
    x, n = (rng.random(logit.shape) < expit(logit)).astype(float), len(logit) // 2
    x[:n, ANCHORS + ALONE :] = np.nan
    x[n:, ANCHORS : ANCHORS + ALONE] = np.nan
    return x


def halves(n):
    contrast = np.repeat([-1.0, 1.0], n) / n
    return np.repeat(["x", "y"], n), contrast


def rate_logit(x):
    rate = (np.nansum(x, axis=1) + 0.5) / ((~np.isnan(x)).sum(axis=1) + 1)
    return np.log(rate / (1 - rate))


def test_two_respondents_have_a_closed_form():
    x = np.repeat([[1, 0, 1, 0], [0, 1, 1, 0]], [300, 100, 50, 70], axis=1)
    result = concurrent(x, ["x", "y"], prior=1e-6)
    assert result.theta == pytest.approx([np.log(3) / 2, -np.log(3) / 2], abs=1e-5)
    # Var(log of the ratio) = 1/300 + 1/100, half of the ratio has a quarter; the jackknife adds
    # a little
    assert result.covariance[0, 0] == pytest.approx((1 / 300 + 1 / 100) / 4, rel=0.02)
    assert result.covariance.sum(axis=1) == pytest.approx([0, 0], abs=1e-12)


def test_covariance_is_the_jackknife_over_items():
    rng = np.random.default_rng(2)
    _, x, _ = world(rng, n=4)
    forms, _ = halves(4)
    result = concurrent(x, forms, level=1e-12)
    items = np.flatnonzero(np.nanmax(x, axis=0) > np.nanmin(x, axis=0))
    without = [concurrent(np.delete(x, i, 1), forms, level=1e-12).theta for i in items]
    moves = np.array(without) - result.theta
    expected = moves.T @ moves
    assert np.sqrt(np.diag(result.covariance)) == pytest.approx(np.sqrt(np.diag(expected)), rel=0.1)
    # an added item that nobody or everybody affirms says nothing of differences
    more = np.hstack([x, np.ones((8, 5)), np.zeros((8, 5))])
    assert concurrent(more, forms).theta == pytest.approx(concurrent(x, forms).theta)


def test_linking_bias_and_coverage_of_two_halves():
    """The issue's gate, smaller: bias < .05 sd over 200 worlds, unlinked beside it."""
    rng, n = np.random.default_rng(0), 8
    forms, contrast = halves(n)
    off, unlinked, covered = [], [], []
    for run in range(200):
        theta, x, _ = world(rng, quirk=0.5 * (run % 2), apart=float(run // 2 % 2))
        result = concurrent(x, forms)
        off.append(contrast @ (result.theta - theta))
        unlinked.append(contrast @ (rate_logit(x) - theta))
        covered.append(abs(off[-1]) < 1.96 * np.sqrt(contrast @ result.covariance @ contrast))
    assert abs(np.mean(off)) < 0.05
    assert np.mean(unlinked) < -0.2
    assert 0.9 < np.mean(covered) < 0.99


def test_drifting_anchors_are_found_and_no_longer_link():
    rng, n = np.random.default_rng(1), 60
    theta, b = rng.normal(0, 1, 2 * n), rng.normal(0, 1, ANCHORS + 2 * ALONE)
    logit = theta[:, None] - b
    logit[n:, :3] -= 3
    b[:3] = 0
    x, (forms, contrast) = draw(rng, logit), halves(n)
    result, kept = concurrent(x, forms), concurrent(x, forms, level=1e-30)
    assert result.drifting[:3].all()
    assert result.drifting.sum() <= 4
    assert not kept.drifting.any()
    assert kept.degrees == ANCHORS - 1
    assert result.degrees == ANCHORS - 1 - result.drifting.sum()
    true = contrast @ theta
    assert abs(contrast @ result.theta - true) < 0.2
    assert contrast @ kept.theta - true < -0.25


def test_forms_without_an_anchor_keep_the_variance_of_the_prior():
    _, x, _ = world(np.random.default_rng(3))
    forms, contrast = halves(8)
    result = concurrent(x[:, ANCHORS:], forms, prior=0.01)
    # contrast @ contrast is 1/4, and nothing but the prior says where the halves lie
    assert contrast @ result.covariance @ contrast == pytest.approx(0.25 / 0.01, rel=1e-3)


def test_a_respondent_without_responses_is_missing():
    _, x, _ = world(np.random.default_rng(4))
    forms, _ = halves(8)
    result = concurrent(np.vstack([x, np.full((1, x.shape[1]), np.nan)]), [*forms, "y"])
    expected = concurrent(x, forms)
    assert np.isnan(result.theta[16])
    assert np.isnan(result.covariance[16]).all()
    assert result.theta[:16] == pytest.approx(expected.theta)
    assert result.covariance[:16, :16] == pytest.approx(expected.covariance)


def calibration(rng, n=20, slope=1.3, intercept=-0.4, se=0.1):
    a, b = np.exp(rng.normal(0, 0.3, n)), rng.normal(0, 1, n)
    x = b + rng.normal(0, se, n)
    y = (b - intercept) / slope + rng.normal(0, se, n)
    return a, x, a * slope, y, np.full(n, max(se, 1e-3)), np.full(n, max(se, 1e-3))


@pytest.mark.parametrize("method", ["haebara", "mean-sigma"])
def test_parameters_without_error_give_the_link_back(method):
    result = link_parameters(*calibration(np.random.default_rng(0), se=0), method=method)
    assert (result.slope, result.intercept) == pytest.approx((1.3, -0.4), abs=1e-5)
    assert result.covariance == pytest.approx(np.zeros((2, 2)), abs=1e-8)


def test_mean_sigma_has_a_closed_form():
    x, y = np.array([0.0, 1, 2, 5]), np.array([1.0, 3, 4, 5])
    result = link_parameters(
        np.ones(4), x, np.ones(4), y, np.ones(4), np.ones(4), method="mean-sigma"
    )
    slope = np.sqrt(14 / 8.75)  # sums of squares of x and of y
    assert result.slope == pytest.approx(slope)
    assert result.intercept == pytest.approx(2 - slope * 3.25)


@pytest.mark.parametrize(("method", "runs"), [("haebara", 30), ("mean-sigma", 200)])
def test_covariance_of_the_link_matches_its_spread(method, runs):
    rng = np.random.default_rng(5)
    found = [link_parameters(*calibration(rng, se=0.2), method=method) for _ in range(runs)]
    ends = np.array([[f.slope, f.intercept] for f in found])
    stated = np.mean([f.covariance for f in found], axis=0)
    assert ends.mean(axis=0) == pytest.approx([1.3, -0.4], abs=0.06)
    assert np.sqrt(np.diag(stated)) == pytest.approx(ends.std(axis=0), rel=0.3)


def test_drifting_parameters_are_left_out():
    values = calibration(np.random.default_rng(6))
    values[3][[2, 7, 11]] += [1.0, 1.2, -0.9]
    result = link_parameters(*values)
    assert np.flatnonzero(result.drifting).tolist() == [2, 7, 11]
    assert result.degrees == len(result.drifting) - 3 - 1
    without = link_parameters(*(np.delete(v, [2, 7, 11]) for v in values))
    assert (result.slope, result.intercept) == (without.slope, without.intercept)
    assert abs(result.intercept + 0.4) < 0.1


def test_link_propagates_its_error():
    onto = Link(1.2, 0.5, np.array([[0.02, 0.005], [0.005, 0.03]]), np.zeros(3, bool), 2)
    theta, covariance = link([1.0, -2.0], [0.3, 0.4], onto)
    assert theta == pytest.approx([1.7, -1.9])
    rng = np.random.default_rng(7)
    ends = rng.multivariate_normal([1.2, 0.5], onto.covariance, 200_000)
    # to first order: the product of both errors is left out
    first = ends[:, :1] * [1.0, -2.0] + ends[:, 1:] + 1.2 * rng.normal(0, [0.3, 0.4], (200_000, 2))
    assert covariance == pytest.approx(np.cov(first.T), abs=0.003)


def test_rates_of_two_halves_by_hand():
    nan = np.nan
    x = np.array(
        [
            [1, 0, 1, 1, nan, nan],
            [0, 0, 1, 0, nan, nan],
            [1, 1, nan, nan, 0, 0],
            [1, 0, nan, nan, 0, 1],
        ]
    )
    result = link_rates(x, [False, False, True, True])
    # form X: 75 and 25; anchors: 25 against 75; form Y: 50 and 50, whose mean is 50
    assert result.score == pytest.approx([75, 25, 100, 100])
    assert result.shift == pytest.approx(50)
    # the two of X differ by 0 or 1 on items of X only: anchors (1, 0), rest (0, 1), each over 4
    contrast = np.array([1.0, -1, 0, 0])
    assert contrast @ result.covariance @ contrast == pytest.approx(2 * 2 * 0.5 * 25**2)


def test_rates_are_linked_without_bias_and_with_the_stated_coverage():
    rng, n = np.random.default_rng(8), 8
    _, contrast = halves(n)
    off, unlinked, covered = [], [], []
    for run in range(300):
        _, x, logit = world(rng, quirk=0.0, apart=float(run % 2))
        true = contrast @ (100 * expit(logit[:, : ANCHORS + ALONE]).mean(axis=1))
        result = link_rates(x, contrast > 0)
        off.append(contrast @ result.score - true)
        unlinked.append(contrast @ (100 * np.nanmean(x, axis=1)) - true)
        limit = t.ppf(0.975, result.degrees)
        covered.append(abs(off[-1]) < limit * np.sqrt(contrast @ result.covariance @ contrast))
    assert result.degrees == ANCHORS - 1
    assert abs(np.mean(off)) < 0.05 * 17  # rates spread by 17 points
    assert np.mean(unlinked) < -4
    assert 0.92 < np.mean(covered) < 0.99


def test_equal_forms_need_no_link():
    x = (np.random.default_rng(9).random((6, 30)) < 0.6).astype(float)
    x[0, :4] = np.nan
    result = link_rates(x[1:], np.arange(5) > 1)
    assert result.score == pytest.approx(100 * x[1:].mean(axis=1))
    assert result.shift == pytest.approx(0)
    missing = link_rates(x, np.arange(6) > 2)
    # a missing response is no zero: the respondent keeps the distance from the others' means
    group = x[:3, 4:].mean(axis=0)
    rest = 100 * (x[0, 4:] - group).mean() + 100 * np.nanmean(x[:3], axis=0).mean()
    assert missing.score[0] == pytest.approx(rest)


def parameters(**changed):
    n = np.ones(4)
    values = {"a_x": n, "b_x": n, "a_y": n, "b_y": n, "se_x": n, "se_y": n}
    return [(values | changed)[name] for name in values]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: concurrent([1, 0], [0, 1]), "R, I"),
        (lambda: concurrent([[1], [0]], [0]), "forms"),
        (lambda: concurrent([[0.5], [0]], [0, 1]), "0, 1 or NaN"),
        (lambda: concurrent([[1], [0]], [0, 1], prior=0), "prior"),
        (lambda: concurrent([[1], [0]], [0, 1], level=2), "level"),
        (lambda: link_parameters(*parameters(a_x=-np.ones(4))), "> 0"),
        (lambda: link_parameters(*parameters(b_x=np.full(4, np.nan))), "finite"),
        (lambda: link_parameters(*np.ones((6, 2))), "at least 3"),
        (lambda: link([1, 2], [1], Link(1, 0, np.eye(2), np.zeros(1, bool), 0)), "theta"),
        (lambda: link_rates([[2, 0], [0, 0]], [True, False]), r"\[0, 1\]"),
        (lambda: link_rates([[1, 0]], [True, False]), "on_y"),
        (lambda: link_rates([[1, 0, 1]], [False]), "too few"),
        (lambda: link_rates([[1, 0, 1], [1, 0, np.nan]], [False, True]), "too few"),
    ],
)
def test_refuses_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
