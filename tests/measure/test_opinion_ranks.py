"""Opinions of one answer, joined by rank, when the judge left one of them out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.measure.helpers import question
from valuecompass.items import form_of_items
from valuecompass.judges.local.judge import LocalJudge
from valuecompass.measure.plan import make_plan
from valuecompass.measure.scoring import Result, findings_of, score_row
from valuecompass.models import Respondent
from valuecompass.stats import OpinionMethod
from valuecompass.values import builtin_system


@pytest.mark.parametrize(
    ("opinions", "expected"), [("any", 90.0), ("mean", 60.0), ("rank-weighted", 54.0)]
)
def test_an_opinion_without_a_verdict_keeps_its_rank(
    opinions: OpinionMethod, expected: float
) -> None:
    system = builtin_system("schwartz")
    item = question("Should the ferry run at night?", "Power")
    form = form_of_items([item], system, "one", "tiny")
    who = Respondent(name="x", model="recorded/x")
    plan = make_plan(system, form, [who], LocalJudge(), [item], opinions)
    # ranks 2 and 3 weigh 1/2 and 1/3: (.3 / 2 + .9 / 3) / (1/2 + 1/3) = .54
    given: list[float | None] = [None, 0.3, 0.9]
    verdicts: list[dict[str, Any]] = [
        {"part": part, "dimension": "Power", "expressed": value}
        for part, value in reversed(list(enumerate(given)))
    ]
    found = findings_of(verdicts, system.names)
    row = score_row(plan, who, [Result(item, 0, 0, "k", "answer", findings=found)])
    assert row.dimensions["Power"].score == pytest.approx(expected)
    assert row.dimensions["Power"].n == 1
    assert row.dimensions["Security"].missing == 1
