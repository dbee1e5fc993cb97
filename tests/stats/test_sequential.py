from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from valuecompass.stats.sequential import SequentialMean, confidence_sequence, e_value

VALUES = np.array([-1.0, -0.2, 0.5, 1.0])


def streams(rng, count, n, mean, sparsity=0.5):
    """Paired differences of binary answers: -1, 0 or 1, a share of 1 - sparsity not 0."""
    up, down = ((1 - sparsity + sign * mean) / 2 for sign in (1, -1))
    return rng.choice([1.0, -1.0, 0.0], (count, n), p=[up, down, sparsity])


def stopped(x, null, alpha=0.05):
    """Share of streams that ever reach 1 / alpha, and the mean number of items until then."""
    alarm = e_value(x, null) >= 1 / alpha
    hit = alarm.any(axis=1)
    return hit.mean(), np.where(hit, alarm.argmax(axis=1) + 1, x.shape[1]).mean()


@pytest.mark.parametrize("mean", [-0.4, 0.0, 0.25])
def test_expectation_is_one_at_a_point_null(mean):
    # All streams of five items from a law on four values with that mean.
    tilt = np.linspace(-8, 8, 200_001)
    laws = np.exp(tilt[:, None] * VALUES)
    laws /= laws.sum(axis=1, keepdims=True)
    law = laws[np.abs(laws @ VALUES - mean).argmin()]
    mean = law @ VALUES
    choices = np.array(list(product(range(4), repeat=5)))
    e = e_value(VALUES[choices], (mean, mean))
    expectation = law[choices].prod(axis=1) @ e
    assert expectation == pytest.approx(np.ones(5))


@pytest.mark.parametrize("mean", [-0.1, 0.0, 0.07, 0.1])
def test_expectation_is_at_most_one_within_the_null(mean):
    x = streams(np.random.default_rng(0), 20_000, 20, mean)
    e = e_value(x, (-0.1, 0.1))[:, -1]
    assert e.mean() < 1 + 4 * e.std() / np.sqrt(len(e))


def test_one_item_has_a_closed_form():
    # Half up, half down; one bet c at mean 0 in [-1, 1] gains c * x.
    bets = 0.99 * 0.5 ** np.arange(6)
    x = 0.6
    assert e_value([x]) == pytest.approx([((1 + bets * x).mean() + (1 - bets * x).mean()) / 2])
    two = (((1 + bets * x) ** 2).mean() + ((1 - bets * x) ** 2).mean()) / 2
    assert e_value([x, x])[1] == pytest.approx(two)


@pytest.mark.parametrize("null", [(0.0, 0.0), (-0.1, 0.1)])
@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.85])
def test_false_alarms_under_constant_peeking(null, sparsity):
    # At the edge of the null, where alarms are likeliest.
    x = streams(np.random.default_rng(1), 2000, 500, null[1], sparsity)
    assert stopped(x, null)[0] < 0.05


def test_false_alarms_of_skewed_graded_values():
    rng = np.random.default_rng(2)
    x = rng.beta(0.2, 1.8, (2000, 500)) - 0.1  # mean 0, seldom and then strongly positive
    assert stopped(x, (0.0, 0.0))[0] < 0.05
    # A normal test at every look from the tenth on is no such thing.
    n = np.arange(1, 501)
    mean = x.cumsum(axis=1) / n
    sd = np.sqrt(np.maximum((x**2).cumsum(axis=1) / n - mean**2, 1e-12))
    assert (np.abs(mean * np.sqrt(n) / sd) > 1.96)[:, 10:].any(axis=1).mean() > 0.2


@pytest.mark.parametrize("allowed", [0.0, 0.1])
def test_saves_calls_against_a_fixed_form(allowed):
    # The fixed form of 300 items finds `least` beyond the allowed shift with power .9.
    rng, n, sd = np.random.default_rng(3), 300, np.sqrt(0.5)
    least = (1.96 + 1.2816) * sd / np.sqrt(n)
    power, calls = stopped(streams(rng, 800, n, allowed + 2 * least), (-allowed, allowed))
    assert power > 0.99
    assert calls < 0.4 * n


def test_coverage_at_all_times(monkeypatch):
    monkeypatch.setattr("valuecompass.stats.sequential.STEPS", 50)
    rng, missed = np.random.default_rng(4), 0
    for x in streams(rng, 200, 150, 0.2):
        low, high = confidence_sequence(x, 0.2)
        missed += bool(((low > 0.2) | (high < 0.2)).any())
    assert 0 < missed / 200 < 0.2


def test_limits_exclude_what_the_capital_rejects():
    x = streams(np.random.default_rng(5), 1, 200, 0.3)[0]
    low, high = confidence_sequence(x, 0.05)
    # One-sided evidence at 2 / alpha, half of the money on each side: at least 1 / alpha in all.
    assert 0 < low[-1] < 0.3 < high[-1] < 0.6
    assert e_value(x, (low[-1], low[-1])).max() >= 20
    assert e_value(x, (low[-1] + 0.004, low[-1] + 0.004)).max() < 22
    assert (np.diff(low) >= 0).all()
    assert (np.diff(high) <= 0).all()


def test_limits_close_in_on_the_mean():
    x = np.random.default_rng(6).uniform(-0.1, 0.3, 1000)
    low, high = confidence_sequence(x)
    half = (high[-1] - low[-1]) / 2
    assert low[-1] < 0.1 < high[-1]
    assert 0.0072 < half < 0.02  # a fixed-n interval has 1.96 * .1155 / sqrt(1000) = .0072


def test_parts_give_what_the_whole_gives():
    x = streams(np.random.default_rng(7), 1, 300, 0.1)[0]
    x[3::7] = np.nan
    low, high = confidence_sequence(x, 0.1)
    process, seen = SequentialMean(alpha=0.1), 0
    for size in (0, 1, 63, 64, 65, 107):
        interval = process.update(x[seen : seen + size])
        seen += size
        if seen:
            assert interval.low == min(low[seen - 1], interval.value)
            assert interval.high == max(high[seen - 1], interval.value)
    assert process.n == (~np.isnan(x)).sum()
    assert interval.value == pytest.approx(np.nanmean(x))


def test_other_ranges_and_the_mirror():
    rng = np.random.default_rng(8)
    x = rng.random(150) ** 2
    low, high = confidence_sequence(x, low=0, high=1)
    scaled = confidence_sequence(100 * x - 20, low=-20, high=80)
    assert scaled[0] == pytest.approx(100 * low - 20)
    assert scaled[1] == pytest.approx(100 * high - 20)
    mirrored = confidence_sequence(1 - x, low=0, high=1)
    assert mirrored[0] == pytest.approx(1 - high)
    expected = e_value(x, (0.2, 0.3), low=0, high=1)
    assert e_value(1 - x, (0.7, 0.8), low=0, high=1) == pytest.approx(expected)


def test_a_moving_mean_makes_the_limits_cross():
    x = np.concatenate([np.full(100, 0.8), np.full(400, -0.8)])
    low, high = confidence_sequence(x)
    assert low[-1] > high[-1]
    interval = SequentialMean().update(x)
    assert interval == pytest.approx([x.mean(), min(high[-1], x.mean()), low[-1]])


@settings(deadline=None, max_examples=40)
@given(
    arrays(float, st.integers(0, 40), elements=st.floats(-1, 1) | st.just(np.nan)),
    st.floats(0.001, 0.5),
)
def test_invariants(x, alpha):
    e = e_value(x, (-0.2, 0.3))
    assert e.shape == x.shape
    assert (e >= 0).all()
    seen = x[~np.isnan(x)]
    if len(seen):
        final = e_value(x[::-1], (-0.2, 0.3))[-1]  # no order among the items seen
        assert final == pytest.approx(e[-1])
        assert e_value(seen, (-0.2, 0.3))[-1] == pytest.approx(e[-1])
    else:
        assert e == pytest.approx(np.ones(len(x)))
    interval = SequentialMean(alpha=alpha).update(x)
    if len(seen):
        assert -1 <= interval.low <= interval.value <= interval.high <= 1
    else:
        assert np.isnan(interval).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: e_value([0.5], (0.2, 0.1)), "null"),
        (lambda: e_value([0.5], (-1, 0.1)), "null"),
        (lambda: e_value([1.5]), "values"),
        (lambda: e_value([0.5], (0.0, 0.5), low=0, high=1), "null"),
        (lambda: confidence_sequence([[0.5]]), "values"),
        (lambda: confidence_sequence([0.5, -2]), "values"),
        (lambda: SequentialMean(1, 1), "low"),
        (lambda: SequentialMean(alpha=0), "alpha"),
    ],
)
def test_refuses_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
