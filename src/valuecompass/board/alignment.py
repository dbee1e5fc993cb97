"""Weighted alignment: one number for each respondent, its interval, and its rank with ties.

Align(M, W) = sum_i w_i S_i over the dimensions (Value Compass, arXiv 2501.07071): S_i the scores,
w_i the weights of a person, a culture or anybody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuecompass.board.boards import Board
from valuecompass.measure.points import finite
from valuecompass.stats.ranks import ROUNDING, RankSets, rank_sets

Array = NDArray[np.float64]
LEVEL = 0.95
WEIGHTS = 2_000
"""Weights drawn to see how often the order depends on them."""
LOOKED_AT = 200
"""Of these for the share of pairs that change sides: all with all is slow."""
MOST = 300
"""Respondents above which this is not looked at: it compares all with all."""


@dataclass(frozen=True)
class Alignment:
    """Weighted scores of a board's respondents, (R,) each; NaN where a score is missing."""

    board: Board
    weights: Array
    """(D,)"""
    score: Array
    low: Array
    """NaN where no interval is known."""
    high: Array
    ranks: RankSets

    @property
    def order(self) -> list[int]:
        """Respondents from the highest score down; equal ones as they came, missing ones last."""
        keys = np.where(np.isnan(self.ranks.rank), np.inf, self.ranks.rank)
        return np.argsort(keys, kind="stable").tolist()

    def rows(self, top: int | None = None) -> list[dict[str, Any]]:
        """Return the documented JSON rows, best first; all, or as many as are wanted."""
        return [self._row(at) for at in self.order[:top]]

    def _row(self, at: int) -> dict[str, Any]:
        board = self.board
        cells = zip(board.scores[at], board.low[at], board.high[at], board.n[at], strict=True)
        return {
            "rank": _whole(self.ranks.rank[at]),
            "rank_low": _whole(self.ranks.low[at]),
            "rank_high": _whole(self.ranks.high[at]),
            "respondent": board.respondents[at],
            "simulated": board.simulated[at],
            "about": dict(board.about[at]) if board.about else {},
            "score": finite(round(self.score[at], 10)),
            "low": finite(round(self.low[at], 10)),
            "high": finite(round(self.high[at], 10)),
            "dimensions": {
                name: {
                    "score": finite(score),
                    "low": finite(low),
                    "high": finite(high),
                    "n": _whole(n),
                }
                for name, (score, low, high, n) in zip(board.names, cells, strict=True)
            },
        }


def align(board: Board, weights: Sequence[float] | Array) -> Alignment:
    """Weigh a board's scores.

    Args:
        board: R respondents on D dimensions; its draws are joint, so that intervals and ranks know
            what respondents and dimensions share.
        weights: (D,) any numbers. A dimension of weight 0 may be missing; whoever lacks a score on
            another one has no alignment. A score of 0 counts as 0.

    Returns:
        Estimates, 95 % limits where the board has draws, and simultaneous rank sets.
    """
    w = np.asarray(weights, dtype=np.float64)
    used = np.flatnonzero(w)
    score = board.scores[:, used] @ w[used]
    low = high = np.full(len(score), np.nan)
    draws = fewest = None
    if board.draws is not None and not np.isnan(score).all():
        draws = board.draws[:, :, used] @ w[used]
        if board.turned is not None and w.min() < 0 < w.max():
            # one prior for all dimensions would cancel where some count against a respondent
            against = np.where(w < 0, board.turned, board.draws)[:, :, used]
            draws = against @ w[used]
        tail = (1 - LEVEL) / 2
        ends = np.quantile(draws, [tail, 1 - tail], axis=0)  # NaN where a score is missing
        low, high = np.fmin(ends[0], score), np.fmax(ends[1], score)
        fewest = max(2, int(board.items[~np.isnan(score)][:, used].min()))
    return Alignment(board, w, score, low, high, rank_sets(score, draws, level=LEVEL, n=fewest))


def stability(alignment: Alignment, rng: np.random.Generator) -> dict[str, Any] | None:
    """Say how often another choice of weights orders the respondents otherwise.

    Weights are drawn uniformly from all that are positive and sum to one, over the dimensions in
    use.

    Args:
        alignment: whose order is looked at.
        rng: generator of the weights.

    Returns:
        ``weights`` drawn; ``same_first``, share of them with the same respondent (or one of those
        that tie) in front; ``same_order``, in which nobody passes anybody of a better rank;
        ``pairs_turned``, mean share of the pairs that change sides; ``first``, by respondent in how
        many it leads. None where there is nothing to compare: fewer than two respondents or
        dimensions, or too many respondents.
    """
    used = np.flatnonzero(alignment.weights)
    seen = np.flatnonzero(~np.isnan(alignment.score))
    if not 2 <= len(seen) <= MOST or len(used) < 2:
        return None
    drawn = rng.dirichlet(np.ones(len(used)), WEIGHTS)
    other = drawn @ alignment.board.scores[np.ix_(seen, used)].T
    shown = alignment.ranks.rank[seen]
    leads = other == other.max(axis=1, keepdims=True)
    turned = np.mean([_turned(-shown, row) for row in other[:LOOKED_AT]])
    # whoever shares a rank may come in any order
    order = np.argsort(shown, kind="stable")
    places = np.flatnonzero(np.diff(shown[order], prepend=0))
    worst, best = (f.reduceat(other[:, order], places, axis=1) for f in (np.minimum, np.maximum))
    same = (worst[:, :-1] >= best[:, 1:]).all(axis=1)
    names = [alignment.board.respondents[at] for at in seen]
    first = {n: round(float(k), 4) for n, k in zip(names, leads.mean(axis=0), strict=True) if k}
    return {
        "weights": WEIGHTS,
        "same_first": round(float(leads[:, shown == 1].any(axis=1).mean()), 4),
        "same_order": round(float(same.mean()), 4),
        "pairs_turned": round(float(turned), 4),
        "first": dict(sorted(first.items(), key=lambda pair: -pair[1])),
    }


def preferred(board: Board, population: Array) -> dict[str, dict[str, float]] | None:
    """Return for each two respondents the share of people for whom the first one aligns better.

    Args:
        board: R respondents on D dimensions.
        population: (P, D) weights, one row a person; ties count half.

    Returns:
        By name, by name: in [0, 1]. Respondents that lack a score are left out. None where there
        are too many respondents.
    """
    if len(board.respondents) > MOST:
        return None
    seen = np.flatnonzero(~np.isnan(board.scores).any(axis=1)).tolist()
    scores = population @ board.scores[seen].T
    level = ROUNDING * np.abs(scores).max(initial=0.0)  # sums in another order round otherwise
    found: dict[str, dict[str, float]] = {}
    for i, one in enumerate(seen):
        apart = scores[:, [i]] - scores
        better = (apart > level).mean(axis=0) + (np.abs(apart) <= level).mean(axis=0) / 2
        found[board.respondents[one]] = {
            board.respondents[other]: round(float(better[j]), 4)
            for j, other in enumerate(seen)
            if j != i
        }
    return found


def _turned(a: Array, b: Array) -> float:
    """Return the share of pairs that a and b order in opposite ways."""
    opposite = np.sign(a[:, None] - a) * np.sign(b[:, None] - b) < 0
    return float(opposite.sum() / (len(a) * (len(a) - 1)))


def _whole(value: float) -> int | None:
    return int(value) if np.isfinite(value) else None
