"""What a pilot says of the width of an interval, against closed forms and against the interval."""

from __future__ import annotations

import numpy as np
import pytest

from valuecompass.stats import cluster_bootstrap_mean
from valuecompass.stats.precision import Spread, half_width, items_needed, spread


def test_the_components_are_those_of_a_worked_example() -> None:
    # balanced: mean square between 2 * var(.25, .75, .5), within the mean of the items' variances
    values, items = [0.0, 0.5, 0.5, 1.0, 0.5, 0.5], [1, 1, 2, 2, 3, 3]
    within = (0.125 + 0.125 + 0.0) / 3
    found = spread(values, items)
    assert found.within == pytest.approx(within)
    assert found.between == pytest.approx(np.var([0.25, 0.75, 0.5], ddof=1) - within / 2)
    assert found[0] == 0.5 and found.items == 3 and found.repeats == 2


def test_planted_components_are_recovered() -> None:
    rng = np.random.default_rng(1)
    between, within = [], []
    for _ in range(300):
        items = rng.normal(0.5, 0.1, 20)
        values = np.clip(items[:, None] + rng.normal(0, 0.08, (20, 3)), 0, 1)
        found = spread(values.ravel(), np.repeat(np.arange(20), 3))
        between.append(found.between)
        within.append(found.within)
    assert np.mean(between) == pytest.approx(0.01, rel=0.05)
    assert np.mean(within) == pytest.approx(0.0064, rel=0.05)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.9])
@pytest.mark.parametrize(("items", "repeats"), [(15, 1), (60, 3), (200, 1)])
def test_the_predicted_width_is_that_of_the_interval(rate: float, items: int, repeats: int) -> None:
    rng = np.random.default_rng(7)
    strength = 4.0
    a, b = rate * strength, (1 - rate) * strength
    true = Spread(rate, rate * (1 - rate) / 5, rate * (1 - rate) * 4 / 5, 10**6, 1.0)
    widths = []
    for seed in range(40):
        p = rng.beta(a, b, items)
        values = (rng.random((items, repeats)) < p[:, None]).astype(float)
        limits = cluster_bootstrap_mean(
            values.ravel(), np.repeat(np.arange(items), repeats), np.random.default_rng(seed)
        )
        widths.append((limits.high - limits.low) / 2)
    ratio = half_width(true, items, repeats) / np.mean(widths)
    # few items: their own variance varies, and the mean of a root is less than the root of a mean
    assert (1.0 if items < 50 else 0.94) < ratio < (1.15 if items < 50 else 1.06)


def test_asked_once_the_two_variances_cannot_be_told_apart() -> None:
    once = spread([0.0, 1.0, 0.5, 0.5], [1, 2, 3, 4])
    assert once.within is None and once.between == pytest.approx(np.var([0, 1, 0.5, 0.5], ddof=1))
    assert half_width(once, 20, 1) == half_width(once, 20, 5)  # nothing is promised of repeats
    assert spread([0.0, 0.0, 0.0, 0.0], [1, 1, 2, 2]).within == 0
    assert spread([0.0, 0.0], [1, 2]).within is None


def test_the_items_needed_are_the_fewest_that_do() -> None:
    of = Spread(0.3, 0.05, 0.1, 10, 3)
    for repeats in (1, 4):
        n = items_needed(of, repeats, 0.05)
        assert half_width(of, n, repeats) <= 0.05 < half_width(of, n - 1, repeats)
    assert items_needed(of, 4, 0.05) < items_needed(of, 1, 0.05) < 4 * items_needed(of, 4, 0.05)


def test_a_pilot_that_saw_nothing_promises_nothing() -> None:
    silent = spread(np.zeros(10), np.arange(10))
    assert silent.mean > 0 and silent.between > 0
    assert items_needed(silent, 1, 0.05) > items_needed(Spread(0, 0, 0, 10, 1), 1, 0.05)
    assert spread([0.5, np.nan], [1, 2]).items == 1


def test_wrong_numbers_are_told() -> None:
    with pytest.raises(ValueError, match="in \\[0, 1\\]"):
        spread([2.0], [1])
    with pytest.raises(ValueError, match="no value"):
        spread([np.nan], [1])
    with pytest.raises(ValueError, match="both be"):
        spread([1.0, 0.0], [1])
    for bad in ({"items": 0}, {"items": 5, "repeats": 0}, {"items": 5, "level": 1.0}):
        with pytest.raises(ValueError, match="out of range"):
            half_width(Spread(0.5, 0.1, 0, 9, 1), **bad)
    with pytest.raises(ValueError, match="target"):
        items_needed(Spread(0.5, 0.1, 0, 9, 1), 1, 0.0)
