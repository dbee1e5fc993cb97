"""Cohen's kappa with its interval: the published value, the edges, and planted truths."""

from __future__ import annotations

import numpy as np
import pytest

from valuecompass.stats import cohen_kappa
from valuecompass.stats.kappa import kappa_interval


def test_the_estimate_is_cohens_kappa() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 2, 50)
    b = np.where(rng.random(50) < 0.3, 1 - a, a)
    found = kappa_interval(a, b, np.arange(50), rng)
    assert found.value == pytest.approx(cohen_kappa(a, b), abs=1e-12)
    assert found.low < found.value < found.high


def test_a_worked_example() -> None:
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: agreement .7, by chance .5, kappa .4
    a = [1] * 25 + [0] * 25
    b = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    found = kappa_interval(a, b, np.arange(50), np.random.default_rng(0), draws=20_000)
    assert found.value == pytest.approx(0.4)
    # standard error of Fleiss, Cohen & Everitt (1969), worked by hand: .1270
    assert (found.high - found.low) / 2 / 1.96 == pytest.approx(0.1270, rel=0.05)


def test_raters_who_always_agreed_may_still_differ_next_time() -> None:
    a = [1, 0] * 10
    found = kappa_interval(a, a, np.arange(20), np.random.default_rng(0))
    assert found.value == found.high == 1
    assert 0.6 < found.low < 0.95


def test_rows_of_one_item_count_less_than_rows_of_many() -> None:
    rng = np.random.default_rng(1)
    a = np.repeat(rng.integers(0, 2, 20), 5)
    b = np.repeat(rng.integers(0, 2, 20), 5)
    many = kappa_interval(a, b, np.arange(100), np.random.default_rng(0))
    few = kappa_interval(a, b, np.repeat(np.arange(20), 5), np.random.default_rng(0))
    assert few.value == many.value
    assert few.high - few.low > 1.6 * (many.high - many.low)


@pytest.mark.parametrize("codes", [[], [1, 1, 1]])
def test_without_variety_there_is_no_kappa(codes: list[int]) -> None:
    found = kappa_interval(codes, codes, range(len(codes)), np.random.default_rng(0))
    assert np.isnan([found.value, found.low, found.high]).all()


def test_wrong_codes_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="0 or 1"):
        kappa_interval([0, 2], [0, 1], [0, 1], rng)
    with pytest.raises(ValueError, match="must all be"):
        kappa_interval([0, 1], [0, 1], [0], rng)


@pytest.mark.parametrize(("base", "error"), [(0.5, 0.02), (0.5, 0.15), (0.2, 0.1)])
def test_the_interval_covers_a_planted_kappa(base: float, error: float) -> None:
    """Two raters who err independently on 30 items with 1 to 3 rows that are alike."""
    rng = np.random.default_rng(3)
    yes = base * (1 - error) + (1 - base) * error
    agreed, chance = (1 - error) ** 2 + error**2, yes**2 + (1 - yes) ** 2
    kappa = (agreed - chance) / (1 - chance)
    covered: list[bool] = []
    for _ in range(400):
        items = np.repeat(np.arange(30), rng.integers(1, 4, 30))
        of_item = rng.random(30) < base
        truth = np.where(
            rng.random(len(items)) < 0.4, of_item[items], rng.random(len(items)) < base
        )
        a, b = (truth ^ (rng.random(len(items)) < error) for _ in range(2))
        found = kappa_interval(a, b, items, rng, draws=400)
        covered.append(found.low <= kappa <= found.high)
    assert np.mean(covered) >= 0.92
