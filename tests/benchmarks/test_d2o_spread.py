"""Numbers over few seeds: where a curve gets somewhere, and what an interval holds."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.d2o import spread


def test_an_interval_of_eight_seeds_holds_the_mean_as_often_as_it_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Plain percentiles hold it 89 times in 100."""
    monkeypatch.setattr(spread, "DRAWS", 1000)
    drawn = np.random.default_rng(1)
    found = [spread.interval(spread.mean_of, list(drawn.normal(size=8))) for _ in range(400)]
    assert np.mean([low <= 0 <= high for _, low, high in found]) > 0.92


def test_seeds_are_paired() -> None:
    own = list(np.random.default_rng(0).normal(size=8))
    above = [value + 1 for value in own]
    assert spread.interval(spread.difference, above, own) == pytest.approx((1, 1, 1))
    assert spread.interval(spread.wider, above, own) == pytest.approx((0, 0, 0))
    assert spread.times([2, 8], [1, 4]) == pytest.approx(2)


@pytest.mark.parametrize(("goal", "at"), [(0.5, 0), (0.25, 3), (0.1, 6), (0.0, 8)])
def test_a_curve_is_at_its_goal_between_two_points(goal: float, at: float) -> None:
    assert spread.first_at([0, 2, 4, 8], [0.5, 0.3, 0.2, 0.0], goal) == pytest.approx(at)


@pytest.mark.parametrize(
    ("low", "high", "said"), [(0.1, 0.2, "for"), (-0.2, -0.1, "against"), (-0.1, 0.1, "open")]
)
def test_a_claim_needs_the_whole_interval(low: float, high: float, said: str) -> None:
    assert spread.said("against", "for", ((low + high) / 2, low, high)) == said
