"""Differences in pairs, after less before, each with limits and n."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuecompass.measure.points import finite
from valuecompass.stats.comparison import Claims, claims

Array = NDArray[np.float64]
LEVEL = 0.95


def shares(pair: Array, items: Sequence[str], seed: int) -> dict[str, Any]:
    """Return the difference of two shares over the same answers, in percentage points.

    The interval is that of `stats.paired_difference`, clustered on items. It allows for what was
    not seen: two models that answered everything alike have a difference of 0 and limits beside it.

    Args:
        pair: (2, n) in [0, 1], before and after; NaN where missing.
        items: (n,) the item of each.
        seed: of the resampling.
    """
    found = claims(pair[::-1, :, None], np.asarray(items), np.random.default_rng(seed))
    return _figure(found, 0, pair)


def profile(
    pair: Array, items: Sequence[str], names: Sequence[str], seed: int
) -> dict[str, dict[str, Any]]:
    """Return the difference of every dimension on 0-100, with q-values over them.

    Args:
        pair: (2, n, D) in [0, 1], before and after; NaN where missing.
        items: (n,) the item of each.
        names: of the D dimensions.
        seed: of the resampling.
    """
    found = claims(pair[::-1], np.asarray(items), np.random.default_rng(seed))
    return {
        name: _figure(found, at, pair[:, :, at])
        | {"q": finite(found.q[0, at]), "discovered": bool(found.discovered[0, at])}
        for at, name in enumerate(names)
    }


def _figure(found: Claims, at: int, pair: Array) -> dict[str, Any]:
    both = ~np.isnan(pair).any(axis=0)
    first, second = _mean(pair[0, both]), _mean(pair[1, both])
    return {
        "before": finite(100 * first, 4),
        "after": finite(100 * second, 4),
        "difference": finite(100 * found.difference[0, at], 4),
        "low": finite(100 * found.low[0, at], 4),
        "high": finite(100 * found.high[0, at], 4),
        "p": finite(found.p[0, at]),
        "items": int(found.n[0, at]),
        "answers": int(both.sum()),
        "unpaired": pair.shape[1] - int(both.sum()),
    }


def means(pair: Array, items: Sequence[str]) -> dict[str, Any]:
    """Return the difference of two means that have no bounds, with Student's limits.

    Answers to one item are averaged first: they are not independent.

    Args:
        pair: (2, n), before and after; NaN where missing.
        items: (n,) the item of each.
    """
    from scipy.special import stdtrit

    both = ~np.isnan(pair).any(axis=0)
    kept = np.asarray(items)[both]
    names, places = np.unique(kept, return_inverse=True)
    count = np.bincount(places, minlength=len(names))
    apart = np.bincount(places, (pair[1] - pair[0])[both], len(names)) / np.maximum(count, 1)
    middle, low, high = _mean(apart), float("nan"), float("nan")
    if len(apart) > 1:
        reach = float(stdtrit(len(apart) - 1, (1 + LEVEL) / 2))  # quantile of Student's t
        reach *= float(np.std(apart, ddof=1)) / len(apart) ** 0.5
        low, high = middle - reach, middle + reach
    return {
        "before": finite(_mean(pair[0, both]), 4),
        "after": finite(_mean(pair[1, both]), 4),
        "difference": finite(middle, 6),
        "low": finite(low, 6),
        "high": finite(high, 6),
        "items": len(names),
        "answers": int(both.sum()),
        "unpaired": pair.shape[1] - int(both.sum()),
    }


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else float("nan")
