"""Hand-made calibrations of a judge that judges nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.measure.test_scoring import NoJudge
from valuecompass.judges import judge_id
from valuecompass.judges.quality.calibration import (
    Calibration,
    DesignEffects,
    Estimate,
    Labels,
    Margin,
    Rates,
    SystemCalibration,
)
from valuecompass.models import Respondent
from valuecompass.values import ValueSystem

SOME = Respondent(name="some", model="openai/some")
SURE = (9000, 1000, 8000, 2000)
"""tp, fn, tn, fp: sensitivity .9, specificity .8, hardly any doubt."""
DOUBTFUL = (12, 8, 9, 11)
FEW = (8, 1, 80, 20)


def rates(counts: tuple[int, int, int, int]) -> Rates:
    tp, fn, tn, fp = counts
    return Rates(tp=tp, fn=fn, tn=tn, fp=fp, design_effect=DesignEffects())


def entry_of(
    system: ValueSystem,
    judge: Any,
    own: dict[str, Rates] | None = None,
    whole: tuple[int, int, int, int] = SURE,
    useful: bool = True,
    others: tuple[int, int, int, int] = SURE,
) -> SystemCalibration:
    return SystemCalibration(
        n=20_000,
        judged=20_000,
        auc=Estimate(value=0.9, low=0.88, high=0.92),
        margin=Margin(shortcut="length", value=0.2, low=0.1 if useful else -0.1, high=0.3),
        judge_id=judge_id(judge, system),
        refusals=0,
        all_dimensions=rates(whole),
        dimensions={n: (own or {}).get(n, rates(others)) for n in system.names},
    )


def calibration_of(*systems: ValueSystem, judge: Any = None, **entry: Any) -> Calibration:
    judge = judge or NoJudge()
    return Calibration(
        created=datetime(2026, 3, 14, tzinfo=UTC),
        valuecompass="0",
        judge_name=judge.name,
        judge=judge.identity,
        labels=Labels(file="labels.jsonl", sha256="0" * 64, rows=20_000),
        seed=0,
        systems={s.id: entry_of(s, judge, **entry) for s in systems},
    )
