"""One item with all that is known of it: where respondents differ on it, forms, retirement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import select

from valuecompass.board.bank.known import ItemParameters, Known, Status
from valuecompass.board.bank.lineage import LineageNode, evolved_item, tree_of
from valuecompass.board.boards import age
from valuecompass.errors import InputError
from valuecompass.evolve.lifecycle.history import retired_items
from valuecompass.items import Item, seed_items
from valuecompass.measure.archive import load_measurement, utc
from valuecompass.measure.item_table import ItemTable
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.one_item import answered_one
from valuecompass.measure.points import finite
from valuecompass.store import Store, answers, items, measurements
from valuecompass.values import BUILTIN

Json = dict[str, Any]


@dataclass(frozen=True)
class OnItem:
    """One respondent's answers to an item: by dimension the mean on 0-100 (None: none), and n."""

    respondent: str
    simulated: bool
    scores: dict[str, float | None]
    n: int


@dataclass(frozen=True)
class ItemSpread:
    """How far respondents are apart on one dimension of an item, on 0-100.

    sd: standard deviation over respondents; None with fewer than two.
    apart: largest less smallest score.
    """

    dimension: str
    sd: float | None
    apart: float | None
    respondents: int


@dataclass(frozen=True)
class FormUse:
    """A measurement in which an item was asked."""

    measurement: str
    date: str
    form: str
    hash: str


@dataclass(frozen=True)
class WholeItem:
    """An item with all that is known of it.

    measured: the measurement that `rows` are of, the newest with answers; None: nobody answered.
    spread: most disagreement first.
    log: retirements and restorations, oldest first.
    """

    id: str
    item: Item
    status: Status
    parameters: ItemParameters | None
    uses: int
    measured: FormUse | None
    rows: tuple[OnItem, ...]
    spread: tuple[ItemSpread, ...]
    asked: tuple[FormUse, ...]
    log: tuple[Json, ...]
    tree: LineageNode


async def find_item(store: Store, id: str) -> Item:
    """Return an item of the workspace, of a run of evolve, or of the seed bank.

    Raises:
        InputError: there is none of this id.
    """
    rows = await store.rows(select(items.c.body).where(items.c.id == id))
    if rows:
        return Item.from_row(rows[0]["body"])
    if (evolved := await evolved_item(store, id)) is not None:
        return evolved
    for system in BUILTIN:
        for item in seed_items(system):
            if item.id == id:
                return item
    raise InputError(f"item {id}: not in this workspace, its evolved items or the seed bank")


async def whole_item(store: Store, item: Item, known: Known) -> WholeItem:
    """Return all that is known of an item.

    Args:
        store: the open store.
        item: of `find_item`.
        known: of the item's value system.
    """
    own = (measurements.c.system == item.system) & (measurements.c.kind == "measured")
    heads = sorted(await store.rows(select(measurements).where(own)), key=age, reverse=True)
    asked = [head for head in heads if await _asked(store, head, item.id)]
    measured: FormUse | None = None
    rows: tuple[OnItem, ...] = ()
    spread: tuple[ItemSpread, ...] = ()
    for head in asked:
        measurement = await load_measurement(store, head)
        table = await answered_one(store, measurement, item)
        if table is not None:
            measured = _sat(head)
            rows, spread = _rows(measurement, table), spread_of(table)
            break
    log = await retired_items(store, item.system, everything=True)
    return WholeItem(
        item.id,
        item,
        known.status(item.id),
        known.parameters.get(item.id),
        known.uses.get(item.id, 0),
        measured,
        rows,
        spread,
        tuple(_sat(head) for head in asked),
        tuple(row for row in log if row["item"] == item.id),
        await tree_of(store, item),
    )


async def _asked(store: Store, head: Mapping[str, Any], id: str) -> bool:
    places = range(len(head["manifest"]["respondents"]))
    of_item = (answers.c.measurement == head["id"]) & (answers.c.item == id)
    query = select(answers.c.item).where(of_item, answers.c.position.in_(places)).limit(1)
    return bool(await store.rows(query))


def _sat(head: Mapping[str, Any]) -> FormUse:
    form: dict[str, str] = head["manifest"].get("form") or {}
    day = utc(head["created"]).date().isoformat()
    return FormUse(head["id"], day, form.get("name", ""), form.get("hash", ""))


def _rows(measurement: Measurement, table: ItemTable) -> tuple[OnItem, ...]:
    means = 100 * table.means[:, 0]
    return tuple(
        OnItem(
            row.respondent,
            row.simulated,
            {name: finite(means[at, d], 4) for d, name in enumerate(table.names)},
            int(table.counts[at, 0].max()),
        )
        for at, row in enumerate(measurement.rows)
    )


def spread_of(table: ItemTable) -> tuple[ItemSpread, ...]:
    """Return how far respondents are apart on the dimensions of a table of one item."""
    found: list[ItemSpread] = []
    for d, name in enumerate(table.names):
        means = 100 * table.means[:, 0, d]
        means = means[~np.isnan(means)]
        if not len(means):
            continue
        several = len(means) > 1
        sd = finite(means.std(ddof=1), 4) if several else None
        found.append(
            ItemSpread(name, sd, finite(np.ptp(means), 4) if several else None, len(means))
        )
    return tuple(sorted(found, key=lambda one: -(one.sd or 0)))
