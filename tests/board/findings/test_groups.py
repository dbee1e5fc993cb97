"""Findings on groups: open against closed weights, and an order that people share."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tests.board.measured import Board
from valuecompass.board.findings.groups import PAN_CULTURAL, openness, order_of_values
from valuecompass.measure.measurement import Measurement
from valuecompass.values import builtin_system

SYSTEM = builtin_system("schwartz")


def published(scores: NDArray[np.float64], open_weights: int = 0) -> Board:
    """Return a board of published scores, of which the first respondents have open weights."""
    from datetime import UTC, datetime

    n = len(scores)
    nothing = np.full_like(scores, np.nan)
    manifest = {"scale": {"low": 0.0, "high": 100.0}}
    table = Measurement("m", datetime(2026, 3, 1, tzinfo=UTC), "schwartz", manifest, ())
    keys = ("low", "high", "n", "items", "within", "within_low", "within_high")
    return Board(
        system=SYSTEM,
        measurements=(table,),
        respondents=tuple(f"model {r}" for r in range(n)),
        names=SYSTEM.names,
        simulated=(False,) * n,
        scores=scores,
        **dict.fromkeys(keys, nothing),
        draws=None,
        imported=True,
        notices=(),
        about=tuple({"openness": "open" if r < open_weights else "closed"} for r in range(n)),
    )


def test_open_and_closed_weights_are_compared_over_models() -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(50, 5, (16, 10))
    scores[:8, 4] += 25
    found = openness(published(scores, 8))
    assert [one.dimensions for one in found.findings] == [(SYSTEM.names[4],)]
    (one,) = found.findings
    expected = cast("Any", stats).ttest_ind(scores[:8, 4], scores[8:, 4], equal_var=False)
    limits = expected.confidence_interval(0.95)
    assert one.value is not None and one.low is not None and one.high is not None
    np.testing.assert_allclose(
        [one.value, one.low, one.high],
        [scores[:8, 4].mean() - scores[8:, 4].mean(), limits.low, limits.high],
        atol=1e-3,
    )
    assert "8 open, 8 closed" in one.sentence and one.n == 16


def test_who_lacks_a_score_is_not_counted_on_it() -> None:
    scores = np.random.default_rng(1).normal(50, 5, (16, 10))
    scores[:8, 4] += 25
    scores[[0, 1, 15], 4] = np.nan
    (one,) = openness(published(scores, 8)).findings
    assert "6 open, 7 closed" in one.sentence and one.n == 13


def test_groups_that_are_alike_give_nothing_beyond_the_nominal_rate() -> None:
    rng = np.random.default_rng(2)
    worlds = [openness(published(rng.normal(50, 5, (14, 10)), 7)) for _ in range(60)]
    # at 5 % three are expected; eight or more have a chance below 2 %
    assert sum(bool(w.findings) for w in worlds) <= 7


def test_too_small_groups_are_said_and_not_compared() -> None:
    found = openness(published(np.random.default_rng(0).normal(50, 5, (9, 10)), 2))
    assert not found.findings and "2 open, 7 closed" in found.notes[0]


def test_the_shared_order_is_found_where_it_is_and_only_there() -> None:
    rng = np.random.default_rng(4)
    scores = rng.normal(0, 1, (8, 10))
    scores[3] = [-PAN_CULTURAL.index(name) for name in SYSTEM.names]
    found = order_of_values(published(scores))
    assert [one.respondents for one in found.findings] == [("model 3",)]
    assert found.findings[0].value == 1.0 and found.controls[0].tested == 8
