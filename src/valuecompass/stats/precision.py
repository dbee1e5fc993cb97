"""How wide an interval will be: from the variance of a pilot to the items that a target takes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

__all__ = ["Spread", "half_width", "items_needed", "spread"]


class Spread(NamedTuple):
    """What a pilot says of one mean over items.

    Attributes:
        mean: of the items' means, in [0, 1].
        between: variance of the items' true means, >= 0.
        within: variance of the responses to one item, >= 0; None where no item was asked twice:
            then the two cannot be told apart, all of it stands in `between`, and what repeats
            would bring is not known.
        items: number of items in the pilot.
        repeats: mean number of responses to an item.
    """

    mean: float
    between: float
    within: float | None
    items: int
    repeats: float


def spread(values: ArrayLike, clusters: ArrayLike) -> Spread:
    """Split the variance of responses into that between items and that within them.

    Where no response differs from another, one item more stands for what the pilot was too small
    to see: half of it 0, half 1, as in the interval itself. A pilot in which a value never shows
    does not promise that it never will.

    Args:
        values: (n,) in [0, 1]; NaN is missing and dropped.
        clusters: (n,) labels, the item each response belongs to.

    Raises:
        ValueError: if shapes differ, a value is outside [0, 1], or all are missing.

    Source: one-way random effects, Searle, Casella & McCulloch (1992), Variance Components,
    section 3.6 (unequal numbers); prior as in `cluster_bootstrap_mean`.
    """
    values, clusters = np.asarray(values, dtype=np.float64), np.asarray(clusters)
    if values.ndim != 1 or values.shape != clusters.shape:
        raise ValueError(f"values {values.shape} and clusters {clusters.shape} must both be (n,)")
    if ((values < 0) | (values > 1)).any():
        raise ValueError("values must be in [0, 1] or NaN")
    seen = ~np.isnan(values)
    if not seen.any():
        raise ValueError("no value: nothing is known of the spread")
    values = values[seen]
    _, index = np.unique(clusters[seen], return_inverse=True)
    sizes = np.bincount(index)
    means = np.bincount(index, weights=values) / sizes
    k, free = len(sizes), len(values) - len(sizes)
    if np.ptp(values) == 0 or k == 1:
        mean = float((means.sum() + 0.5) / (k + 1))
        between = float(((means**2).sum() + 0.5) / (k + 1) - mean**2)
        return Spread(mean, between, 0.0 if free else None, k, float(sizes.mean()))
    if not free:
        return Spread(float(means.mean()), float(means.var(ddof=1)), None, k, 1.0)
    within = float(((values - means[index]) ** 2).sum() / free)
    # the items' means vary also because each rests on a few responses
    between = max(float(means.var(ddof=1) - within * (1 / sizes).mean()), 0.0)
    return Spread(float(means.mean()), between, within, k, float(sizes.mean()))


def half_width(of: Spread, items: int, repeats: int = 1, *, level: float = 0.95) -> float:
    """Return half of the width that `cluster_bootstrap_mean` is expected to give.

    Its limits are those of a Dirichlet-process posterior over `items` items and one prior item:
    the variance of a mean under it, with the normal quantile. For values that are not rare it is
    good to some percent with sixty items and more; with fifteen up to 15 % too wide, not too
    narrow on average. Where `within` is unknown, repeats are taken to bring nothing.

    Args:
        of: what a pilot says.
        items: number of items, >= 1.
        repeats: responses to each, >= 1.
        level: confidence level, in (0, 1).

    Returns:
        Half of the width, on the scale of the values.

    Raises:
        ValueError: if a number is out of range.

    Source: Ferguson (1973), Annals of Statistics 1, 209-230, theorem 4 (variance of a mean).
    """
    if items < 1 or repeats < 1 or not 0 < level < 1:
        raise ValueError(f"out of range: items {items}, repeats {repeats}, level {level}")
    of_items = (of.between + (of.within or 0.0) / repeats) * (items - 1) / items
    mean = (items * of.mean + 0.5) / (items + 1)
    second = (items * (of_items + of.mean**2) + 0.5) / (items + 1)
    variance = max(second - mean**2, 0.0) / (items + 2)
    return float(ndtri((1 + level) / 2) * np.sqrt(variance))


def items_needed(of: Spread, repeats: int, target: float, *, level: float = 0.95) -> int:
    """Return the fewest items with which half of the interval's width is at most `target`.

    Args:
        of: what a pilot says.
        repeats: responses to each item, >= 1.
        target: half of the width, in (0, 1).
        level: confidence level, in (0, 1).

    Raises:
        ValueError: if a number is out of range.
    """
    if not 0 < target < 1:
        raise ValueError(f"target must be in (0, 1), not {target}")
    most = 1
    while half_width(of, most, repeats, level=level) > target:
        most *= 2
    least = most // 2
    while most - least > 1:
        middle = (most + least) // 2
        if half_width(of, middle, repeats, level=level) > target:
            least = middle
        else:
            most = middle
    return most
