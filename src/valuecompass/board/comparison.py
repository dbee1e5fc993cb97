"""Who differs from whom: paired on the same items, with false discoveries under control."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from valuecompass.board.boards import Board, read_board
from valuecompass.errors import InputError
from valuecompass.items import Item
from valuecompass.measure.item_table import ItemTable, item_table
from valuecompass.measure.points import finite
from valuecompass.stats.comparison import claims
from valuecompass.store import Store, open_store
from valuecompass.store import items as item_rows

Array = NDArray[np.float64]
MOST = 8
"""Respondents that are compared at once."""
FDR = 0.05


async def compare(
    workspace: Path,
    db: str | None,
    system: str,
    respondents: Sequence[str],
    *,
    date: str | None = None,
    seed: int = 0,
    items: int = 5,
) -> dict[str, Any]:
    """Compare respondents on every dimension, all pairs, on the items that both answered.

    Args:
        workspace: folder of the store.
        db: URL of another database, or None.
        system: id of the value system.
        respondents: two to eight names as on the board; the first less the second.
        date: the board of this day; None: the newest.
        seed: of the resampling.
        items: how many items to name that separate a pair most.

    Returns:
        The documented JSON object: ``pairs``, each with ``dimensions`` (difference on the scale of
        the scores with 95 % limits, p, q and ``discovered`` at a false discovery rate of 5 % over
        all pairs and dimensions, n items) and the ``items`` that separate it most. An imported
        table gives bare differences.

    Raises:
        InputError: an unknown respondent, or fewer than two or more than eight.
    """
    _several(respondents)
    async with open_store(workspace, db, create=False) as store:
        board = await read_board(store, system, date=date, samples=0)
        return await compare_on(store, board, respondents, seed=seed, items=items)


def _several(respondents: Sequence[str]) -> None:
    if not 2 <= len(dict.fromkeys(respondents)) <= MOST:
        raise InputError(f"compare: name two to {MOST} different respondents")


async def compare_on(
    store: Store, board: Board, respondents: Sequence[str], *, seed: int = 0, items: int = 5
) -> dict[str, Any]:
    """Compare respondents of a board that was read from an open store; as `compare`."""
    _several(respondents)
    at = [position(board, name) for name in dict.fromkeys(respondents)]
    if board.imported:
        pairs = [_bare(board, i, j) for k, i in enumerate(at) for j in at[k + 1 :]]
    else:
        table = await items_of(store, board, [board.respondents[i] for i in at])
        # resampling takes seconds where items are many: a server answers others meanwhile
        pairs = await anyio.to_thread.run_sync(_paired, table, board, seed, items)
        await _name(store, [item for pair in pairs for item in pair["items"]])
    return {
        "system": board.system.id,
        "date": board.created.date().isoformat(),
        "measurements": [m.id for m in board.measurements],
        "imported": board.imported,
        "fdr": FDR,
        "pairs": pairs,
        "notices": list(board.notices),
    }


def position(board: Board, name: str) -> int:
    """Return a respondent's place on the board.

    Raises:
        InputError: it is not there; the message names those that are.
    """
    if name not in board.respondents:
        known = ", ".join(board.respondents[:20]) + (", .." if len(board.respondents) > 20 else "")
        raise InputError(f"{name}: not on the board of {board.system.id}; there are: {known}")
    return board.respondents.index(name)


async def items_of(store: Store, board: Board, respondents: Sequence[str]) -> ItemTable:
    """Return what items say of some respondents of a board, from all its measurements."""
    return joined([await item_table(store, m) for m in board.measurements], respondents)


def joined(tables: Sequence[ItemTable], respondents: Sequence[str]) -> ItemTable:
    """Return one table of some respondents, each from the first of several that has it."""
    if len(tables) == 1 and tables[0].respondents == tuple(respondents):
        return tables[0]  # the usual case, and tables are large
    found: dict[str, tuple[ItemTable, int]] = {}
    for table in tables:
        for at, name in enumerate(table.respondents):
            if name in respondents:
                found.setdefault(name, (table, at))
    ids = tuple(dict.fromkeys(i for table, _ in found.values() for i in table.items))
    places = {item: place for place, item in enumerate(ids)}
    names = next(iter(found.values()))[0].names
    totals, counts = np.zeros((2, len(respondents), len(ids), len(names)))
    for row, name in enumerate(respondents):
        table, at = found[name]
        own = [places[i] for i in table.items]
        totals[row, own], counts[row, own] = table.totals[at], table.counts[at]
    return ItemTable(tuple(respondents), ids, names, totals, counts)


async def _name(store: Store, found: Sequence[dict[str, Any]]) -> None:
    """Write their texts into items that separate a pair, in place."""
    ids = {one["item"] for one in found}
    query = select(item_rows.c.id, item_rows.c.body).where(item_rows.c.id.in_(ids))
    texts = {row["id"]: Item.from_row(row["body"]).text for row in await store.rows(query)}
    for one in found:
        one["text"] = texts[one["item"]]


def _paired(table: ItemTable, board: Board, seed: int, most: int) -> list[dict[str, Any]]:
    values = table.means
    found = claims(values, np.asarray(table.items), np.random.default_rng(seed), fdr=FDR)
    places = [board.respondents.index(name) for name in table.respondents]
    pairs: list[dict[str, Any]] = []
    for row, (i, j) in enumerate(found.pairs.tolist()):
        dimensions = {
            name: {
                "a": finite(board.scores[places[i], d], 6),
                "b": finite(board.scores[places[j], d], 6),
                "difference": finite(100 * found.difference[row, at], 6),
                "low": finite(100 * found.low[row, at], 6),
                "high": finite(100 * found.high[row, at], 6),
                "p": finite(found.p[row, at]),
                "q": finite(found.q[row, at]),
                "discovered": bool(found.discovered[row, at]),
                "n": int(found.n[row, at]),
            }
            for d, name in enumerate(board.names)
            for at in [table.names.index(name)]
        }
        apart = values[i] - values[j]
        order = np.argsort(-np.nan_to_num(np.abs(apart)), axis=None, kind="stable")[:most]
        separating: list[dict[str, Any]] = [
            {
                "item": table.items[place],
                "text": "",  # only those of the few that are named are read
                "dimension": table.names[d],
                "difference": finite(100 * float(apart[place, d]), 6),
            }
            for place, d in (divmod(one, len(table.names)) for one in order.tolist())
            if abs(apart[place, d]) > 0
        ]
        names: dict[str, Any] = {"a": table.respondents[i], "b": table.respondents[j]}
        pairs.append(names | {"dimensions": dimensions, "items": separating})
    return pairs


def _bare(board: Board, i: int, j: int) -> dict[str, Any]:
    """Return the differences of an imported table: numbers without limits."""
    nothing = dict.fromkeys(("low", "high", "p", "q", "discovered", "n"))
    dimensions = {
        name: {
            "a": finite(board.scores[i, d], 6),
            "b": finite(board.scores[j, d], 6),
            "difference": finite(board.scores[i, d] - board.scores[j, d], 6),
            **nothing,
        }
        for d, name in enumerate(board.names)
    }
    names = {"a": board.respondents[i], "b": board.respondents[j]}
    return names | {"dimensions": dimensions, "items": []}
