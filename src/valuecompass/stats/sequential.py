"""Comparisons that may be looked at after every item: error rates hold at any stopping time."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuecompass.stats.intervals import Interval

__all__ = ["SequentialMean", "confidence_sequence", "e_value"]

Array = NDArray[np.float64]

BETS = 0.99 * 0.5 ** np.arange(6)
"""Shares of the largest possible bet. Large ones find large shifts in few items, small ones small
shifts in many; the mean of their capitals is at least a sixth of the best, whatever the shift."""

STEPS = 1000
"""Limits are computed on a grid of this many steps over the range of the data."""

BLOCK = 64
"""Items taken at a time: 6 x 64 x 1000 numbers, 3 MB."""


def e_value(
    x: ArrayLike, null: tuple[float, float] = (0.0, 0.0), *, low: float = -1.0, high: float = 1.0
) -> Array:
    """Evidence after every item against "the mean is within `null`", as money won by betting.

    Under the null its expectation at any stopping time is at most 1, and the chance that it ever
    reaches 1 / alpha is at most alpha (Ville): stop and reject when it does. Half of the money
    bets on a mean above the null, half on one below, each spread over fixed bets; so at each n
    the value does not depend on the order of the items seen so far.

    Args:
        x: (..., n) independent streams in [low, high], one value an item (average its repeats
            first), in random order; NaN is skipped.
        null: smallest and largest mean of the null, both strictly between `low` and `high`:
            (-d, d) is "no shift larger than d", (0, 0) is "no difference".
        low: smallest possible value.
        high: largest possible value.

    Returns:
        (..., n) e-values >= 0, 1 when nothing was learned; infinite beyond what a float holds.

    Raises:
        ValueError: if a value is outside [low, high] or `null` is not strictly inside.

    Source: Waudby-Smith & Ramdas (2024), Journal of the Royal Statistical Society B 86, 1-27,
    section 4 (betting), with a mixture of fixed bets instead of a predicted one; Ville (1939).
    """
    if not low < null[0] <= null[1] < high:
        raise ValueError(f"null {null} must be a range strictly between {low} and {high}")
    unit = _unit(x, low, high)
    bounds = (np.array(null) - low) / (high - low)
    above = _capital(np.zeros((len(BETS), 1)), unit, bounds[1:])[1][..., 0]
    below = _capital(np.zeros((len(BETS), 1)), 1 - unit, 1 - bounds[:1])[1][..., 0]
    with np.errstate(over="ignore"):
        return np.exp(np.logaddexp(above, below) - np.log(2))


def confidence_sequence(
    x: ArrayLike, alpha: float = 0.05, *, low: float = -1.0, high: float = 1.0
) -> tuple[Array, Array]:
    """Limits of the mean after every item that hold at all n together.

    The limits hold all means that the bets of `e_value` have not rejected, one side at alpha / 2
    each, and never widen (running intersection). They are rounded outwards to 1/1000 of the
    range. Time: about 0.2 ms an item.

    Args:
        x: (n,) in [low, high], one value an item in random order; NaN is skipped.
        alpha: chance that the mean is ever outside, in (0, 1).
        low: smallest possible value.
        high: largest possible value.

    Returns:
        Lower and upper limits, each (n,). A lower limit above the upper one says that no constant
        mean fits the stream; with one it happens with a chance of at most alpha.

    Raises:
        ValueError: if `x` is not (n,), a value is outside [low, high], or `alpha` out of range.

    Source: Waudby-Smith & Ramdas (2024), section 4 and theorem 3.
    """
    return SequentialMean(low, high, alpha).limits(x)


class SequentialMean:
    """Confidence sequence of a mean whose items arrive in parts; the parts do not matter.

    For a gate: drift is shown when the interval lies outside [-d, d], its absence when it lies
    inside; otherwise ask more items. Either statement is wrong with a chance of at most alpha,
    whenever one stops.

    Args:
        low: smallest possible value.
        high: largest possible value, > `low`.
        alpha: chance that the mean is ever outside the interval, in (0, 1).

    Attributes:
        n: number of values so far.
    """

    def __init__(self, low: float = -1.0, high: float = 1.0, alpha: float = 0.05) -> None:
        if not low < high:
            raise ValueError(f"low must be < high, not {low} and {high}")
        if not 0 < alpha < 1:
            raise ValueError(f"alpha must be in (0, 1), not {alpha}")
        self.n = 0
        self._range, self._log_threshold = (low, high), float(np.log(2 / alpha))
        self._capital = np.zeros((2, len(BETS), STEPS - 1))
        self._excluded = np.zeros(2, dtype=np.intp)
        self._sum = 0.0

    def update(self, values: ArrayLike) -> Interval:
        """Take the next items and return the interval after all so far.

        Args:
            values: (n,) in [low, high], one value an item; NaN is skipped; may be empty.

        Returns:
            Running mean and limits, NaN before the first value. Should the limits exclude the
            mean or cross (see `confidence_sequence`), the interval spans all three.

        Raises:
            ValueError: if `values` is not (n,) or a value is outside [low, high].
        """
        self.limits(values)
        if self.n == 0:
            return Interval(np.nan, np.nan, np.nan)
        (low, high), mean = self._limits_of(self._excluded), self._sum / self.n
        return Interval(mean, float(min(low, high, mean)), float(max(low, high, mean)))

    def limits(self, values: ArrayLike) -> tuple[Array, Array]:
        """Take the next items and return the lower and upper limits after each, (n,) and (n,)."""
        x = np.asarray(values, dtype=np.float64)
        if x.ndim != 1:
            raise ValueError(f"values {x.shape} must be (n,)")
        unit = _unit(x, *self._range)
        grid = np.arange(1, STEPS) / STEPS
        paths = np.zeros((2, len(x)), dtype=np.intp)
        for start in range(0, len(x), BLOCK):
            part = slice(start, start + BLOCK)
            for side, y in enumerate((unit[part], 1 - unit[part])):
                self._capital[side], path = _capital(self._capital[side], y, grid)
                # The capital falls in the mean it bets against: rejected means are the first ones.
                rejected = (path >= self._log_threshold).sum(axis=-1)
                rejected = np.maximum.accumulate(np.append(self._excluded[side], rejected))
                self._excluded[side], paths[side, part] = rejected[-1], rejected[1:]
        self.n += int((~np.isnan(x)).sum())
        self._sum += float(np.nansum(x))
        return self._limits_of(paths)

    def _limits_of(self, excluded: NDArray[np.intp]) -> tuple[Array, Array]:
        """Limits in the unit of the data from the numbers of rejected grid points on each side."""
        low, high = self._range
        share = excluded / STEPS * (high - low)
        return low + share[0], high - share[1]


def _capital(start: Array, y: Array, means: Array) -> tuple[Array, Array]:
    """Log-capitals of bets that the mean of y, in [0, 1], is above each of the means, in (0, 1).

    Args:
        start: (bets, means) log-capitals before y.
        y: (..., n), NaN: no bet.
        means: (means,).

    Returns:
        Log-capitals after y, (bets, ..., means), and after each item the log of their mean over
        bets, (..., n, means).
    """
    gains = np.nan_to_num(y[..., None] / means - 1)
    path, last = np.full(gains.shape, -np.inf), list[Array]()
    for bet, before in zip(BETS, start, strict=True):
        steps = np.log1p(bet * gains)
        last.append(before + steps.sum(axis=-2))
        np.logaddexp(path, before + np.cumsum(steps, axis=-2), out=path)
    return np.stack(last), path - np.log(len(BETS))


def _unit(x: ArrayLike, low: float, high: float) -> Array:
    """The values moved to [0, 1]."""
    values = np.asarray(x, dtype=np.float64)
    if ((values < low) | (values > high)).any():
        raise ValueError(f"values must be in [{low}, {high}] or NaN")
    return (values - low) / (high - low)
