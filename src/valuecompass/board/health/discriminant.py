"""Do the dimensions of a board measure different things, and do they lie on the theory's circle?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuecompass.board.boards import Board
from valuecompass.measure.points import finite
from valuecompass.stats.validity import (
    circle_fit,
    first_component_share,
    indistinguishable,
    unique_variance,
)

Array = NDArray[np.float64]
FEWEST = 4
"""Respondents without whom correlations across respondents have no limits."""
THRESHOLD = 0.9
MOST = 300
"""Respondents above which leaving each out is not tried: one of them moves nothing there."""
"""Of the correlation: above it by the whole interval, two dimensions are not told apart."""
ONE_WEDGE = {"schwartz": ("Conformity", "Tradition")}
"""Values that lie behind one another in one wedge of the circle (Schwartz 1992)."""


@dataclass(frozen=True)
class Marks:
    """What can be told apart on a board; None where it cannot be estimated.

    groups: sets of dimensions that are one on this board.
    first_component: share of the first principal component, in [1/D, 1].
    unique: by dimension, the share of its variance that the other dimensions do not predict, and
        whether its differences are within error (then there is no share; None: errors not known).
    n: respondents with all scores.
    needed: correlation that two dimensions must exceed to be called one with so few respondents
        (before correction for error).
    """

    groups: tuple[tuple[str, ...], ...] | None
    first_component: float | None
    unique: Mapping[str, tuple[float | None, bool | None]] | None
    n: int
    needed: float | None
    sentences: tuple[str, ...]
    """To stand beside the numbers; if nothing can be estimated, the reason."""

    def json(self) -> dict[str, Any]:
        """Return the documented JSON object."""
        told = self.groups is not None
        unique = self.unique and {
            name: {"share": share, "within_error": within}
            for name, (share, within) in self.unique.items()
        }
        return {
            "groups": None if self.groups is None else [list(g) for g in self.groups],
            "first_component": self.first_component,
            "unique": unique,
            "n": self.n,
            "needed": self.needed,
            "reason": None if told else self.sentences[0],
        }


def marks(board: Board) -> Marks:
    """Say which dimensions of a board cannot be told apart.

    Correlations are taken across respondents; joint draws take the errors of measurement out of
    them. An imported table has no draws: there correlations are taken as they are, which is
    cautious. A pair is one when the lower limit of its correlation is above .9.

    Source: `stats.validity` (Spearman 1904; Hunter & Schmidt 2004; Hotelling 1933; Hoerl & Kennard
    1970).
    """
    at = np.flatnonzero(~np.isnan(board.scores).all(axis=0)).tolist()
    names = [board.names[i] for i in at]
    n = int((~np.isnan(board.scores[:, at])).all(axis=1).sum())
    if len(names) < 2 or n < FEWEST:
        return Marks(None, None, None, n, None, (_too_few(len(names), n),))
    scores = board.scores[:, at]
    draws = None if board.draws is None else board.draws[:, :, at]
    errors = None if draws is None else draws.std(axis=0, ddof=1)
    same = indistinguishable(scores, draws, threshold=THRESHOLD)
    alone = {group: _hangs_on(scores, draws, group) for group in same.groups}
    groups = tuple(tuple(names[d] for d in g) for g, at in alone.items() if at is None)
    loose = [
        f"{', '.join(names[d] for d in g)}: alike on this board, but that hangs on one respondent, "
        f"{board.respondents[at]}."
        for g, at in alone.items()
        if at is not None
    ]
    own = unique_variance(scores, errors)
    within = [None] * len(names) if errors is None else own.within_error.tolist()
    shares = zip((finite(share, 4) for share in own.share), within, strict=True)
    unique = dict(zip(names, shares, strict=True))
    first = finite(first_component_share(scores), 4)
    needed = float(np.tanh(np.arctanh(THRESHOLD) + 1.96 / np.sqrt(n - 3)))
    sentences = _sentences(groups, [k for k, (_, within) in unique.items() if within], n, needed)
    return Marks(groups, first, unique, n, round(needed, 4), (*loose, *sentences))


def _hangs_on(scores: Array, draws: Array | None, group: Sequence[int]) -> int | None:
    """Return the respondent without whom a group of dimensions is none; None: whoever is left out.

    Fisher's limits take scores for normal: one respondent far off can make any two alike.
    """
    if len(scores) > MOST:
        return None
    for at in np.flatnonzero(~np.isnan(scores).any(axis=1)).tolist():
        rest = np.delete(scores, at, axis=0)
        left = None if draws is None else np.delete(draws, at, axis=1)
        # one fewer widens the limits, too: what counts is whether the correlation stays high
        r = indistinguishable(rest, left, threshold=THRESHOLD).correlation
        pairs = r[np.ix_(group, group)]
        if np.isnan(pairs).any() or pairs.min() < THRESHOLD:
            return at
    return None


def _too_few(dimensions: int, n: int) -> str:
    if dimensions < 2:
        return "Whether dimensions can be told apart needs two dimensions with scores."
    return (
        f"Whether dimensions can be told apart needs {FEWEST} respondents with all scores, and "
        f"there are {n}; some 15 to say it of dimensions that correlate at .97."
    )


def _sentences(
    groups: tuple[tuple[str, ...], ...], within: list[str], n: int, needed: float
) -> tuple[str, ...]:
    found = [f"{', '.join(group)}: cannot be told apart on this board." for group in groups]
    if within:
        found.append(
            f"{', '.join(within)}: the respondents differ no more than their errors let expect."
        )
    if needed > 0.97:
        found.append(
            f"With {n} respondents only dimensions that correlate above {needed:.3f} would be "
            "found to be one: no mark does not say that dimensions are different."
        )
    return tuple(found)


def circle(board: Board, rng: np.random.Generator) -> dict[str, Any]:
    """Say how well a board fits the circle of its theory.

    Scores are centred within each respondent and correlated across respondents; the theory says
    which values are more alike. Values without a score are left out.

    Args:
        board: its trade-off scale is used where there is one.
        rng: generator of the random orders that the fit is compared with.

    Returns:
        ``correspondence`` (1: the circle, 0: chance, in [-1, 1]), ``p`` (share of random orders of
        the values that fit at least as well), ``relations``, ``amplitude``, ``cosine_share``,
        ``compared_on``, ``n`` respondents and ``reason``: why there are no figures, or None.

    Source: `stats.validity.circle_fit` (Hubert & Arabie 1987; Schwartz 1992; Browne 1992).
    """
    profiles, kind = board.profiles()
    places, wedges = positions(board)
    seen = np.asarray(~np.isnan(profiles).all(axis=0), dtype=bool)
    at = [d for d, name in enumerate(board.names) if name in places and seen[d]]
    own = profiles[:, at]
    own = own[~np.isnan(own).any(axis=1)]
    n, figures = len(own), ("correspondence", "p", "relations", "amplitude", "cosine_share")
    centred = own - own.mean(axis=1, keepdims=True) if at else own
    where = [places[board.names[d]] for d in at]
    if not places:
        why = f"{board.system.name} has no circle."
    elif len(set(where)) < 3:
        why = "The circle needs three values with scores."
    elif n < FEWEST:
        why = f"The circle needs {FEWEST} respondents with all scores, and there are {n}."
    elif (np.ptp(centred, axis=0) < 1e-12).any():
        why = "A value on which all respondents are equal has no place on the circle."
    else:
        found = circle_fit(np.corrcoef(centred.T), where, wedges, rng)
        numbers = [finite(found.correspondence, 4), finite(found.p_value, 4), found.relations]
        numbers += [finite(found.amplitude, 4), finite(found.cosine_share, 4)]
        about = {"compared_on": kind, "n": n, "reason": None}
        return dict(zip(figures, numbers, strict=True)) | about
    return dict.fromkeys(figures) | {"compared_on": kind, "n": n, "reason": why}


def positions(board: Board) -> tuple[dict[str, int], int]:
    """Return the wedge of each value on the theory's circle, and the number of wedges."""
    together = ONE_WEDGE.get(board.system.id, ())
    places: dict[str, int] = {}
    last = ""
    for name in board.system.circle:
        places[name] = places[last] if (last, name) == together else len(set(places.values()))
        last = name
    return places, len(set(places.values()))
