"""Choosing items that tell most together."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import ArrayLike

from valuecompass.evolve.information import THETA

__all__ = ["together_best"]

PRECISION = 1.0
"""What is known of a position before any answer: its prior has variance 1."""


def together_best(curves: ArrayLike, number: int) -> list[int]:
    """Return items in the order in which each adds most to those before it.

    What is gained is the fall of the logarithm of a position's variance, summed over dimensions and
    averaged over positions N(0, 1): D-optimality with a prior. So an item that tells much, but what
    others have told, comes after one that tells less about another value or about models that
    stand elsewhere. Any first part of the order is a good set, within a factor 1 - 1/e of the best
    one of its size.

    Args:
        curves: (n, D, 81) information of each item in each dimension on `THETA`, >= 0, as from
            `ThetaPosterior.curves`.
        number: of items wanted, >= 0; at most n come.

    Returns:
        Their places, the most telling first; ties go to the earlier.

    Source: Chaloner & Verdinelli (1995), Statistical Science 10, 273-304; greedy choice: Nemhauser,
    Wolsey & Fisher (1978), Mathematical Programming 14, 265-294; without looking at every item
    anew each time: Minoux (1978), Lecture Notes in Control and Information Sciences 7, 234-243.
    """
    own = np.asarray(curves, dtype=np.float64)
    weight = np.exp(-(THETA**2) / 2)
    weight /= weight.sum()
    known = np.full(own.shape[1:], PRECISION)

    def gain(item: int) -> float:
        return float((np.log1p(own[item] / known) @ weight).sum())

    # a gain only falls while the set grows: one that was found earlier bounds it from above
    waiting = [(-gain(item), item, 0) for item in range(len(own))]
    heapq.heapify(waiting)
    chosen: list[int] = []
    while waiting and len(chosen) < number:
        _, item, size = waiting[0]
        if size < len(chosen):
            heapq.heapreplace(waiting, (-gain(item), item, len(chosen)))
            continue
        heapq.heappop(waiting)
        chosen.append(item)
        known = known + own[item]
    return chosen
