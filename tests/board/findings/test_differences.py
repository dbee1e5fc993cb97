"""Findings on differences: planted ones are told, and identical respondents give none."""

from __future__ import annotations

import numpy as np
import pytest

from valuecompass.board.findings.differences import Seen, differences
from valuecompass.board.findings.finding import Finding
from valuecompass.board.findings.moved import Moved, drifts
from valuecompass.measure.item_table import ItemTable

NAMES = ("Power", "Tradition", "Hedonism", "Security")
ITEMS = 80


def seen(rates: np.ndarray, seed: int) -> Seen:
    """Return what respondents with these rates, (R, D), answered to items of unequal difficulty."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(0, 0.15, (1, ITEMS, 1))
    chance = np.clip(rates[:, None] + hard, 0.02, 0.98)
    totals = (rng.random((len(rates), ITEMS, len(NAMES))) < chance).astype(float)
    table = ItemTable(
        tuple(f"model {r}" for r in range(len(rates))),
        tuple(f"{i:012x}" for i in range(ITEMS)),
        NAMES,
        totals,
        np.ones_like(totals),
    )
    scores = table.scores()
    return Seen("schwartz", "2026-03-01", False, table, scores, scores - 5, scores + 5)


def told(rates: np.ndarray, seed: int) -> list[Finding]:
    return list(differences(seen(rates, seed), np.random.default_rng(seed)).findings)


def of(kind: str, found: list[Finding]) -> list[Finding]:
    return [one for one in found if one.kind == kind]


def test_a_planted_world_gives_the_planted_findings() -> None:
    rates = np.full((4, 4), 0.4)
    rates[2, 0] = 0.9  # model 2 shows Power far more than anybody
    rates[1, 3] = 0.03  # and model 1 Security far less
    found = told(rates, 0)
    ends = {(one.respondents[0], one.dimensions[0]): one for one in of("highest and lowest", found)}
    assert set(ends) == {("model 2", "Power"), ("model 1", "Security")}
    high, low = ends["model 2", "Power"], ends["model 1", "Security"]
    assert "strongest of all 4" in high.sentence and "weakest of all 4" in low.sentence
    assert high.value is not None and high.low is not None and high.high is not None
    assert 0 < high.low < high.value < high.high and high.n == ITEMS
    assert low.value is not None and low.high is not None and low.value < low.high < 0
    largest = of("largest differences", found)
    assert largest and {one.dimensions[0] for one in largest} <= {"Power", "Security"}
    assert all(one.q is not None and one.q <= 0.05 for one in largest)
    assert {one.dimensions[0] for one in of("not told apart", found)} == {"Tradition", "Hedonism"}
    assert "with=model+2" in high.page and high.api.startswith(
        "/api/v1/boards/schwartz/comparison?"
    )


def test_identical_respondents_give_no_difference_beyond_the_nominal_rate() -> None:
    rates = np.tile([0.2, 0.4, 0.6, 0.5], (5, 1))
    worlds = [told(rates, seed) for seed in range(40)]
    claimed = [w for w in worlds if of("largest differences", w) or of("highest and lowest", w)]
    # at 5 % at most two of 40 worlds are expected; six or more have a chance below 2 %
    assert len(claimed) <= 5
    assert np.mean([len(of("not told apart", w)) for w in worlds]) > 3.8


def test_a_finding_that_no_longer_holds_is_gone() -> None:
    rates = np.full((3, 4), 0.4)
    rates[0, 1] = 0.85
    assert of("highest and lowest", told(rates, 3))
    rates[0, 1] = 0.4
    assert not of("highest and lowest", told(rates, 3))


def test_one_respondent_is_compared_with_nobody() -> None:
    assert differences(seen(np.full((1, 4), 0.4), 0), np.random.default_rng(0)).findings == ()


@pytest.mark.parametrize(("p", "held"), [(1e-5, 1), (0.04, 0)])
def test_drift_is_told_after_all_changes_were_counted(p: float, held: int) -> None:
    def change(name: str, p: float) -> Moved:
        return Moved(name, False, "Power", "2026-01-01", "2026-03-01", 9.0, 2.0, 16.0, p, 80)

    found = drifts([change("a", p), *(change(f"b{k}", 0.9) for k in range(20))], "schwartz")
    assert len(found.findings) == held
    assert found.controls[0].tested == 21 and found.controls[0].held == held
    for one in found.findings:
        assert one.respondents == ("a",) and "+9.0 [+2.0, +16.0]" in one.sentence
