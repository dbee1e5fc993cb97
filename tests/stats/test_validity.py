import numpy as np
import pytest
from scipy import stats

from valuecompass.stats.validity import (
    circle_fit,
    circle_profile,
    first_component_share,
    indistinguishable,
    unique_variance,
)

POSITIONS = np.array([0, 1, 2, 3, 4, 5, 6, 6, 7, 8])
ANGLES = 2 * np.pi * POSITIONS / 9


def rng(seed=0):
    return np.random.default_rng(seed)


def moral_board(generator, respondents=33):
    """Five scores that are one dimension, and three that are not."""
    common = generator.standard_normal((respondents, 1))
    five = common + 0.13 * generator.standard_normal((respondents, 5))
    return np.hstack([five, generator.standard_normal((respondents, 3))])


def circumplex(generator, respondents=40, noise=0.5):
    """Profiles that are sinusoids around the circle, and noise."""
    plane = generator.standard_normal((respondents, 2))
    around = plane @ np.array([np.cos(ANGLES), np.sin(ANGLES)])
    return around + noise * generator.standard_normal((respondents, 10))


def test_unique_variance_of_known_worlds():
    sources = rng(1).standard_normal((2000, 4))
    mixed = sources[:, 0] * 0.6 + sources[:, 1] * 0.8 + sources[:, 3]
    found = unique_variance(np.column_stack([sources[:, :3], mixed]))
    # closed forms: 1 / (diagonal of the inverse of the correlation matrix)
    expected = 1 / np.array([1.36, 1.64, 1, 2])
    assert found.share == pytest.approx(expected, abs=0.04)
    assert found.n == 2000
    assert np.isnan(found.reliability).all()


def test_unique_variance_does_not_take_chance_for_prediction_with_few_respondents():
    shares = [unique_variance(rng(s).standard_normal((16, 10))).share.mean() for s in range(20)]
    assert np.mean(shares) > 0.9
    table = moral_board(rng(2), 16)
    found = unique_variance(table).share
    assert (found[:5] < 0.1).all()


def test_unique_variance_is_left_out_prediction():
    """Against an explicit double loop over respondents and penalties."""
    table = rng(3).standard_normal((9, 3)) + rng(4).standard_normal((9, 1))
    standard = (table - table.mean(0)) / table.std(0)
    x, y = standard[:, 1:], standard[:, 0]

    def predict(rows, penalty, new):
        mean, level = x[rows].mean(0), y[rows].mean()
        own, target = x[rows] - mean, y[rows] - level
        n = len(rows) + 1  # the penalty is in units of the respondents before one is left out
        slope = np.linalg.solve(own.T @ own + n * penalty * np.eye(2), own.T @ target)
        return level + (new - mean) @ slope

    # One left out at a fixed penalty; the centre moves with who is left out, the scale does not.
    penalties = [*np.logspace(-3, 2, 11), 1e12]
    errors = []
    for i in range(9):
        rows = np.delete(np.arange(9), i)
        inner = [
            sum((y[j] - predict(np.delete(rows, k), p, x[j])) ** 2 for k, j in enumerate(rows))
            for p in penalties
        ]
        errors.append(y[i] - predict(rows, penalties[int(np.argmin(inner))], x[i]))
    base = [y[i] - np.delete(y, i).mean() for i in range(9)]
    expected = min(np.sum(np.square(errors)) / np.sum(np.square(base)), 1)
    assert unique_variance(table).share[0] == pytest.approx(expected, rel=1e-6)


def test_measurement_error_is_not_unique_variance():
    true = rng(5).standard_normal((1000, 3))
    true[:, 2] = 0.6 * true[:, 0] + 0.8 * true[:, 1]
    noisy = true.copy()
    noisy[:, 2] += 0.7 * rng(6).standard_normal(1000)
    errors = np.zeros((1000, 3))
    errors[:, 2] = 0.7
    assert unique_variance(noisy).share[2] > 0.3
    found = unique_variance(noisy, errors)
    assert found.share[2] < 0.03
    assert found.reliability == pytest.approx([1, 1, 1 / 1.49], abs=0.03)
    assert not found.within_error.any()


def test_dimension_within_its_error_says_nothing():
    runs, within = 200, 0
    for seed in range(runs):
        table = rng(seed).standard_normal((16, 2)) * [1, 5]
        found = unique_variance(table, np.ones((16, 2)))
        within += found.within_error[0]
        assert np.isnan(found.share[0]) == found.within_error[0]
        assert not found.within_error[1]
    assert 0.91 < within / runs < 0.99  # Cochran's Q at .05


def test_missing_and_constant_dimensions():
    table = rng(7).standard_normal((30, 3))
    padded = np.vstack([table, [[np.nan, 1, 2]]])
    assert unique_variance(padded).share == pytest.approx(unique_variance(table).share)
    assert first_component_share(padded) == pytest.approx(first_component_share(table))
    table[:, 1] = 4
    found = unique_variance(table)
    assert np.isnan(found.share[1])
    assert np.isfinite(found.share[[0, 2]]).all()
    assert np.isnan(first_component_share(table))
    assert np.isnan(unique_variance(table[:3]).share).all()


def test_constant_dimensions_are_not_one_because_of_rounding():
    table = rng(7).standard_normal((7, 3))
    table[:, :2] = 33.33  # the mean of seven is rounded, so that the variance is above 0
    assert (table[:, 0].var() > 0) and (table[:, 0] == 33.33).all()
    found = indistinguishable(table)
    assert found.groups == ()
    assert np.isnan(found.correlation[:2]).all()
    alone = unique_variance(table, np.zeros((7, 3)))
    assert np.isnan(alone.reliability[:2]).all()
    assert alone.within_error.tolist() == [True, True, False]


def test_first_component_share_has_closed_forms():
    two = rng(8).standard_normal((50, 2))
    r = np.corrcoef(two.T)[0, 1]
    assert first_component_share(two) == pytest.approx((1 + abs(r)) / 2)
    assert first_component_share(two[:, [0, 0, 0]] * [1, -5, 9] + 3) == pytest.approx(1)
    assert first_component_share(rng(9).standard_normal((20_000, 5))) == pytest.approx(
        0.2, abs=0.01
    )


def test_five_scores_of_one_dimension_are_one_group():
    for seed in range(20):
        table = moral_board(rng(seed))
        if np.corrcoef(table[:, :5].T).min() < 0.967:
            continue
        assert indistinguishable(table).groups == ((0, 1, 2, 3, 4),)
    assert np.corrcoef(moral_board(rng(0))[:, :5].T).min() > 0.967


def test_different_dimensions_are_not_grouped():
    for seed in range(100):
        plane = rng(seed).standard_normal((16, 1))
        # true correlation of .5 within one system, few respondents
        assert indistinguishable(plane + rng(seed + 999).standard_normal((16, 10))).groups == ()


def test_limits_without_draws_are_fishers():
    table = rng(10).standard_normal((24, 3)) + rng(11).standard_normal((24, 1))
    found = indistinguishable(table, level=0.9)
    expected = stats.pearsonr(table[:, 0], table[:, 1])
    assert found.correlation[0, 1] == pytest.approx(expected.statistic)
    limits = expected.confidence_interval(0.9)
    assert (found.low[0, 1], found.high[0, 1]) == pytest.approx((limits.low, limits.high))
    assert (np.diagonal(found.low) == 1).all()


def test_draws_take_out_measurement_error_and_its_correlation():
    generator, respondents, draws = rng(12), 20_000, 20
    true = generator.standard_normal((respondents, 2)) @ np.array([[1, 0.6], [0, 0.8]])  # r = .6
    mix = np.array([[0.7, 0.5], [0, 0.5]])  # errors of the two dimensions correlate
    table = true + generator.standard_normal((respondents, 2)) @ mix
    resampled = table + generator.standard_normal((draws, respondents, 2)) @ mix
    found = indistinguishable(table, resampled)
    assert found.correlation[0, 1] == pytest.approx(0.6, abs=0.02)
    assert found.low[0, 1] < 0.6 < found.high[0, 1]
    same = true[:, [0, 0]] + generator.standard_normal((respondents, 2)) * 0.7
    assert indistinguishable(same).groups == ()
    resampled = same + 0.7 * generator.standard_normal((draws, respondents, 2))
    assert indistinguishable(same, resampled).groups == ((0, 1),)


def test_dimension_within_its_error_is_in_no_group():
    table = rng(13).standard_normal((20, 3))
    table[:, 1] = table[:, 0]
    # the error variance is four fifths of the observed one: less, yet not significantly less
    noise = np.array([0.1, np.sqrt(0.8) * table[:, 1].std(ddof=1), 0.1])
    draws = table + rng(14).standard_normal((400, 20, 3)) * noise
    found = indistinguishable(table, draws)
    assert np.isnan(found.correlation[1]).all()
    assert found.groups == ()
    assert indistinguishable(table).groups == ((0, 1),)


def test_chain_is_not_one_group():
    x, y = np.linalg.qr(rng(15).standard_normal((500, 2)) - 0)[0].T
    angles = np.deg2rad([0, 15, 30])  # cosines .966, .966 and .866
    chain = np.outer(x, np.cos(angles)) + np.outer(y, np.sin(angles))
    (group,) = indistinguishable(chain).groups
    assert len(group) == 2


def test_perfect_circle():
    perfect = np.cos(ANGLES[:, None] - ANGLES)
    found = circle_fit(0.1 + 0.5 * perfect, POSITIONS, 9, rng(), draws=2000)
    assert found.correspondence == 1
    assert found.p_value < 0.002
    assert (found.mean, found.amplitude, found.cosine_share) == pytest.approx((0.1, 0.5, 1))
    inverted = circle_fit(-perfect, POSITIONS, 9, rng(), draws=200)
    assert inverted.correspondence == -1
    assert inverted.p_value == 1
    assert inverted.amplitude < 0


def test_hexagon_has_72_relations_and_an_exact_p():
    """The RIASEC hexagon: 72 predictions; 12 of 720 orders are its rotations and reflections."""
    hexagon = np.cos(np.pi / 3 * (np.arange(6)[:, None] - np.arange(6))).round(9)
    found = circle_fit(hexagon, range(6), 6, rng())
    assert found.relations == 72
    assert found.p_value == pytest.approx(12 / 720)
    hexagon[0, 1] = hexagon[1, 0] = -0.75  # below neighbours and next neighbours, above opposites
    # 6 next neighbours are now closer than this pair of neighbours: 6 of 72 violated
    assert circle_fit(hexagon, range(6), 6, rng()).correspondence == pytest.approx(60 / 72)
    hexagon[0, 1] = hexagon[1, 0] = -0.5  # ties with them are neither met nor violated
    assert circle_fit(hexagon, range(6), 6, rng()).correspondence == pytest.approx(66 / 72)


def test_planted_circumplex_is_found_and_shuffled_values_are_not():
    generator, p_values = rng(16), []
    for _ in range(60):
        relations = np.corrcoef(circumplex(generator).T)
        assert circle_fit(relations, POSITIONS, 9, generator, draws=300).p_value < 0.01
        order = generator.permutation(10)
        shuffled = relations[np.ix_(order, order)]
        p_values.append(circle_fit(shuffled, POSITIONS, 9, generator, draws=300).p_value)
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    found = circle_fit(np.corrcoef(circumplex(generator, 3000).T), POSITIONS, 9, generator)
    # plane variance 1 against noise variance .25
    assert found.amplitude == pytest.approx(1 / 1.25, abs=0.03)
    assert found.mean == pytest.approx(0, abs=0.03)


def test_profile_recovers_the_sinusoid():
    peak = 2 * np.pi * 8.5 / 9
    profile = 50 + 7 * np.cos(ANGLES - peak)
    assert circle_profile(profile, POSITIONS, 9) == pytest.approx((50, 7, 8.5, 1, 0), abs=1e-9)
    profile[[2, 6]] = np.nan
    assert circle_profile(profile, POSITIONS, 9) == pytest.approx((50, 7, 8.5, 1, 0), abs=1e-9)


def test_profile_equals_regression_and_its_p_is_uniform_for_noise():
    generator = rng(17)
    design = np.column_stack([np.ones(10), np.cos(ANGLES), np.sin(ANGLES)])
    noise = generator.standard_normal((400, 10))
    found = [circle_profile(row, POSITIONS, 9) for row in noise]
    coefficients = np.linalg.lstsq(design, noise.T)[0]
    rest = ((noise.T - design @ coefficients) ** 2).sum(0)
    assert [x.mean for x in found] == pytest.approx(coefficients[0])
    assert [x.amplitude for x in found] == pytest.approx(np.hypot(*coefficients[1:]))
    assert [x.share for x in found] == pytest.approx(1 - rest / noise.var(axis=1) / 10)
    f = (noise.var(axis=1) * 10 - rest) / 2 / (rest / 7)
    assert [x.p_value for x in found] == pytest.approx(stats.f.sf(f, 2, 7))
    assert np.mean([x.share for x in found]) == pytest.approx(2 / 9, abs=0.02)
    assert stats.kstest([x.p_value for x in found], "uniform").pvalue > 0.01


@pytest.mark.parametrize("profile", [[1.0] * 10, [1, 2, 3] + [np.nan] * 7])
def test_profile_without_variance_or_values(profile):
    assert np.isnan(circle_profile(profile, POSITIONS, 9)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: unique_variance([[1], [2]]), "two or more"),
        (lambda: unique_variance([[1, np.inf]]), "finite"),
        (lambda: unique_variance(np.eye(5), np.eye(4)), "standard_errors"),
        (lambda: unique_variance(np.eye(5), -np.eye(5)), "standard_errors"),
        (lambda: indistinguishable(np.eye(5), np.eye(5)), "draws"),
        (lambda: indistinguishable(np.eye(5), np.zeros((1, 5, 5))), "at least 2"),
        (lambda: indistinguishable(np.eye(5), threshold=1), "threshold"),
        (lambda: circle_fit(np.eye(3), [0, 1], 9, rng()), "relations"),
        (lambda: circle_fit([[1, 2], [3, 1]], [0, 1], 9, rng()), "symmetric"),
        (lambda: circle_fit(np.eye(3) * np.nan, [0, 1, 2], 9, rng()), "finite"),
        (lambda: circle_fit(np.eye(3), [0, 3, 6], 9, rng()), "no order"),
        (lambda: circle_fit(np.eye(3), [0, 1, 9], 9, rng()), "positions"),
        (lambda: circle_profile([1, 2, 3], [0, 1, 2], 2), "wedges"),
        (lambda: circle_profile([1, 2], [0, 1, 2], 9), "profile"),
    ],
)
def test_refuses_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
