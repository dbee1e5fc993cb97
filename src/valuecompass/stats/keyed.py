"""Questionnaire ratings with reversed items, on a common scale."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["keyed_scale"]


def keyed_scale(
    ratings: ArrayLike, keying: ArrayLike, low: float, high: float
) -> NDArray[np.float64]:
    """Ratings on [0, 1], reversed where the item is keyed against its dimension.

    Args:
        ratings: (..., n items) in [low, high]; NaN is missing and stays missing.
        keying: (n,) +1 for an item in the direction of its dimension, -1 for a reversed one.
        low: lowest possible rating.
        high: highest possible rating, > low.

    Returns:
        (..., n) in [0, 1]; 1 is most of the dimension.

    Raises:
        ValueError: if a rating is outside [low, high], a key is not +1 or -1, shapes do not
            match, or `low >= high`.
    """
    ratings, keying = np.asarray(ratings, dtype=np.float64), np.asarray(keying)
    if not low < high:
        raise ValueError(f"low must be below high, not {low} and {high}")
    if keying.ndim != 1 or ratings.shape[-1:] != keying.shape:
        raise ValueError(f"ratings {ratings.shape} need keying of shape (n,), not {keying.shape}")
    if (abs(keying) != 1).any():
        raise ValueError("keying must be +1 or -1 for every item")
    if ((ratings < low) | (ratings > high)).any():
        raise ValueError(f"ratings must be in [{low}, {high}] or NaN")
    scaled = (ratings - low) / (high - low)
    return np.where(keying == 1, scaled, 1 - scaled)
