"""The figures of `benchmarks/judge/planted.py`, on made-up scores whose answers are known."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.judge.planted import FIGURES, STRENGTH, figures, profiles

ROOT = Path(__file__).parents[2]
NAN = float("nan")
SIGNS, OPPOSITES, CORRELATION, DISJOINT = FIGURES
TRUTH = np.array([[STRENGTH, 0.0], [0.0, 0.0], [-STRENGTH, 0.0]])
SCORES = np.array([[0.9, 0.15], [0.5, 0.25], [0.5, 0.35]])
LOW = np.array([[0.8, 0.1], [0.4, 0.2], [0.4, 0.3]])
HIGH = np.array([[1.0, 0.2], [0.6, 0.3], [0.6, 0.4]])


def values(*given: Any) -> dict[str, float | None]:
    return {name: span[0] for name, span in figures(*map(np.asarray, given)).items()}


def test_the_figures_by_hand() -> None:
    # of the three pairs that differ in the first dimension two are right, a tie is wrong; the
    # pair of a raised and a lowered one is right
    # of the three pairs without anything planted the outer two are apart: limits that touch are not
    x, y = (v - v.mean(axis=0) for v in (SCORES, TRUTH))
    expected = np.corrcoef(x.ravel(), y.ravel())[0, 1]
    found = values(SCORES, LOW, HIGH, TRUTH)
    assert found == {
        SIGNS: 0.667,
        OPPOSITES: 1,
        CORRELATION: pytest.approx(expected, abs=5e-4),
        DISJOINT: 0.333,
    }


def test_levels_of_dimensions_do_not_count() -> None:
    moved = np.array([0.4, -0.1])
    one, other = (values(SCORES + d, LOW + d, HIGH + d, TRUTH) for d in (0, moved))
    assert one == other


def test_the_order_counts_and_not_the_size() -> None:
    right = TRUTH / 10
    none = np.zeros((3, 2))
    assert list(values(right, none, none, TRUTH).values()) == [1, 1, 1, 0]
    assert list(values(-right, none, none, TRUTH).values()) == [0, 0, -1, 0]
    assert values(right**3, none, none, TRUTH)[SIGNS] == 1


@pytest.mark.parametrize("width", [0.1, 0.3])
def test_intervals_apart_where_something_was_planted_are_no_fault(width: float) -> None:
    centre = 2 * TRUTH
    assert values(centre, centre - width, centre + width, TRUTH)[DISJOINT] == 0


def test_what_cannot_be_estimated_is_none() -> None:
    everywhere = np.array([[STRENGTH, -STRENGTH], [-STRENGTH, STRENGTH], [STRENGTH, STRENGTH]])
    assert figures(SCORES, LOW, HIGH, everywhere)[DISJOINT] == [None] * 3
    assert figures(SCORES, LOW, HIGH, TRUTH[[0, 1, 1]])[OPPOSITES] == [None] * 3
    missing = np.where([[True, False]] * 3, SCORES, NAN)
    found = figures(missing, LOW, HIGH, TRUTH)
    # a score that is not there has no order, but no correlation either
    assert found[SIGNS][0] == 0.667 and found[CORRELATION] == [None] * 3


# --- limits ---


def noisy(count: int = 14) -> tuple[np.ndarray, ...]:
    """Scores of respondents of whom some are read well and some badly, in ten dimensions."""
    rng = np.random.default_rng(4)
    truth = STRENGTH * rng.integers(-1, 2, (count, 10))
    noise = np.linspace(0.2, 6, count)[:, None]
    scores = truth + noise * rng.normal(size=truth.shape)
    return scores, scores - 1.5, scores + 1.5, truth.astype(float)


def resampled(draw: Callable[[np.random.Generator, int], np.ndarray]) -> dict[str, float]:
    """Widths of the limits when each pair weighs what `draw` (n, n) says."""
    scores, low, high, truth = noisy()
    one, two = np.triu_indices(len(scores), 1)
    signs = np.sign(scores[one] - scores[two]) == np.sign(truth[one] - truth[two])
    apart = (low[one] > high[two]) | (low[two] > high[one])
    uses = (truth[one] != truth[two], (truth[one] == 0) & (truth[two] == 0))
    rng = np.random.default_rng(0)
    tables = [draw(rng, len(scores))[one, two][:, None] for _ in range(2_000)]
    return {
        name: float(np.ptp(np.quantile([(w * u * x).sum() / (w * u).sum() for w in tables], Q)))
        for name, u, x in zip((SIGNS, DISJOINT), uses, (signs, apart), strict=True)
    }


Q = (0.025, 0.975)


def test_limits_are_those_of_respondents_drawn_by_lot() -> None:
    def respondents(rng: np.random.Generator, n: int) -> np.ndarray:
        # drawn with replacement; of a pair both are drawn, as often as it is
        times = rng.multinomial(n, [1 / n] * n).astype(float)
        return np.outer(times, times)

    def pairs(rng: np.random.Generator, n: int) -> np.ndarray:
        return rng.standard_exponential((n, n))

    found = figures(*noisy())
    by_lot, independent = resampled(respondents), resampled(pairs)
    for name, width in by_lot.items():
        value, low, high = found[name]
        assert low < value < high
        assert high - low == pytest.approx(width, rel=0.2)
        assert independent[name] < 0.7 * width


def test_limits_of_the_correlation_are_those_of_respondents_drawn_by_lot() -> None:
    scores, _, _, truth = noisy()
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(2_000):
        chosen = rng.integers(len(scores), size=len(scores))
        x, y = (v[chosen] - v[chosen].mean(axis=0) for v in (scores, truth))
        draws.append(np.corrcoef(x.ravel(), y.ravel())[0, 1])
    _, low, high = figures(*noisy())[CORRELATION]
    assert high - low == pytest.approx(np.ptp(np.quantile(draws, Q)), rel=0.2)


@pytest.mark.parametrize("name", [SIGNS, OPPOSITES, CORRELATION])
def test_a_weight_is_as_many_respondents(name: str) -> None:
    scores, low, high, truth = noisy(6)
    times = np.array([3, 1, 0, 2, 1, 4])
    weighted = FIGURES[name](scores, low, high, truth, times.astype(float))
    repeated = (np.repeat(v, times, axis=0) for v in (scores, low, high, truth))
    assert weighted == pytest.approx(FIGURES[name](*repeated, np.ones(times.sum())))


def test_surer_with_more_respondents_and_no_surer_with_more_dimensions_of_the_same() -> None:
    few, many = (figures(*noisy(count))[SIGNS] for count in (7, 56))
    assert many[2] - many[1] < 0.6 * (few[2] - few[1])
    assert figures(*(np.tile(v, (1, 5)) for v in noisy())) == figures(*noisy())


# --- what is planted, and the command ---


def test_profiles_raise_three_values_and_lower_three() -> None:
    found = profiles(20, 3)
    for profile in found:
        assert sorted(profile.values()) == [-STRENGTH] * 3 + [STRENGTH] * 3
    assert len({tuple(sorted(p.items())) for p in found}) == 20
    assert profiles(20, 3) == found != profiles(20, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--respondents", "2"], "--respondents 2: give at least 3"),
        (["--respondents", "many"], "argument --respondents: invalid int value: 'many'"),
        (["--seed", "-1"], "--seed -1: give 0 or more"),
        (["--form", "endless"], "endless"),
    ],
)
def test_wrong_use_exits_2_with_one_message(arguments: list[str], message: str) -> None:
    command = [sys.executable, str(ROOT / "benchmarks/judge/planted.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr and "Traceback" not in done.stderr and not done.stdout
