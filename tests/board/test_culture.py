"""Similarity of respondents and cultures: the numbers, their limits, what can be claimed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from valuecompass.board.boards import Board
from valuecompass.board.correlation import compared_draws, interval
from valuecompass.board.cultures.profiles import Profiles, demonstration_profiles
from valuecompass.board.cultures.report import culture_report
from valuecompass.board.cultures.similarity import (
    AS_IS,
    METHODS,
    Treatment,
    fit_test,
    nearest,
    parse_treatment,
    similarity,
)
from valuecompass.board.cultures.specification import choices, specification_curve
from valuecompass.errors import InputError
from valuecompass.measure.measurement import Measurement
from valuecompass.values import builtin_system

SCHWARTZ = builtin_system("schwartz")
NAMES = SCHWARTZ.names
HEDONISM = NAMES.index("Hedonism")
REFERENCE = {"spearman": stats.spearmanr, "pearson": stats.pearsonr, "kendall": stats.kendalltau}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def board(values, *, within=False, imported=True, draws=None, simulated=None) -> Board:
    values = np.asarray(values, dtype=float)
    nothing = np.full_like(values, np.nan)
    made = Measurement("m", datetime(2025, 1, 31, tzinfo=UTC), "schwartz", {}, ())
    return Board(
        system=SCHWARTZ,
        measurements=(made,),
        respondents=tuple(f"model {at}" for at in range(len(values))),
        names=NAMES[: values.shape[1]],
        simulated=tuple(simulated or [False] * len(values)),
        scores=values,
        low=nothing,
        high=nothing,
        n=nothing,
        items=nothing,
        within=values if within else nothing,
        within_low=values - 5 if within else nothing,
        within_high=values + 5 if within else nothing,
        draws=draws,
        imported=imported,
        notices=("A sentence of the board.",),
    )


def made_up(cultures: int, seed: int = 1, name: str = "P.json") -> Profiles:
    values = rng(seed).normal(size=(cultures, 10))
    return Profiles(name, tuple(f"Land {at}" for at in range(cultures)), values)


@pytest.mark.parametrize("method", METHODS)
def test_methods_are_those_of_scipy_with_ties(method):
    left = rng(1).integers(0, 5, size=(6, 10)).astype(float)
    right = rng(2).integers(0, 4, size=(4, 10)).astype(float)
    found = similarity(left, right, method)
    for i, j in np.ndindex(found.shape):
        assert found[i, j] == pytest.approx(REFERENCE[method](left[i], right[j])[0], abs=1e-12)


def test_spearman_of_a_small_example_by_hand():
    # no ties: 1 - 6 * sum of squared rank differences / (n^3 - n), with 4 + 1 + 1 + 4 = 10
    found = similarity(np.array([[1.0, 2, 3, 4]]), np.array([[3.0, 1, 4, 2]]))
    assert found[0, 0] == pytest.approx(1 - 6 * 10 / 60)


@pytest.mark.parametrize("method", METHODS)
def test_without_leaves_a_dimension_out(method):
    left, right = rng(1).normal(size=(3, 10)), rng(2).normal(size=(2, 10))
    found = similarity(left, right, method, Treatment("without", HEDONISM, "Hedonism"))
    others = [np.delete(side, HEDONISM, axis=1) for side in (left, right)]
    assert np.allclose(found, similarity(*others, method), atol=1e-12)


def test_last_puts_a_dimension_one_below_everything_else():
    left = np.array([[0.5, 9.0, 2.0, 3.0], [4.0, 1.0, 2.0, 8.0]])
    right = np.array([[7.0, 5.0, 1.0, 3.0]])
    found = similarity(left, right, "pearson", Treatment("last", 1, "b"))
    by_hand = np.array([[0.5, -0.5, 2.0, 3.0], [4.0, 1.0, 2.0, 8.0]]), [[7.0, 0.0, 1.0, 3.0]]
    assert np.allclose(found, similarity(by_hand[0], np.array(by_hand[1]), "pearson"))


def test_last_is_three_elevenths_and_eight_elevenths_of_what_is_left():
    # the identity of a rank that all sides share: (n^3 - n) is 720 for nine values, 990 for ten
    left, right = rng(1).normal(size=(5, 10)), rng(2).normal(size=(3, 10))
    last = similarity(left, right, "spearman", Treatment("last", HEDONISM, "Hedonism"))
    nine = similarity(left, right, "spearman", Treatment("without", HEDONISM, "Hedonism"))
    assert np.allclose(last, 3 / 11 + 8 / 11 * nine, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_missing_and_equal_values_give_no_number(method):
    left = np.array([[1.0, np.nan, 3, 4], [0.1] * 4, [1.0, 2, 3, 4]])
    right = np.array([[4.0, 3, 2, 1], [7.0] * 4])
    found = similarity(left, right, method)
    assert np.isnan(found[:2]).all() and np.isnan(found[:, 1]).all()
    assert found[2, 0] == pytest.approx(-1)
    freed = similarity(left, right, method, Treatment("without", 1, "b"))
    assert freed[0, 0] == pytest.approx(-1)  # the gap is left out


def test_treatments_are_parsed_and_wrong_ones_told():
    assert parse_treatment("as-is", SCHWARTZ, NAMES) == AS_IS
    found = parse_treatment("last:hedonism", SCHWARTZ, NAMES)
    assert found == Treatment("last", HEDONISM, "Hedonism") and str(found) == "last:Hedonism"
    for text, message in [
        ("first:Power", "not a treatment; known: as-is"),
        ("last", "'' is not a dimension"),
        ("last:Wit", "'Wit' is not a dimension of this board; known: Self-direction"),
    ]:
        with pytest.raises(InputError, match=message):
            parse_treatment(text, SCHWARTZ, NAMES)
    with pytest.raises(InputError, match="'Power' is not a dimension"):
        parse_treatment("last:Power", SCHWARTZ, NAMES[:3])


def test_the_nearest_are_several_when_they_tie():
    assert nearest(np.array([0.3, 0.5, 0.5 - 1e-12, np.nan])) == [1, 2]
    assert nearest(np.array([np.nan, np.nan])) == []


@pytest.mark.parametrize("treatment", [AS_IS, Treatment("last", 4, "e"), Treatment("without", 4)])
def test_the_permutation_test_is_the_exact_one(treatment):
    left, right = rng(3).normal(size=(4, 5)), rng(4).normal(size=(2, 5))
    found = fit_test(left, right, "spearman", treatment, rng=rng(), permutations=20_000)
    free = range(5) if treatment.kind == "as-is" else range(4)
    deals = [[*p, *range(len(free), 5)] for p in permutations(free)]
    near = similarity(left, right, "spearman", treatment).max(axis=1)
    for row, one, p in zip(left, near, found, strict=True):
        dealt = similarity(row[np.array(deals)], right, "spearman", treatment).max(axis=1)
        exact = (dealt >= one - 1e-9).mean()
        assert p == pytest.approx(exact, abs=4 * np.sqrt(0.25 / 20_000))


def test_values_in_random_order_seldom_fit():
    right = demonstration_profiles(SCHWARTZ).values
    nobody = rng(5).normal(size=(400, 10))
    p = fit_test(nobody, right, rng=rng(), permutations=2000)
    # 99 % of binomial counts at 5 %
    assert (
        stats.binom.ppf(0.005, 400, 0.05) <= (p <= 0.05).sum() <= stats.binom.ppf(0.995, 400, 0.05)
    )
    assert np.isnan(fit_test(np.full((1, 10), np.nan), right, rng=rng(), permutations=10))[0]


def test_intervals_hold_the_truth_that_was_planted():
    held = quantiles = 0
    worlds, spread = 400, 0.33
    source = rng(7)
    for _ in range(worlds):
        truth = source.normal(size=(1, 10))
        culture = 0.7 * truth + 0.6 * source.normal(size=(1, 10))
        estimate = truth + spread * source.normal(size=(1, 10))
        drawn = similarity(estimate + spread * source.normal(size=(300, 10)), culture)
        (true,) = similarity(truth, culture)[0]
        low, high = interval(similarity(estimate, culture)[0], drawn)
        held += bool(low[0] - 1e-9 <= true <= high[0] + 1e-9)
        below, above = np.quantile(drawn, [0.025, 0.975])
        quantiles += bool(below - 1e-9 <= true <= above + 1e-9)
    assert held / worlds > 0.93
    assert quantiles < held  # why the limits are not the bare quantiles


@pytest.mark.parametrize("compared_on", ["salience", "trade-off"])
def test_limits_hold_the_truth_when_respondent_and_culture_agree(compared_on):
    """One order, noise of .3 of the spread: limits of 95 % may hold it in 90 of 100."""
    worlds, noise, source = 1000, 0.3, rng(5)
    truth = np.sort(source.normal(size=(worlds, 10)))
    errors = noise * source.normal(size=truth.shape)
    if compared_on == "trade-off":  # errors that sum to 0 over dimensions, as the scale's do
        errors -= errors.mean(axis=1, keepdims=True)
        half = 1.96 * noise * np.sqrt(0.9)
        shares = [100 / (1 + np.exp(-(truth + errors + side * half))) for side in (-1, 0, 1)]
        made = board(shares[1], within=True, imported=False)
        made = replace(made, within_low=shares[0], within_high=shares[2])
    else:
        drawn = truth + errors + noise * source.normal(size=(500, *truth.shape))
        made = board(truth + errors, imported=False, draws=drawn)
    draws, culture = compared_draws(made, compared_on, source), np.arange(10.0)[None]
    assert draws is not None
    cells = similarity(truth + errors, culture)
    limits = [interval(row, similarity(draws[:, at], culture)) for at, row in enumerate(cells)]
    held = np.mean([high[0] > 1 - 1e-9 for _, high in limits])
    assert held > 0.9 - 2 * np.sqrt(0.9 * 0.1 / worlds)


def test_the_report_of_an_imported_table_has_no_intervals():
    values = rng(1).normal(size=(3, 10))
    sets = [made_up(4)]
    report = culture_report(board(values), sets)
    expected = similarity(values, sets[0].values)
    assert report["cells"]["model 1"]["Land 2"] == expected[1, 2]
    assert report["compared_on"] == "as published"
    assert set(report["intervals"]["model 0"].values()) == {None}
    assert report["nearest"]["model 2"] == [f"Land {expected[2].argmax()}"]
    text = " ".join(report["notices"])
    assert "the file does not say where they come from" in text
    assert "no interval was published" in text and "A sentence of the board." in text
    assert report["date"] == "2025-01-31" and "specification_curve" not in report


def test_the_trade_off_scale_is_compared_first_and_has_intervals():
    values = 50 + 20 * rng(1).uniform(-1, 1, size=(2, 10))
    profiles = Profiles("P.json", ("Same", "Other"), np.vstack([values[0], -values[0]]))
    report = culture_report(board(values, within=True, imported=False), [profiles])
    assert report["compared_on"] == "trade-off"
    cell = report["intervals"]["model 0"]["Same"]
    assert report["cells"]["model 0"]["Same"] == 1 and cell["high"] == 1 and 0.5 < cell["low"] < 1
    wide = board(values, within=True, imported=False)
    wide = replace(wide, within_low=values - 25, within_high=values + 25)
    wider = culture_report(wide, [profiles])["intervals"]["model 0"]["Same"]
    assert wider["low"] < cell["low"]
    assert report == culture_report(board(values, within=True, imported=False), [profiles])


def test_draws_on_the_trade_off_scale_have_the_published_limits():
    """Wider by sqrt(10/9) on the logit, because the scale's errors sum to 0 and theirs do not."""
    low, high = 1 / (1 + np.exp(0.4)), 1 / (1 + np.exp(-0.8))  # logits -0.4 and 0.8, middle 0.2
    one = board(np.full((1, 10), 100 / (1 + np.exp(-0.2))), within=True, imported=False)
    limits = (np.full((1, 10), 100 * limit) for limit in (low, high))
    one = replace(one, **dict(zip(("within_low", "within_high"), limits, strict=True)))
    draws = compared_draws(one, "trade-off", rng())
    assert draws is not None and draws.shape == (1000, 1, 10)
    logits = 0.2 + np.sqrt(10 / 9) * np.array([-0.6, 0.6])
    found = np.quantile(draws, [0.025, 0.975])
    assert found == pytest.approx(100 / (1 + np.exp(-logits)), abs=0.8)
    assert compared_draws(board(np.eye(3, 10)), "as published", rng()) is None


def test_rates_are_compared_with_a_warning_and_their_joint_draws():
    values = rng(1).uniform(20, 80, size=(2, 10))
    draws = values + rng(2).normal(0, 3, size=(500, 2, 10))
    report = culture_report(board(values, imported=False, draws=draws), [made_up(2)])
    assert report["compared_on"] == "salience"
    assert any("share no scale across values" in one for one in report["notices"])
    for name, cells in report["cells"].items():
        for land, value in cells.items():
            limits = report["intervals"][name][land]
            assert limits["low"] <= value <= limits["high"]
            assert 0 < limits["high"] - limits["low"] < 1


def test_missing_and_constant_scores_are_null_and_said():
    values = rng(1).normal(size=(3, 10))
    values[0, 4] = np.nan
    values[1] = 7.0
    report = culture_report(board(values), [made_up(3)], curve=True)
    for name in ("model 0", "model 1"):
        assert set(report["cells"][name].values()) == {None}
        assert report["nearest"][name] == []
        assert report["fits"][name] is None and report["p"][name] is None
    assert "model 0 is not compared: no score on Power." in report["notices"]
    assert "model 1 is not compared: all its scores are equal." in report["notices"]
    claims = report["specification_curve"]["claims"]
    assert {c["respondent"] for c in claims if c["kind"] == "nearest"} == {"model 2"}
    assert report["specification_curve"]["averaged"] == ["model 1", "model 2"]


def test_nobody_fits_where_nothing_is_alike():
    source = demonstration_profiles(SCHWARTZ)
    upside_down = board(-source.values.mean(axis=0, keepdims=True))
    assert culture_report(upside_down, [source])["fits"] == {"model 0": False}
    assert culture_report(board(source.values[:1]), [source])["fits"] == {"model 0": True}


def test_fit_is_not_tested_where_chance_could_not_be_told():
    # of three dimensions a random order is the right one in one of six
    profiles = Profiles("P.json", ("Here",), np.array([[1.0, 2, 3, *range(7)]]))
    report = culture_report(board([[1.0, 2, 3]]), [profiles])
    assert report["cells"]["model 0"]["Here"] == pytest.approx(1)
    assert report["fits"] == {"model 0": None}
    assert any(one.startswith("Fit cannot be tested") for one in report["notices"])


def test_fewer_than_three_dimensions_are_told():
    with pytest.raises(InputError, match="2 dimensions have scores"):
        culture_report(board([[1.0, 2.0]]), [made_up(2)])


def test_the_choices_are_those_that_are_documented():
    found = choices(NAMES)
    assert len(found) == len(set(found)) == 3 * 11 + 2 * 10
    assert ("spearman", AS_IS) in found
    assert ("kendall", Treatment("last", HEDONISM, "Hedonism")) in found
    assert not [one for one in found if one[0] == "pearson" and one[1].kind == "last"]


def test_the_curve_counts_what_every_single_choice_shows():
    values, sets = rng(1).normal(size=(4, 10)), [made_up(3), made_up(3, 2, "Q.json")]
    who = [f"model {at}" for at in range(4)]
    curve = specification_curve(values, NAMES, who, [False] * 4, sets)
    expected: dict[str, list[bool]] = {}
    first = similarity(values, sets[0].values)
    for one in sets:
        for method, treatment in choices(NAMES):
            cells = similarity(values, one.values, method, treatment)
            for at, name in enumerate(who):
                best = f"Land {first[at].argmax()}"
                alone = nearest(cells[at]) == [int(first[at].argmax())]
                expected.setdefault(f"{name} is nearest to {best}", []).append(alone)
            for a in range(3):
                for b in range(3):
                    if first.mean(axis=0)[a] > first.mean(axis=0)[b]:
                        nearer = bool(cells.mean(axis=0)[a] > cells.mean(axis=0)[b] + 1e-9)
                        claim = f"Land {a} is nearer than Land {b} on average"
                        expected.setdefault(claim, []).append(nearer)
    assert len(curve["specifications"]) == 106
    assert {c["claim"] for c in curve["claims"]} == set(expected)
    for claim in curve["claims"]:
        votes = expected[claim["claim"]]
        assert claim["of"] == 106 and claim["share"] == pytest.approx(np.mean(votes))
        assert claim["supported"] == (np.mean(votes) >= 0.9)


def test_a_claim_that_one_value_decides_is_said_to_hang_on_it():
    # Here and There differ in how they see Hedonism only, and the respondent sides with Here
    base = np.arange(10.0)
    here, there = base.copy(), base.copy()
    here[HEDONISM], there[HEDONISM] = 20, -20
    nearer = base.copy()
    nearer[[4, 5]] = nearer[[5, 4]]  # a slip that only There shares
    there[[4, 5]] = there[[5, 4]]
    nearer[HEDONISM] = 20
    profiles = Profiles("P.json", ("Here", "There"), np.vstack([here, there]))
    curve = specification_curve(nearer[None], NAMES, ["model"], [False], [profiles])
    claim = curve["claims"][0]
    assert claim["claim"] == "model is nearest to Here"
    assert claim["share"] > 0.5 and claim["hangs_on"] == ["Hedonism"]
    votes = [
        one["nearest"]["model"]
        for one in curve["specifications"]
        if one["treatment"].endswith(":Hedonism")
    ]
    assert votes and set(map(tuple, votes)) == {("There",)}


def test_a_tie_supports_no_claim():
    profiles = Profiles("P.json", ("A", "B"), np.vstack([np.arange(10.0)] * 2))
    curve = specification_curve(rng(1).normal(size=(1, 10)), NAMES, ["m"], [False], [profiles])
    assert [claim["share"] for claim in curve["claims"]] == [0, 0, 0]


def test_simulated_respondents_are_not_averaged_with_real_ones():
    values = rng(1).normal(size=(3, 10))
    marks = [True, False, False]
    report = culture_report(board(values, simulated=marks), [made_up(2)], curve=True)
    assert report["simulated"] == ["model 0"]
    assert report["specification_curve"]["averaged"] == ["model 1", "model 2"]
    first = report["specification_curve"]["specifications"][0]
    cells = report["cells"]
    mean = (cells["model 1"]["Land 0"] + cells["model 2"]["Land 0"]) / 2
    assert first["method"] == "spearman" and first["treatment"] == "as-is"
    assert first["mean"]["Land 0"] == pytest.approx(mean)


def test_sets_are_compared_over_common_cultures():
    sets = [made_up(3), replace(made_up(3, 2), cultures=("Land 2", "Land 0", "Elsewhere"))]
    report = culture_report(board(rng(1).normal(size=(2, 10))), sets, curve=True)
    assert report["specification_curve"]["cultures"] == ["Land 0", "Land 2"]
    apart = [made_up(3), replace(made_up(3, 2), cultures=("X", "Y", "Z"))]
    with pytest.raises(InputError, match="0 cultures in common"):
        culture_report(board(rng(1).normal(size=(2, 10))), apart, curve=True)
