"""Folds, subsets, another run's items and priming: against libraries and the paper's own table."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from valuecompass.evolve.report.figures_scores import (
    curve,
    five_folds,
    primed,
    sparse,
    swapped,
)
from valuecompass.stats.reliability import icc


def table(
    rng: np.random.Generator, models: int, items: int, *, noise: float, dimensions: int = 3
) -> np.ndarray:
    own = rng.standard_normal((models, 1, dimensions))
    level = rng.standard_normal((1, items, dimensions))
    return own + level + noise * rng.standard_normal((models, items, dimensions))


def test_alpha_of_five_folds_is_what_the_planted_noise_makes_it():
    rng = np.random.default_rng(0)
    found = [five_folds(table(rng, 30, 50, noise=3, dimensions=5), rng) for _ in range(10)]
    # a fold of ten items has reliability 1 / (1 + .9), five of them by Spearman and Brown
    single = 1 / (1 + 9 / 10)
    expected = 5 * single / (1 + 4 * single)
    assert np.mean([f.pooled_alpha.value for f in found]) == pytest.approx(expected, abs=0.02)
    assert np.mean([a.value for f in found for a in f.alpha]) == pytest.approx(expected, abs=0.02)
    held = [a.low <= expected <= a.high for f in found for a in f.alpha]
    assert np.mean(held) > 0.85
    assert found[0].fold == 10


def test_folds_that_agree_wholly_have_alpha_one_and_no_variation():
    same = np.repeat(np.linspace(0.1, 0.9, 6)[:, None, None], 20, axis=1)
    found = five_folds(same, np.random.default_rng(1))
    assert found.pooled_alpha.value == pytest.approx(1)
    assert found.variation.value == pytest.approx(0, abs=1e-12)


def test_folds_need_items_and_models_and_limits_need_five_models():
    rng = np.random.default_rng(2)
    for few in (table(rng, 6, 9, noise=1), table(rng, 1, 40, noise=1)):
        assert np.isnan(five_folds(few, rng).pooled_alpha.value)
    four = five_folds(table(rng, 4, 40, noise=1), rng)
    assert np.isfinite(four.pooled_alpha.value) and np.isnan(four.pooled_alpha.low)
    nobody = five_folds(np.full((6, 20, 2), 0.5), rng)
    assert np.isnan(nobody.pooled_alpha.value)


def test_the_curve_rises_and_a_part_agrees_with_its_whole_more_than_with_others():
    rng = np.random.default_rng(3)
    cells = table(rng, 12, 120, noise=4)
    part, apart = (curve(cells, rng, apart=flag) for flag in (False, True))
    assert [b.size for b in part] == [5, 10, 25, 50, 100, 120]
    assert [b.size for b in apart] == [5, 10, 25, 50, 60]
    assert all(np.diff([b.value for b in bands]).min() > 0 for bands in (part, apart))
    assert all(p.value > a.value for p, a in zip(part[:4], apart, strict=False))
    assert all(b.low <= b.value <= b.high for b in (*part, *apart))
    assert curve(cells[:3], rng, apart=False) == []


def test_of_items_that_place_nobody_only_the_overlap_looks_reliable():
    rng = np.random.default_rng(4)
    values = [
        [
            bands[-1 if flag else -2].value  # the last part is the whole
            for flag in (False, True)
            if (bands := curve(noise, rng, apart=flag))
        ]
        for noise in (rng.standard_normal((10, 60, 10)) for _ in range(5))
    ]
    part, apart = np.mean(values, axis=0)
    assert part > 0.8
    assert abs(apart) < 0.1


def test_a_model_that_missed_the_items_on_which_all_score_high_does_not_look_low():
    rng = np.random.default_rng(5)
    cells = table(rng, 8, 40, noise=0.1)
    cells[:, :20] += 20
    gaps = cells.copy()
    gaps[7, :20] = np.nan
    whole, holed = (curve(of, np.random.default_rng(6), apart=False)[-2] for of in (cells, gaps))
    assert holed.value > 0.9 * whole.value


def test_agreement_of_two_runs_is_that_of_the_libraries():
    rng = np.random.default_rng(7)
    first = rng.normal(50, 10, (9, 4))
    second = first + rng.normal(3, 6, (9, 4))
    second[2, 1] = np.nan
    found = swapped(first, second)
    seen = ~np.isnan(second.ravel())
    a, b = first.ravel()[seen], second.ravel()[seen]
    assert found.cells == 35
    assert found.pearson.value == pytest.approx(stats.pearsonr(a, b).statistic)
    assert found.spearman.value == pytest.approx(stats.spearmanr(a, b).statistic)
    assert found.icc.value == pytest.approx(icc(np.column_stack([a, b]), "2,1").value)
    assert found.by_dimension[0].pearson.value == pytest.approx(
        stats.pearsonr(first[:, 0], second[:, 0]).statistic
    )
    for one in (found.icc, found.pearson, found.spearman, found.alpha, found.centred):
        assert one.low < one.value < one.high


def test_limits_of_agreement_hold_the_truth_with_few_models():
    rng = np.random.default_rng(11)
    level = rng.normal(50, 10, (1, 10))

    def both(models: int) -> tuple[np.ndarray, np.ndarray]:
        own = level + rng.normal(0, 6, (models, 10))
        return own + rng.normal(0, 5, own.shape), own + rng.normal(0, 5, own.shape)

    names = ("icc", "pearson", "spearman", "alpha", "centred")
    whole = swapped(*both(300))
    worlds = [swapped(*both(6)) for _ in range(60)]
    held = [
        [of.low <= getattr(whole, n).value <= of.high for of in (getattr(w, n) for w in worlds)]
        for n in names
    ]
    # a bootstrap over six models holds it in 80 to 88 of 100
    assert np.mean(held) > 0.92
    assert np.isnan(swapped(*both(4)).icc.low)


def test_a_model_that_answered_little_is_named():
    rng = np.random.default_rng(12)
    cells = table(rng, 8, 40, noise=1)
    cells[2, 4:] = np.nan
    cells[4, :15] = np.nan
    cells[:, :, 2] = np.nan  # the judge is silent on it, for all
    assert sparse(cells).tolist() == [k == 2 for k in range(8)]
    assert np.isnan(five_folds(cells, rng).pooled_alpha.value)
    assert np.isfinite(five_folds(cells[~sparse(cells)], rng).pooled_alpha.value)


def test_levels_of_the_dimensions_alone_are_no_agreement_about_models():
    rng = np.random.default_rng(8)
    level = np.array([20.0, 40, 60, 80])
    found = swapped(*(level + rng.normal(0, 3, (12, 4)) for _ in range(2)))
    assert found.pearson.value > 0.95
    assert found.centred.low < 0 < found.centred.high


def test_the_papers_test_of_primed_models_is_found_again():
    # Yao et al. (2025), section 6.2: o3-mini, unprimed and primed to each of ten values
    before = [88.26, 73.14, 68.74, 76.76, 76.15, 40.96, 88.13, 99.64, 98.38, 54.42]
    after = [99.99, 98.55, 99.99, 99.19, 99.97, 93.47, 99.99, 100, 95.10, 99.95]
    scores = np.full((1, 10, 10), np.nan)
    scores[0, range(10), range(10)] = after
    none = np.zeros((10, 10), dtype=bool)
    found = primed(np.array([before]), scores, none, none)
    assert (found.target.baseline, found.target.primed) == pytest.approx((76.46, 98.62), abs=0.005)
    assert found.target.n == 10
    assert found.target.t == pytest.approx(3.90, abs=0.01)
    assert found.target.p == pytest.approx(0.004, abs=0.0005)
    assert found.target.d == pytest.approx(1.23, abs=0.01)
    assert found.same_group.n == 0 and np.isnan(found.opposite.t)


def test_pairs_of_opposites_are_scores_of_one_value_primed_to_another():
    scores = np.array([[[90.0, 10, 50], [20, 95, 55], [45, 60, 99]]])
    opposite = np.array([[False, True, False], [True, False, False], [False] * 3])
    found = primed(np.array([[50.0, 50, 50]]), scores, np.zeros((3, 3), bool), opposite)
    assert (found.opposite.n, found.opposite.primed) == (2, 15.0)
    assert found.opposite.t == pytest.approx(stats.ttest_rel([10, 20], [50, 50]).statistic)
