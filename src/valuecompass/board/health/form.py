"""Health of a form: how reliably it measures, and how far it is used up."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import (
    connected_components,  # pyright: ignore[reportUnknownVariableType]
)
from sqlalchemy import func, select

from valuecompass.board.boards import Board, read_board
from valuecompass.board.health.contamination import contamination
from valuecompass.board.health.discriminant import FEWEST, circle, marks
from valuecompass.errors import InputError
from valuecompass.items import Item
from valuecompass.judges.panel import label_of
from valuecompass.judges.protocol import THRESHOLD
from valuecompass.measure.archive import UNJUDGED, found_answers, items_query, verdicts_of
from valuecompass.measure.item_table import ItemTable, item_table, item_values
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.points import finite
from valuecompass.measure.scoring import Result, findings_of
from valuecompass.stats.generalisability import (
    Components,
    cheapest_design,
    dependability,
    generalisability,
    variance_components,
)
from valuecompass.stats.reliability import cronbach_alpha, split_half
from valuecompass.store import Store, answers, open_store, verdicts

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Json = dict[str, Any]
TARGETS = (0.8, 0.9)
"""Dependability for which the cheapest design is sought: decisions on groups, on single models."""
LARGEST = {"item": 1_000, "repeat": 5, "judge": 5}
"""Numbers up to which designs are tried."""


@dataclass(frozen=True)
class Cells:
    """What single answers say, in [0, 1]; NaN where nothing was seen.

    values: (R respondents, n items, K repeats, D dimensions), as they carry the scores.
    votes: (R, n, K, J judges, D), what each member of a panel says; None without a panel.
    """

    respondents: tuple[str, ...]
    items: tuple[Item, ...]
    names: tuple[str, ...]
    judges: tuple[str, ...]
    values: Array
    votes: Array | None

    def table(self, d: int) -> Array:
        """Return (R, items of the dimension): the mean over repeats, NaN where nothing was seen."""
        cells = self.values[:, self.of(d)][..., d]
        seen = ~np.isnan(cells)
        total, count = (np.asarray(of.sum(axis=2)) for of in (np.where(seen, cells, 0.0), seen))
        return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)

    def of(self, d: int) -> Flags:
        """Return which items carry a dimension."""
        return np.asarray(~np.isnan(self.values[..., d]).all(axis=(0, 2)), dtype=bool)


async def health(
    workspace: Path,
    db: str | None,
    system: str,
    *,
    date: str | None = None,
    fresh: str | None = None,
    uses: int = 3,
    seed: int = 0,
) -> Json:
    """Say how healthy the form of a board is.

    Args:
        workspace: folder of the store.
        db: URL of another database, or None.
        system: id of the value system.
        date: the board of this day; None: the newest.
        fresh: id or day of a measurement of the same respondents on a parallel form of new items.
        uses: measurements in which an item may be used before it counts as worn.
        seed: of splits and draws.

    Returns:
        The documented JSON object: ``reliability``, ``generalisability``, ``saturation``,
        ``exposure``, ``contamination``, ``discriminant`` and ``circle``; what cannot be estimated
        is None, and ``notices`` say why.

    Raises:
        InputError: the board is an imported table, or `fresh` is no fresh measurement.
    """
    async with open_store(workspace, db, create=False) as store:
        return await health_in(store, system, date=date, fresh=fresh, uses=uses, seed=seed)


async def health_in(
    store: Store,
    system: str,
    *,
    date: str | None = None,
    fresh: str | None = None,
    uses: int = 3,
    seed: int = 0,
) -> Json:
    """`health` for an open store."""
    board = await read_board(store, system, date=date)
    if board.imported:
        raise InputError(
            f"health: the newest board of {system} is a published table, which has no items; "
            "name the day of a measurement of our own with --date"
        )
    cells = await read_cells(store, board)
    worn = await _exposure(store, board, uses)
    clean = await contamination(store, board, fresh)
    return _said(board, cells, worn, clean, seed)


def _said(board: Board, cells: Cells, worn: Json, clean: Json, seed: int) -> Json:
    rng = np.random.default_rng(seed)
    n = len(cells.respondents)
    enough = n >= FEWEST
    notices = list(board.notices)
    if not enough:
        notices.append(
            f"Reliability and generalisability need {FEWEST} respondents with scores, and there "
            f"{'is' if n == 1 else 'are'} {n}."
        )
    told = marks(board)
    return {
        "system": board.system.id,
        "date": board.created.date().isoformat(),
        "measurements": [m.id for m in board.measurements],
        "form": board.measurements[0].manifest["form"],
        "respondents": list(cells.respondents),
        "reliability": reliability(cells, rng) if enough else None,
        "generalisability": facets(cells, rng) if enough else None,
        "saturation": saturation(cells),
        "exposure": worn,
        "contamination": clean,
        "discriminant": told.json(),
        "circle": circle(board, rng),
        "notices": [*notices, *told.sentences],
    }


def reliability(cells: Cells, rng: np.random.Generator) -> Json:
    """Return by dimension alpha with limits and split-half reliability; halves keep kin together.

    An item, all that were made from it, and theirs go into one half; so do the items that share
    any parent, also one which was not measured.
    """
    kin = _kin(cells.items)
    found: Json = {}
    for d, name in enumerate(cells.names):
        table = cells.table(d)
        alpha = cronbach_alpha(table)
        half = split_half(table, rng, clusters=kin[cells.of(d)])
        found[name] = {
            "items": table.shape[1],
            "alpha": _limits(alpha),
            "split_half": {
                "value": finite(half.value, 4),
                "correlation_sd": finite(half.correlation_sd, 4),
            },
        }
    return found


def _kin(items: Sequence[Item]) -> NDArray[np.intp]:
    """Return a label for each item (n,), the same for items that parents join."""
    places: dict[str, int] = {}
    pairs = [
        (places.setdefault(item.id, len(places)), places.setdefault(other, len(places)))
        for item in items
        for other in (item.id, *item.lineage.parents)
    ]
    joined = coo_array((np.ones(len(pairs)), np.array(pairs).T), shape=(len(places), len(places)))
    labels = np.asarray(connected_components(joined, directed=False)[1], dtype=np.intp)
    return labels[[places[item.id] for item in items]]


def facets(cells: Cells, rng: np.random.Generator) -> Json:
    """Return by dimension what makes scores vary, and what a design would reach.

    Facets with one level cannot be told from the others and are left out. A repeat of one item has
    nothing to do with the same repeat of another: its components without the item are 0.
    """
    return {name: _facets(cells, d, rng) for d, name in enumerate(cells.names)}


def _facets(cells: Cells, d: int, rng: np.random.Generator) -> Json:
    names = ("respondent", "item", "repeat", "judge")
    study = cells.values[..., None, :] if cells.votes is None else cells.votes
    scores = study[:, cells.of(d)][..., d]
    single = [name for name, size in zip(names, scores.shape, strict=True) if size < 2]
    used = [name for name in names if name not in single]
    empty: Json = {"facets": used, "not_covered": single}
    if "item" in single:
        return empty | dict.fromkeys(("covers", "components", "now", "designs"))
    table = scores.reshape([size for size in scores.shape if size > 1])
    found = variance_components(table, used, rng)
    now = {name: size for name, size in zip(used, table.shape, strict=True) if name != used[0]}
    total = float(np.nansum(found.variance))
    components = [
        {
            "effect": list(effect),
            **_limits(found.interval(effect)[:3], 6),
            "share": finite(float(found.variance[e]) / total, 4) if total > 0 else None,
        }
        for e, effect in enumerate(found.effects)
    ]
    reached = {
        "n": now,
        "dependability": _limits(dependability(found, now)[:3]),
        "generalisability": _limits(generalisability(found, now)[:3]),
    }
    known = reached["dependability"]["value"] is not None
    designs = {f"{t}": _design(found, used[1:], t) if known else None for t in TARGETS}
    return empty | {
        "covers": list(found.covers),
        "components": components,
        "now": reached,
        "designs": designs,
    }


def _design(found: Components, used: Sequence[str], target: float) -> Json | None:
    """Return the cheapest design in calls: one for an answer, one for each judge that reads it."""
    answer = "repeat" if "repeat" in used else "item"
    cost = {name: float(name in (answer, "judge")) for name in used}
    grid = {name: range(1, LARGEST[name] + 1) for name in used}
    best = cheapest_design(found, cost, grid, target=target).cheapest
    if best is None:
        return None
    return {"n": best.n, "calls": round(best.cost), "expected": finite(best.coefficient, 4)}


def saturation(cells: Cells) -> Json:
    """Return the shares of items on which the respondents do not differ.

    ``equal``: all have the same value; ``same_verdict``: all are on the same side of .5. Of items
    that two respondents have answered, on each dimension, and on all that an item carries.
    """
    means = np.full((*cells.values.shape[:2], len(cells.names)), np.nan)
    for d in range(len(cells.names)):
        means[:, cells.of(d), d] = cells.table(d)
    lowest, highest = (of.reduce(means, axis=0, initial=np.nan) for of in (np.fmin, np.fmax))
    several = np.asarray((~np.isnan(means)).sum(axis=0) > 1, dtype=bool)
    same = (highest - lowest < 1e-9, (lowest >= THRESHOLD) == (highest >= THRESHOLD))
    by_name = {
        name: _saturated(several[:, [d]], *(of[:, [d]] for of in same))
        for d, name in enumerate(cells.names)
    }
    return _saturated(several, *same) | {"dimensions": by_name}


def _saturated(several: Flags, equal: Flags, agreed: Flags) -> Json:
    """Return shares of the items, (n, D), that are saturated on every dimension they count on."""
    counted = several.any(axis=1)
    n = int(counted.sum())
    whole = np.stack([(~several | of).all(axis=1) for of in (equal, agreed)])
    shares = [finite(whole[k, counted].mean(), 4) if n else None for k in (0, 1)]
    return {"items": n, "equal": shares[0], "same_verdict": shares[1]}


async def _exposure(store: Store, board: Board, uses: int) -> Json:
    """Return in how many measurements of this workspace the items of the board were used."""
    ids = [m.id for m in board.measurements]
    own = select(answers.c.item).where(answers.c.measurement.in_(ids))
    query = (
        select(answers.c.item, func.count(answers.c.measurement.distinct()).label("used"))
        .where(answers.c.item.in_(own))
        .group_by(answers.c.item)
    )
    counts = np.array([row["used"] for row in await store.rows(query)])
    times, items = np.unique(counts, return_counts=True)
    return {
        "items": len(counts),
        "times": {f"{t}": k for t, k in zip(times.tolist(), items.tolist(), strict=True)},
        "uses": uses,
        "worn": finite((counts > uses).mean(), 4),
    }


async def read_cells(store: Store, board: Board) -> Cells:
    """Read what single answers say of the respondents that have scores."""
    manifest = board.measurements[0].manifest["judge"]
    panel = manifest["members"] if manifest["kind"] == "panel" else ()
    own = [r for r, of in enumerate(board.scores) if not np.isnan(of).all()]
    rows = {board.respondents[r]: place for place, r in enumerate(own)}
    items: dict[str, Item] = {}
    for m in board.measurements:
        items |= {r["id"]: Item.from_row(r["body"]) for r in await store.rows(items_query(m))}
    ids = [m.id for m in board.measurements]
    last = select(func.max(answers.c.repeat).label("n")).where(answers.c.measurement.in_(ids))
    repeats = 1 + ((await store.rows(last))[0]["n"] or 0)
    names = board.system.names
    # filled as answers come: as a table of Python's numbers a large board takes a gigabyte
    cells = np.full((len(rows), len(items), repeats, 1 + len(panel), len(names)), np.nan)
    at: dict[str, int] = {}
    taken: set[str] = set()
    for m in board.measurements:
        new = {p: row.respondent for p, row in enumerate(m.rows) if row.respondent not in taken}
        taken |= set(new.values())
        places = {p: rows[name] for p, name in new.items() if name in rows}
        if repeats == 1 and not panel:
            _copy(cells, at, await item_table(store, m), places)
        else:
            await _fill(cells, at, store, board, m, places, items)
    cells = cells[:, : len(at)]
    told = np.flatnonzero(~np.isnan(cells).all(axis=(0, 1, 3, 4)))
    cells = cells[:, :, : 1 + max(told.tolist(), default=0)]
    cells = cells[..., [names.index(name) for name in board.names]]
    return Cells(
        tuple(rows),
        tuple(items[item] for item in at),
        board.names,
        tuple(label_of(member) for member in panel),
        cells[..., 0, :],
        cells[..., 1:, :] if panel else None,
    )


def _copy(cells: Array, at: dict[str, int], table: ItemTable, places: Mapping[int, int]) -> None:
    """Write a measurement that asked once, and one judge, into cells: its table has every value."""
    seen = np.flatnonzero(table.counts[list(places)].any(axis=(0, 2)))
    to = [at.setdefault(table.items[k], len(at)) for k in seen]
    for position, row in places.items():
        total, count = table.totals[position, seen], table.counts[position, seen]
        empty = np.full_like(total, np.nan)
        cells[row, to, 0, 0] = np.divide(total, count, out=empty, where=count > 0)


async def _fill(
    cells: Array,
    at: dict[str, int],
    store: Store,
    board: Board,
    measurement: Measurement,
    places: Mapping[int, int],
    items: Mapping[str, Item],
) -> None:
    """Write values of a measurement into cells, in place.

    Args:
        cells: by respondent, item, repeat, judge (0: the joined verdict) and dimension.
        at: the place of each item in them, given as it is first seen.
        store: the open store.
        board: whose respondents they are.
        measurement: of the board.
        places: rows of the cells by the respondents' positions.
        items: by id.
    """
    names, opinions = board.system.names, measurement.manifest["opinions"]
    columns = (
        *(answers.c[n] for n in ("position", "item", "repeat", "outcome", "reading")),
        verdicts.c.body.label("verdicts"),
    )
    query = found_answers(measurement, columns)
    async with contextlib.aclosing(store.stream(query, 2_000)) as blocks:
        async for rows in blocks:
            for row in (row for row in rows if row["position"] in places):
                body = verdicts_of(row)
                # the judge was asked and said nothing: findings of nothing, not no findings
                silent = row["reading"] == UNJUDGED
                said = [body, *(_vote(body, member) for member in range(cells.shape[3] - 1))]
                for judge, own in enumerate(said):
                    result = Result(
                        *(items[row["item"]], 0, row["repeat"], None, row["outcome"]),
                        reading=row["reading"],
                        findings=findings_of(own, names) if own or silent else None,
                    )
                    for d, item, value in item_values(board.system, opinions, [result]):
                        place = at.setdefault(item, len(at))
                        cells[places[row["position"]], place, row["repeat"], judge, d] = value


def _vote(body: Sequence[Any], member: int) -> list[Json]:
    """Return the verdicts as one member of a panel gave them."""
    return [v | {"expressed": v["votes"][member]} for v in body if v.get("votes")]


def _limits(interval: Sequence[float], digits: int = 4) -> Json:
    numbers = [finite(x, digits) for x in interval]
    return dict(zip(("value", "low", "high"), numbers, strict=True))
