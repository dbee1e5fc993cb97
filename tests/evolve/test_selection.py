"""Items chosen together."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.special import expit

from valuecompass.evolve.information import THETA, InformationConfig, ThetaPosterior
from valuecompass.evolve.selection import together_best


def curve(a: float, b: float) -> np.ndarray:
    p = expit(a * (THETA - b))
    return a**2 * p * (1 - p)


def gained(curves: np.ndarray, chosen: list[int]) -> float:
    weight = np.exp(-(THETA**2) / 2)
    known = 1 + curves[chosen].sum(axis=0)
    return float((np.log(known) @ (weight / weight.sum())).sum())


def test_the_second_item_tells_of_another_place_or_value() -> None:
    curves = np.zeros((4, 2, len(THETA)))
    curves[0, 0], curves[1, 0] = curve(6, 0), curve(5.9, 0.02)
    curves[2, 0] = curve(5, 1.0)
    curves[3, 1] = curve(2, 0)
    assert together_best(curves, 3) == [0, 3, 2]
    assert together_best(curves, 9) == [0, 3, 2, 1] and together_best(curves, 0) == []


def test_lazily_chosen_items_are_those_that_looking_at_all_each_time_would_choose() -> None:
    rng = np.random.default_rng(3)
    draws = rng.uniform([0.2, -2], [3, 2], (40, 3, 2))
    curves = np.array([[curve(a, b) for a, b in item] for item in draws])
    chosen: list[int] = []
    for _ in range(10):
        left = [i for i in range(40) if i not in chosen]
        chosen.append(max(left, key=lambda i: gained(curves, [*chosen, i])))
    assert together_best(curves, 10) == chosen
    # near the best of all sets of three, and above what the greatest single gains give
    best = max(gained(curves, list(s)) for s in itertools.combinations(range(40), 3))
    assert gained(curves, chosen[:3]) >= 0.98 * best


def test_curves_are_high_where_an_item_parts_models() -> None:
    rng = np.random.default_rng(4)
    theta = np.linspace(-1.5, 1.5, 9)
    b = np.repeat([-1.0, 1.0], 30)
    chance = expit(4 * (theta - b[:, None]))
    rates = rng.binomial(3, chance)[..., None] / 3
    posterior = ThetaPosterior.start(9, 1, InformationConfig()).updated(rates, 3)
    curves = posterior.curves(rates, 3)
    assert curves.shape == (60, 1, len(THETA)) and (curves >= 0).all()
    peaks = THETA[curves[:, 0].argmax(axis=1)]
    assert peaks[:30].mean() < -0.3 and peaks[30:].mean() > 0.3
    # what nobody answered is the average item
    nobody = posterior.curves(np.full((1, 9, 1), np.nan))
    assert curves.min(axis=0).sum() < nobody.sum() < curves.max(axis=0).sum()
