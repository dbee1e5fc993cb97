"""One item with all that is known of it: where respondents differ on it, forms, retirement."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import select

from valuecompass.board.bank.known import ItemParameters, Known, Status
from valuecompass.board.bank.lineage import Kin, LineageNode, kin_of
from valuecompass.board.boards import age
from valuecompass.errors import InputError
from valuecompass.evolve.lifecycle.history import retired_items
from valuecompass.items import Item, seed_items
from valuecompass.measure.archive import utc
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


@dataclass(frozen=True)
class Around:
    """What the pages of all items of a value system rest on, read once.

    uses: measurements of our own, newest first. most: respondents of the largest of them.
    logs: by item its retirements and restorations, oldest first.
    """

    known: Known
    kin: Kin
    uses: tuple[FormUse, ...]
    most: int
    logs: Mapping[str, Sequence[Json]]


async def around(store: Store, system: str, known: Known) -> Around:
    """Read what the pages of all items of a value system rest on.

    Args:
        store: the open store.
        system: its id.
        known: of its items.
    """
    own = (measurements.c.system == system) & (measurements.c.kind == "measured")
    heads = sorted(await store.rows(select(measurements).where(own)), key=age, reverse=True)
    logs: dict[str, list[Json]] = {}
    for row in await retired_items(store, system, everything=True):
        logs.setdefault(row["item"], []).append(row)
    most = max((len(head["manifest"]["respondents"]) for head in heads), default=0)
    return Around(known, await kin_of(store, system), tuple(map(_sat, heads)), most, logs)


async def find_item(store: Store, id: str, evolved: Mapping[str, Item]) -> Item:
    """Return an item of the workspace, of a run of evolve, or of the seed bank.

    Args:
        store: the open store.
        id: of the item.
        evolved: items of all runs, as `evolved_items`.

    Raises:
        InputError: there is none of this id.
    """
    rows = await store.rows(select(items.c.body).where(items.c.id == id))
    if rows:
        return Item.from_row(rows[0]["body"])
    if id in evolved:
        return evolved[id]
    for system in BUILTIN:
        for item in seed_items(system):
            if item.id == id:
                return item
    raise InputError(f"item {id}: not in this workspace, its evolved items or the seed bank")


async def whole_item(
    store: Store, item: Item, of: Around, load: Callable[[str], Awaitable[Measurement]]
) -> WholeItem:
    """Return all that is known of an item.

    Args:
        store: the open store.
        item: of `find_item`.
        of: of the item's value system.
        load: returns a measurement by its id.
    """
    known, asked = of.known, await _asked(store, of, item.id)
    measured: FormUse | None = None
    rows: tuple[OnItem, ...] = ()
    spread: tuple[ItemSpread, ...] = ()
    for use in asked:
        measurement = await load(use.measurement)
        table = await answered_one(store, measurement, item)
        if table is not None:
            measured = use
            rows, spread = _rows(measurement, table), spread_of(table)
            break
    return WholeItem(
        item.id,
        item,
        known.status(item.id),
        known.parameters.get(item.id),
        known.uses.get(item.id, 0),
        measured,
        rows,
        spread,
        asked,
        tuple(of.logs.get(item.id, ())),
        of.kin.tree(item),
    )


async def _asked(store: Store, of: Around, id: str) -> tuple[FormUse, ...]:
    # the key is named from its first part on, so that nothing has to be searched
    query = select(answers.c.measurement).where(
        answers.c.measurement.in_([use.measurement for use in of.uses]),
        answers.c.position.in_(range(of.most)),
        answers.c.item == id,
    )
    found = {row["measurement"] for row in await store.rows(query.distinct())}
    return tuple(use for use in of.uses if use.measurement in found)


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
