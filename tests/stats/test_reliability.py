import numpy as np
import pytest

from valuecompass.stats import reliability
from valuecompass.stats.reliability import (
    coefficient_of_variation,
    cronbach_alpha,
    icc,
    split_half,
)

# Shrout & Fleiss (1979), table 2: six targets rated by four judges.
RATINGS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)


def ratings(rng, rows=30, columns=8, reliable=1.0, harder=1.0):
    """Respondents of variance `reliable`, items of variance `harder`, residual of variance 1."""
    return (
        rng.standard_normal((rows, 1)) * reliable**0.5
        + rng.standard_normal((1, columns)) * harder**0.5
        + rng.standard_normal((rows, columns))
    )


# Estimates: Shrout & Fleiss (1979), table 4; limits: what R's psych and pingouin print for them.
@pytest.mark.parametrize(
    ("kind", "value", "low", "high"),
    [
        ("1,1", 0.17, -0.133, 0.723),
        ("2,1", 0.29, 0.019, 0.761),
        ("3,1", 0.71, 0.342, 0.946),
        ("1,k", 0.44, -0.884, 0.912),
        ("2,k", 0.62, 0.071, 0.927),
        ("3,k", 0.91, 0.676, 0.986),
    ],
)
def test_icc_gives_the_published_example(kind, value, low, high):
    found = icc(RATINGS, kind)
    assert found.value == pytest.approx(value, abs=0.006)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-4)


def test_alpha_is_the_textbook_formula():
    table = ratings(np.random.default_rng(0))
    k = table.shape[1]
    expected = k / (k - 1) * (1 - table.var(0, ddof=1).sum() / table.sum(1).var(ddof=1))
    assert cronbach_alpha(table).value == pytest.approx(expected)


def test_alpha_limits_are_feldts():
    from scipy.stats import f

    table = ratings(np.random.default_rng(1), 16, 10)
    alpha, low, high = cronbach_alpha(table, level=0.9)
    assert low == pytest.approx(1 - (1 - alpha) * f.ppf(0.95, 15, 135))
    assert high == pytest.approx(1 - (1 - alpha) * f.ppf(0.05, 15, 135))


@pytest.mark.parametrize("kind", ["1,1", "2,1", "3,1", "2,k", "3,k"])
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_intervals_cover_the_planted_correlation(kind, missing):
    rng, runs = np.random.default_rng(2), 400
    noise = 1.0 if kind[0] == "3" else 2.0
    k = 8 if kind[2] == "k" else 1
    truth = 1 / (1 + noise / k)
    found = []
    for _ in range(runs):
        table = ratings(rng, 16, 8)
        if kind[0] == "1":  # every target has judges of its own
            table = rng.standard_normal((16, 1)) + 2**0.5 * rng.standard_normal((16, 8))
        table[rng.random(table.shape) < missing] = np.nan
        found.append(icc(table, kind))
    found = np.array(found)
    # 400 runs at 95 %: 2.7 standard errors below nominal
    assert ((found[:, 1] <= truth) & (truth <= found[:, 2])).mean() > 0.92
    assert np.median(found[:, 0]) == pytest.approx(truth, abs=0.06)


def test_missing_cells_do_not_bias_where_respondents_met_harder_items():
    rng, found = np.random.default_rng(3), []
    for _ in range(200):
        table = ratings(rng, 16, 60, harder=9)
        table[rng.random(table.shape) < 0.3] = np.nan
        found.append(icc(table, "3,1").value)
    assert np.mean(found) == pytest.approx(0.5, abs=0.03)


def test_adjusted_mean_squares_are_those_of_least_squares():
    rng = np.random.default_rng(4)
    table = ratings(rng, 7, 5)
    table[rng.random(table.shape) < 0.25] = np.nan
    row, column = np.nonzero(~np.isnan(table))
    y = table[row, column]

    def rest(*sides):
        design = np.column_stack([side[:, None] == np.arange(7) for side in sides]).astype(float)
        fitted = design @ np.linalg.lstsq(design, y)[0]
        return ((y - fitted) ** 2).sum()

    n = len(y)
    both = rest(row, column)
    residual = both / (n - 7 - 5 + 1)
    rows = (rest(column) - both) / 6
    variance = (rows - residual) / ((n - 5) / 6)
    expected = variance / (variance + residual)
    assert icc(table, "3,1").value == pytest.approx(expected)
    # more rows than columns here, fewer in the transpose: solved from the other side
    flipped = icc(table.T, "3,1").value
    columns = (rest(row) - both) / 4
    variance = (columns - residual) / ((n - 7) / 4)
    assert flipped == pytest.approx(variance / (variance + residual))


def test_icc_edges():
    same = np.tile(np.arange(5.0)[:, None], 3)
    assert icc(same, "3,k") == (1, 1, 1)
    assert icc(same, "2,1").value == 1
    assert icc(same + np.array([0, 5, 9]), "3,1").value == pytest.approx(1)
    assert icc(same + np.array([0, 5, 9]), "2,1").value < 0.2
    for table in (np.ones((4, 4)), np.ones((1, 4)), np.full((3, 3), np.nan), np.eye(2)[:, :1]):
        assert np.isnan(icc(table, "3,1").value)
    alone = np.array([[1, 2, np.nan, np.nan], [np.nan, np.nan, 3, 5.0]])  # no item in common
    assert np.isnan(icc(alone, "3,1").value)
    extended = np.column_stack([RATINGS, np.full(6, np.nan)])
    assert icc(extended, "2,k") == icc(RATINGS, "2,k")


def test_respondents_who_do_not_differ_have_no_reliability():
    """A saturated form: what is left between respondents is rounding."""
    form = np.tile([0, 1, 1, 0, 1.0], (6, 1))
    holed = form.copy()
    holed[2, 3] = np.nan
    for table in (form, holed, form / 3 + 0.1):
        assert np.isnan(cronbach_alpha(table)).all()
        assert np.isnan(icc(table, "2,1")).all()
    assert icc(form, "1,1").value == pytest.approx(-1 / 4)  # rows of model 1 share no columns
    almost = ratings(np.random.default_rng(0), reliable=0.0, harder=1.0)
    assert np.isfinite(cronbach_alpha(almost)).all()


@pytest.mark.parametrize("kind", ["1,1", "2,1", "3,1", "1,k", "2,k", "3,k"])
def test_icc_of_equal_cells_is_unknown_whatever_their_mean_is_rounded_to(kind):
    assert np.isnan(icc(np.full((5, 7), 0.1), kind)).all()


def test_split_half_agrees_with_alpha_where_items_are_parallel():
    table = ratings(np.random.default_rng(5), 400, 20)
    found = split_half(table, np.random.default_rng(0), splits=300)
    assert found.value == pytest.approx(cronbach_alpha(table).value, abs=0.005)
    assert found.value == pytest.approx(20 / 21, abs=0.01)
    assert 0 < found.correlation_sd < 0.05


def test_split_half_of_two_clusters_is_spearman_brown():
    table = ratings(np.random.default_rng(6), 25, 6)
    clusters = ["a", "b", "a", "b", "b", "a"]
    r = np.corrcoef(table[:, [0, 2, 5]].mean(1), table[:, [1, 3, 4]].mean(1))[0, 1]
    found = split_half(table, np.random.default_rng(0), splits=5, clusters=clusters)
    assert found.value == pytest.approx(2 * r / (1 + r))
    assert found.correlation_sd == pytest.approx(0, abs=1e-12)


def test_split_half_keeps_copies_together():
    rng = np.random.default_rng(7)
    copied = np.repeat(rng.standard_normal((50, 10)), 4, axis=1)  # ten unrelated items, four times
    topics = np.repeat(np.arange(10), 4)
    assert split_half(copied, rng).value > 0.6
    assert split_half(copied, rng, clusters=topics).value < 0.35


def test_split_half_with_missing_cells_and_hard_items():
    rng = np.random.default_rng(8)
    table = ratings(rng, 200, 40, harder=100)
    full = split_half(table, rng, splits=100).value
    table[rng.random(table.shape) < 0.2] = np.nan
    assert split_half(table, rng, splits=100).value == pytest.approx(full, abs=0.02)


def test_retest_separates_order_from_level():
    rng = np.random.default_rng(9)
    first = rng.standard_normal(2000)
    second = 0.6 * first + 0.8 * rng.standard_normal(2000) + 2
    second[:100] = np.nan
    found = reliability.test_retest(first, second)
    assert found.n == 1900
    assert found.pearson.value == pytest.approx(0.6, abs=0.03)
    assert found.consistency.value == pytest.approx(0.6, abs=0.03)
    # ICC(2,1): the shift adds 2^2 / 2 to the variance
    assert found.agreement.value == pytest.approx(0.6 / (1 + 2), abs=0.02)
    assert found.shift.low < 2 < found.shift.high


def test_retest_equals_scipy():
    from scipy import stats

    rng = np.random.default_rng(10)
    first, second = ratings(rng, 16, 2).T
    found = reliability.test_retest(first, second, level=0.9)
    pearson = stats.pearsonr(first, second)
    limits = pearson.confidence_interval(0.9)
    assert found.pearson == pytest.approx((pearson.statistic, limits.low, limits.high))
    rank = stats.spearmanr(first, second).statistic
    half = stats.norm.ppf(0.95) * np.sqrt((1 + rank**2 / 2) / 13)
    assert found.spearman.value == pytest.approx(rank)
    assert found.spearman.high == pytest.approx(np.tanh(np.arctanh(rank) + half))
    paired = stats.ttest_rel(second, first).confidence_interval(0.9)
    assert found.shift[1:] == pytest.approx((paired.low, paired.high))


def test_retest_with_too_little():
    found = reliability.test_retest([1, 2, np.nan], [2, 3, 4])
    assert found.n == 2
    assert np.isnan(found.pearson.value)
    assert found.shift.value == 1
    assert np.isnan(reliability.test_retest([1, 1, 1, 1, 1], [2, 3, 4, 5, 6]).pearson.value)


def test_coefficient_of_variation():
    found = coefficient_of_variation(
        [[1, 2, 3, np.nan], [-4, -4, -4, -4], [5, np.nan] + [np.nan] * 2]
    )
    assert found[:2] == pytest.approx([0.5, 0])
    assert np.isnan(found[2])
    assert np.isnan(coefficient_of_variation([-1, 1]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: icc([1, 2], "1,1"), "two-dimensional"),
        (lambda: icc([[1, np.inf], [1, 2]], "1,1"), "finite"),
        (lambda: icc(RATINGS, "4,1"), "kind"),
        (lambda: cronbach_alpha(RATINGS, level=1), "level"),
        (lambda: split_half(RATINGS, np.random.default_rng(0), clusters=[1]), "clusters"),
        (lambda: split_half(RATINGS, np.random.default_rng(0), splits=0), "splits"),
        (lambda: reliability.test_retest([1, 2], [1]), "first"),
    ],
)
def test_refuses_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
