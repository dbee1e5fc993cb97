"""Maps: points on a few axes that keep the distances, or the variance, of many."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["DistanceMap", "PrincipalComponents", "classical_mds", "pca", "stress"]

TIE = 1e-6
"""Relative difference below which entries count as equally large when a sign is chosen."""

ROUNDING = 1e-12
"""Size of an eigenvalue, relative to the largest, below which only rounding keeps it from 0."""


@dataclass(frozen=True)
class DistanceMap:
    """Points whose distances on the map come close to the given ones.

    Attributes:
        coordinates: (n, k) in the unit of the distances, centred, axes in falling order of their
            eigenvalues; 0 on an axis without a positive eigenvalue.
        eigenvalues: (n,) of the doubly centred matrix, falling, in squared units; 0 where
            only rounding is left.
        stress: Kruskal's stress-1 of the map, >= 0; NaN if all distances are 0.
        positive_share: in [0, 1], sum of the positive eigenvalues over the sum of all absolute
            ones: 1 if the distances are Euclidean; NaN if all distances are 0.
    """

    coordinates: NDArray[np.float64]
    eigenvalues: NDArray[np.float64]
    stress: float
    positive_share: float


@dataclass(frozen=True)
class PrincipalComponents:
    """Rows of a table on the axes of largest variance.

    Attributes:
        coordinates: (n, k) of the rows, centred, in the unit of the table.
        loadings: (D, k) axes of length 1; `coordinates` is the centred table times these.
        explained: (k,) share of the total variance on each axis, falling, in [0, 1]; NaN if the
            rows are all equal.
    """

    coordinates: NDArray[np.float64]
    loadings: NDArray[np.float64]
    explained: NDArray[np.float64]


def classical_mds(distances: ArrayLike, k: int = 2) -> DistanceMap:
    """Classical (Torgerson) scaling: eigenvectors of the doubly centred squared distances.

    Each axis is turned so that its entry farthest from 0 is positive, the first one where several
    are. Axes whose eigenvalues are equal can be rotated into each other, and then depend on the
    machine; the distances on the map do not. Takes O(n^3) time and O(n^2) memory.

    Args:
        distances: (n, n) finite, >= 0, symmetric, with a zero diagonal.
        k: number of axes, in [1, n].

    Returns:
        The map, with how well it fits.

    Raises:
        ValueError: if `distances` or `k` is not as described.

    Source: Torgerson (1952), Psychometrika 17, 401-419; Gower (1966), Biometrika 53, 325-338.
    """
    distances = _checked_distances(distances)
    _check_axes(k, len(distances))
    centre = np.eye(len(distances)) - 1 / len(distances)
    eigenvalues, vectors = np.linalg.eigh(-0.5 * centre @ distances**2 @ centre)
    eigenvalues, vectors = eigenvalues[::-1], vectors[:, ::-1][:, :k]
    sizes = abs(eigenvalues)
    eigenvalues = np.where(sizes > ROUNDING * sizes.max(), eigenvalues, 0.0)
    # The sum makes 0 of -0, whose sign would be the machine's.
    coordinates = vectors * _signs(vectors) * np.sqrt(eigenvalues[:k].clip(min=0)) + 0.0
    with np.errstate(invalid="ignore"):
        positive_share = eigenvalues.clip(min=0).sum() / abs(eigenvalues).sum()
    return DistanceMap(
        coordinates, eigenvalues, stress(distances, coordinates), float(positive_share)
    )


def stress(distances: ArrayLike, coordinates: ArrayLike) -> float:
    """Kruskal's stress-1: how far the distances on a map are from the given ones.

    stress = sqrt(sum (given - mapped)^2 / sum mapped^2) over all pairs. The given distances are
    taken as they are, without the monotone regression of nonmetric scaling.

    Args:
        distances: (n, n) finite, >= 0, symmetric, with a zero diagonal.
        coordinates: (n, k) points of the map, finite, in the same unit.

    Returns:
        Stress >= 0, 0 for a perfect map; infinite if all points coincide but should not, NaN if
        all given and mapped distances are 0.

    Raises:
        ValueError: if an argument is not as described.

    Source: Kruskal (1964), Psychometrika 29, 1-27; Borg & Groenen (2005), Modern
    Multidimensional Scaling, section 3.2.
    """
    from scipy.spatial.distance import pdist, squareform

    distances, points = _checked_distances(distances), np.asarray(coordinates, dtype=np.float64)
    if points.ndim != 2 or len(points) != len(distances):
        raise ValueError(f"coordinates {points.shape} must be ({len(distances)}, k)")
    _check_finite(points, "coordinates")
    mapped = pdist(points)
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = ((squareform(distances, checks=False) - mapped) ** 2).sum()
        return float(np.sqrt(squares / (mapped**2).sum()))


def pca(table: ArrayLike, k: int = 2) -> PrincipalComponents:
    """Principal components of the rows about their mean, columns in their own units.

    Each axis is turned so that its loading farthest from 0 is positive, the first one where
    several are. Axes of equal variance can be rotated into each other, and then depend on the
    machine.

    Args:
        table: (n, D) finite; a row with missing cells has no place on the map, leave it out.
        k: number of axes, in [1, min(n, D)].

    Returns:
        Coordinates, loadings and explained shares.

    Raises:
        ValueError: if `table` or `k` is not as described.

    Source: Jolliffe (2002), Principal Component Analysis, section 3.5 (singular value
    decomposition).
    """
    table = np.asarray(table, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"table must be (rows, columns), not of shape {table.shape}")
    _check_finite(table, "table")
    _check_axes(k, min(table.shape))
    left, sizes, axes = np.linalg.svd(table - table.mean(axis=0), full_matrices=False)
    loadings = axes[:k].T
    signs = _signs(loadings)
    with np.errstate(invalid="ignore"):
        explained = sizes[:k] ** 2 / (sizes**2).sum()
    return PrincipalComponents(left[:, :k] * sizes[:k] * signs, loadings * signs, explained)


def _signs(axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sign of each column's entry farthest from 0, the first of those that tie."""
    sizes = abs(axes)
    first = (sizes >= (1 - TIE) * sizes.max(axis=0)).argmax(axis=0)
    return np.where(axes[first, np.arange(axes.shape[1])] < 0, -1.0, 1.0)


def _checked_distances(distances: ArrayLike) -> NDArray[np.float64]:
    matrix = np.asarray(distances, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
        raise ValueError(f"distances must be a square matrix, not of shape {matrix.shape}")
    _check_finite(matrix, "distances")
    if matrix.min() < 0:
        raise ValueError(f"distances must be >= 0, not {matrix.min()}")
    if matrix.diagonal().any():
        raise ValueError(f"distances must have a zero diagonal, not {matrix.diagonal().max()}")
    gap = float(abs(matrix - matrix.T).max())
    if gap > TIE * matrix.max():
        raise ValueError(f"distances must be symmetric, but two differ by {gap}")
    return matrix


def _check_finite(values: NDArray[np.float64], name: str) -> None:
    wrong = ~np.isfinite(values)
    if wrong.any():
        raise ValueError(f"{name} must be finite, not {values[wrong][0]}")


def _check_axes(k: int, most: int) -> None:
    if not 1 <= k <= most:
        raise ValueError(f"k must be in [1, {most}], not {k}")
