"""From the opinions of one response to one value per dimension."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["OpinionMethod", "aggregate"]

OpinionMethod = Literal["any", "mean", "rank-weighted"]


def aggregate(values: ArrayLike, method: OpinionMethod) -> NDArray[np.float64]:
    """Combines the verdicts on a response's opinions.

    Args:
        values: (K opinions, D dimensions), the most important opinion first; NaN is missing.
        method: "any" takes the maximum (logical OR for binary verdicts), "mean" the mean,
            "rank-weighted" a mean with weights 1/rank. Weights are normalised over the opinions
            that have a verdict, an opinion keeping its rank when an earlier one is missing.

    Returns:
        (D,) in the unit of `values`; NaN for a dimension without any verdict.

    Raises:
        ValueError: if `values` is not 2-D or `method` is unknown.

    Source: "any" is how AdAEM reads a response with several opinions.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2:
        raise ValueError(f"values must be (opinions, dimensions), not of shape {values.shape}")
    if method == "any":
        return np.fmax.reduce(values, axis=0, initial=np.nan)
    if method == "mean":
        rank_weights = np.ones(len(values))
    elif method == "rank-weighted":
        rank_weights = 1 / np.arange(1, len(values) + 1)
    else:
        raise ValueError(f'method must be "any", "mean" or "rank-weighted", not {method!r}')
    weights = rank_weights[:, None] * ~np.isnan(values)
    total = weights.sum(axis=0)
    nothing = np.full_like(total, np.nan)
    return np.divide(np.nansum(weights * values, axis=0), total, out=nothing, where=total > 0)
