"""Intervals of changes on the linked scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtri, stdtr, stdtrit

from tests.evolve.lifecycle.examples import NAMES, bank, table
from valuecompass.evolve.lifecycle.links import linked_scores
from valuecompass.measure.item_table import ItemTable
from valuecompass.stats.anchored import anchored

ITEMS, OWN, ANCHORS, PEOPLE = bank(100, NAMES[:1]), 40, 20, 16
TIED = {item.id for item in ITEMS[OWN : OWN + ANCHORS]}


def part(whole: ItemTable, begin: int, end: int) -> ItemTable:
    """Some items of a table, and its first dimension."""
    totals, counts = (of[:, begin:end, :1] for of in (whole.totals, whole.counts))
    return ItemTable(whole.respondents, whole.items[begin:end], NAMES[:1], totals, counts)


def sittings(rng: np.random.Generator, moved: float = 0.0) -> tuple[ItemTable, ItemTable]:
    """The same respondents on two forms; the last of them has moved in between."""
    theta = np.zeros((PEOPLE, len(NAMES)))
    theta[:, 0] = rng.normal(0, 1.5, PEOPLE)
    theta[-1, 0] = -moved / 2
    later = theta.copy()
    later[-1, 0] += moved
    a, b = rng.lognormal(0, 0.3, len(ITEMS)), rng.normal(size=len(ITEMS))
    first, second = (table(ITEMS, at, a, b, rng, opinions=1) for at in (theta, later))
    return part(first, 0, OWN + ANCHORS), part(second, OWN, len(ITEMS))


def test_respondents_measured_twice_are_rarely_said_to_have_moved() -> None:
    rng = np.random.default_rng(3)
    inside, claimed = list[bool](), list[bool]()
    for _ in range(5):
        (found,) = linked_scores(*sittings(rng), TIED).values()
        changes = [one["change"] for one in found["respondents"].values()]
        inside += [c["low"] <= 0 <= c["high"] for c in changes]
        claimed += [c["discovered"] for c in changes]
    assert len(inside) == 5 * PEOPLE
    assert np.mean(inside) >= 0.93
    assert np.mean(claimed) <= 0.05
    (found,) = linked_scores(*sittings(rng, moved=5), TIED).values()
    sure = [who for who, one in found["respondents"].items() if one["change"]["discovered"]]
    assert sure == [f"model {PEOPLE - 1}"]


def test_limits_of_before_hold_no_error_of_the_link() -> None:
    before, after = sittings(np.random.default_rng(4))
    (found,) = linked_scores(before, after, TIED).values()
    responses = np.full((2 * PEOPLE, len(ITEMS)), np.nan)
    responses[:PEOPLE, : OWN + ANCHORS] = before.means[:, :, 0]
    responses[PEOPLE:, OWN:] = after.means[:, :, 0]
    link = anchored(responses, np.arange(2 * PEOPLE) >= PEOPLE, [item.id in TIED for item in ITEMS])
    one = found["respondents"]["model 0"]["before"]
    assert one["high"] - one["low"] == pytest.approx(2 * ndtri(0.975) * link.se[0], rel=1e-3)


def test_of_one_respondent_no_interval_is_given() -> None:
    before, after = sittings(np.random.default_rng(5))
    totals, counts = before.totals[:1], before.counts[:1]
    alone = replace(before, respondents=before.respondents[:1], totals=totals, counts=counts)
    (found,) = linked_scores(alone, after, TIED).values()
    assert found["shift"] is None and "too few respondents" in found["why"]
    assert not found["respondents"]


def test_refused_anchors_widen_the_limits_of_a_change() -> None:
    before, after = sittings(np.random.default_rng(6))
    counts = after.counts.copy()
    counts[0, 4:ANCHORS] = 0  # the anchors come first on the later form
    counts[1, 1:ANCHORS] = 0
    (found,) = linked_scores(before, replace(after, counts=counts), TIED).values()
    assert found["anchors"] == ANCHORS
    people = [found["respondents"][f"model {k}"]["change"] for k in range(PEOPLE)]
    assert people[1] is None
    assert [p["anchors"] for k, p in enumerate(people) if k != 1] == [4] + 14 * [ANCHORS]
    for one in (people[0], people[2]):
        degrees = one["anchors"] - 1
        error = (one["high"] - one["low"]) / 2 / stdtrit(degrees, 0.975)
        assert one["p"] == pytest.approx(2 * stdtr(degrees, -abs(one["difference"]) / error), 1e-3)
