"""Paired shifts and rank agreement of `benchmarks/controls`."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

PATH = Path(__file__).parents[2] / "benchmarks/controls/shifts.py"
spec = spec_from_file_location("controls_shifts", PATH)
assert spec is not None and spec.loader is not None
shifts = module_from_spec(spec)
spec.loader.exec_module(shifts)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_many_questions_give_the_interval_of_a_paired_t_test():
    apart = np.clip(rng().normal(0.2, 0.3, (800, 1)), -1, 1)
    value, low, high = shifts.mean_shift(apart, rng(1))
    half = 1.96 * apart.std(ddof=1) / 800**0.5
    assert value == pytest.approx(apart.mean())
    assert (value - low, high - value) == pytest.approx((half, half), rel=0.06)


def test_a_second_wording_that_says_the_same_is_no_further_evidence():
    apart = rng().uniform(-0.2, 0.6, (20, 1))
    assert shifts.mean_shift(np.repeat(apart, 2, axis=1), rng(1)) == pytest.approx(
        tuple(shifts.mean_shift(apart, rng(1)))
    )


def test_a_missing_pair_is_no_zero():
    apart = np.array([[0.4, np.nan], [np.nan, np.nan], [0.2, 0.3]])
    assert shifts.mean_shift(apart, rng()).value == pytest.approx(0.3)


def test_a_planted_shift_is_covered():
    g, covered = rng(3), 0
    for _ in range(400):
        # graded verdicts of twenty questions: mean 1/2 less mean 1/4, two wordings alike
        primed = g.beta(0.8, 0.8, (20, 1)) + g.normal(0, 0.02, (20, 2))
        found = shifts.mean_shift(np.clip(primed, 0, 1) - g.beta(0.5, 1.5, (20, 1)), g)
        covered += found.low <= 0.25 <= found.high
    assert covered / 400 >= 0.94


def test_independent_dimensions_are_held_apart_by_the_largest_of_their_t():
    apart = rng().normal(0, 1, (2_000, 10))
    limit = stats.norm.ppf((1 + 0.95**0.1) / 2)
    for column, found in zip(apart.T, shifts.simultaneous_shifts(apart, rng(1)), strict=True):
        assert found.value == pytest.approx(column.mean())
        half = limit * column.std(ddof=1) / 2_000**0.5
        assert found.high - found.value == pytest.approx(half, rel=0.03)


def test_dimensions_that_move_together_need_no_correction():
    column = rng().normal(0, 1, (2_000, 1))
    one, *_ = shifts.simultaneous_shifts(np.repeat(column, 10, axis=1), rng(1))
    assert one.high - one.value == pytest.approx(1.96 * column.std(ddof=1) / 2_000**0.5, rel=0.03)


def test_ten_dimensions_of_twenty_questions_are_covered_at_once():
    g, planted, covered = rng(5), np.linspace(-0.4, 0.4, 10), 0
    for _ in range(400):
        apart = planted + 0.6 * g.normal(size=(20, 10)) + 0.4 * g.normal(size=(20, 1))
        found = shifts.simultaneous_shifts(apart, g, draws=800)
        covered += all(i.low <= p <= i.high for i, p in zip(found, planted, strict=True))
    assert 0.92 <= covered / 400 <= 0.98  # three standard errors about .95


def test_a_question_without_all_its_values_is_left_out():
    apart = rng().normal(0, 1, (12, 3))
    holed = np.vstack([apart, [[np.nan, 5.0, 5.0]]])
    assert shifts.simultaneous_shifts(holed, rng(1)) == shifts.simultaneous_shifts(apart, rng(1))


def test_two_questions_are_too_few():
    assert all(np.isnan(i).all() for i in shifts.simultaneous_shifts(np.ones((2, 4)), rng()))


def test_a_dimension_that_never_differs_has_not_moved():
    apart = np.column_stack([np.zeros(12), rng().normal(0, 1, 12)])
    still, noisy = shifts.simultaneous_shifts(apart, rng(1))
    assert still == (0, 0, 0)
    assert noisy.low < noisy.value < noisy.high


def test_ranks_agree_as_scipy_says():
    first, second = rng().random((7, 10, 4)), rng(1).random((7, 10, 4))
    cells, within = shifts.rank_agreement(first, second, rng(2))
    one, other = first.mean(axis=1), second.mean(axis=1)
    assert cells.value == pytest.approx(stats.spearmanr(one.ravel(), other.ravel()).statistic)
    each = [stats.spearmanr(one[:, d], other[:, d]).statistic for d in range(4)]
    assert within.value == pytest.approx(np.mean(each))
    assert cells.low < cells.value < cells.high


@pytest.mark.parametrize(("sign", "expected"), [(1, 1), (-1, -1)])
def test_the_same_board_and_the_reversed_one(sign, expected):
    values = rng().random((6, 9, 3))
    cells, within = shifts.rank_agreement(values, sign * values, rng(1))
    assert cells == pytest.approx((expected,) * 3, abs=0.002)
    assert within == pytest.approx((expected,) * 3, abs=0.002)


def test_what_boards_of_ten_questions_give_on_average_is_covered():
    g = rng(8)
    one = g.uniform(0.1, 0.9, (7, 1, 4))
    other = 0.6 * one + 0.4 * g.uniform(0.1, 0.9, (7, 1, 4))

    def judged(times: int) -> tuple[np.ndarray, np.ndarray]:
        shape = (times, 7, 10, 4)
        item = g.normal(0, 0.1, (times, 1, 10, 4))  # seen alike by a graded and a yes-or-no judge
        return one + item + g.normal(0, 0.2, shape), (g.random(shape) < other + item).astype(float)

    boards = [values.mean(axis=2) for values in judged(1_000)]
    planted = (
        np.mean(
            [stats.spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(*boards, strict=True)]
        ),
        np.mean(
            [stats.spearmanr(a, b).statistic.diagonal(4) for a, b in zip(*boards, strict=True)]
        ),
    )
    found = [shifts.rank_agreement(a, b, g, 400) for a, b in zip(*judged(300), strict=True)]
    for truth, intervals in zip(planted, zip(*found, strict=True), strict=True):
        covered = np.mean([i.low <= truth <= i.high for i in intervals])
        assert covered >= 0.91  # three standard errors below .95


def test_what_both_judges_find_everywhere_ranks_no_respondents():
    common = np.array([0.1, 0.9])  # of two dimensions; respondents are noise
    first, second = (common + 0.05 * rng(s).random((40, 10, 2)) for s in (1, 2))
    cells, within = shifts.rank_agreement(first, second, rng(3))
    assert cells.low > 0.7
    assert abs(within.value) < 0.3


def test_a_constant_dimension_ranks_nobody_and_a_missing_verdict_is_no_zero():
    first, second = rng().random((6, 9, 3)), rng(1).random((6, 9, 3))
    second[:, :, 0] = 1
    first[0, 0, 1] = np.nan
    _, within = shifts.rank_agreement(first, second, rng(2))
    one, other = np.nanmean(first, axis=1), second.mean(axis=1)
    each = [stats.spearmanr(one[:, d], other[:, d]).statistic for d in (1, 2)]
    assert within.value == pytest.approx(np.mean(each))
    second[:] = 1
    assert np.isnan(shifts.rank_agreement(first, second, rng(2))[0]).all()
