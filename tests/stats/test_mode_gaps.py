"""Gaps between what is stated and shown: nothing where nothing is, and what was planted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import ncx2

from valuecompass.stats.mode_gaps import (
    ModeGaps,
    _noncentrality,  # pyright: ignore[reportPrivateUsage]
    _overall,  # pyright: ignore[reportPrivateUsage]
    mode_gaps,
    profile_agreement,
    standings,
)

R, D = 7, 6


def answered(
    rng: np.random.Generator, theta: np.ndarray, per_dimension: int, slope: float, base: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Yes and no to items of one dimension each: a probit model with its own slope and bases."""
    r, d = theta.shape
    n = per_dimension * d
    of_item = np.arange(n) % d
    hard = rng.normal(0, 0.5, n)
    latent = slope * theta[:, of_item] + base[of_item] + hard
    totals, counts = np.zeros((2, r, n, d))
    totals[:, np.arange(n), of_item] = rng.random((r, n)) < ndtr(latent)
    counts[:, np.arange(n), of_item] = 1.0
    return totals, counts


def compare(
    rng: np.random.Generator, said: np.ndarray, shown: np.ndarray, items: int = 60
) -> ModeGaps:
    """Compare two modes that differ in slope, bases and items."""
    first = answered(rng, said, items, 0.6, rng.normal(0, 0.5, D))
    second = answered(rng, shown, items, 1.1, rng.normal(-0.8, 0.5, D))
    return mode_gaps(standings(*first, rng, 400), standings(*second, rng, 400))


def truth(said: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """By hand: profiles about both means, in standard deviations, less the others' median."""
    both: list[np.ndarray] = []
    for x in (said, shown):
        c = x - x.mean(axis=1, keepdims=True)
        c = c - c.mean(axis=0)
        both.append(c / np.sqrt((c**2).sum() / ((len(x) - 1) * (x.shape[1] - 1))))
    apart = both[0] - both[1]
    return np.array(
        [apart[r] - np.median(np.delete(apart, r, axis=0), axis=0) for r in range(len(apart))]
    )


@pytest.mark.parametrize("r", [4, 7])
def test_without_noise_the_gap_is_the_formula(r: int) -> None:
    rng = np.random.default_rng(0)
    said, shown = rng.normal(size=(2, r, D))
    still = [x + 1e-7 * rng.normal(size=(50, r, D)) for x in (said, shown)]
    for draws, exact in zip(still, (said, shown), strict=True):
        draws[0] = exact
    found = mode_gaps(*still)
    np.testing.assert_allclose(found.gap, truth(said, shown), atol=1e-5)
    np.testing.assert_allclose(found.gap, found.stated - found.shown - found.usual)
    expected = [np.corrcoef(*pair)[0, 1] for pair in zip(found.stated, found.shown, strict=True)]
    np.testing.assert_allclose(found.agreement.value, expected, atol=1e-5)
    size = np.sqrt((found.gap**2).mean(axis=1))
    np.testing.assert_allclose(found.overall.value, size, rtol=1e-5)


def test_false_gaps_come_at_the_nominal_rate_and_limits_cover() -> None:
    rng = np.random.default_rng(1)
    outside: list[float] = []
    held: list[float] = []
    overall: list[float] = []
    for _ in range(60):
        theta = rng.normal(size=(R, D))
        same = compare(rng, theta, theta)
        outside.append(float(((same.low > 0) | (same.high < 0)).mean()))
        overall.append(float((same.overall.p < 0.05).mean()))
        said = theta + np.where(rng.random((R, D)) < 0.2, 1.5, 0.0)
        other = compare(rng, said, theta)
        real = truth(said, theta)
        held.append(float(((other.low <= real) & (real <= other.high)).mean()))
    # seen with this seed: .050, .036 and .938, with standard errors of .005
    assert np.mean(outside) < 0.07
    assert np.mean(overall) < 0.07
    assert np.mean(held) > 0.92


def test_a_planted_gap_is_found_where_it_is() -> None:
    rng = np.random.default_rng(2)
    theta = rng.normal(size=(R, D))
    said = theta.copy()
    said[3, 1] += 3.0
    found = compare(rng, said, theta, items=150)
    assert np.unravel_index(np.abs(found.gap).argmax(), (R, D)) == (3, 1)
    assert found.low[3, 1] > 0
    assert found.overall.value.argmax() == 3
    assert found.overall.low[3] > 0
    assert found.overall.p[3] < 0.001
    assert found.agreement.value.argmin() == 3
    rest = np.delete(np.arange(R), 3)
    # who only stands beside it is not accused: the median of the others withstands one of them
    assert (found.overall.p[rest] > 0.01).all()


def test_who_agrees_with_everything_has_no_gap_from_it() -> None:
    rng = np.random.default_rng(3)
    theta = rng.normal(size=(R, D))
    still = [x + 1e-3 * rng.normal(size=(50, R, D)) for x in (theta, theta)]
    before = mode_gaps(*still)
    still[0][:, 2] += 5.0
    np.testing.assert_allclose(mode_gaps(*still).gap, before.gap, atol=1e-9)


def test_respondents_that_are_alike_give_no_unit() -> None:
    rng = np.random.default_rng(4)
    theta = rng.normal(size=(R, D))
    flat = np.zeros((R, D))
    found = compare(rng, flat, theta)
    assert found.told_apart.tolist() == [False, True]
    for name in ("stated", "shown", "usual", "gap", "low", "high", "p"):
        assert np.isnan(getattr(found, name)).all(), name
    assert np.isnan(found.overall.value).all()
    assert np.isnan(found.agreement.value).all()


def test_the_correlation_is_corrected_for_noise_and_held_back_where_there_is_little_else() -> None:
    rng = np.random.default_rng(5)
    theta = rng.normal(size=(1, 10))
    noisy = [theta + 0.5 * rng.normal(size=(1, 10)) for _ in range(2)]
    draws = [np.concatenate([x[None], x + 0.5 * rng.normal(size=(2_000, 1, 10))]) for x in noisy]
    found = profile_agreement(*draws)
    plain = np.corrcoef(noisy[0][0], noisy[1][0])[0, 1]
    assert found.value[0] > plain
    assert found.low[0] <= 1 <= found.high[0] + 1e-9
    drowned = [x + 5 * rng.normal(size=x.shape) for x in draws]
    assert np.isnan(profile_agreement(*drowned).value[0])


def test_a_noncentrality_is_the_one_that_the_law_gives() -> None:
    form, freedom = np.array([30.0, 1.0, 12.0]), np.array([6.3, 5.0, 2.2])
    for tail in (0.025, 0.975):
        found = _noncentrality(form, freedom, tail)
        for x, df, centre in zip(form, freedom, found, strict=True):
            if centre > 0:
                assert ncx2.cdf(x, df, centre) == pytest.approx(tail, abs=1e-9)
            else:
                assert ncx2.cdf(x, df, 1e-9) <= tail + 1e-6


@pytest.mark.parametrize("size", [0.0, 0.2, 0.5, 1.0])
def test_limits_of_the_overall_gap_hold_it_and_never_shrink_to_nothing(size: float) -> None:
    rng = np.random.default_rng(8)
    respondents, d, sd = 400, 10, 0.6
    real = rng.normal(size=(respondents, d))
    real *= size / np.sqrt((real**2).mean(axis=1, keepdims=True))
    seen = real + sd * rng.normal(size=(respondents, d))
    draws = seen + sd * rng.normal(size=(1_000, respondents, d))
    found = _overall(np.concatenate([seen[None], draws]), 0.95)
    assert found.high.min() > 0.1
    assert (found.low <= found.value).all() and (found.value <= found.high).all()
    held = (found.low <= size + 1e-9) & (size <= found.high)
    # 400 respondents: a standard error of .011
    assert held.mean() >= 0.93
    if size == 0:
        # as many as lie in the lower tail were told "no gap, for sure" before
        assert (found.value == 0).mean() > 0.4


def test_standings_are_probits_of_rates_with_a_weak_prior() -> None:
    rng = np.random.default_rng(6)
    totals = np.zeros((2, 40, 2))
    totals[0, :10, 0] = 1.0
    counts = np.ones((2, 40, 2))
    counts[1, :, 1] = 0.0
    found = standings(totals, counts, rng, 500)
    assert found.shape == (501, 2, 2)
    assert ndtr(found[0, 0, 0]) == pytest.approx(10.25 / 40.5)
    assert ndtr(found[0, 0, 1]) == pytest.approx(0.25 / 40.5)
    assert np.isnan(found[:, 1, 1]).all()
    assert ndtr(found[1:, 0, 0]).mean() == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("shape", [(50, 2, 6), (50, 6, 2)])
def test_too_little_is_said_to_be_so(shape: tuple[int, ...]) -> None:
    few = np.random.default_rng(7).normal(size=shape)
    with pytest.raises(ValueError, match="three of both"):
        mode_gaps(few, few + 0.1)
    with pytest.raises(ValueError, match="differ in shape"):
        mode_gaps(few, few[:20])
    few[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        mode_gaps(few, few)
