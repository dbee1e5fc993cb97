"""AdAEM's win rate of a board's respondents: for comparison with published tables only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from valuecompass.board.boards import read_board
from valuecompass.board.comparison import items_of
from valuecompass.errors import InputError
from valuecompass.judges.protocol import THRESHOLD
from valuecompass.measure.points import finite
from valuecompass.stats.win_rate import Team, win_rates
from valuecompass.store import open_store

ORDERS = 20
WARNING = (
    "A win rate depends on who else is rated and on the order of the items, which says nothing of "
    "the respondents. Rank by scores; use this beside published win rates only."
)


async def win_rate(
    workspace: Path,
    db: str | None,
    system: str,
    *,
    date: str | None = None,
    team: Team = "sum",
    seed: int = 0,
) -> dict[str, Any]:
    """Rate the respondents of a board as AdAEM does.

    Args:
        workspace: folder of the store.
        db: URL of another database, or None.
        system: id of the value system.
        date: the board of this day; None: the newest.
        team: whether a group is as strong as its members together, or as their mean.
        seed: of the random orders of the items.

    Returns:
        The documented JSON object: ``rows``, by respondent and dimension the score on 0-100 (50 on
        average), its standard deviation and range over 20 orders of the items; ``order_rho``, by
        dimension the mean rank correlation between two orders.

    Raises:
        InputError: an imported table, which has no items, or fewer than two respondents.
    """
    async with open_store(workspace, db, create=False) as store:
        board = await read_board(store, system, date=date, samples=0)
        if board.imported:
            raise InputError(
                f"{system}: the newest board is an imported table without items; "
                "name a measurement of your own with --date"
            )
        if len(board.respondents) < 2:
            raise InputError(f"{system}: a win rate needs two respondents at least")
        table = await items_of(store, board, board.respondents)
    means = table.means
    expressed = np.where(np.isnan(means), np.nan, means >= THRESHOLD).transpose(1, 0, 2)
    found = win_rates(expressed, np.random.default_rng(seed), team=team, orders=ORDERS)
    rows = [
        {
            "respondent": who,
            "simulated": board.simulated[at],
            "dimensions": {
                name: {
                    "score": finite(found.score[at, d], 4),
                    "order_sd": finite(found.order_sd[at, d], 4),
                    "order_range": finite(found.order_range[at, d], 4),
                    "n": int(found.n[at, d]),
                }
                for d, name in enumerate(table.names)
            },
        }
        for at, who in enumerate(table.respondents)
    ]
    rho = {name: finite(found.order_rho[d], 4) for d, name in enumerate(table.names)}
    return {
        "system": system,
        "date": board.created.date().isoformat(),
        "team": team,
        "orders": ORDERS,
        "rows": rows,
        "order_rho": rho,
        "notices": [WARNING, *board.notices],
    }
