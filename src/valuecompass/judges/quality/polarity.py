"""How well a judge tells which side of a dimension a text takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        higher valence than one labelled -1, ``low``, ``high`` (95 %), ``note`` why there is none;
        and ``dimensions``: by name all of these but the coverage.
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
    figures = _Figures(told, rng)
    names = np.array([row.dimension for row, _ in told], dtype=np.str_)
    return {
        "coverage": round(len(told) / len(sides), 4),
        **figures.of(np.ones(len(told), bool)),
        "dimensions": {
            name: figures.of(names == name)
            for name in dict.fromkeys(row.dimension for row, _ in sides)
        },
    }


class _Figures:
    """The sides told of one system's rows beside those labelled."""

    def __init__(self, told: Sequence[tuple[Labelled, float]], rng: np.random.Generator) -> None:
        self._values = np.array([value for _, value in told], dtype=np.float64)
        self._labels = np.array([row.valence == 1 for row, _ in told], dtype=np.float64)
        self._bootstrap = ClusterBootstrap([row.item for row, _ in told], rng)

    def of(self, use: NDArray[np.bool_]) -> dict[str, Any]:
        """Return n, auc, low, high and note of some rows."""
        n, ones = int(use.sum()), int(self._labels[use].sum())
        if note := _note(n, ones):
            return {"n": n, "auc": None, "low": None, "high": None, "note": note}
        value = auc(self._values[use], self._labels[use])
        draws = self._bootstrap.auc(self._values, self._labels, use)
        found = zip(("auc", "low", "high"), ClusterBootstrap.interval(value, draws), strict=True)
        return {"n": n, **{name: round(float(x), 4) for name, x in found}, "note": None}


def _note(n: int, ones: int) -> str | None:
    """Say why so many rows give no AUC."""
    if not n:
        return "not estimable: the judge told no side"
    if min(ones, n - ones) < FEWEST:
        return f"not estimable: {ones} labelled 1 and {n - ones} labelled -1"
    return None
