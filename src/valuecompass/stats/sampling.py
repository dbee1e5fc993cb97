"""Samples in which every unit has the same chance and which are spread over what is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["balanced_sample"]

SETTLED = 1e-9
"""Nearness of a chance to 0 or 1 at which only rounding keeps it apart."""


def balanced_sample(
    features: ArrayLike, groups: ArrayLike, n: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Draw n of N units, each with chance n / N, so that neighbours seldom come together.

    The local pivotal method: again and again an undecided unit and its nearest undecided
    neighbour in the space of the features settle which of them inherits the other's chance. Within
    a group the units settle among themselves; at most one is left over to the next group, so every
    group has its proportional share within one. Because all chances are equal, unweighted
    estimates from the sample hold for all N.

    Args:
        features: (N, d) in units in which distances compare.
        groups: (N,) labels of any sortable type.
        n: units to draw, >= 0; N or more takes all.
        rng: generator.

    Returns:
        Indices in rising order.

    Source: Grafström, Lundström & Schelin (2012), Biometrics 68, 514-520 (LPM2).
    """
    points, labels = np.asarray(features, dtype=np.float64), np.asarray(groups)
    if n >= len(points):
        return np.arange(len(points))
    chance = np.full(len(points), n / len(points))
    undecided = np.empty(0, dtype=np.intp)
    for group in rng.permutation(np.unique(labels)):
        own = np.concatenate([undecided, np.flatnonzero(labels == group)])
        undecided = _settle(points, chance, rng.permutation(own), rng)
    return np.flatnonzero(chance > 0.5)


def _settle(
    points: NDArray[np.float64],
    chance: NDArray[np.float64],
    undecided: NDArray[np.intp],
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Settle units in place until at most one is undecided, and return it."""
    while len(undecided) > 1:
        place = rng.integers(len(undecided))
        one = undecided[place]
        distance = ((points[undecided] - points[one]) ** 2).sum(axis=1)
        distance[place] = np.inf
        other = undecided[distance.argmin()]
        chance[one], chance[other] = _duel(float(chance[one]), float(chance[other]), rng.random())
        pair = chance[undecided]
        undecided = undecided[(pair > SETTLED) & (pair < 1 - SETTLED)]
    return undecided


def _duel(p: float, q: float, luck: float) -> tuple[float, float]:
    """Return new chances of two units, of which one is settled; their means stay p and q."""
    total = p + q
    if total < 1:
        return (0.0, total) if luck * total < q else (total, 0.0)
    return (1.0, total - 1) if luck * (2 - total) < 1 - q else (total - 1, 1.0)
