"""The sentences that stand before the numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from valuecompass.board.page.publish import SMOLLM, lead_of
from valuecompass.measure import Measurement, Row
from valuecompass.measure.scoring import FIRST_SIDE

REASON = "The judge x is not surely better than shortcuts."
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


def judged(system: str, **gate: object) -> Measurement:
    manifest = {
        "respondents": [],
        "judge_name": "x",
        "system": {"name": system.title(), "scoring": "expression"},
        **({"judge_gate": gate["gate"]} if gate else {}),
    }
    return Measurement("id", datetime.now(UTC), system, manifest, ())


def test_a_judge_that_failed_makes_a_demonstration() -> None:
    failed = {"status": "failed", "reason": REASON}
    passed = {"status": "passed", "reason": REASON}
    (said,) = lead_of(
        [judged("a", gate=failed), judged("b", gate=passed), judged("c", gate=failed)]
    )
    assert said.startswith("Demonstration: on labels of A, C the judge x was not surely better")
    assert lead_of([judged("a", gate=passed), judged("b", gate=None)]) == []


def test_too_few_labels_are_not_told_as_none() -> None:
    undecided = {"status": "undecided", "reason": REASON}
    (said,) = lead_of([judged("a", gate=undecided)])
    assert "labels of A do not tell" in said and "has not been measured" not in said


def test_a_judge_nobody_measured_is_told_also_of_old_measurements() -> None:
    unmeasured = {"status": "unmeasured", "reason": REASON}
    (said,) = lead_of([judged("a"), judged("b", gate=unmeasured)])
    assert "the judge x can be trusted on A, B has not been measured on labels" in said
    assert "valuecompass judge calibrate" in said and "Demonstration" not in said
