"""A judge's errors: closed forms, worked examples, and coverage of planted shares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta, norm

from valuecompass.stats import (
    ErrorRates,
    Interval,
    cluster_bootstrap_mean,
    design_effect,
    error_rates,
    partly_pooled,
    rogan_gladen,
)

PERFECT = ErrorRates(tp=10**9, fn=0, tn=10**9, fp=0)


def rng(seed: int | list[int] = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def rates_of(se: float, sp: float, n: int) -> ErrorRates:
    tp, tn = round(n * se), round(n * sp)
    return ErrorRates(tp, n - tp, tn, n - tn)


def verdicts(ones: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(n) < ones, np.arange(n)


# --- error rates ---


def test_rates_of_a_worked_example() -> None:
    # rows labelled 1: three of four hit; rows labelled 0: one of three called 1
    found = error_rates([1, 1, 1, 0, 1, 0, 0], [1, 1, 1, 1, 0, 0, 0], range(7))
    assert (found.tp, found.fn, found.tn, found.fp) == (3, 1, 2, 1)
    assert found.sensitivity.value == 0.75 and found.specificity.value == pytest.approx(2 / 3)
    # Jeffreys
    assert found.sensitivity.low == pytest.approx(beta(3.5, 1.5).ppf(0.025))
    assert found.specificity.high == pytest.approx(beta(2.5, 1.5).ppf(0.975))


def test_a_design_effect_divides_the_counts() -> None:
    halved = ErrorRates(80, 20, 60, 40, 2.0, 4.0)
    assert halved.sensitivity == pytest.approx(ErrorRates(40, 10, 15, 10).sensitivity)
    assert halved.specificity == pytest.approx(ErrorRates(40, 10, 15, 10).specificity)
    se, sp = halved.draws(rng(), 200_000)
    # Beta(40.5, 10.5) and Beta(15.5, 10.5); standard error of a mean below .0003
    assert se.mean() == pytest.approx(40.5 / 51, abs=0.001)
    assert sp.mean() == pytest.approx(15.5 / 26, abs=0.001)
    assert se.std() == pytest.approx(beta(40.5, 10.5).std(), rel=0.02)


@pytest.mark.parametrize(("tp", "fn", "tn", "fp"), [(8, 4, 6, 6), (5, 5, 5, 5), (1, 9, 95, 5)])
def test_certainty_is_the_integral_over_both_posteriors(tp, fn, tn, fp) -> None:
    of_se, of_fp = beta(tp + 0.5, fn + 0.5), beta(fp + 0.5, tn + 0.5)
    expected, _ = quad(lambda x: of_se.pdf(x) * of_fp.cdf(x), 0, 1, limit=400)
    assert ErrorRates(tp, fn, tn, fp).certainty == pytest.approx(expected, abs=2e-4)


def test_guessing_and_worse_is_of_no_use() -> None:
    assert ErrorRates(5, 5, 5, 5).certainty == pytest.approx(0.5)
    assert not ErrorRates(60, 40, 45, 55).usable  # .6 + .45 - 1: maybe above 0
    assert ErrorRates(600, 400, 460, 540).usable  # the same, certainly
    assert not ErrorRates(2, 98, 2, 98).usable
    assert not ErrorRates(0, 0, 90, 10).usable  # no row labelled 1
    assert not ErrorRates(0, 10, 10**6, 0).usable  # never says 1: there is nothing to scale


@pytest.mark.parametrize(
    ("verdicts", "labels", "clusters"),
    [([1], [1, 0], [0, 0]), ([0.5], [1], [0]), ([1], [2], [0]), ([[1]], [[1]], [[0]])],
)
def test_what_is_no_confusion_is_refused(verdicts, labels, clusters) -> None:
    with pytest.raises(ValueError):
        error_rates(verdicts, labels, clusters)


# --- rates of several dimensions ---

RATS = """
0/20 0/20 0/20 0/20 0/20 0/20 0/20 0/19 0/19 0/19 0/19 0/18 0/18 0/17 1/20 1/20 1/20 1/20 1/19 1/19
1/18 1/18 2/25 2/24 2/23 2/20 2/20 2/20 2/20 2/20 2/20 1/10 5/49 2/19 5/46 3/27 2/17 7/49 7/47 3/20
3/20 2/13 9/48 10/50 4/20 4/20 4/20 4/20 4/20 4/20 4/20 10/48 4/19 4/19 4/19 5/22 11/46 12/49 5/20
5/20 6/23 5/19 6/22 6/20 6/20 6/20 16/52 15/47 15/46 9/24 4/14"""


def test_the_published_example_of_rats() -> None:
    """Gelman et al. (2013), table 5.1 and section 5.3: posterior means of a and b 2.4 and 14.3."""
    pairs = [tuple(map(int, pair.split("/"))) for pair in RATS.split()]
    found = partly_pooled(tuple(ErrorRates(y, n - y, 10, 10) for y, n in pairs))
    for (y, n), rates in zip(pairs, found, strict=True):
        assert rates.sensitivity.value == pytest.approx((2.4 + y) / (2.4 + 14.3 + n), abs=0.01)


def test_dimensions_with_many_labels_keep_their_own_rates() -> None:
    own = (ErrorRates(900, 100, 600, 400), ErrorRates(500, 500, 950, 50), ErrorRates(0, 0, 0, 0))
    first, second, none = partly_pooled(own)
    assert first.sensitivity == pytest.approx(own[0].sensitivity, abs=0.005)
    assert second.specificity == pytest.approx(own[1].specificity, abs=0.005)
    # without a label: somewhere about the others, and nobody knows where
    assert 0.5 < none.sensitivity.value < 0.9
    assert none.sensitivity.low < 0.3 and none.sensitivity.high > 0.95
    assert (none.tp, none.fn) == (0, 0)


def test_a_dimension_alone_has_about_jeffreys_interval() -> None:
    (found,) = partly_pooled((ErrorRates(16, 4, 30, 10),))
    assert found.sensitivity == pytest.approx(ErrorRates(16, 4, 30, 10).sensitivity, abs=0.03)


def test_alike_dimensions_lend_each_other_certainty() -> None:
    own = ErrorRates(8, 2, 7, 3)
    found = partly_pooled((own,) * 10)[0]
    assert found.sensitivity.value == pytest.approx(0.8, abs=0.02)
    assert width(found.sensitivity) < 0.6 * width(own.sensitivity)
    halved = partly_pooled((ErrorRates(16, 4, 14, 6, 2.0, 2.0),) * 10)[0]
    assert halved.sensitivity == pytest.approx(found.sensitivity)


def width(interval: Interval) -> float:
    return interval.high - interval.low


# --- design effect ---


def test_design_effect_of_copies_is_their_number() -> None:
    values, items = np.repeat([1, 0, 1, 1, 0, 0, 1, 0], 5), np.repeat(range(8), 5)
    # m / (m - 1) over n / (n - 1)
    assert design_effect(values, items) == pytest.approx(5 * (8 / 7) * (39 / 40))


def test_design_effect_of_a_small_case_by_hand() -> None:
    # p = .6; residual sums .8, -.2, -.6 over 3 clusters: 3/2 (.64 + .04 + .36) / 25 over .24 / 4
    assert design_effect([1, 1, 1, 0, 0], [7, 7, 8, 8, 9]) == pytest.approx(1.04)


def test_design_effect_has_bounds() -> None:
    assert design_effect([], []) == 1
    assert design_effect([1, 0] * 20, np.repeat(range(20), 2)) == 1  # balanced within: below 1
    assert design_effect([1, 0, 1], [4, 4, 4]) == 3  # one item is one row
    assert design_effect([1] * 12, np.repeat(range(4), 3)) == 3  # all alike: items count as rows
    assert design_effect([1] * 12, range(12)) == 1


def test_design_effect_grows_as_theory_says() -> None:
    """1 + (k - 1) rho for k rows of each cluster that correlate at rho."""
    k, rho = 4, 0.3
    share = rng(2).beta(0.7 * (1 / rho - 1), 0.3 * (1 / rho - 1), 4000)
    values = rng(3).random((4000, k)) < share[:, None]
    assert design_effect(values.ravel(), np.repeat(range(4000), k)) == pytest.approx(1.9, abs=0.08)


# --- Rogan-Gladen ---


def test_published_example() -> None:
    """23 of 150 cows positive, sensitivity .96, specificity .89: 5.1 per 100 (R's epiR 2.0)."""
    found = rogan_gladen(*verdicts(23, 150), rates_of(0.96, 0.89, 10**6), rng())
    assert found.value == pytest.approx(0.051, abs=5e-4)
    assert found.low == 0 and found.high == pytest.approx(0.13, abs=0.01)


def test_limits_of_many_rows_are_those_of_rogan_and_gladen() -> None:
    """Equation 3 of their paper: the delta method, with the errors of all three proportions."""
    n, labels, se, sp, p = 4000, 2000, 0.8, 0.7, 0.5
    found = rogan_gladen(*verdicts(int(n * p), n), rates_of(se, sp, labels), rng(), draws=40_000)
    j, share = se + sp - 1, (p + sp - 1) / (se + sp - 1)
    parts = p * (1 - p) / n, share**2 * se * (1 - se) / labels, (1 - share) ** 2 * sp * (1 - sp)
    error = np.sqrt(parts[0] + parts[1] + parts[2] / labels) / j
    assert found.value == pytest.approx(share)
    # Monte Carlo error of a limit: below 2 % of the standard error
    assert found.low == pytest.approx(share - norm.ppf(0.975) * error, abs=0.05 * error)
    assert found.high == pytest.approx(share + norm.ppf(0.975) * error, abs=0.05 * error)


def test_a_perfect_judge_changes_nothing() -> None:
    values, items = rng(4).integers(0, 2, 60), np.repeat(range(20), 3)
    raw = cluster_bootstrap_mean(values, items, rng(5), draws=4000)
    assert rogan_gladen(values, items, PERFECT, rng(5)) == pytest.approx(raw, abs=1e-3)


def test_what_is_clipped_lies_at_an_end() -> None:
    rates = rates_of(0.8, 0.7, 100)
    low, high = (rogan_gladen(*verdicts(k, 40), rates, rng()) for k in (9, 34))
    assert low.value == low.low == 0 and 0 < low.high < 0.5
    assert high.value == high.high == 1 and 0.5 < high.low < 1


def test_a_share_that_no_true_share_would_give_is_not_corrected() -> None:
    """Fewer called 1 than false alarms alone: the labels tell nothing of these responses."""
    rates = rates_of(0.8, 0.7, 100)
    for ones in (2, 40):
        assert np.isnan(rogan_gladen(*verdicts(ones, 40), rates, rng())).all()


def test_a_judge_that_may_be_guessing_gives_no_number() -> None:
    assert np.isnan(rogan_gladen(*verdicts(10, 40), ErrorRates(12, 8, 9, 11), rng())).all()
    assert np.isnan(rogan_gladen(*verdicts(0, 0), PERFECT, rng())).all()


def test_fewer_labels_and_clustered_answers_widen_it() -> None:
    def width(labels: int, items: np.ndarray) -> float:
        values = np.repeat(np.arange(40) % 2, 3)
        found = rogan_gladen(values, items, rates_of(0.8, 0.7, labels), rng())
        return found.high - found.low

    together, apart = np.repeat(np.arange(40), 3), np.arange(120)
    assert width(2000, apart) < width(2000, together) < width(60, together)


def test_rows_that_needed_no_judge_are_taken_as_they_are() -> None:
    rates, sure = rates_of(0.8, 0.7, 10**6), np.arange(100) < 60
    values = np.concatenate([np.ones(60), np.arange(40) < 20])
    found = rogan_gladen(values, np.arange(100), rates, rng(), known=sure)
    # of the 40 judged (.5 + .7 - 1) / .5 = .4 are 1, and the 60 are 1
    assert found.value == pytest.approx(0.6 + 0.4 * 0.4)
    assert found.low > 0.6
    guessing = ErrorRates(12, 8, 9, 11)
    all_sure = rogan_gladen(values, np.arange(100), guessing, rng(), known=np.ones(100, bool))
    assert all_sure == cluster_bootstrap_mean(values, np.arange(100), rng(), draws=4000)


@given(
    ones=st.integers(12, 18),
    se=st.integers(75, 100),
    sp=st.integers(75, 100),
    seed=st.integers(0, 99),
)
def test_it_is_a_share_inside_its_limits_and_mirrors(ones, se, sp, seed) -> None:
    values, items = verdicts(ones, 30)
    found = rogan_gladen(values, items, ErrorRates(se, 100 - se, sp, 100 - sp), rng(seed), draws=50)
    assert 0 <= found.low <= found.value <= found.high <= 1
    mirrored = ErrorRates(sp, 100 - sp, se, 100 - se)
    assert rogan_gladen(~values, items, mirrored, rng(seed), draws=50).value == pytest.approx(
        1 - found.value
    )


@pytest.mark.parametrize(
    ("values", "items", "more"),
    [
        ([1, 0], [1], {}),
        ([0.5], [1], {}),
        ([np.nan], [1], {}),
        ([1], [1], {"known": [True, False]}),
        ([1], [1], {"level": 1.0}),
    ],
)
def test_what_is_no_verdict_is_refused(values, items, more) -> None:
    with pytest.raises(ValueError):
        rogan_gladen(values, items, PERFECT, rng(), **more)


# --- coverage ---

RUNS = 500


def alike(generator: np.random.Generator, m: int, k: int, share: float, rho: float) -> np.ndarray:
    """(m x k) rows of 0 and 1: k of each item, which correlate at rho."""
    if not rho:
        return generator.random(m * k) < share
    size = 1 / rho - 1
    own = generator.beta(share * size, (1 - share) * size, m)
    return (generator.random((m, k)) < own[:, None]).ravel()


@pytest.mark.parametrize("rho", [0.0, 0.3])
@pytest.mark.parametrize("labels", [60, 120, 198])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_interval_covers_a_planted_share(share: float, labels: int, rho: float) -> None:
    """Sensitivity .8, specificity .7; 40 items x 3 answers; three labels of each labelled item.

    Answers to one item correlate at .3; with rho so do the judge's verdicts on one labelled item.
    """
    hits = given = 0
    about, asked = np.repeat(range(labels // 3), 3), np.repeat(range(40), 3)
    for seed in range(RUNS):
        generator = rng([seed, labels, round(10 * share)])
        truth = alike(generator, labels // 3, 3, 0.45, rho)
        on_ones = alike(generator, labels // 3, 3, 0.8, rho)
        on_zeros = alike(generator, labels // 3, 3, 0.3, rho)
        rates = error_rates(np.where(truth, on_ones, on_zeros), truth, about)
        true = alike(generator, 40, 3, share, 0.3)
        seen = np.where(true, generator.random(120) < 0.8, generator.random(120) < 0.3)
        found = rogan_gladen(seen, asked, rates, generator, draws=1000)
        if not np.isnan(found.value):
            given += 1
            hits += found.low <= share <= found.high
    print(f"share {share}, {labels} labels, rho {rho}: {hits / given:.3f} of {given}")
    assert given > 0.8 * RUNS
    assert hits / given >= 0.93


@pytest.mark.parametrize("spread", [0.0, 0.1, 0.15])
@pytest.mark.parametrize("labels", [100, 400])
def test_the_interval_covers_where_dimensions_are_not_alike(labels: int, spread: float) -> None:
    """Ten dimensions: sensitivities .8 and specificities .75 on average, with an SD of `spread`.

    Rates of all dimensions together, taken as those of each, cover in .57 to .82 of cases.
    """
    hits = given = 0
    of = np.repeat(range(10), labels // 10)
    for seed in range(RUNS // 2):
        generator = rng([seed, labels, round(100 * spread)])
        se = np.clip(generator.normal(0.8, spread, 10), 0.3, 1)
        sp = np.clip(generator.normal(0.75, spread, 10), 0.3, 1)
        share = generator.uniform(0.1, 0.9, 10)
        truth, chance = generator.random(labels) < share[of], generator.random(labels)
        said, about = np.where(truth, chance < se[of], chance > sp[of]), np.arange(labels) % 40
        own = tuple(error_rates(said[of == d], truth[of == d], about[of == d]) for d in range(10))
        for d, rates in list(enumerate(partly_pooled(own)))[:2]:
            true, chance = generator.random(120) < share[d], generator.random(120)
            seen = np.where(true, chance < se[d], chance > sp[d])
            items = np.repeat(np.arange(40), 3)
            found = rogan_gladen(seen, items, rates, generator, draws=1000)
            if not np.isnan(found.value):
                given += 1
                hits += found.low <= share[d] <= found.high
    print(f"{labels} labels, spread {spread}: {hits / given:.3f} of {given}")
    assert given > 0.6 * RUNS
    assert hits / given >= 0.93


def test_the_interval_covers_where_some_rows_are_known() -> None:
    """Six of ten responses decline and need no judge; of the others half are 1."""
    hits = 0
    for seed in range(RUNS):
        generator = rng([seed, 7])
        truth = generator.random(120) < 0.5
        said = np.where(truth, generator.random(120) < 0.8, generator.random(120) < 0.3)
        rates = error_rates(said, truth, range(120))
        sure = generator.random(120) < 0.6
        true = alike(generator, 40, 3, 0.5, 0.3)
        seen = np.where(true, generator.random(120) < 0.8, generator.random(120) < 0.3)
        values, items = np.where(sure, True, seen), np.repeat(range(40), 3)
        found = rogan_gladen(values, items, rates, generator, known=sure, draws=1000)
        hits += found.low <= 0.8 <= found.high
    assert hits / RUNS >= 0.93
