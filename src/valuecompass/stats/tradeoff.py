"""The trade-off scale: how strongly each dimension wins when two of them conflict."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["TradeoffScale", "bradley_terry"]


@dataclass(frozen=True)
class TradeoffScale:
    """Strengths of D dimensions; entries of a dimension that was never compared are NaN.

    Attributes:
        scale: (D,) log-strengths, in logits, with mean 0 over the compared dimensions.
        covariance: (D, D) posterior covariance of `scale`; its rows sum to 0.
        share: (D,) in [0, 1], mean probability of being chosen over each other compared dimension.
        share_low: (D,) lower limit of `share`.
        share_high: (D,) upper limit of `share`.
        n: (D,) number of comparisons a dimension took part in; 0 where never compared.
    """

    scale: NDArray[np.float64]
    covariance: NDArray[np.float64]
    share: NDArray[np.float64]
    share_low: NDArray[np.float64]
    share_high: NDArray[np.float64]
    n: NDArray[np.float64]


def bradley_terry(wins: ArrayLike, *, prior: float = 0.1, level: float = 0.95) -> TradeoffScale:
    """Bradley-Terry strengths from choices between pairs of dimensions.

    P(i chosen over j) = 1 / (1 + exp(scale_j - scale_i)). A weak Gaussian prior, the same for
    every dimension, makes the estimate exist when a dimension always wins or when parts of the
    design were never compared with each other; their relative position is then the prior's, and
    `covariance` shows it. Limits of `share` come from the delta method on its logit.

    Comparisons count as independent. Average the repeats on one item into one fractional win
    first, otherwise the intervals are too narrow.

    Args:
        wins: (D, D), `wins[i, j]` = how often i was chosen over j, >= 0, fractions allowed;
            the diagonal is 0.
        prior: precision of the Gaussian prior on each log-strength, in 1/logit^2, > 0; 0.1 is a
            standard deviation of 3.2 logits.
        level: level of the limits of `share`, in (0, 1).

    Returns:
        The posterior mode and its Laplace approximation.

    Raises:
        ValueError: if `wins` is not a square matrix of finite numbers >= 0 with a zero diagonal,
            or `prior` or `level` is out of range.

    Source: Bradley & Terry (1952), Biometrika 39, 324-345, after Thurstone (1927), Psychological
    Review 34, 273-286; existence without a prior: Hunter (2004), Annals of Statistics 32,
    384-406, assumption 1.
    """
    wins = np.asarray(wins, dtype=np.float64)
    if wins.ndim != 2 or wins.shape[0] != wins.shape[1]:
        raise ValueError(f"wins must be a square matrix, not of shape {wins.shape}")
    if not np.isfinite(wins).all() or (wins < 0).any() or np.diagonal(wins).any():
        raise ValueError("wins must be finite and >= 0, with a zero diagonal")
    if not prior > 0:
        raise ValueError(f"prior must be > 0, not {prior}")
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), not {level}")

    n = wins.sum(axis=0) + wins.sum(axis=1)
    compared = np.flatnonzero(n)
    block = np.ix_(compared, compared)
    theta, information = _posterior_mode(wins[block], prior)
    centre = np.eye(len(compared)) - 1 / max(len(compared), 1)
    covariance = centre @ np.linalg.inv(information) @ centre
    share, low, high = _shares(theta, covariance, level)

    full_covariance = np.full(wins.shape, np.nan)
    full_covariance[block] = covariance
    full = np.full((4, len(n)), np.nan)
    full[:, compared] = theta, share, low, high
    return TradeoffScale(full[0], full_covariance, full[1], full[2], full[3], n)


def _posterior_mode(
    wins: NDArray[np.float64], prior: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mode of the log-strengths and the information matrix there; the prior centres the mode."""
    theta = np.zeros(len(wins))
    step, information = _newton(theta, wins, prior)
    # Takes about 10 steps, 70 when a million choices a pair all go one way; the bound guards
    # against rounding that keeps the last steps above the tolerance.
    for _ in range(200):
        spread = float(np.ptp(step)) if len(step) else 0.0
        if spread < 1e-10:
            break
        # The logistic likelihood is generalised self-concordant, for which this step length
        # converges from anywhere: Sun & Tran-Dinh (2019), Math. Programming 178, 145-213.
        theta = theta + np.log1p(spread) / spread * step
        step, information = _newton(theta, wins, prior)
    return theta, information


def _newton(
    theta: NDArray[np.float64], wins: NDArray[np.float64], prior: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Full Newton step (D,) and information matrix (D, D) of the log-posterior at `theta`."""
    played, chosen = wins + wins.T, _chosen(theta)
    curvature = played * chosen * chosen.T
    information = np.diag(curvature.sum(axis=1) + prior) - curvature
    gradient = wins.sum(axis=1) - (played * chosen).sum(axis=1) - prior * theta
    return np.asarray(np.linalg.solve(information, gradient), dtype=np.float64), information


def _shares(
    theta: NDArray[np.float64], covariance: NDArray[np.float64], level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean probability of winning against the others, with limits, each (D,)."""
    from statistics import NormalDist

    others = ~np.eye(len(theta), dtype=bool) / max(len(theta) - 1, 1)
    chosen = _chosen(theta)
    share = (others * chosen).sum(axis=1)
    slopes = others * chosen * chosen.T
    jacobian = np.diag(slopes.sum(axis=1)) - slopes
    share_sd = np.sqrt(np.einsum("ij,jk,ik->i", jacobian, covariance, jacobian))
    half = NormalDist().inv_cdf((1 + level) / 2) * share_sd / (share * (1 - share))
    logit = np.log(share / (1 - share))
    return share, 1 / (1 + np.exp(half - logit)), 1 / (1 + np.exp(-half - logit))


def _chosen(theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """(D, D) probability that row is chosen over column."""
    return 1 / (1 + np.exp(theta[None, :] - theta[:, None]))
