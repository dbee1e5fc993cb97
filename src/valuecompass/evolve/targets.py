"""Which dimensions, and which value systems, an evolved question is about: what its answers show.

A question inherits system and dimensions from its seed, but was rewritten for what tells models
apart, which may be another dimension, or one of another theory. So at the end of a run its targets
are read off the answers that selected it; its fresh answers are left untouched for reporting.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from valuecompass.evolve.candidates import Candidate
from valuecompass.evolve.rating import Rater
from valuecompass.values import ValueSystem

MOST = 3
"""Target dimensions of a question in one system, as the seeds have."""


def set_targets(
    kept: Sequence[Candidate],
    tried: Sequence[Candidate],
    rater: Rater,
    systems: Sequence[ValueSystem],
) -> None:
    """Set the `targets` of kept items.

    A question's targets in a system are the dimensions that its models express unequally often, at
    most `MOST`, that with the largest variance of their rates first. It belongs to every system in
    which these variances add up to more than in half of the questions tried; with a single system,
    to that one. If that leaves nothing, it keeps its seed's system and dimensions. A trade-off
    keeps what its sides serve.

    Args:
        kept: items to set the targets of.
        tried: all items with answers, kept or not, against which they are held.
        rater: knows the labels of answers.
        systems: of the run, in the order of the labels' dimensions.
    """
    for candidate in kept:
        candidate.targets = {candidate.item.system: candidate.item.dimensions}
    questions = [c for c in kept if c.item.kind == "question"]
    answered = [c for c in tried if c.item.kind == "question" and c.heard]
    if not questions:
        return
    sizes = [len(system.names) for system in systems]
    usual = np.array([_variance(rater, c) for c in answered])
    for candidate in questions:
        variance = _variance(rater, candidate)
        found: dict[str, tuple[str, ...]] = {}
        for place, system in enumerate(systems):
            start, end = sum(sizes[:place]), sum(sizes[: place + 1])
            own = variance[start:end]
            bar = np.median(usual[:, start:end].sum(axis=1)) if len(systems) > 1 else 0.0
            if own.sum() > bar:
                best = [int(i) for i in np.argsort(-own, kind="stable")[:MOST] if own[i] > 0]
                found[system.id] = tuple(system.names[i] for i in best)
        candidate.targets = found or candidate.targets


def _variance(rater: Rater, candidate: Candidate) -> NDArray[np.float64]:
    """(D,) variance of the models' rates; 0 where none or one of them was heard."""
    rates = rater.labels(candidate.heard).rates
    known = np.isfinite(rates)
    number = np.maximum(known.sum(axis=0), 1)
    away = np.where(known, rates - np.where(known, rates, 0).sum(axis=0) / number, 0)
    return np.asarray((away**2).sum(axis=0) / number, np.float64)
