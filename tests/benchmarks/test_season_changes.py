"""A small version of the simulation of changes between seasons, and that it can fail."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.season_changes import figures, logistic

from benchmarks import season_changes


def cases(opinions: int, quirk: float, moved: float, pairs: int = 10):
    rng = np.random.default_rng([opinions, int(10 * quirk), int(2 * moved)])
    return [logistic(rng, quirk, opinions, moved) for _ in range(pairs)]


@pytest.mark.parametrize("quirk", [0.5, 1.0])
@pytest.mark.parametrize("moved", [0, 1])
def test_intervals_of_changes_cover_and_are_narrower(quirk: float, moved: int) -> None:
    found = figures(cases(3, quirk, moved))
    # 160 changes, of which those of one pair of forms go together
    assert 0.92 <= found["paired covered"] <= 0.995
    assert found["width"] < 0.85
    assert abs(found["paired bias"]) < 3 * found["paired bias se"] + 0.02
    if moved:
        assert found["slope"] == pytest.approx(1, abs=0.12)


def test_of_those_who_stayed_while_others_moved_only_they_count() -> None:
    own = cases(3, 0.5, 0.5)
    for _, _, before, after in own:
        assert (before == after).tolist() == [False, True] * 8
    found, whole = figures(own, stayed=True), figures(own)
    # the slope is of changes that are: of who stayed there is none
    assert np.isnan(found["slope"]) and whole["slope"] == pytest.approx(1, abs=0.12)
    assert found["paired covered"] != whole["paired covered"]
    assert found["paired covered"] > 0.9


def test_too_narrow_limits_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def half(degrees: float, level: float) -> float:
        return 0.75

    monkeypatch.setattr(season_changes, "stdtrit", half)
    assert figures(cases(3, 0.5, True))["paired covered"] < 0.75
