"""The gate on seasons: what it measures is measured rightly, and its loop runs."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.evolve_planted import seasons
from benchmarks.evolve_planted.seasons import Setting, four_seasons, gates
from benchmarks.evolve_planted.world import read_world

from tests.evolve.players import Words


@pytest.mark.parametrize("planted", [0.0, 0.3])
def test_the_bias_is_what_scores_differ_by_at_equal_positions(planted: float) -> None:
    rng = np.random.default_rng(2)
    theta = [rng.normal(0, 1, 400), rng.normal(1.2, 1, 400)]
    scores = [3 + 2 * theta[0], 3 + 2 * (theta[1] + planted)]
    noisy = [s + rng.normal(0, 0.1, 400) for s in scores]
    sd = np.sqrt(np.mean([t.var(ddof=1) for t in theta]))
    assert seasons._offset(noisy, theta) == pytest.approx(planted / sd, abs=0.03)


def test_a_short_life_keeps_its_bank_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seasons, "SIZE", 30)
    monkeypatch.setattr(seasons, "ANCHORS", 10)
    monkeypatch.setattr(seasons, "SEASONS", 2)
    setting = Setting(calls=500, similarity=Words())
    found = four_seasons(read_world(2), setting)
    assert found["living"][0] == found["static"][0]
    assert found["static"][1] < found["static"][0]  # models have moved on, the form has not
    assert found["anchors"] == [10] and len(found["bias"][0]) == 10
    assert np.isfinite(found["bias"]).all()
    again = four_seasons(read_world(2), setting)
    assert again == found


def test_gates_say_what_was_found() -> None:
    planted = {
        "living": [2.0, 2.2, 1.9, 1.7],
        "static": [2.0, 1.5, 1.1, 0.8],
        "anchors": [20, 20, 19],
        "bias": [[0.1, 0.06], [0.13, 0.07], [0.0]],
        "unlinked": [[], [], ["Power: no anchor"]],
    }
    living, static, step, chain, largest, worst = gates([planted, planted])
    assert (living.value, living.passed) == (pytest.approx(0.85), False)
    assert (static.value, static.passed) == (pytest.approx(0.4), True)
    assert (step.value, step.passed) == (pytest.approx(0.06), False)
    assert (chain.value, chain.passed) == (pytest.approx(0.18), None)
    assert "19 anchors" in step.note and "Power: no anchor" in step.note and "mean" in step.wanted
    assert (largest.value, largest.passed) == (pytest.approx(0.1), None)
    assert (worst.value, worst.passed) == (pytest.approx(0.13), None)
