"""All findings of a board, made anew from its data each time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import anyio
import numpy as np

from valuecompass.board.boards import Board, read_board
from valuecompass.board.comparison import items_of
from valuecompass.board.findings.answering import (
    Refusals,
    judged,
    refusals,
    refusals_of,
    stated_and_shown,
)
from valuecompass.board.findings.differences import Seen, differences
from valuecompass.board.findings.finding import Control, Finding, Found
from valuecompass.board.findings.groups import one_dimension, openness, order_of_values
from valuecompass.board.findings.moved import drifts, moved
from valuecompass.board.stated import gaps_of, modes_of
from valuecompass.measure.item_table import ItemTable
from valuecompass.store import Store


@dataclass(frozen=True)
class Findings:
    """What a board shows, in sentences.

    controls: what was tested for them, kind by kind: a sentence stands only where it held.
    notes: what could not be looked for, and why.
    notices: of the board.
    """

    system: str
    date: str
    measurements: tuple[str, ...]
    findings: tuple[Finding, ...]
    controls: tuple[Control, ...]
    notes: tuple[str, ...]
    notices: tuple[str, ...]


async def findings_of(
    store: Store, system: str, *, date: str | None = None, seed: int = 0
) -> Findings:
    """Return the findings of a board.

    Simulated and real respondents are never compared: each sort has its own sentences.

    Args:
        store: the open store.
        system: id of the value system.
        date: the board of this day or measurement; None: the newest.
        seed: of the resampling.

    Raises:
        InputError: there is no measurement of the system.
    """
    board = await read_board(store, system, date=date)
    gaps = gaps_of(await modes_of(store, board), seed)
    declined = None if board.imported else await refusals_of(store, board)
    table = None if board.imported else await items_of(store, board, board.respondents)
    changes = [] if board.imported else await moved(store, system, seed, until=board.created)

    def make() -> list[Found]:
        found = [*_compared(board, table, declined, seed), openness(board), one_dimension(board)]
        found += [order_of_values(board, seed), stated_and_shown(gaps, board)]
        return [*found, *([] if board.imported else [drifts(changes, system)]), judged(board)]

    return _joined(board, await anyio.to_thread.run_sync(make))


def _compared(
    board: Board, table: ItemTable | None, declined: Refusals | None, seed: int
) -> Iterable[Found]:
    if table is None or declined is None:
        yield Found(
            notes=("The scores were published without items: which differences are more than "
                   "chance is not known.",)
        )  # fmt: skip
        return
    if any(m.observational for m in board.measurements):
        yield Found(
            notes=("These are texts as they were found: respondents were asked different things, "
                   "so they are not compared.",)
        )  # fmt: skip
        return
    for simulated in dict.fromkeys(board.simulated):
        seen = seen_of(board, table, simulated)
        yield differences(seen, np.random.default_rng(seed))
        yield refusals(declined, board, simulated, np.random.default_rng(seed))


def seen_of(board: Board, table: ItemTable, simulated: bool) -> Seen:
    """Return what the respondents of one sort answered, on the dimensions of the board."""
    at = [r for r, s in enumerate(board.simulated) if s == simulated]
    at = [r for r in at if not np.isnan(board.scores[r]).all()]
    rows = [table.respondents.index(board.respondents[r]) for r in at]
    columns = [table.names.index(name) for name in board.names]
    own = ItemTable(
        tuple(board.respondents[r] for r in at),
        table.items,
        board.names,
        table.totals[rows][:, :, columns],
        table.counts[rows][:, :, columns],
    )
    numbers = (of[at] for of in (board.scores, board.low, board.high))
    day = board.created.date().isoformat()
    return Seen(board.system.id, day, simulated, own, *numbers)


def _joined(board: Board, found: list[Found]) -> Findings:
    return Findings(
        board.system.id,
        board.created.date().isoformat(),
        tuple(m.id for m in board.measurements),
        tuple(one for of in found for one in of.findings),
        tuple(one for of in found for one in of.controls),
        tuple(dict.fromkeys(one for of in found for one in of.notes)),
        board.notices,
    )
