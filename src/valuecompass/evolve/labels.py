"""What a judge found in the answers of all models to one item, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuecompass.judges.protocol import THRESHOLD, Verdict

__all__ = ["Labels", "labels_of"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Labels:
    """Verdicts on one item: K models, up to L opinions of each, D dimensions.

    NaN is missing, never 0: a refusal or a failed answer is NaN in a model's whole row, a silent
    judge in one cell, and an opinion that was not written in its place.

    Attributes:
        expressed: (K, L, D) in [0, 1], how far the opinion expresses the dimension, or NaN.
        valence: (K, L, D) in [-1, 1], against or for the dimension, or NaN.

    Raises:
        ValueError: if shapes differ or a number is out of range.
    """

    expressed: Array
    valence: Array

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if self.expressed.ndim != 3 or self.expressed.shape != self.valence.shape:
            raise ValueError(
                f"expressed {self.expressed.shape} and valence {self.valence.shape} must both be "
                "(models, opinions, dimensions)"
            )
        for name, values, low in (("expressed", self.expressed, 0), ("valence", self.valence, -1)):
            outside = (values < low) | (values > 1) | np.isinf(values)
            if outside.any():
                raise ValueError(f"{name} must be in [{low}, 1] or NaN, not {values[outside][0]}")

    @property
    def binary(self) -> Array:
        """(K, L, D) 1 where `expressed` is at least .5, else 0; NaN is missing."""
        return np.where(np.isnan(self.expressed), np.nan, self.expressed >= THRESHOLD)

    @property
    def unions(self) -> Array:
        """(K, D) 1 where any opinion of the model expresses the dimension; NaN without verdict."""
        return np.fmax.reduce(self.binary, axis=1, initial=np.nan)

    @property
    def intersections(self) -> Array:
        """(K, D) 1 where all judged opinions of the model express it; NaN without verdict."""
        return np.fmin.reduce(self.binary, axis=1, initial=np.nan)

    @property
    def opinions(self) -> NDArray[np.int64]:
        """(K, D) number of opinions with a verdict."""
        return (~np.isnan(self.expressed)).sum(axis=1)

    @property
    def rates(self) -> Array:
        """(K, D) share of the judged opinions that express the dimension; NaN without verdict."""
        total = np.nansum(self.binary, axis=1)
        nothing = np.full(total.shape, np.nan)
        return np.divide(total, self.opinions, out=nothing, where=self.opinions > 0)


def labels_of(verdicts: Sequence[Sequence[Verdict] | None], dimensions: Sequence[str]) -> Labels:
    """Arrange the verdicts on one item.

    Args:
        verdicts: of each model the verdicts on its answer, in any order; None for a model that
            refused or whose answer failed.
        dimensions: canonical names, the order of the last axis; verdicts on others are left out.

    Returns:
        Labels (K, L, D), L the largest number of opinions of a model, at least 1.

    Raises:
        ValueError: if a model has two verdicts on one dimension of one opinion.
    """
    at = {name: index for index, name in enumerate(dimensions)}
    parts = [v.part for of_model in verdicts for v in of_model or ()]
    shape = (len(verdicts), max(parts, default=0) + 1, len(at))
    expressed, valence = np.full(shape, np.nan), np.full(shape, np.nan)
    for model, of_model in enumerate(verdicts):
        seen: set[tuple[int, str]] = set()
        for v in of_model or ():
            if v.dimension not in at:
                continue
            if (v.part, v.dimension) in seen:
                raise ValueError(f"model {model}: two verdicts on {v.dimension} in part {v.part}")
            seen.add((v.part, v.dimension))
            cell = model, v.part, at[v.dimension]
            expressed[cell] = np.nan if v.expressed is None else v.expressed
            valence[cell] = np.nan if v.valence is None else v.valence
    return Labels(expressed, valence)
