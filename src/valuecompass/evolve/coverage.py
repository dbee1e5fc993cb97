"""How evenly a search covers topics, topic classes, dimensions and regions, and keeping it so.

Each facet (topic, topic class ...) has cells, and a pull counts for the cells of its topic. The aim
is quality under a floor on the entropy of the pulls over the cells,

    max sum_i n_i mu_i   subject to   H(n_f) >= floor_f H(n_f of a uniform sweep)  for each facet f,

a concave function of the counts over a modular one. Its optimum spreads pulls as
exp(mu_i / weight): so a pull is worth its quality less weight_f ln(share of its cell / the sweep's
share), and each weight, the floor's Lagrange multiplier, rises while the facet is below its floor
and falls while it is above.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MARGIN = 0.01
"""Aimed at above the floor, about which the entropy swings by some thousandths."""
STEP = 0.02
"""Least change of the logarithm of a weight at a pull; from .005 to .05 quality differs by under
.05. After t pulls it is 1 / t where that is more, so that a run of 70 pulls finds its weights."""
FIRST, LEAST, MOST = 1.0, 1e-3, 10.0
"""Weights, in units of the qualities' standard deviation: at first, and their range."""


def entropy(counts: Floats) -> float:
    """Return the Shannon entropy of counts (or shares) in nats; 0 of none."""
    total = float(counts.sum())
    if total <= 0:
        return 0.0
    shares = counts[counts > 0] / total
    return float(-np.sum(shares * np.log(shares)))


def evenness(counts: Floats, sweep: Floats) -> float:
    """Return the entropy of counts as a part of that of an equally long uniform sweep, 0 and up.

    Args:
        counts: (cells,) pulls so far.
        sweep: (cells,) share of each cell when all topics are pulled equally often.
    """
    total = float(counts.sum())
    full = min(float(np.log(total)) if total > 0 else 0.0, entropy(sweep))
    return entropy(counts) / full if full > 1e-12 else 1.0


class _Shares(NamedTuple):
    """Shares of all topics as flat triples, so that one pass weighs them."""

    topics: NDArray[np.int64]
    cells: NDArray[np.int64]
    shares: Floats
    sweep: Floats


class Facet:
    """The pulls over the cells of one facet.

    Args:
        cells: of each topic, the cells that its questions belong to, in equal shares; empty when
            they show only in what is written (a region).
        floor: entropy of the pulls as a part of a uniform sweep's that is kept, in [0, 1).
    """

    def __init__(self, cells: Sequence[Sequence[str]], floor: float) -> None:
        self.floor = floor
        self.weight = FIRST
        self._names: dict[str, int] = {}
        self._declared = [bool(own) for own in cells]
        self._own: list[dict[int, float]] = [self._tally(own) for own in cells]
        self._counts = np.zeros(len(self._names))
        self._flat: _Shares | None = None

    @property
    def counts(self) -> dict[str, float]:
        """Pulls of each cell; one that belongs to several counts in parts."""
        return dict(zip(self._names, self._counts.tolist(), strict=True))

    @property
    def evenness(self) -> float:
        """Entropy of the pulls as a part of a uniform sweep's."""
        return evenness(self._counts, self._shares().sweep)

    def record(self, topic: int, found: Sequence[str] = ()) -> None:
        """Count a pull and set the weight.

        Args:
            topic: what was pulled.
            found: the cells of the questions that came, where the topic's own are not known; what
                a topic gave so far is expected of it from then on.
        """
        if self._declared[topic]:
            gained = self._own[topic]
        else:
            gained = self._tally(found)
            for cell, number in gained.items():
                self._own[topic][cell] = self._own[topic].get(cell, 0.0) + number
            self._flat = None
        total = sum(gained.values())
        self._counts = np.append(self._counts, np.zeros(len(self._names) - len(self._counts)))
        for cell, number in gained.items():
            self._counts[cell] += number / total
        up = self.evenness < self.floor + MARGIN
        step = max(STEP, 1 / (1 + self._counts.sum()))
        self.weight = float(np.clip(self.weight * np.exp(step if up else -step), LEAST, MOST))

    def bonus(self) -> Floats:
        """Return what a pull of each topic is worth to this facet, (n,), 0 where nobody knows."""
        flat = self._shares()
        # one pull more in every cell, so that an empty one is worth much, not infinitely much
        share = (self._counts + 1) / (self._counts.sum() + 1)
        scarce = -np.log(share / np.maximum(flat.sweep, 1e-12))
        worth = np.bincount(flat.topics, flat.shares * scarce[flat.cells], len(self._own))
        return np.asarray(self.weight * worth, np.float64)

    def _tally(self, cells: Sequence[str]) -> dict[int, float]:
        found: dict[int, float] = {}
        for name in cells:
            cell = self._names.setdefault(name, len(self._names))
            found[cell] = found.get(cell, 0.0) + 1.0
        return found

    def _shares(self) -> _Shares:
        if self._flat is None:
            rows = [
                (topic, cell, number / sum(own.values()))
                for topic, own in enumerate(self._own)
                for cell, number in own.items()
            ]
            topics = np.array([r[0] for r in rows], np.int64)
            cells = np.array([r[1] for r in rows], np.int64)
            shares = np.array([r[2] for r in rows], np.float64)
            sweep = np.bincount(cells, shares, len(self._names))
            self._flat = _Shares(topics, cells, shares, sweep / max(float(sweep.sum()), 1e-12))
        return self._flat


class Coverage:
    """All facets of a search.

    Args:
        facets: name -> the cells of each topic, as for `Facet`.
        floors: name -> floor; a facet without one is not kept even.
    """

    def __init__(
        self, facets: Mapping[str, Sequence[Sequence[str]]], floors: Mapping[str, float]
    ) -> None:
        self.facets = {
            name: Facet(cells, floors[name]) for name, cells in facets.items() if name in floors
        }

    def record(self, topic: int, found: Mapping[str, Sequence[str]]) -> None:
        """Count a pull in every facet; `found`: facet -> the cells of what came."""
        for name, facet in self.facets.items():
            facet.record(topic, found.get(name, ()))

    def bonus(self, topics: int) -> Floats:
        """Return what a pull of each topic is worth, (topics,), in deviations of the qualities."""
        return sum((f.bonus() for f in self.facets.values()), np.zeros(topics))
