"""Who agrees with everything says nothing of itself: every self-report lies in the middle."""

from __future__ import annotations

import pytest

from tests.measure.test_scoring import SOME, NoJudge
from valuecompass.items import Size, builtin_form, builtin_sizes, form_items
from valuecompass.measure.asking import Question, read_off
from valuecompass.measure.plan import Plan
from valuecompass.measure.scoring import Result, score_row
from valuecompass.values import BUILTIN, builtin_system

RATED = [
    (system, size)
    for system in BUILTIN
    for size in builtin_sizes(system)
    if any(i.scale for i in form_items(builtin_form(system, size)))
]


def test_the_forms_with_ratings() -> None:
    assert {system for system, _ in RATED} == {"schwartz", "moral-foundations", "big-five"}


@pytest.mark.parametrize(("system_id", "size"), RATED)
def test_agreeing_with_everything_gives_50(system_id: str, size: Size) -> None:
    form, system = builtin_form(system_id, size), builtin_system(system_id)
    items = tuple(form_items(form))
    results = [
        Result(i, 0, 0, "key", "answer", reading=read_off(Question(i, 0, 0), str(i.scale[1])))
        for i in items
        if i.scale is not None
    ]
    row = score_row(Plan(system, form, items, (SOME,), NoJudge(), "any"), SOME, results)
    for name, score in row.dimensions.items():
        found = score.score if system.scoring == "keyed-scale" else score.detail["self_report"]
        given = found if isinstance(found, float) else found["score"]
        assert given == pytest.approx(50, abs=0.01), name
