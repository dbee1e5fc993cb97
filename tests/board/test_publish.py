"""The sentences that stand before the numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from valuecompass.board.publish import SMOLLM, lead_of
from valuecompass.measure import Measurement, Row
from valuecompass.measure.scoring import FIRST_SIDE

NOTE = f"chose the first-named side in 90% of the trade-offs: {FIRST_SIDE}"


@pytest.mark.parametrize(
    ("small", "other", "said"), [((), (), False), ((NOTE,), (), True), ((), (NOTE,), False)]
)
def test_a_habit_of_position_is_told_only_where_it_was_measured(
    small: tuple[str, ...], other: tuple[str, ...], said: bool
) -> None:
    row = Row("small", simulated=False, system="schwartz", dimensions={}, notes=small)
    manifest = {"respondents": [{"model": SMOLLM}, {"model": "openai/x"}], "judge_name": "x"}
    rows = (row, replace(row, notes=other))
    found = Measurement("id", datetime.now(UTC), "schwartz", manifest, rows)
    text = " ".join(lead_of([found]))
    assert "a very small one" in text
    assert ("follow the order of the options" in text) is said
