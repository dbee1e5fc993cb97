"""What is known of a value system's items: parameters, exposure, forms, retirement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import anyio
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from valuecompass.board.boards import Board, age, alike, read_board
from valuecompass.board.comparison import joined
from valuecompass.evolve.lifecycle.history import retired_items
from valuecompass.evolve.lifecycle.information import Worth, worth
from valuecompass.items import Item
from valuecompass.measure.item_table import answered
from valuecompass.measure.points import finite
from valuecompass.store import Store, answers, items, measurements

Json = dict[str, Any]
Status = Literal["in form", "active", "retired"]
STATUSES: tuple[Status, ...] = ("in form", "active", "retired")
"""in form: of the newest form that was measured, not retired; active: of the bank, and neither."""
FEWEST = 3
"""Respondents without whom an item's parameters say nothing."""
PLACING = 1_000
"""Items that say where respondents stand (`worth`): more of them move no position that is seen."""


@dataclass(frozen=True)
class ItemParameters:
    """What the answers of a board say of one item; limits are of 95 %.

    information: expected, of an answer about a respondent's position, in nats over all dimensions.
    high: its upper limit.
    discrimination, difficulty: on the main dimension, of the two-parameter logistic model.
    respondents: that answered it.
    """

    information: float | None
    high: float | None
    discrimination: float | None
    difficulty: float | None
    respondents: int


@dataclass(frozen=True)
class Known:
    """What is known of the items of one value system.

    parameters: of the items of the newest board; empty where there is none of our own, or too few
        respondents (`why` says so).
    uses: in how many measurements of this workspace an item was asked.
    form: ids of the newest form that was measured.
    retired: by item the row of the log.
    """

    parameters: Mapping[str, ItemParameters]
    uses: Mapping[str, int]
    form: frozenset[str]
    retired: Mapping[str, Json]
    why: str | None

    def status(self, item: str) -> Status:
        """Return whether an item is in use."""
        if item in self.retired:
            return "retired"
        return "in form" if item in self.form else "active"


async def known_of(store: Store, system: str) -> Known:
    """Read what is known of the items of a value system.

    Args:
        store: the open store.
        system: its id.
    """
    own = (measurements.c.system == system) & (measurements.c.kind == "measured")
    heads = sorted(await store.rows(select(measurements).where(own)), key=age, reverse=True)
    retired = {row["item"]: row for row in await retired_items(store, system)}
    if not heads:
        why = f"No form of {system} was measured here: nothing is known of its items yet."
        return Known({}, {}, frozenset(), retired, why)
    uses: dict[str, int] = {}
    asked: list[frozenset[str]] = []
    for head in heads:
        asked.append(await asked_in(store, head))
        for item in asked[-1]:
            uses[item] = uses.get(item, 0) + 1
    newest = alike(heads[0]["manifest"])
    of_form = [of for of, h in zip(asked, heads, strict=True) if alike(h["manifest"]) == newest]
    board = await read_board(store, system, date=heads[0]["id"], samples=0)
    found, why = await _parameters(store, board)
    return Known(found, uses, frozenset(item for of in of_form for item in of), retired, why)


async def asked_in(store: Store, head: Mapping[str, Any]) -> frozenset[str]:
    """Return ids of the items of a measurement."""
    query = select(answers.c.item).where(answers.c.measurement == head["id"]).distinct()
    if "observational" not in head["manifest"]:
        # all respondents are asked the same form: the first one's rows are a range of the key
        query = query.where(answers.c.position == 0)
    return frozenset(row["item"] for row in await store.rows(query))


async def _parameters(store: Store, board: Board) -> tuple[dict[str, ItemParameters], str | None]:
    n = len(board.respondents)
    if n < FEWEST:
        return {}, (
            f"Parameters of items need {FEWEST} respondents; the newest form was measured on {n}."
        )
    tables = [(await answered(store, m)).table for m in board.measurements]
    table = joined(tables, board.respondents)
    wanted = items.c.id.in_(table.items) if len(table.items) < 500 else items.c.system.is_not(None)
    rows = await store.rows(select(items.c.id, items.c.body).where(wanted))
    place = set(table.items)
    own = [Item.from_row(row["body"]) for row in rows if row["id"] in place]
    own = [item for item in own if item.dimensions[0] in table.names]
    told = await anyio.to_thread.run_sync(lambda: worth(own, table, placing=PLACING))
    return dict(zip(told.items, _rows(told), strict=True)), None


def _rows(told: Worth) -> list[ItemParameters]:
    def known(column: NDArray[np.float64], at: int) -> float | None:
        return finite(float(column[at]), 4)

    return [
        ItemParameters(
            known(told.information, at),
            known(told.high, at),
            known(told.slope, at),
            known(told.difficulty, at),
            int(told.answered[at]),
        )
        for at in range(len(told.items))
    ]
