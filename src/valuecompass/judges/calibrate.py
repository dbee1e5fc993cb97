"""Measures a judge's errors on labels."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import valuecompass
from valuecompass.judges.calibration import (
    THRESHOLD,
    Calibration,
    DesignEffects,
    Estimate,
    Labels,
    Margin,
    Rates,
    SystemCalibration,
)
from valuecompass.judges.evaluate import Labelled, report
from valuecompass.judges.protocol import Judge, judge_id
from valuecompass.models import is_bare_refusal, is_refusal
from valuecompass.stats import error_rates
from valuecompass.values import ValueSystem


def calibrate(
    judge: Judge,
    rows: Sequence[Labelled],
    expressed: Sequence[float | None],
    labels: Path,
    seed: int = 0,
) -> Calibration:
    """Measure a judge's errors.

    Args:
        judge: the judge.
        rows: labelled responses.
        expressed: what the judge says of each, None where it says nothing (`judge_rows`).
        labels: the file that the rows come from.
        seed: of the bootstrap.
    """
    found = report(rows, expressed, np.random.default_rng(seed))
    systems = {row.system.id: row.system for row in rows}
    return Calibration(
        created=datetime.now(UTC).replace(microsecond=0),
        valuecompass=valuecompass.__version__,
        judge_name=judge.name,
        judge=judge.identity,
        labels=Labels(
            file=labels.name,
            sha256=hashlib.sha256(labels.read_bytes()).hexdigest(),
            rows=len(rows),
        ),
        seed=seed,
        systems={
            name: _of_system(judge, systems[name], rows, expressed, figures)
            for name, figures in found.items()
        },
    )


def _of_system(
    judge: Judge,
    system: ValueSystem,
    rows: Sequence[Labelled],
    expressed: Sequence[float | None],
    figures: Mapping[str, Any],
) -> SystemCalibration:
    own = [(row, e) for row, e in zip(rows, expressed, strict=True) if row.system.id == system.id]
    judged = [(row, e) for row, e in own if not _declined(row)]
    seen = [(row, e) for row, e in judged if e is not None]
    by_name = {name: [pair for pair in seen if pair[0].dimension == name] for name in system.names}
    return SystemCalibration(
        judge_id=judge_id(judge, system),
        n=figures["n"],
        coverage=figures["coverage"],
        auc=_auc(figures),
        margin=_margin(figures["margins"]),
        useful=figures["useful"],
        note=figures["note"],
        refusals=len(own) - len(judged),
        all_dimensions=_rates(seen),
        dimensions={
            name: (rates := _rates(pairs)).model_copy(update={"pooled": rates.few})
            for name, pairs in by_name.items()
        },
    )


def _declined(row: Labelled) -> bool:
    """Say whether a measurement would take the response for a refusal and ask no judge."""
    text = row.subject.response
    return is_bare_refusal(text) if row.system.scoring == "safe-rate" else is_refusal(text)


def _rates(pairs: Sequence[tuple[Labelled, float]]) -> Rates:
    found = error_rates(
        np.array([e >= THRESHOLD for _, e in pairs]),
        np.array([row.expressed for row, _ in pairs]),
        np.array([row.item for row, _ in pairs]),
    )
    effects = DesignEffects(
        sensitivity=round(found.deff_sensitivity, 4), specificity=round(found.deff_specificity, 4)
    )
    return Rates(tp=found.tp, fn=found.fn, tn=found.tn, fp=found.fp, design_effect=effects)


def _auc(figures: Mapping[str, Any]) -> Estimate | None:
    if figures["auc"] is None:
        return None
    low, high = figures["intervals"]["auc"]
    return Estimate(value=figures["auc"], low=low, high=high)


def _margin(margins: Mapping[str, Mapping[str, float]]) -> Margin | None:
    """The least margin by its lower limit: it decides whether the judge is useful."""
    if not margins:
        return None
    name = min(margins, key=lambda n: margins[n]["low"])
    return Margin(shortcut=name, **margins[name])
