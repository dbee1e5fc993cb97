"""How well sets of items tell models apart: against components of variance and planted worlds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from valuecompass.evolve.report.figures import FIGURES, Answers, told_apart, variances
from valuecompass.stats.generalisability import variance_components

Array = np.ndarray


def normal(
    rng: np.random.Generator,
    models: int,
    items: int,
    *,
    own: float,
    quirk: float,
    noise: float,
    repeats: int = 2,
    dimensions: int = 2,
) -> Answers:
    """Values with planted standard deviations, in tenths, of model, model x item, and answer."""
    shape = (models, items, repeats, dimensions)
    values = 0.5 + 0.1 * (
        own * rng.standard_normal((models, 1, 1, dimensions))
        + quirk * rng.standard_normal((models, items, 1, dimensions))
        + 0.2 * rng.standard_normal((1, items, 1, dimensions))
        + noise * rng.standard_normal(shape)
    )
    return Answers(values, [f"topic {i}" for i in range(items)])


def labels(
    rng: np.random.Generator, theta: Array, items: int, slope: float, repeats: int = 2
) -> Answers:
    """Answers of the two-parameter logistic model, (R, D) positions, quirk .5."""
    models, dimensions = theta.shape
    b = rng.normal(0, 0.7, (1, items, dimensions))
    u = rng.normal(0, 0.5, (models, items, dimensions))
    chance = expit(slope * (theta[:, None] - b) + u)
    said = rng.random((models, items, repeats, dimensions)) < chance[:, :, None]
    return Answers(said.astype(float), [str(i) for i in range(items)])


def test_without_gaps_the_variances_are_the_components_of_the_analysis_of_variance():
    rng = np.random.default_rng(0)
    one = normal(rng, 7, 30, own=0.08, quirk=0.05, noise=0.1)
    found = variances([one], rng, 20)
    between, shared = list[float](), list[float]()
    for d in range(2):
        parts = variance_components(one.values[..., d], ("model", "item", "answer"), rng, draws=1)
        by_effect = dict(zip(parts.effects, parts.estimate, strict=True))
        # answers are no facet of their own: their level is part of the noise
        noise = [by_effect[e] for e in (("model", "answer"), ("item", "answer"), ("answer",))]
        shared.append(by_effect["model",])
        between.append(by_effect["model",] + by_effect["model", "item"])
        assert max(map(abs, noise)) < 1e-5
    assert found["between"].values[0].value == pytest.approx(np.mean(between), abs=4e-6)
    assert found["shared"].values[0].value == pytest.approx(np.mean(shared), abs=4e-6)


def test_planted_variances_are_found_in_the_mean_of_many_draws():
    rng = np.random.default_rng(1)
    made = [normal(rng, 8, 10, own=0.1, quirk=0.06, noise=0.2) for _ in range(250)]
    found = [variances([one], rng, 1) for one in made]
    between = np.mean([f["between"].values[0].value for f in found])
    shared = np.mean([f["shared"].values[0].value for f in found])
    assert between == pytest.approx(0.01**2 + 0.006**2, rel=0.06)
    assert shared == pytest.approx(0.01**2, rel=0.06)


def test_what_answers_of_one_topic_share_is_no_position_of_the_model():
    rng = np.random.default_rng(2)
    values = np.repeat(rng.normal(0.5, 0.1, (6, 10, 1, 3)), 4, axis=1)  # a quirk for each topic
    values = np.repeat(values, 2, axis=2)
    by_topic = Answers(values, [str(i // 4) for i in range(40)])
    by_item = Answers(values, [str(i) for i in range(40)])
    apart, within = (
        variances([one], rng, 1)["shared"].values[0].value for one in (by_topic, by_item)
    )
    assert abs(apart) < 0.0006 < 0.0007 < within


def test_limits_hold_the_planted_difference_as_often_as_they_say():
    rng = np.random.default_rng(3)
    held, claims, worlds = 0, 0, 120
    topics = [str(i) for i in range(15)]
    for _ in range(worlds):
        theta = rng.standard_normal((10, 1, 1, 2))
        drawn = [
            normal(rng, 10, 15, own=0, quirk=10 * sd, noise=0.3).values + sd * theta
            for sd in (0.03, 0.015)
        ]
        sets = [Answers(values, topics) for values in drawn]
        (gap,) = variances(sets, rng, 150)["between"].differences
        # position and quirk alike
        held += gap.low <= 2 * 0.03**2 - 2 * 0.015**2 <= gap.high
        claims += gap.low > 0
    # wider than 95 % in places: a bootstrap of both sides is; and it does see the difference
    assert held >= 0.9 * worlds
    assert claims > 0.5 * worlds


def test_identical_models_give_no_claim_beyond_the_nominal_level():
    rng = np.random.default_rng(4)
    worlds = 25
    claims = dict.fromkeys(FIGURES, 0)
    for _ in range(worlds):
        # the first set is noisier: its answers differ more, its models do not
        sets = [
            Answers((rng.random((8, 20, 2, 2)) < p).astype(float), [str(i) for i in range(20)])
            for p in (0.5, 0.1)
        ]
        for name, found in told_apart(sets, rng, draws=200).items():
            (gap,) = found.differences
            claims[name] += gap.low > 0 or gap.high < 0
    assert max(claims.values()) <= 5, claims


def test_items_that_discriminate_beat_flat_ones_by_every_figure():
    rng = np.random.default_rng(5)
    theta = rng.standard_normal((12, 4))
    sets = [labels(rng, theta, 40, slope) for slope in (2.5, 0.5)]
    found = told_apart(sets, rng, draws=300)
    for name, one in found.items():
        (gap,) = one.differences
        assert gap.low > 0, name
        assert one.reason is None
    assert found["between"].covers == ("items", "respondents")
    assert found["divergence"].covers == found["information"].covers == ("items",)


def test_the_same_set_twice_differs_by_nothing():
    rng = np.random.default_rng(6)
    one = labels(rng, rng.standard_normal((6, 3)), 30, 1.5)
    for found in told_apart([one, one], rng, draws=50).values():
        (gap,) = found.differences
        assert abs(gap.value) < 0.02 and gap.low <= 0 <= gap.high


def test_items_that_carry_no_information_have_none_whatever_stands_beside_them():
    rng = np.random.default_rng(12)
    theta = rng.standard_normal((12, 3))
    empty = labels(rng, theta, 40, 0.0)
    strong, weak = (labels(rng, theta, 40, slope) for slope in (2.5, 0.5))
    for beside in (strong, weak):
        found = told_apart([beside, empty], np.random.default_rng(13), draws=20)["information"]
        none = found.values[1]
        assert none.low <= 0 <= none.high and abs(none.value) < 0.02
    # limits hold the noise of dealing, too
    assert none.high > none.low


def test_missing_answers_are_no_zeros():
    rng = np.random.default_rng(7)
    whole = normal(rng, 8, 60, own=0.1, quirk=0.05, noise=0.05)
    gaps = whole.values.copy()
    gaps[rng.random(gaps.shape[:3]) < 0.15] = np.nan
    gaps[3, 10:20] = np.nan  # refused ten items
    values = [
        variances([one], np.random.default_rng(8), 20)
        for one in (whole, Answers(gaps, whole.clusters))
    ]
    for name in ("between", "shared"):
        a, b = (found[name].values[0].value for found in values)
        assert b == pytest.approx(a, rel=0.12), name


def test_what_cannot_be_known_says_why():
    rng = np.random.default_rng(9)
    once = labels(rng, rng.standard_normal((6, 2)), 10, 2.0, repeats=1)
    found = told_apart([once, once], rng, draws=10)
    for name in ("between", "divergence"):
        assert "one answer" in (found[name].reason or "")
        assert np.isnan(found[name].values[0].value) and np.isnan(found[name].differences[0].value)
    assert found["shared"].reason is None and found["information"].reason is None
    alone = told_apart([labels(rng, np.zeros((1, 2)), 10, 2.0)], rng)
    assert {f.reason for f in alone.values()} == {
        "one model alone: there is nobody to tell it apart from"
    }
    nobody = told_apart([labels(rng, np.zeros((0, 2)), 10, 2.0)], rng)
    assert {f.reason for f in nobody.values()} == {"no model gave a usable answer to every set"}


def test_few_topics_and_few_models_give_no_limits_of_their_own():
    rng = np.random.default_rng(10)
    few = labels(rng, rng.standard_normal((4, 2)), 12, 2.0)
    one_topic = Answers(few.values, ["a"] * 12)
    found = told_apart([few], rng, draws=20)["between"]
    assert found.covers == ("items",) and np.isfinite(found.values[0].low)
    found = told_apart([one_topic], rng, draws=20)
    assert found["between"].covers == () and np.isnan(found["between"].values[0].low)
    assert np.isnan(found["shared"].values[0].value)  # nothing of another topic to share with


def test_wrong_shapes_and_numbers_are_refused():
    rng = np.random.default_rng(11)
    with pytest.raises(ValueError, match="must be in"):
        Answers(np.full((2, 1, 1, 1), 1.5), ["a"])
    with pytest.raises(ValueError, match="with a cluster for each item"):
        Answers(np.zeros((2, 3, 1, 1)), ["a"])
    two = [Answers(np.zeros((r, 3, 1, 1)), ["a", "b", "c"]) for r in (2, 3)]
    with pytest.raises(ValueError, match="same models and dimensions"):
        told_apart(two, rng)
