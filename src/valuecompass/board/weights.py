"""Weights of dimensions: equal, typed, a culture's, a person's, or those of many people."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from valuecompass.board.alignment import MOST
from valuecompass.board.boards import Board
from valuecompass.board.cultures.profiles import Profiles
from valuecompass.errors import InputError
from valuecompass.files import read_text
from valuecompass.measure.published import LARGEST
from valuecompass.values import ValueSystem

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """Weights for a board's dimensions.

    values: (D,). population: (P, D), one row a person; None where nobody else is asked.
    """

    name: str
    values: Array
    population: Array | None = None
    notices: tuple[str, ...] = ()

    def by_name(self, names: Sequence[str]) -> dict[str, float]:
        """Return the weights that are not 0."""
        return {n: float(w) for n, w in zip(names, self.values, strict=True) if w}


def chosen(text: str, system: ValueSystem) -> list[str]:
    """Return the dimensions, each once, that a text names: dimensions or groups, with commas.

    Raises:
        InputError: unknown, or none.
    """
    groups = {"".join(g.name.lower().split()): g.dimensions for g in system.groups}
    found: list[str] = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        names = groups.get("".join(part.lower().split())) or (_dimension(part, system, "--dims"),)
        found += [name for name in names if name not in found]  # groups share dimensions
    if not found:
        raise InputError(f"--dims: no dimension; known: {', '.join(system.names)}")
    return found


def parse_weights(text: str, board: Board, profiles: Profiles | None = None) -> Weights:
    """Return the weights that a text stands for.

    Args:
        text: `equal`; `Power=0.2,Security=0.8`, used as they are; `culture:NAME`, `person:FILE` or
            `population:FILE`, brought to a sum of one.
        board: whose dimensions are weighed.
        profiles: of cultures, for culture:NAME.

    Raises:
        InputError: unknown preset, dimension or culture, or a file or number that is none.
    """
    kind, colon, rest = text.partition(":")
    if text == "equal":
        return Weights("equal", np.full(len(board.names), 1 / len(board.names)))
    if colon and kind == "culture":
        if profiles is None or rest not in profiles.cultures:
            known = "none" if profiles is None else ", ".join(profiles.cultures)
            raise InputError(f"--weights {text}: no such culture; known: {known}")
        values = profiles.values[profiles.cultures.index(rest)].tolist()
        culture = dict(zip(board.system.names, values, strict=True))
        source = () if profiles.source is None else (profiles.source,)
        values = _importance(culture, board, f"--weights {text}")
        return Weights(text, values, None, (*source, *_shifted([culture])))
    if colon and kind == "person":
        person = _object(_json(Path(rest)), rest, board.system)
        return Weights(text, _importance(person, board, rest), None, _shifted([person]))
    if colon and kind == "population":
        return _population(text, Path(rest), board)
    given = _typed(text, board.system)
    if gone := [name for name in given if name not in board.names]:
        raise InputError(f"--weights: this board has no scores for {', '.join(gone)}")
    values = np.array([given.get(name, 0.0) for name in board.names])
    total = float(values.sum())
    notices = (
        ()
        if math.isclose(total, 1.0, abs_tol=1e-9)
        else (f"The weights sum to {total:g}: the result is not on the scale of the dimensions.",)
    )
    return Weights(text, values, None, notices)


def _population(text: str, path: Path, board: Board) -> Weights:
    people = _json(path)
    if not isinstance(people, list) or not people:
        raise InputError(f'{path}: expected a list of {{"Dimension": weight, ..}}, one a person')
    given = [
        _object(one, f"{path}, row {n}", board.system)
        for n, one in enumerate(cast("list[Any]", people), start=1)
    ]
    rows = [_importance(one, board, f"{path}, row {n}") for n, one in enumerate(given, start=1)]
    table = np.array(rows)
    said = f"Weights of {len(table):,} people: ranks are those of their mean weights."
    if len(board.respondents) > MOST:
        said += f" Pairs are looked at on boards of up to {MOST} respondents."
    return Weights(text, table.mean(axis=0), table, (said, *_shifted(given)))


def _importance(profile: Mapping[str, float], board: Board, where: str) -> Array:
    """Bring importances to weights that sum to one.

    Importances below 0 stand on a scale without a zero (person-centred ones): there the least
    important dimension gets 0.
    """
    if gone := [name for name in board.names if name not in profile]:
        raise InputError(f"{where}: no weight for {', '.join(gone)}; add it, or leave it to --dims")
    values = np.array([profile[name] for name in board.names], dtype=np.float64)
    values -= min(0.0, float(values.min()))
    if not values.sum() > 0:
        raise InputError(f"{where}: all weights are 0; nothing is left to compare")
    return values / values.sum()


def _shifted(profiles: Sequence[Mapping[str, float]]) -> tuple[str, ...]:
    """Say that importances stand on a scale without a zero, and what was made of that."""
    if not any(value < 0 for profile in profiles for value in profile.values()):
        return ()
    return (
        "Some importances are below 0 (person-centred profiles are): they have no zero; the least "
        "important dimension got weight 0. Another zero would give another order.",
    )


def _typed(text: str, system: ValueSystem) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, sign, number = part.partition("=")
        if not sign:
            raise InputError(
                f"--weights {part}: expected NAME=NUMBER, equal, culture:NAME, person:FILE or "
                "population:FILE"
            )
        dimension = _dimension(name.strip(), system, "--weights")
        if dimension in found:
            raise InputError(f"--weights: {dimension} is named twice")
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not abs(weight) < LARGEST:
            raise InputError(f"--weights {part}: {number!r}, expected a finite number")
        found[dimension] = weight
    if not any(found.values()):
        raise InputError("--weights: all weights are 0; nothing is left to compare")
    return found


def _dimension(name: str, system: ValueSystem, option: str) -> str:
    found = system.canonical(name)
    if found is None:
        raise InputError(
            f"{option} {name}: not a dimension of {system.id}; known: {', '.join(system.names)}"
        )
    return found


def _json(path: Path) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"{path}: {twice} stands twice; keep one of the two")
        return found

    try:
        return json.loads(read_text(path), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON: {error}") from None


def _object(value: Any, where: str, system: ValueSystem) -> dict[str, float]:
    if not isinstance(value, dict):
        raise InputError(f'{where}: expected {{"Dimension": weight, ..}}')
    found: dict[str, float] = {}
    for name, weight in cast("dict[str, Any]", value).items():
        dimension = system.canonical(name)
        if dimension is None:
            raise InputError(f"{where}: {name}: not a dimension of {system.id}")
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            raise InputError(f"{where}: {name}: {weight!r:.60}, expected a number")
        if not abs(weight) < LARGEST:
            raise InputError(f"{where}: {name}: {weight!r:.60}, expected a finite number")
        if dimension in found:
            raise InputError(f"{where}: {dimension} stands twice")
        found[dimension] = float(weight)
    return found
