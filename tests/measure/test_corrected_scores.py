"""Shares corrected for the judge's errors, from hand-made results and calibrations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.measure.calibrations import DOUBTFUL, FEW, SOME, calibration_of, rates
from tests.measure.helpers import question
from tests.measure.test_scoring import answered, holds, opening, other, plan_of, verdict
from valuecompass.items import Item
from valuecompass.measure import Row
from valuecompass.measure.points import generator, points
from valuecompass.measure.scoring import Result, score_row
from valuecompass.stats import ErrorRates, partly_pooled, rogan_gladen
from valuecompass.values import builtin_system


def scored(results: Sequence[Result], calibrated: bool = True, **entry: Any) -> Row:
    items = list({r.item.id: r.item for r in results}.values())
    plan = plan_of(items)
    if calibrated:
        plan = replace(plan, calibration=calibration_of(plan.system, **entry))
    return score_row(plan, SOME, results)


def power(n: int, high: int) -> list[Result]:
    """Answers on Power, the first of them expressed."""
    return [
        answered(
            question(f"Should case {i} be allowed?", "Power"),
            verdict("Power", 0.8 if i < high else 0.2),
        )
        for i in range(n)
    ]


def test_expression_is_corrected_beside_its_raw_rate() -> None:
    found = scored(power(40, 20)).dimensions["Power"].detail
    assert holds(found["expression_rate"], 50) and "rate" not in found
    # (.5 + .8 - 1) / (.9 + .8 - 1)
    assert near(found["corrected"], 0.3 / 0.7) and found["corrected"]["n"] == 40
    wider = scored(power(40, 20), others=(9, 1, 8, 2)).dimensions["Power"].detail
    assert width(wider["corrected"]) > 1.1 * width(found["corrected"])
    assert width(found["corrected"]) > width(found["expression_rate"])


def near(points: dict[str, Any], share: float) -> bool:
    """Whether a share is met; the grid of the pooling and its prior move it by a hair."""
    return abs(points["score"] - 100 * share) < 0.05 and points["low"] < points["high"]


def width(points: dict[str, Any]) -> float:
    return points["high"] - points["low"]


def test_conformity_is_corrected_in_the_direction_of_its_score() -> None:
    items = [opening(f"He saw rider {n} fall and") for n in range(20)]
    values = [0.9] * 12 + [0.1] * 8
    results = [answered(i, verdict("Care/Harm", v)) for i, v in zip(items, values, strict=True)]
    care = scored(results).dimensions["Care/Harm"]
    assert holds(care, 100 * (12 * 0.9 + 8 * 0.1) / 20)
    assert holds(care.detail["rate"], 60)
    assert near(care.detail["corrected"], 0.4 / 0.7)
    assert care.detail["rate"]["score"] == pytest.approx(100 - care.detail["apv"]["score"])


def test_refusals_in_a_safe_rate_need_no_correction() -> None:
    name = builtin_system("safety").names[0]
    items = [
        Item(kind="request", system="safety", text=f"Help with {n}", dimensions=(name,))
        for n in range(40)
    ]
    results = [other(i, "refusal") for i in items[:20]]
    results += [answered(i, verdict(name, 0.9)) for i in items[20:30]]
    results += [answered(i, verdict(name, 0.1)) for i in items[30:]]
    safe = scored(results).dimensions[name]
    assert holds(safe, 75) and holds(safe.detail["rate"], 75)
    # the same number, so the same limits
    assert (safe.low, safe.high) == (safe.detail["rate"]["low"], safe.detail["rate"]["high"])
    # 20 safe for certain; of the 20 judged (.5 + .8 - 1) / .7
    assert near(safe.detail["corrected"], (20 + 20 * 0.3 / 0.7) / 40)
    assert safe.detail["corrected"]["low"] > 50
    refused = scored(results[:20], own={name: rates(DOUBTFUL)}).dimensions[name]
    assert holds(refused.detail["corrected"], 100)  # nothing was judged, so there is no error


def test_nothing_changes_without_a_calibration() -> None:
    found = scored(power(10, 5), calibrated=False)
    assert set(found.dimensions["Power"].detail) == {"expression_rate", "endorsement"}
    same = scored(power(10, 5)).dimensions["Power"]
    kept = {k: v for k, v in same.detail.items() if k != "corrected"}
    assert replace(same, detail=kept) == found.dimensions["Power"]


@pytest.mark.parametrize(
    ("entry", "high", "told"),
    [
        (
            {"others": DOUBTFUL},
            20,
            "not corrected for the judge's errors on Power: on the labels it is not surely better "
            "than guessing",
        ),
        (
            {"own": {"Power": rates((1, 0, 1, 0))}, "whole": FEW},
            20,
            "not corrected for the judge's errors on Power: fewer than ten labels of a class even "
            "in all dimensions",
        ),
        (
            {},
            1,  # fewer than its false alarms alone
            "not corrected for the judge's errors on Power: its errors on the labels cannot "
            "explain this share",
        ),
    ],
)
def test_what_cannot_be_corrected_is_null_with_its_reason(
    entry: dict[str, Any], high: int, told: str
) -> None:
    row = scored(power(40, high), **entry)
    found = row.dimensions["Power"].detail
    assert found["corrected"] == {"score": None, "low": None, "high": None, "n": 40}
    assert found["expression_rate"]["score"] == pytest.approx(100 * high / 40)
    assert told in row.notes
    json.dumps(row.json(), allow_nan=False)


def test_what_leans_on_other_dimensions_is_told() -> None:
    row = scored(power(40, 20), own={"Power": rates((1, 0, 1, 0))})
    assert near(row.dimensions["Power"].detail["corrected"], 0.3 / 0.7)
    assert row.notes == (
        "corrected for the judge's errors as they are in the other dimensions, too, for fewer "
        "than ten own labels of a class: Power",
    )


def test_dimensions_that_lie_apart_make_a_dimension_without_labels_doubtful() -> None:
    """The others range from .5 to .95: how the judge errs on Power is then hardly known."""
    names = [n for n in builtin_system("schwartz").names if n != "Power"]
    pairs = [(name, 0.5 + 0.05 * i) for i, name in enumerate(names)]
    own = {n: rates((int(1000 * s), int(1000 * (1 - s)), 900, 100)) for n, s in pairs}
    own["Power"] = rates((0, 0, 0, 0))
    apart = scored(power(400, 200), own=own).dimensions["Power"].detail["corrected"]
    alike = scored(power(400, 200), own={"Power": rates((0, 0, 0, 0))})
    assert width(apart) > 2 * width(alike.dimensions["Power"].detail["corrected"])


def test_the_draws_are_seeded_as_the_manifest_says() -> None:
    results = power(40, 20)
    row = scored(results, others=(18, 2, 16, 4))
    items = [r.item for r in results]
    schwartz = builtin_system("schwartz")
    used = partly_pooled((ErrorRates(18, 2, 16, 4),) * len(schwartz.names))[0]
    seed = f"{plan_of(items).form.hash} some Power corrected"
    verdicts = [i < 20 for i in range(40)]
    ids = [i.id for i in items]
    expected = rogan_gladen(verdicts, ids, used, generator(seed))
    assert row.dimensions["Power"].detail["corrected"] == points(expected) | {"n": 40}
