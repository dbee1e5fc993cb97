"""How far apart distributions are, in nats.

Every function takes distributions over outcomes, or, with ``bernoulli=True``, probabilities of
independent yes/no dimensions, which are then compared one by one. A NaN makes the results that
depend on it NaN: a distribution with a missing part is missing.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["generalised_js", "js", "kl", "total_variation"]

TOLERANCE = 1e-6
"""How far from 1 a sum of probabilities may be: rounding of 32-bit numbers, no more."""


def kl(p: ArrayLike, q: ArrayLike, *, bernoulli: bool = False) -> NDArray[np.float64]:
    """Kullback-Leibler divergence KL(p || q) = sum p log(p / q), with 0 log 0 = 0.

    Args:
        p: (..., C) distributions over C outcomes, or (..., D) probabilities of D dimensions.
        q: the same; leading axes broadcast.
        bernoulli: whether the last axis holds dimensions instead of outcomes.

    Returns:
        (...) or (..., D) nats in [0, inf]; infinite where q = 0 < p.

    Raises:
        ValueError: if a probability is outside [0, 1], the outcomes do not sum to 1, or their
            numbers differ.

    Source: Kullback & Leibler (1951), Annals of Mathematical Statistics 22, equation 2.4.
    """
    from scipy.special import rel_entr

    return _no_less_than_0(rel_entr(*_pair(p, q, bernoulli)).sum(axis=-1))


def js(p: ArrayLike, q: ArrayLike, *, bernoulli: bool = False) -> NDArray[np.float64]:
    """Jensen-Shannon divergence: mean KL of both distributions from their midpoint.

    With the total variation TV it obeys TV^2 / 2 <= JS <= ln 2 * TV. (AdAEM, arXiv 2505.13531,
    uses TV as a *lower* bound of JS; it is an upper one.)

    Args:
        p: (..., C) distributions over C outcomes, or (..., D) probabilities of D dimensions.
        q: the same; leading axes broadcast.
        bernoulli: whether the last axis holds dimensions instead of outcomes.

    Returns:
        (...) or (..., D) nats in [0, ln 2]; ln 2 for distributions that share no outcome.

    Raises:
        ValueError: as for `kl`.

    Source: Lin (1991), IEEE Transactions on Information Theory 37, 145-151, with the upper bound
    (theorem 3); the lower one is Pinsker's inequality from p and from q to their midpoint.
    """
    left, right = np.broadcast_arrays(*_pair(p, q, bernoulli))
    return _mixture_gain(np.stack([left, right]), np.array([0.5, 0.5]), axis=0)


def generalised_js(
    p: ArrayLike, weights: ArrayLike, *, bernoulli: bool = False
) -> NDArray[np.float64]:
    """Jensen-Shannon divergence of K distributions: entropy of the mixture less the mean entropy.

    Args:
        p: (..., K, C) distributions over C outcomes, or (..., K, D) probabilities of D dimensions.
        weights: (K,) weights of the mixture and of the mean, >= 0 with sum 1.
        bernoulli: whether the last axis holds dimensions instead of outcomes.

    Returns:
        (...) or (..., D) nats, from 0 for equal distributions to the entropy of `weights` for
        distributions that share no outcome.

    Raises:
        ValueError: as for `kl`, or if `weights` are no distribution over the K.

    Source: Lin (1991), IEEE Transactions on Information Theory 37, 145-151, equation 5.1.
    """
    outcomes, shares = _outcomes(p, bernoulli), _outcomes(weights, bernoulli=False)
    axis = -3 if bernoulli else -2
    if shares.ndim != 1 or outcomes.ndim < -axis or outcomes.shape[axis] != len(shares):
        raise ValueError(f"p {np.shape(p)} must be (..., K, n) for K weights {np.shape(weights)}")
    return _mixture_gain(outcomes, shares, axis)


def total_variation(p: ArrayLike, q: ArrayLike, *, bernoulli: bool = False) -> NDArray[np.float64]:
    """Total variation: half of the sum of absolute differences, for a dimension |p - q|.

    It bounds the Jensen-Shannon divergence on both sides, TV^2 / 2 <= JS <= ln 2 * TV; see `js`.

    Args:
        p: (..., C) distributions over C outcomes, or (..., D) probabilities of D dimensions.
        q: the same; leading axes broadcast.
        bernoulli: whether the last axis holds dimensions instead of outcomes.

    Returns:
        (...) or (..., D) in [0, 1]; 1 for distributions that share no outcome.

    Raises:
        ValueError: as for `kl`.

    Source: Levin, Peres & Wilmer (2009), Markov Chains and Mixing Times, proposition 4.2.
    """
    left, right = _pair(p, q, bernoulli)
    return np.asarray(abs(left - right).sum(axis=-1) / 2)


def _mixture_gain(
    outcomes: NDArray[np.float64], weights: NDArray[np.float64], axis: int
) -> NDArray[np.float64]:
    """Entropy of the mixture over `axis` less the mean entropy; outcomes on the last axis."""
    from scipy.special import entr

    mixture = np.average(outcomes, axis=axis, weights=weights)
    # Without the outcomes, an axis counted from the end is one nearer to it.
    kept = axis + 1 if axis < 0 else axis
    mean = np.average(entr(outcomes).sum(axis=-1), axis=kept, weights=weights)
    return _no_less_than_0(entr(mixture).sum(axis=-1) - mean)


def _no_less_than_0(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Takes away what rounding leaves below 0 for nearly equal distributions."""
    return np.asarray(np.maximum(values, 0.0))


def _pair(
    p: ArrayLike, q: ArrayLike, bernoulli: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    left, right = _outcomes(p, bernoulli), _outcomes(q, bernoulli)
    if left.shape[-1] != right.shape[-1]:
        raise ValueError(f"p {left.shape} and q {right.shape} must have as many outcomes")
    return left, right


def _outcomes(p: ArrayLike, bernoulli: bool) -> NDArray[np.float64]:
    """Distributions over the last axis; a Bernoulli dimension has the outcomes yes and no."""
    p = np.asarray(p, dtype=np.float64)
    outside = (p < 0) | (p > 1)
    if outside.any():
        raise ValueError(f"probabilities must be in [0, 1], not {p[outside][0]}")
    if bernoulli:
        return np.stack([p, 1 - p], axis=-1)
    if not p.ndim:
        raise ValueError(f"outcomes must be on the last axis, not the number {p}")
    total = p.sum(axis=-1)
    wrong = abs(total - 1) > TOLERANCE
    if wrong.any():
        raise ValueError(f"outcomes must sum to 1, not {total[wrong][0]}")
    return p
