"""How well a judge tells which side of a dimension a text takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from valuecompass.judges.quality.evaluate import FEWEST
from valuecompass.judges.quality.judging import Said
from valuecompass.judges.quality.labelled import Labelled
from valuecompass.stats import ClusterBootstrap, auc


def polarity(
    rows: Sequence[Labelled], said: Sequence[Said], rng: np.random.Generator
) -> dict[str, Any]:
    """Compare the sides a judge tells with the sides labelled, for each value system.

    Args:
        rows: the labelled responses; those labelled 1 or -1 count.
        said: what the judge says of each (`judge_rows`).
        rng: generator of the bootstrap, clustered on items.

    Returns:
        By system id, for systems with such labels: ``n`` rows with a label and a side told,
        ``coverage`` (their share of the labelled), ``auc``: the chance that a text labelled 1 has a
        higher valence than one labelled -1, ``low``, ``high`` (95 %), ``note`` why there is none,
        and ``dimensions`` with ``n`` and ``auc`` each.
    """
    found: dict[str, Any] = {}
    for system_id in dict.fromkeys(row.system.id for row in rows):
        sides = [
            (row, s.valence)
            for row, s in zip(rows, said, strict=True)
            if row.system.id == system_id and row.valence in (-1, 1)
        ]
        if sides:
            found[system_id] = _of_system(sides, rng)
    return found


def _of_system(
    sides: Sequence[tuple[Labelled, float | None]], rng: np.random.Generator
) -> dict[str, Any]:
    told = [(row, value) for row, value in sides if value is not None]
    values = np.array([value for _, value in told], dtype=np.float64)
    labels = np.array([row.valence == 1 for row, _ in told], dtype=np.float64)
    items = np.array([row.item for row, _ in told])
    names = np.array([row.dimension for row, _ in told])
    entry: dict[str, Any] = {"n": len(told), "coverage": round(len(told) / len(sides), 4)}
    if min(ones := int(labels.sum()), len(labels) - ones) < FEWEST:
        note = f"not estimable: {ones} rows labelled 1 and {len(labels) - ones} labelled -1"
        return entry | {"auc": None, "low": None, "high": None, "note": note, "dimensions": {}}
    value = auc(values, labels)
    interval = ClusterBootstrap.interval(value, ClusterBootstrap(items, rng).auc(values, labels))
    limits = {"low": round(interval.low, 4), "high": round(interval.high, 4)}
    return entry | {
        "auc": round(value, 4),
        **limits,
        "note": None,
        "dimensions": {
            name: _of_dimension(values[names == name], labels[names == name])
            for name in dict.fromkeys(names.tolist())
        },
    }


def _of_dimension(values: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    value = auc(values, labels) if len(labels) else float("nan")
    return {"n": len(labels), "auc": round(value, 4) if np.isfinite(value) else None}
