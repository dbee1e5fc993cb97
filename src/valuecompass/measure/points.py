"""Estimates as the rows of a measurement hold them: on 0-100, with limits, or nulls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuecompass.hashing import digest
from valuecompass.stats import Interval, cluster_bootstrap_mean


def generator(seed: str) -> np.random.Generator:
    """Return the generator that a text seeds; `engine.SEEDS` tells people how."""
    return np.random.default_rng(int(digest(seed, 12), 16))


def mean(values: NDArray[np.float64], items: Sequence[str], seed: str) -> dict[str, Any]:
    """Return a mean of values in [0, 1] with its limits on 0-100, or nulls."""
    return points(cluster_bootstrap_mean(values, np.asarray(items), generator(seed)))


def finite(value: float, digits: int | None = None) -> float | None:
    """Return a number for JSON, rounded if digits are given; None where there is none."""
    if not np.isfinite(value):
        return None
    return float(value) if digits is None else round(float(value), digits) + 0.0  # no -0.0


def points(interval: Interval) -> dict[str, Any]:
    """Return an interval on 0-100, or nulls."""
    if not np.isfinite(interval.value):
        return {"score": None, "low": None, "high": None}
    value, low, high = (round(100 * float(x), 2) for x in interval)
    return {"score": value, "low": min(low, value), "high": max(high, value)}
