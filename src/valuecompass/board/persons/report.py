"""A person beside respondents and cultures, as one object with all it must say."""

from __future__ import annotations

from typing import Any

import numpy as np

from valuecompass.board.boards import Board
from valuecompass.board.cultures.profiles import Profiles
from valuecompass.board.cultures.report import ALPHA
from valuecompass.board.cultures.similarity import fit_test, nearest, similarity
from valuecompass.board.persons.match import Array, Person, centred_ranks, match

__all__ = ["person_report"]

_EXACT = (
    "The cultures' profiles are taken as exact, so their matches have no intervals. Profiles of "
    "cultures: "
)
_NO_CULTURE = (
    "No culture fits: answers in random order come as near to one of them in {share:.0f} % of "
    "cases."
)


def person_report(
    board: Board, person: Person, profiles: Profiles | None = None, *, seed: int = 0
) -> dict[str, Any]:
    """Compare a person with a board's respondents and with cultures.

    Args:
        board: the respondents.
        person: somebody's profile, of the board's system.
        profiles: cultures of the same system.
        seed: of the shuffles and draws.

    Returns:
        A JSON object: what `Match.json` returns, and `dimensions` of the board, `order` of the
        person and in `orders` of every respondent and culture with a match (ranks 1 to D over the
        dimensions, D = put before all others, ties averaged), and `cultures`.

    Raises:
        InputError: the board has fewer than two dimensions.
    """
    found = match(board, person, np.random.default_rng(seed)).json()
    values, _ = board.profiles()
    mine = np.array([person.means[name] for name in board.names])
    matched = {one["respondent"] for one in found["matches"] if one["match"] is not None}
    orders = {
        name: order
        for name, order in zip(board.respondents, _orders(values), strict=True)
        if name in matched
    }
    report: dict[str, Any] = found | {
        "system": board.system.id,
        "date": board.created.date().isoformat(),
        "dimensions": list(board.names),
        "order": _orders(mine[None])[0],
        "orders": {"respondents": orders, "cultures": {}},
        "cultures": None,
    }
    if profiles is not None and found["matches"]:
        at = [board.system.names.index(name) for name in board.names]
        known = profiles.values[:, at]
        report["cultures"] = _cultures(mine, profiles, known, seed)
        by_name = dict(zip(profiles.cultures, _orders(known), strict=True))
        report["orders"]["cultures"] = by_name
    return report


def _orders(values: Array) -> list[list[float | None]]:
    """Return ranks (R, D), 1 = least; None in rows where a number is missing."""
    ranks = centred_ranks(values) + (values.shape[1] + 1) / 2
    return [[None if np.isnan(one) else float(one) for one in row] for row in ranks]


def _cultures(mine: Array, profiles: Profiles, known: Array, seed: int) -> dict[str, Any]:
    rho = similarity(mine[None], known)[0]
    # a test by which not even a culture's own order would stand out says nothing
    rng = np.random.default_rng(seed)
    p, *own = fit_test(np.vstack([mine, known]), known, rng=rng)
    findable = any(one <= ALPHA for one in own)
    fits = bool(p <= ALPHA) if findable and not np.isnan(p) else None
    notices = [_EXACT + (profiles.source or f"{profiles.name} does not say where they come from.")]
    if fits is False:
        notices.insert(0, _NO_CULTURE.format(share=100 * p))
    order = [int(at) for at in np.argsort(-rho.round(12), kind="stable") if not np.isnan(rho[at])]
    return {
        "file": profiles.name,
        "matches": [
            {
                "culture": profiles.cultures[at],
                "match": float(50 * (rho[at] + 1)),
                "rho": float(rho[at]),
            }
            for at in order
        ],
        "nearest": [profiles.cultures[at] for at in nearest(rho)] if fits else [],
        "fits": fits,
        "p": None if np.isnan(p) else float(p),
        "notices": notices,
    }
