"""The specification curve: what is left of a cultural claim over all defensible choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuecompass.board.cultures.profiles import Profiles
from valuecompass.board.cultures.similarity import (
    AS_IS,
    METHODS,
    SAME,
    Method,
    Treatment,
    nearest,
    similarity,
)
from valuecompass.errors import InputError

__all__ = ["SUPPORT", "choices", "respondent_curve", "specification_curve"]

SUPPORT = 0.9
"""Share of the specifications that must agree before a claim counts as supported."""


@dataclass(frozen=True)
class _Tried:
    """One specification and what it shows."""

    profiles: str
    method: Method
    treatment: Treatment
    cells: NDArray[np.float64]
    """(R, C)"""
    mean: NDArray[np.float64]
    """(C,) over respondents."""


def choices(names: Sequence[str]) -> list[tuple[Method, Treatment]]:
    """Return the defensible ways to compare with one set of profiles.

    Every method with the values as they are and with each single one left out. Rank methods also
    with each single value put last on both sides, as a published heatmap did; Pearson not, because
    how far below the others it is put would decide the result.
    """
    without = [Treatment("without", at, name) for at, name in enumerate(names)]
    last = [Treatment("last", at, name) for at, name in enumerate(names)]
    return [
        (method, treatment)
        for method in METHODS
        for treatment in (AS_IS, *without, *(last if method != "pearson" else ()))
    ]


def specification_curve(
    values: NDArray[np.float64],
    names: Sequence[str],
    respondents: Sequence[str],
    simulated: Sequence[bool],
    sets: Sequence[Profiles],
    method: Method = "spearman",
    treatment: Treatment = AS_IS,
) -> dict[str, Any]:
    """Try all defensible choices and count which of them support what one of them claims.

    Claims are read off the choice that was asked for (first set, `method`, `treatment`): which
    culture is alone the nearest to a respondent, and which of two cultures is nearer on average
    over the respondents. A tie supports no claim.

    Args:
        values: (R, D) what respondents are compared on.
        names: D dimensions.
        respondents: R names.
        simulated: (R,); real respondents only are averaged, if there are any.
        sets: profiles over the D dimensions; compared over the cultures that all of them have.
        method: of the claims.
        treatment: of the claims.

    Returns:
        A JSON object: the specifications, and the claims with their support.

    Raises:
        InputError: the sets have fewer than two cultures in common.

    Source: Simonsohn, Simmons & Nelson (2020), Nature Human Behaviour 4, 1208-1214.
    """
    cultures = _common(sets)
    averaged = ~np.array(simulated, dtype=bool)
    if not averaged.any():
        averaged[:] = True
    averaged &= ~np.isnan(values).any(axis=1)

    def tried(one: Profiles, by: Method, how: Treatment) -> _Tried:
        cells = similarity(values, one.values, by, how)
        # a respondent that cannot be compared under this choice is left out of this mean only
        shown = cells[averaged]
        shown = shown[~np.isnan(shown).all(axis=1)]
        mean = shown.mean(axis=0) if len(shown) else np.full(len(cultures), np.nan)
        return _Tried(one.name, by, how, cells, mean)

    restricted = [one.restricted(cultures) for one in sets]
    curve = [tried(one, by, how) for one in restricted for by, how in choices(names)]
    asked = tried(restricted[0], method, treatment)
    return {
        "threshold": SUPPORT,
        "cultures": list(cultures),
        "averaged": [n for n, yes in zip(respondents, averaged, strict=True) if yes],
        "specifications": [_row(one, respondents, cultures) for one in curve],
        "claims": [
            *_nearest_claims(curve, asked, respondents, cultures),
            *_order_claims(curve, asked, cultures),
        ],
    }


def respondent_curve(
    values: NDArray[np.float64], names: Sequence[str], sets: Sequence[Profiles]
) -> dict[str, Any]:
    """Return how near one respondent is to every culture under every defensible choice.

    Args:
        values: (D,) what the respondent is compared on.
        names: D dimensions.
        sets: profiles over the D dimensions; compared over the cultures that all of them have.

    Returns:
        A JSON object: under `specifications` the similarity to each culture (null: cannot be
        compared); under `claims` for each culture, the best
        supported first, in which share of the choices it alone is the nearest.

    Raises:
        InputError: the sets have fewer than two cultures in common.
    """
    cultures = _common(sets)
    curve = [
        _Tried(one.name, method, how, cells, cells[0])
        for one in (each.restricted(cultures) for each in sets)
        for method, how in choices(names)
        for cells in (similarity(values[None], one.values, method, how),)
    ]
    cells = np.stack([one.cells[0] for one in curve])  # (S, C)
    if len(np.unique(values)) < 2:  # putting one value last would give an order to who has none
        cells[:] = np.nan
    alone, compared = _alone(cells)
    claims: list[dict[str, Any]] = [
        {"culture": culture, **_support(curve, alone[:, at], compared)}
        for at, culture in enumerate(cultures if compared.any() else ())
    ]
    return {
        "threshold": SUPPORT,
        "cultures": list(cultures),
        "specifications": [
            {
                "profiles": one.profiles,
                "method": one.method,
                "treatment": str(one.treatment),
                "estimates": [None if np.isnan(value) else float(value) for value in row],
                "nearest": [cultures[at] for at in nearest(row)],
            }
            for one, row in zip(curve, cells, strict=True)
        ],
        "claims": sorted(claims, key=lambda claim: -claim["share"]),
    }


def _common(sets: Sequence[Profiles]) -> tuple[str, ...]:
    cultures = tuple(c for c in sets[0].cultures if all(c in one.cultures for one in sets))
    if len(cultures) < 2:
        raise InputError(
            f"--profiles {', '.join(one.name for one in sets)}: {len(cultures)} cultures in "
            "common; a specification curve compares two or more, spelled alike in every file"
        )
    return cultures


def _alone(cells: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return where a culture alone is nearest (..., C), and which rows compare at all (...)."""
    compared = (~np.isnan(cells)).sum(axis=-1) > 0
    largest = np.where(np.isnan(cells), -np.inf, cells)
    close = largest >= largest.max(axis=-1, keepdims=True) - SAME
    return close & (close.sum(axis=-1, keepdims=True) == 1), compared


def _row(one: _Tried, respondents: Sequence[str], cultures: Sequence[str]) -> dict[str, Any]:
    return {
        "profiles": one.profiles,
        "method": one.method,
        "treatment": str(one.treatment),
        "nearest": {
            name: [cultures[at] for at in nearest(row)]
            for name, row in zip(respondents, one.cells, strict=True)
        },
        "mean": {
            culture: None if np.isnan(value) else float(value)
            for culture, value in zip(cultures, one.mean, strict=True)
        },
    }


def _nearest_claims(
    curve: Sequence[_Tried], asked: _Tried, respondents: Sequence[str], cultures: Sequence[str]
) -> list[dict[str, Any]]:
    cells = np.stack([one.cells for one in curve])  # (S, R, C)
    alone, compared = _alone(cells)
    claims: list[dict[str, Any]] = []
    for at, name in enumerate(respondents):
        tried = compared[:, at]
        for culture in nearest(asked.cells[at]):
            claims.append(
                {
                    "claim": f"{name} is nearest to {cultures[culture]}",
                    "kind": "nearest",
                    "respondent": name,
                    "culture": cultures[culture],
                    **_support(curve, alone[:, at, culture], tried),
                    "shares": {
                        other: float(alone[tried, at, place].mean())
                        for place, other in enumerate(cultures)
                    },
                }
            )
    return claims


def _order_claims(
    curve: Sequence[_Tried], asked: _Tried, cultures: Sequence[str]
) -> list[dict[str, Any]]:
    means = np.stack([one.mean for one in curve])  # (S, C)
    claims: list[dict[str, Any]] = []
    for one, other in combinations(range(len(cultures)), 2):
        if np.isnan(asked.mean[[one, other]]).any():
            continue
        near, far = (one, other) if asked.mean[one] >= asked.mean[other] else (other, one)
        margin = means[:, near] - means[:, far]
        claims.append(
            {
                "claim": f"{cultures[near]} is nearer than {cultures[far]} on average",
                "kind": "order",
                "nearer": cultures[near],
                "farther": cultures[far],
                **_support(curve, margin > SAME, ~np.isnan(margin)),
            }
        )
    return claims


def _support(
    curve: Sequence[_Tried], agrees: NDArray[np.bool_], tried: NDArray[np.bool_]
) -> dict[str, Any]:
    """Return the share that agrees; of a claim that most support, where it is turned round."""
    share = float(agrees[tried].mean())
    votes: dict[str, list[bool]] = {}
    for one, yes, counted in zip(curve, agrees, tried, strict=True):
        if counted and one.treatment.name:
            votes.setdefault(one.treatment.name, []).append(bool(yes))
    return {
        "share": share,
        "of": int(tried.sum()),
        "supported": share >= SUPPORT,
        "hangs_on": [n for n, yes in votes.items() if share > 0.5 and sum(yes) * 2 < len(yes)],
    }
