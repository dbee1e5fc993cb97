"""Findings on how respondents answered and were judged: refusals, stated and shown, the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from valuecompass.board.boards import Board
from valuecompass.board.findings.finding import (
    FDR,
    Control,
    Finding,
    Found,
    address,
    limits,
    respondent_page,
)
from valuecompass.stats.comparison import benjamini_hochberg, claims
from valuecompass.stats.intervals import cluster_bootstrap_mean
from valuecompass.store import Store, answers

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Refusals:
    """Share of answers that declined, by respondent and item, (R, n) in [0, 1]; NaN: not asked."""

    respondents: tuple[str, ...]
    items: tuple[str, ...]
    shares: Array


async def refusals_of(store: Store, board: Board) -> Refusals:
    """Read what respondents of a board declined to answer; found texts are left out."""
    counts: dict[str, dict[str, tuple[int, int]]] = {}
    for measurement in board.measurements:
        if measurement.observational:
            continue
        refused = (answers.c.outcome == "refusal").label("refused")
        query = (
            select(answers.c.position, answers.c.item, refused, func.count().label("n"))
            .where(answers.c.measurement == measurement.id, answers.c.outcome != "missing")
            .group_by(answers.c.position, answers.c.item, refused)
        )
        own: dict[str, dict[str, tuple[int, int]]] = {}
        for row in await store.rows(query):
            position: int = row["position"]
            of = own.setdefault(measurement.rows[position].respondent, {})
            no, n = of.get(row["item"], (0, 0))
            of[row["item"]] = (no + row["n"] * bool(row["refused"]), n + row["n"])
        counts = own | counts  # the newest measurement of a respondent is the one on the board
    names = tuple(name for name in board.respondents if name in counts)
    items = tuple(dict.fromkeys(item for name in names for item in counts[name]))
    place = {item: at for at, item in enumerate(items)}
    shares = np.full((len(names), len(items)), np.nan)
    for r, name in enumerate(names):
        for item, (no, n) in counts[name].items():
            shares[r, place[item]] = no / n
    return Refusals(names, items, shares)


def refusals(found: Refusals, board: Board, simulated: bool, rng: np.random.Generator) -> Found:
    """Return who declines more often than every other respondent of its sort.

    Tested as being highest on a dimension is (`differences`): by the largest p-value of its pairs.
    """
    at = [
        r
        for r, name in enumerate(found.respondents)
        if board.simulated[board.respondents.index(name)] == simulated
    ]
    if len(at) < 2:
        return Found()
    shares, items = found.shares[at], np.asarray(found.items)
    compared = claims(shares[:, :, None], items, rng)
    p = np.ones(len(at))
    for r in range(len(at)):
        own = (compared.pairs == r).any(axis=1)
        ahead = np.where(compared.pairs[own, 0] == r, 1, -1) * compared.difference[own, 0]
        p[r] = np.where(ahead > 0, compared.p[own, 0], 1.0).max()
    q, sure = benjamini_hochberg(p, FDR)
    told = [
        _refuses(board, found.respondents[at[r]], shares[r], items, float(q[r]), len(at), rng)
        for r in np.flatnonzero(sure).tolist()
    ]
    how = f"false discovery rate of 5 % over {len(at)} claims of declining more than all others"
    return Found(tuple(told), (Control("refusals", len(at), len(told), how, simulated),))


def _refuses(
    board: Board,
    name: str,
    shares: Array,
    items: NDArray[np.str_],
    q: float,
    others: int,
    rng: np.random.Generator,
) -> Finding:
    asked = ~np.isnan(shares)
    value, low, high = (100 * x for x in cluster_bootstrap_mean(shares[asked], items[asked], rng))
    date = board.created.date().isoformat()
    n = int(asked.sum())
    return Finding(
        kind="refusals",
        sentence=(
            f"{name} declines to answer more often than each of the {others - 1} others: "
            f"{limits(value, low, high)} % on {n:,} items."
        ),
        respondents=(name,),
        dimensions=(),
        simulated=board.simulated[board.respondents.index(name)],
        value=round(value, 4),
        low=round(low, 4),
        high=round(high, 4),
        unit="% of answers",
        n=n,
        counted="items",
        q=q,
        page=respondent_page(name, board.system.id, date),
        api=address(f"/api/v1/boards/{board.system.id}/respondent", {"name": name, "date": date}),
    )


def stated_and_shown(gaps: Mapping[str, Any], board: Board) -> Found:
    """Return gaps between stated and shown values that hold (`board.stated.gaps_of`)."""
    told: list[Finding] = []
    tested = 0
    date = board.created.date().isoformat()
    for pair in gaps["pairs"]:
        if pair["reason"] is not None:
            continue
        for row in pair["rows"]:
            for name, cell in row["dimensions"].items():
                tested += cell["p"] is not None
                if cell["discovered"]:
                    told.append(_gap(board, pair, row["respondent"], name, cell, date))
    reasons = list(dict.fromkeys(pair["reason"] for pair in gaps["pairs"] if pair["reason"]))
    notes: Sequence[str] = reasons or ([] if gaps["pairs"] else gaps["notices"][:1])
    if not tested:
        return Found(notes=tuple(f"Stated and shown values: {one}" for one in notes))
    how = f"false discovery rate of 5 % over {tested} gaps"
    return Found(tuple(told), (Control("stated and shown", tested, len(told), how),))


def _gap(
    board: Board, pair: Mapping[str, Any], who: str, name: str, cell: Mapping[str, Any], date: str
) -> Finding:
    way = "more" if cell["gap"] > 0 else "less"
    numbers = [float(cell[key]) for key in ("gap", "low", "high")]
    text = f"{numbers[0]:+.2f} [{numbers[1]:+.2f}, {numbers[2]:+.2f}]"
    return Finding(
        kind="stated and shown",
        sentence=(
            f"{who} states {name} {way} than it shows it ({pair['stated']} against "
            f"{pair['shown']}), beside the other respondents: {text} standard deviations."
        ),
        respondents=(who,),
        dimensions=(name,),
        simulated=bool(pair["simulated"]),
        value=numbers[0],
        low=numbers[1],
        high=numbers[2],
        unit="standard deviations of respondents",
        n=len(pair["rows"]),
        counted="respondents",
        q=cell["q"],
        page=respondent_page(who, board.system.id, date),
        api=address(f"/api/v1/boards/{board.system.id}/respondent", {"name": who, "date": date}),
    )


def judged(board: Board) -> Found:
    """Return what is known of the judge behind a board; nothing where none judged."""
    if board.imported or (gate := board.measurements[0].gate) is None:
        return Found()
    return Found(
        (
            Finding(
                kind="judge",
                sentence=gate.reason,
                respondents=(),
                dimensions=(),
                simulated=False,
                value=None,
                low=None,
                high=None,
                unit="",
                n=None,
                counted="",
                q=None,
                page="/methods?part=judges",
                api="/api/v1/methods",
            ),
        )
    )
