"""What noise in respondents' scores does to correlations of their profiles with one profile."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from valuecompass.board.boards import Board

__all__ = ["compared_draws", "interval"]

Array = NDArray[np.float64]
DRAWS = 1000


def compared_draws(board: Board, compared_on: str, rng: np.random.Generator) -> Array | None:
    """Return (B, R, D) draws of what is compared; None where no interval was published.

    On the trade-off scale they are normal on the logit of the share, as its limits are. The
    scale's errors sum to 0 over dimensions. Independent errors whose variance is larger by
    D / (D - 1) order the dimensions alike when all were compared equally often.

    Args:
        board: the respondents.
        compared_on: kind of profile, as `Board.profiles` names it.
        rng: of trade-off draws.
    """
    if compared_on != "trade-off":
        return None if board.imported else board.draws
    from scipy.special import expit, logit

    middle, low, high = (
        logit(np.clip(table / 100, 1e-4, 1 - 1e-4))
        for table in (board.within, board.within_low, board.within_high)
    )
    d = len(board.names)
    spread = (high - low) / (2 * 1.959964) * math.sqrt(d / (d - 1))
    noise = rng.standard_normal((DRAWS, *middle.shape))
    return np.asarray(100 * expit(middle + spread * noise), dtype=np.float64)


def interval(estimates: Array, drawn: Array) -> tuple[Array, Array]:
    """Return 95 % limits of correlations from draws of one side's scores.

    The hull of the percentile interval and its mirror image about the estimate. Noise in scores
    makes every order look less alike than it is, in the estimate and again in the draws, so that
    percentiles alone miss a good agreement from below. Simulated with ten dimensions, Spearman's
    correlation, 300 to 1,000 worlds a cell: the limits hold the truth in 93 to 99 % while the noise
    is .1 or .3 of the spread of the true values and in 90 to 95 % at .6, least where the order is
    the same; on the trade-off scale with four comparisons a pair in 91 to 97 %.

    Args:
        estimates: (C,) correlations of the estimates.
        drawn: (B, C) correlations of the draws; NaN where a draw has no order.

    Returns:
        Limits (C,), each in [-1, 1].
    """
    low, high = np.nanquantile(drawn, [0.025, 0.975], axis=0)
    low, high = np.minimum(low, 2 * estimates - high), np.maximum(high, 2 * estimates - low)
    return np.minimum(low, estimates).clip(-1, 1), np.maximum(high, estimates).clip(-1, 1)
