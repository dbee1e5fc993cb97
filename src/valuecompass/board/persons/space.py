"""The value space: respondents, cultures and a person on one map of how alike their orders are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from valuecompass.board.boards import Board
from valuecompass.board.cultures.profiles import Profiles
from valuecompass.board.persons.match import Person, centred_ranks, compared
from valuecompass.errors import InputError
from valuecompass.stats.maps import classical_mds, pca

__all__ = ["Components", "Point", "Space", "stress_in_words", "value_space"]

Array = NDArray[np.float64]
Kind = Literal["respondent", "culture", "person"]
Label = tuple[str, Kind, bool]
"""Name, what it is, and whether it is simulated."""
NEIGHBOURS = 3
_LEAST = 3
"""Points that make a map; two have one distance, which any line shows."""


@dataclass(frozen=True)
class Point:
    """Somebody's place on the map."""

    name: str
    kind: Kind
    simulated: bool
    x: float
    y: float
    nearest: tuple[tuple[str, float], ...]
    """The most alike others and their rho, which the flat map cannot bend."""


@dataclass(frozen=True)
class Components:
    """Principal components of the respondents' standardised scores."""

    explained: tuple[float, ...]
    """Share of the variance on each component, falling, in [0, 1]."""
    loadings: dict[str, tuple[float, float]]
    """By dimension, on the first two components; each component has length 1."""
    coordinates: dict[str, tuple[float, float]]
    """By respondent, in standard deviations."""


@dataclass(frozen=True)
class Space:
    """A map and how far it can be believed."""

    points: tuple[Point, ...]
    stress: float | None
    """Kruskal's stress-1; None when all orders are the same."""
    directions: dict[str, tuple[float, float]]
    """By dimension: where on the map it is put before others. Correlations of its ranks with x and
    y, in [-1, 1]; the sum of their squares is the share of its variance that the map shows."""
    pca: Components | None
    """None for fewer than three complete respondents, or where they do not differ."""
    compared_on: str
    notices: tuple[str, ...]

    def json(self) -> dict[str, Any]:
        """Return the documented JSON object."""
        return {
            "points": [
                {
                    "name": p.name,
                    "kind": p.kind,
                    "simulated": p.simulated,
                    "x": p.x,
                    "y": p.y,
                    "nearest": [{"name": name, "rho": rho} for name, rho in p.nearest],
                }
                for p in self.points
            ],
            "stress": self.stress,
            "stress_means": stress_in_words(self.stress),
            "directions": {name: list(at) for name, at in self.directions.items()},
            "pca": self.pca
            and {
                "explained": list(self.pca.explained),
                "loadings": {name: list(at) for name, at in self.pca.loadings.items()},
                "coordinates": {name: list(at) for name, at in self.pca.coordinates.items()},
            },
            "compared_on": self.compared_on,
            "notices": list(self.notices),
        }


def value_space(
    board: Board, profiles: Profiles | None = None, person: Person | None = None
) -> Space:
    """Put everybody on one map: near each other means values in a similar order.

    Rates, survey ratings and questionnaire answers share no scale, so orders are compared: rho is
    Spearman's correlation of two profiles, and their distance sqrt(2 (1 - rho)), from 0 (same
    order) to 2 (reverse). That is the Euclidean distance of the ranks after each profile is
    centred and brought to length 1. 1 - rho itself is half of its square, which is no distance:
    two such steps can be shorter than the straight way. Classical scaling of Euclidean distances
    loses nothing but what two axes cannot hold. Nothing is random: the same board gives the same
    map.

    Args:
        board: the respondents; those without a score on some dimension have no place.
        profiles: cultures of the same value system.
        person: somebody's answers.

    Raises:
        InputError: fewer than two dimensions, or fewer than three that have a place.

    Source: Torgerson (1952), Psychometrika 17, 401-419; Gower & Legendre (1986), Journal of
    Classification 3, 5-48 (distances that are Euclidean).
    """
    if len(board.names) < 2:
        raise InputError("an order of values needs two dimensions; the board has one")
    own, kind = board.profiles()
    labels, rows = _everybody(board, own, profiles, person)
    ranks = centred_ranks(rows)
    length = np.sqrt((ranks**2).sum(axis=1, keepdims=True))
    placed = length[:, 0] > 0  # neither missing (NaN) nor all equal
    kept = [label for label, keep in zip(labels, placed, strict=True) if keep]
    if len(kept) < _LEAST:
        raise InputError(
            f"a map needs {_LEAST} complete profiles and there are {len(kept)}; measure more "
            "respondents, or add cultures with --profiles"
        )
    ranks = ranks[placed] / length[placed]
    rho = (ranks @ ranks.T).clip(-1, 1)
    # rounding would put the same orders a hair apart
    distances = np.sqrt(2 * (1 - rho).round(12).clip(min=0))
    np.fill_diagonal(distances, 0)
    found = classical_mds(distances)
    points = tuple(
        Point(*label, float(x), float(y), near)
        for label, (x, y), near in zip(kept, found.coordinates, _nearest(kept, rho), strict=True)
    )
    stress = None if math.isnan(found.stress) else found.stress
    left = [label[0] for label, keep in zip(labels, placed, strict=True) if not keep]
    said = [f"No place on the map for want of an order of values: {', '.join(left)}."]
    notices = (*(said if left else ()), *compared(board, kind))
    directions = _directions(board.names, ranks, found.coordinates)
    return Space(points, stress, directions, _components(board), kind, notices)


def stress_in_words(stress: float | None) -> str:
    """Return what a stress means for a reader of the map.

    Source: Kruskal (1964), Psychometrika 29, page 3: .2 poor, .1 fair, .05 good, .025 excellent.
    """
    if stress is None:
        return "all orders are the same: there is nothing to map"
    for limit, word in ((0.025, "excellent"), (0.05, "good"), (0.1, "fair")):
        if stress <= limit:
            return f"{word}: distances on the map can be read"
    if stress <= 0.2:
        return "rough: trust who is near whom in the table, the map only for the broad picture"
    return "poor: the map misleads about who is near whom; use the table of neighbours"


def _everybody(
    board: Board, own: Array, profiles: Profiles | None, person: Person | None
) -> tuple[list[Label], Array]:
    """Return names with what they are, and profiles with the board's dimensions as columns."""
    labels: list[Label] = []
    for name, simulated in zip(board.respondents, board.simulated, strict=True):
        labels.append((name, "respondent", simulated))
    rows = [own]
    at = [board.system.names.index(name) for name in board.names]
    if profiles is not None:
        labels.extend((name, "culture", False) for name in profiles.cultures)
        rows.append(profiles.values[:, at])
    if person is not None:
        labels.append(("you", "person", False))
        # one answer everywhere is no order, whatever the keying makes of it
        flat = [0.0 if person.same else person.means[name] for name in board.names]
        rows.append(np.array([flat]))
    return labels, np.vstack(rows)


def _nearest(labels: Sequence[Label], rho: Array) -> list[tuple[tuple[str, float], ...]]:
    found: list[tuple[tuple[str, float], ...]] = []
    for i, row in enumerate(rho):
        order = [int(j) for j in np.argsort(-row.round(12), kind="stable") if j != i]
        found.append(tuple((labels[j][0], float(row[j])) for j in order[:NEIGHBOURS]))
    return found


def _directions(
    names: Sequence[str], ranks: Array, coordinates: Array
) -> dict[str, tuple[float, float]]:
    """Correlate the ranks (N, D) with both axes, whose points (N, 2) do not correlate."""
    centred = ranks - ranks.mean(axis=0)
    size = np.sqrt((centred**2).sum(axis=0))[:, None] * np.sqrt((coordinates**2).sum(axis=0))
    products = centred.T @ coordinates
    # without differences on one side there is no direction, and rounding is no difference
    found = np.divide(products, size, out=np.zeros_like(products), where=size > 1e-9)
    return {name: (float(x), float(y)) for name, (x, y) in zip(names, found, strict=True)}


def _components(board: Board) -> Components | None:
    """Return components of standardised scores: rates of dimensions share no unit."""
    whole = np.array([np.isfinite(row).all() for row in board.scores])
    scores = board.scores[whole]
    if len(scores) < _LEAST:
        return None
    spread = scores.std(axis=0)
    differs = spread > 1e-9 * (abs(scores).max() or 1)  # rounding is no difference
    if differs.sum() < 2:
        return None
    table = (scores - scores.mean(axis=0))[:, differs] / spread[differs]
    found = pca(table, min(table.shape))
    names = [name for name, keep in zip(board.names, differs, strict=True) if keep]
    who = [name for name, keep in zip(board.respondents, whole, strict=True) if keep]
    return Components(
        tuple(map(float, found.explained)),
        {n: (float(a), float(b)) for n, (a, b) in zip(names, found.loadings[:, :2], strict=True)},
        {n: (float(a), float(b)) for n, (a, b) in zip(who, found.coordinates[:, :2], strict=True)},
    )
