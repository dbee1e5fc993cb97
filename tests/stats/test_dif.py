import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import binomtest, poisson_binom

from valuecompass.stats.dif import (
    logistic_dif,
    mantel_haenszel,
    paired_dif,
    rest_score_tables,
)

# Admissions to Berkeley, six departments by sex and admission: Bickel, Hammel & O'Connell (1975),
# Science 187, 398-404, as in R's `UCBAdmissions`.
BERKELEY = np.array(
    [
        [[512, 313], [89, 19]],
        [[353, 207], [17, 8]],
        [[120, 205], [202, 391]],
        [[138, 279], [131, 244]],
        [[53, 138], [94, 299]],
        [[22, 351], [24, 317]],
    ]
)


def answers(rng, theta, b, shift=0.0, a=1.0):
    logit = a * (theta[:, None] - b) + shift
    return (rng.random(logit.shape) < expit(logit)).astype(float)


def groups(rng, n, items, *, apart=0.0, planted=0):
    """Two groups; the first `planted` items differ by 1.2 logits either way."""
    focal = np.arange(n) % 2 == 0
    theta, b = rng.normal(0, 1, n) + apart * focal, rng.normal(0, 1, items)
    shift = np.zeros((n, items))
    shift[np.ix_(focal, np.arange(planted))] = 1.2 * (-1.0) ** np.arange(planted)
    return answers(rng, theta, b, shift), focal


def test_mantel_haenszel_on_admissions_to_berkeley():
    """Values of R's mantelhaen.test (continuity-corrected) and of statsmodels 0.15."""
    result = mantel_haenszel(BERKELEY[None])
    assert result.odds_ratio[0] == pytest.approx(0.9046968, abs=1e-7)
    assert result.chi2[0] == pytest.approx(1.426946, abs=1e-6)
    assert result.p[0] == pytest.approx(0.2322635, abs=1e-7)
    assert result.log_se[0] == pytest.approx(0.0809889, abs=1e-7)
    assert result.delta[0] == pytest.approx(-2.35 * np.log(0.9046968), abs=1e-6)
    assert result.category[0] == "A"


def test_one_stratum_is_the_odds_ratio():
    result = mantel_haenszel([[[[40, 10], [20, 30]]]])
    assert result.odds_ratio[0] == pytest.approx(40 * 30 / (10 * 20))
    assert result.log_se[0] == pytest.approx(np.sqrt(1 / 40 + 1 / 10 + 1 / 20 + 1 / 30))
    assert result.chi2[0] == pytest.approx((40 - 30 - 0.5) ** 2 / (50 * 50 * 60 * 40 / 100**2 / 99))


def test_classes_of_ets():
    tables = np.array(
        [
            [[500, 500], [490, 510]],  # not significant
            [[5500, 4500], [5200, 4800]],  # significant, delta .28
            [[5500, 4500], [4200, 5800]],  # delta 1.2
            [[7000, 3000], [4500, 5500]],  # delta 2.5
            [[12, 8], [7, 13]],  # delta 2.4, not significantly above 1
            [[15, 5], [5, 15]],  # delta 5
        ]
    )[:, None]
    assert mantel_haenszel(tables).category.tolist() == ["A", "A", "B", "C", "A", "C"]


def test_too_few_respondents_are_missing_not_zero():
    rng = np.random.default_rng(0)
    x, focal = groups(rng, 16, 30)
    result, logistic = mantel_haenszel(rest_score_tables(x, focal)), logistic_dif(x, focal)
    for values in (result.odds_ratio, result.p, result.q, result.delta, logistic.p_uniform):
        assert np.isnan(values).all()
    assert (result.category == "").all()
    # no zero in the reference group: the test counts, the odds ratio does not exist
    result = mantel_haenszel([[[[20, 0], [10, 10]]]])
    assert np.isnan(result.odds_ratio[0])
    assert result.p[0] < 0.01
    assert result.category[0] == ""


def test_tables_hold_every_answer_in_strata_of_the_rest_score():
    rng = np.random.default_rng(1)
    x, focal = groups(rng, 50, 21)
    x[rng.random(x.shape) < 0.1] = np.nan
    tables = rest_score_tables(x, focal, strata=4)
    assert (tables[:, :, 0, 0].sum(axis=1) == (x[~focal] == 1).sum(axis=0)).all()
    assert (tables[:, :, 1, 1].sum(axis=1) == (x[focal] == 0).sum(axis=0)).all()
    item = 3
    rest = np.nanmean(np.delete(x, item, axis=1), axis=1)
    here = ~np.isnan(x[:, item])
    lowest = here & (rest <= np.quantile(rest[here], 0.2))
    assert (x[lowest, item] == 1).sum() <= tables[item, 0, :, 0].sum()
    # alike on all other items: one stratum, whatever the order of respondents
    same = np.hstack([x[:, [0]] > 0, np.ones((50, 4))])
    assert (rest_score_tables(same, focal, strata=5)[0].sum(axis=(1, 2)) > 0).sum() == 1


def test_logistic_maximises_the_likelihood():
    rng = np.random.default_rng(2)
    x, focal = groups(rng, 200, 8, planted=2)
    x[rng.random(x.shape) < 0.1] = np.nan
    result = logistic_dif(x, focal)
    item = 1
    used = ~np.isnan(x[:, item])
    rest = np.nanmean(np.delete(x, item, axis=1), axis=1)[used]
    rest, code, y = (rest - rest.mean()) / rest.std(), focal[used] - 0.5, x[used, item]
    columns = np.stack([np.ones(len(y)), rest, code, rest * code], axis=1)

    def fit(k):
        sign = 2 * y - 1
        return minimize(
            lambda beta: np.logaddexp(0, -sign * (columns[:, :k] @ beta)).sum(), np.zeros(k)
        )

    empty, base, uniform, both = (fit(k) for k in (1, 2, 3, 4))
    assert result.shift[item] == pytest.approx(uniform.x[2], abs=1e-3)
    assert result.chi2_uniform[item] == pytest.approx(2 * (base.fun - uniform.fun), abs=1e-4)
    assert result.chi2_nonuniform[item] == pytest.approx(2 * (uniform.fun - both.fun), abs=1e-4)

    def nagelkerke(model):
        gain = 1 - np.exp(2 / len(y) * (model.fun - empty.fun))
        return gain / (1 - np.exp(-2 / len(y) * empty.fun))

    assert result.r2_change[item] == pytest.approx(nagelkerke(both) - nagelkerke(base), abs=1e-6)


def test_separated_items_stay_finite():
    rng = np.random.default_rng(3)
    x, focal = groups(rng, 100, 20)
    x[:, 0] = focal
    result = logistic_dif(x, focal)
    assert result.shift[0] > 5
    assert result.p_uniform[0] < 1e-12
    assert np.isfinite(result.chi2_nonuniform[0])
    assert 0 < result.r2_change[0] <= 1


def test_planted_dif_is_found_and_false_claims_are_rare():
    rng, runs, planted = np.random.default_rng(4), 12, 6
    false, hits = np.zeros((runs, 2)), np.zeros((runs, 2))
    for run in range(runs):
        x, focal = groups(rng, 400, 40, apart=0.5, planted=planted)
        tables = mantel_haenszel(rest_score_tables(x, focal))
        logistic = logistic_dif(x, focal)
        for k, q in enumerate((tables.q, logistic.q_uniform)):
            claimed = q <= 0.05
            false[run, k] = claimed[planted:].sum() / max(1, claimed.sum())
            hits[run, k] = claimed[:planted].mean()
        signs = (-1.0) ** np.arange(planted)
        assert (np.sign(tables.delta[:planted]) == signs).all()
        assert (np.sign(logistic.shift[:planted]) == signs).all()
    assert (false.mean(axis=0) < 0.09).all()
    assert (hits.mean(axis=0) > 0.75).all()


def test_null_p_values_are_uniform_although_groups_differ():
    rng, rejected = np.random.default_rng(5), []
    for _ in range(15):
        x, focal = groups(rng, 200, 40, apart=0.5)
        logistic = logistic_dif(x, focal)
        table = mantel_haenszel(rest_score_tables(x, focal)).p
        p = np.stack([table, logistic.p_uniform, logistic.p_nonuniform])
        rejected.append(np.nanmean(np.where(np.isnan(p), np.nan, p < 0.05), axis=1))
    conservative, uniform, nonuniform = np.mean(rejected, axis=0)
    assert 0.01 < conservative < 0.06
    assert 0.03 < uniform < 0.08
    assert 0.03 < nonuniform < 0.08


def test_nonuniform_dif_is_told_from_uniform():
    rng = np.random.default_rng(6)
    focal = np.arange(1000) % 2 == 0
    theta, b = rng.normal(0, 1, 1000), rng.normal(0, 1, 30)
    a = np.ones((1000, 30))
    b[:2] = 0
    a[focal, 0] = 0.2
    shift = np.zeros((1000, 30))
    shift[focal, 1] = 1
    result = logistic_dif(answers(rng, theta, b, shift, a), focal)
    assert result.p_nonuniform[0] < 1e-4
    assert result.p_uniform[1] < 1e-4
    assert result.p_nonuniform[1] > 0.01


def test_paired_without_a_general_shift_is_mcnemars_exact_test():
    # 10 respondents; on the first item 9 say 1 in the first language only, one in the second only;
    # the last 1,000 items bring every respondent's shares to one half
    first, second = np.zeros((10, 1001)), np.zeros((10, 1001))
    first[:9, 0], second[9, 0] = 1, 1
    first[:, 1:501], second[:, 501:] = 1, 1
    result = paired_dif(first, second)
    assert result.discordant[0] == 10
    assert result.p[0] == pytest.approx(binomtest(9, 10).pvalue, rel=0.05)
    assert result.shift[0] == pytest.approx(0.8, abs=0.01)
    # Bonett & Price: (10 - 2) / 12 +- 1.96 sqrt((12/12 - (8/12)^2) / 12)
    half = 1.959964 * np.sqrt((1 - (8 / 12) ** 2) / 12)
    assert result.low[0] == pytest.approx(8 / 12 - half, abs=0.01)
    assert result.high[0] == pytest.approx(8 / 12 + half, abs=0.01)


def test_paired_p_is_poisson_binomial():
    rng = np.random.default_rng(7)
    theta, b = rng.normal(0, 1, 12), rng.normal(0, 1, 50)
    lean = rng.normal(0.5, 1, 12)[:, None]
    first, second = answers(rng, theta, b, lean / 2), answers(rng, theta, b, -lean / 2)
    first[0, :5] = np.nan
    result, d = paired_dif(first, second, minimum=1), first - second
    pi = ((d == 1).sum(axis=1) + 0.5) / ((abs(d) == 1).sum(axis=1) + 1)
    for item in np.flatnonzero(result.discordant)[:10]:
        chances = poisson_binom(pi[abs(d[:, item]) == 1])
        ups = (d[:, item] == 1).sum()
        tail = min(chances.cdf(ups), chances.sf(ups - 1))
        assert result.p[item] == pytest.approx(min(1, 2 * tail))


def test_a_general_shift_between_languages_is_no_dif():
    rng, claims, small, covered = np.random.default_rng(8), 0, [], []
    for _ in range(60):
        theta, b, lean = rng.normal(0, 1, 16), rng.normal(0, 1.2, 200), rng.normal(0.8, 0.4, 16)
        logit = theta[:, None] - b
        first = answers(rng, theta, b, lean[:, None] / 2)
        second = answers(rng, theta, b, -lean[:, None] / 2)
        result = paired_dif(first, second)
        claims += (result.q <= 0.05).any()
        small.append(np.nanmean(np.where(np.isnan(result.p), np.nan, result.p <= 0.05)))
        one, two = expit(logit + lean[:, None] / 2), expit(logit - lean[:, None] / 2)
        either = one * (1 - two) + two * (1 - one)
        true = (one - two - either * (2 * expit(lean)[:, None] - 1)).mean(axis=0)
        covered.append(((result.low <= true) & (true <= result.high)).mean())
    assert claims <= 6
    assert 0.002 < np.mean(small) < 0.05
    assert 0.94 < np.mean(covered) < 0.995


def test_paired_finds_planted_items():
    rng, planted, false, hits = np.random.default_rng(9), 20, [], []
    for _ in range(20):
        theta, b = rng.normal(0, 1, 30), rng.normal(0, 1, 200)
        b[:planted] = 0
        shift = np.zeros(200)
        shift[:planted] = 1.25 * (-1.0) ** np.arange(planted)
        result = paired_dif(answers(rng, theta, b, shift), answers(rng, theta, b, -shift))
        claimed = result.q <= 0.05
        false.append(claimed[planted:].sum() / max(1, claimed.sum()))
        hits.append(claimed[:planted].mean())
        assert (
            np.sign(result.shift[:planted][claimed[:planted]])
            == np.sign(shift)[:planted][claimed[:planted]]
        ).all()
    assert np.mean(false) < 0.05
    assert np.mean(hits) > 0.5


def test_paired_items_that_never_differ_say_nothing():
    first = np.ones((8, 3))
    first[:, 2] = np.nan
    result = paired_dif(first, np.ones((8, 3)))
    assert np.isnan(result.p).all()
    assert np.isnan(result.q).all()
    assert result.shift[:2].tolist() == [0, 0]
    assert result.low[0] < 0 < result.high[0]
    assert np.isnan([result.shift[2], result.low[2], result.high[2]]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rest_score_tables([1, 0], [True, False]), "R, I"),
        (lambda: rest_score_tables([[1, 0]], [True, False]), "focal"),
        (lambda: rest_score_tables([[1, 0]], [True], strata=0), "strata"),
        (lambda: logistic_dif([[0.5, 0]], [True]), "0, 1 or NaN"),
        (lambda: mantel_haenszel(np.ones((2, 2, 2))), "tables"),
        (lambda: mantel_haenszel(-np.ones((1, 1, 2, 2))), ">= 0"),
        (lambda: paired_dif([[1, 0]], [[1]]), "same shape"),
        (lambda: paired_dif([[1, 0]], [[1, 0]], level=0), "level"),
        (lambda: paired_dif([[1, 2]], [[1, 0]]), "0, 1 or NaN"),
    ],
)
def test_refuses_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
