"""A seeded sample of cases that stands for all of them where there is no server to search."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from valuecompass.board.cases.address import Address
from valuecompass.board.cases.index import OUTCOMES, CaseIndex
from valuecompass.hashing import digest

MOST, SEED = 20, 1
"""Of the sample that exports hold."""
RULE = (
    "For each respondent and dimension at most {n} cases. Those where the judge found the "
    "dimension expressed at least by .5, those where it found less, and those without a verdict "
    "take turns, and among each the outcomes; items are drawn by chance (seed {seed}), no item "
    "twice while others are left. A case may stand for several dimensions."
)


def sample_addresses(index: CaseIndex, most: int, seed: int) -> list[Address]:
    """Return at most `most` cases for each respondent and dimension, spread as `RULE` says.

    Args:
        index: of the measurement.
        most: cases for a respondent and dimension, >= 0.
        seed: equal seeds give equal samples, on any machine.

    Returns:
        Addresses in order, each once.
    """
    return [index.address(number) for number in sample_numbers(index, most, seed)]


def sample_numbers(index: CaseIndex, most: int, seed: int) -> list[int]:
    """Return the numbers (from 1) of the cases of `sample_addresses`, in order."""
    kept: set[int] = set()
    for position in range(len(index.respondents)):
        own = np.flatnonzero(index.position == position)
        for at in range(len(index.names)):
            about = own[(index.expressed[at, own] >= 0) | index.aimed[at, own]]
            if not len(about) or most < 1:
                continue
            salt = digest([seed, index.measurement, position, index.names[at]], 16)
            order = np.random.default_rng(int(salt, 16)).permutation(about)
            kept.update(_spread(index, order, at, most))
    return [place + 1 for place in sorted(kept)]


def _spread(index: CaseIndex, order: NDArray[np.intp], at: int, most: int) -> list[int]:
    """Take one of each kind of case in turn; of each kind new items before old ones."""
    shown = index.expressed[at, order]
    kinds = ((shown >= 500).astype(int) + (shown >= 0)) * len(OUTCOMES) + index.outcome[order]
    queues: list[list[int]] = [
        # more than can be taken: some stand for items that are taken already
        order[kinds == kind][: 4 * most].tolist()
        for kind in sorted(set(kinds.tolist()), reverse=True)
    ]
    picked: list[int] = []
    items: set[int] = set()
    while len(picked) < most and any(queues):
        for queue in queues:
            if queue and len(picked) < most:
                place = next((n for n, p in enumerate(queue) if int(index.item[p]) not in items), 0)
                picked.append(queue.pop(place))
                items.add(int(index.item[picked[-1]]))
    return picked
