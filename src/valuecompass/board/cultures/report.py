"""The comparison of a board's respondents with cultures, as one object with all it must say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from valuecompass.board.boards import SALIENCE, Board
from valuecompass.board.correlation import compared_draws, interval
from valuecompass.board.cultures.profiles import Profiles
from valuecompass.board.cultures.similarity import (
    Floats,
    Method,
    Treatment,
    fit_test,
    nearest,
    parse_treatment,
    similarity,
)
from valuecompass.board.cultures.specification import respondent_curve, specification_curve
from valuecompass.errors import InputError

__all__ = ["ALPHA", "culture_curve", "culture_report"]

ALPHA = 0.05
"""A culture fits when values in random order come as near in fewer cases than this."""


def culture_report(
    board: Board,
    sets: Sequence[Profiles],
    *,
    method: Method = "spearman",
    treatment: str = "as-is",
    curve: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare the respondents of a board with cultures: the object that `culture --json` prints.

    Args:
        board: the respondents.
        sets: profiles of the board's system; the first makes the cells, all of them the
            specification curve.
        method: the correlation of the cells.
        treatment: of one dimension, in the cells: `as-is`, `last:NAME` or `without:NAME`.
        curve: add the specification curve.
        seed: of the permutations and draws.

    Returns:
        A JSON object; null where nothing can be compared.

    Raises:
        InputError: unknown treatment, fewer than three dimensions, or sets without common cultures.
    """
    sets = _over(board, sets)
    how = parse_treatment(treatment, board.system, board.names)
    values, compared_on = board.profiles()
    profiles = sets[0]
    cells = similarity(values, profiles.values, method, how)
    rng = np.random.default_rng(seed)
    p, findable = _fits(values, profiles.values, method, how, rng)
    draws = compared_draws(board, compared_on, rng)
    limits = _limits(cells, draws, profiles.values, method, how)
    places = [nearest(row) for row in cells]
    names = board.respondents
    report: dict[str, Any] = {
        "system": board.system.id,
        "date": board.created.date().isoformat(),
        "dimensions": list(board.names),
        "method": method,
        "treatment": str(how),
        "compared_on": compared_on,
        "simulated": [n for n, s in zip(names, board.simulated, strict=True) if s],
        "profiles": {
            "file": profiles.name,
            "source": profiles.source,
            "cultures": list(profiles.cultures),
        },
        "cells": _by_name(names, profiles.cultures, cells),
        "intervals": {
            name: dict(zip(profiles.cultures, row, strict=True))
            for name, row in zip(names, limits, strict=True)
        },
        "nearest": {
            name: [profiles.cultures[at] for at in found]
            for name, found in zip(names, places, strict=True)
        },
        "fits": {
            name: bool(one <= ALPHA) if findable and not np.isnan(one) else None
            for name, one in zip(names, p, strict=True)
        },
        "p": {n: None if np.isnan(one) else float(one) for n, one in zip(names, p, strict=True)},
        "seed": seed,
        "notices": [
            *_profile_notices(sets),
            *_comparison_notices(board, compared_on, draws is not None, how),
            *_gaps(board, values, profiles, method, how),
            *([] if findable else [_TOO_FEW]),
            *(said for said in board.notices if said != SALIENCE),
        ],
    }
    if curve:
        report["specification_curve"] = specification_curve(
            values, board.names, names, board.simulated, sets, method, how
        )
    return report


def culture_curve(board: Board, sets: Sequence[Profiles], respondent: str) -> dict[str, Any]:
    """Return how near one respondent is to every culture, whatever defensible choice is made.

    Args:
        board: the respondents.
        sets: profiles of the board's system.
        respondent: one of the board.

    Returns:
        A JSON object, as `specification.respondent_curve` describes it.

    Raises:
        InputError: no such respondent, fewer than three dimensions, or sets without two cultures
            in common.
    """
    if respondent not in board.respondents:
        raise InputError(f"{respondent!r} is not on the board of {board.system.id}")
    values, _ = board.profiles()
    row = values[board.respondents.index(respondent)]
    return respondent_curve(row, board.names, _over(board, sets))


def _over(board: Board, sets: Sequence[Profiles]) -> list[Profiles]:
    """Return profiles over the board's dimensions."""
    if len(board.names) < 3:
        raise InputError(
            f"-s {board.system.id}: {len(board.names)} dimensions have scores; profiles are "
            "compared over three or more"
        )
    at = [board.system.names.index(name) for name in board.names]
    return [replace(one, values=one.values[:, at]) for one in sets]


def _fits(
    values: Floats,
    profiles: Floats,
    method: Method,
    treatment: Treatment,
    rng: np.random.Generator,
) -> tuple[Floats, bool]:
    """Return the p-values, and whether a respondent exactly like a culture would be found."""
    found = fit_test(np.vstack([values, profiles]), profiles, method, treatment, rng=rng)
    own = found[len(values) :]
    return found[: len(values)], bool((own[~np.isnan(own)] <= ALPHA).any())


def _limits(
    cells: Floats, draws: Floats | None, profiles: Floats, method: Method, treatment: Treatment
) -> list[list[dict[str, float] | None]]:
    rows: list[list[dict[str, float] | None]] = [[None] * cells.shape[1] for _ in cells]
    if draws is None:
        return rows
    for at, row in enumerate(cells):
        known = np.flatnonzero(~np.isnan(row))
        drawn = similarity(draws[:, at], profiles[known], method, treatment)
        drawn = drawn[~np.isnan(drawn).any(axis=1)]  # a draw whose values are all equal
        if not len(drawn):
            continue
        low, high = interval(row[known], drawn)
        for place, below, above in zip(known.tolist(), low, high, strict=True):
            rows[at][place] = {"low": float(below), "high": float(above)}
    return rows


def _by_name(
    names: Sequence[str], cultures: Sequence[str], cells: Floats
) -> dict[str, dict[str, float | None]]:
    return {
        name: {
            culture: None if np.isnan(value) else float(value)
            for culture, value in zip(cultures, row, strict=True)
        }
        for name, row in zip(names, cells, strict=True)
    }


_TOO_FEW = (
    "Fit cannot be tested: with so few dimensions and so many cultures even a respondent exactly "
    "like one of them would not stand out from chance."
)
_COMPARED = {
    "trade-off": "Compared on the trade-off scale: how often a respondent puts a value first when "
    "two values conflict.",
    "as published": "Compared on the published scores as they stand; no interval was published "
    "with them, so the cells have none.",
    "salience": "Compared on how often each value shows in the answers. Such rates share no scale "
    "across values: a value can score high only because the questions invite it. Measure with "
    "trade-off items for a comparison that holds.",
}


def _profile_notices(sets: Sequence[Profiles]) -> list[str]:
    said: list[str] = []
    for one in sets:
        source = one.source or "the file does not say where they come from."
        said += [f"Profiles of {one.name}: {source}", *one.notices]
    return said


def _comparison_notices(
    board: Board, compared_on: str, intervals: bool, treatment: Treatment
) -> list[str]:
    notices = [_COMPARED.get(compared_on, f"Compared on {compared_on}.")]
    if intervals:
        how = (
            "normal draws on the logit scale, one dimension at a time, from their limits"
            if compared_on == "trade-off"
            else "the joint bootstrap of the scores"
        )
        notices.append(
            f"The intervals of the cells (95 %) carry the respondents' uncertainty, by {how}; "
            "the profiles of the cultures are taken as exact."
        )
    if treatment.kind == "last":
        notices.append(
            f"{treatment.name} is put last on both sides: this agreement is written in by hand and "
            "lifts every cell."
        )
    if any(board.simulated) and not all(board.simulated):
        notices.append(
            "Simulated respondents are marked; averages over respondents leave them out."
        )
    return notices


def _gaps(
    board: Board, values: Floats, profiles: Profiles, method: Method, treatment: Treatment
) -> list[str]:
    """Say why cells are empty: what cannot be compared with itself cannot with anything."""
    notices: list[str] = []
    own = np.diagonal(similarity(values, values, method, treatment))
    for name, row, one in zip(board.respondents, values, own, strict=True):
        lacking = [n for n, value in zip(board.names, row, strict=True) if np.isnan(value)]
        why = f"no score on {', '.join(lacking)}" if lacking else "all its scores are equal"
        if np.isnan(one):
            notices.append(f"{name} is not compared: {why}.")
    alike = np.diagonal(similarity(profiles.values, profiles.values, method, treatment))
    for culture, one in zip(profiles.cultures, alike, strict=True):
        if np.isnan(one):
            notices.append(f"{culture} is not compared: all its values are equal.")
    return notices
