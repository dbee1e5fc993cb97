"""What moved between dated measurements, of all respondents together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import anyio
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from valuecompass.board.boards import age, alike
from valuecompass.board.findings.finding import (
    FDR,
    Control,
    Finding,
    Found,
    address,
    limits,
    quoted,
)
from valuecompass.measure.archive import load_measurement, utc
from valuecompass.measure.item_table import ItemTable, item_table
from valuecompass.stats.comparison import benjamini_hochberg, claims
from valuecompass.store import Store, measurements


@dataclass(frozen=True)
class Moved:
    """One respondent's change on one dimension between two days, in points; q is written later."""

    respondent: str
    simulated: bool
    dimension: str
    since: str
    until: str
    value: float
    low: float
    high: float
    p: float
    n: int


async def moved(
    store: Store, system: str, seed: int = 0, *, until: datetime | None = None
) -> list[Moved]:
    """Return the changes of all respondents of a value system, as `board.drift` has them of one.

    Each later measurement is compared with the first that was made alike and has the respondent.
    Estimates are the same as there; limits and p-values where all answered the same items, else
    they differ by chance of the resampling.

    Args:
        store: the open store.
        system: id of the value system.
        seed: of the resampling.
        until: what came after this was not known then; None: all is.
    """
    own = measurements.c.system == system, measurements.c.kind == "measured"
    heads = sorted(await store.rows(select(measurements).where(*own)), key=age)
    heads = [head for head in heads if until is None or utc(head["created"]) <= until]
    kinds = [alike(head["manifest"]) for head in heads]
    found: list[Moved] = []
    for now, head in enumerate(heads):
        bases: dict[int, list[str]] = {}
        for name in _names(head):
            like = (
                k for k in range(now + 1) if kinds[k] == kinds[now] and name in _names(heads[k])
            )
            if (base := next(like)) < now:
                bases.setdefault(base, []).append(name)
        for base, names in bases.items():
            found += await _between(store, heads[base], head, names, seed)
    return found


def _names(head: Mapping[str, Any]) -> list[str]:
    return [r["name"] for r in head["manifest"]["respondents"]]


async def _between(
    store: Store, old: Mapping[str, Any], new: Mapping[str, Any], names: Sequence[str], seed: int
) -> list[Moved]:
    # two tables at a time: thousands of items make large ones
    sat = [await load_measurement(store, one) for one in (old, new)]
    before, after = [await item_table(store, one) for one in sat]
    days = [utc(head["created"]).date().isoformat() for head in (old, new)]
    simulated = {row.respondent: row.simulated for row in sat[1].rows}
    known = set(after.items)
    shared = [item for item in before.items if item in known]
    # all respondents at once: drawing for each anew would take minutes
    values = np.concatenate([_values(table, names, shared) for table in (after, before)])
    pairs = [(r, len(names) + r) for r in range(len(names))]
    change = await anyio.to_thread.run_sync(
        partial(claims, values, np.asarray(shared), np.random.default_rng(seed), pairs=pairs)
    )
    found: list[Moved] = []
    for r, name in enumerate(names):
        about = name, simulated[name]
        for d, dimension in enumerate(before.names):
            if change.n[r, d]:
                gap, low, high = (
                    100 * float(x[r, d]) for x in (change.difference, change.low, change.high)
                )
                p, n = float(change.p[r, d]), int(change.n[r, d])
                found.append(Moved(*about, dimension, days[0], days[1], gap, low, high, p, n))
    return found


def _values(table: ItemTable, names: Sequence[str], items: Sequence[str]) -> NDArray[np.float64]:
    """Return means of items, (respondents, items, dimensions)."""
    place = {item: at for at, item in enumerate(table.items)}
    rows = [table.respondents.index(name) for name in names]
    return table.means[np.ix_(rows, [place[item] for item in items])]


def drifts(changes: Sequence[Moved], system: str) -> Found:
    """Return the sure changes, the largest first, at a false discovery rate of 5 % over all."""
    if not changes:
        return Found(
            notes=("Nobody was measured twice by the same form and judge: no drift seen.",)
        )
    q, sure = benjamini_hochberg([one.p for one in changes], FDR)
    told = [(one, float(x)) for one, x, yes in zip(changes, q, sure, strict=True) if yes]
    told.sort(key=lambda pair: -abs(pair[0].value))
    how = f"false discovery rate of 5 % over {len(changes):,} changes"
    return Found(
        tuple(_told(one, x, system) for one, x in told),
        (Control("drift", len(changes), len(told), how),),
    )


def _told(one: Moved, q: float, system: str) -> Finding:
    more = "more" if one.value > 0 else "less"
    sentence = (
        f"{one.respondent} shows {one.dimension} {more} on {one.until} than on {one.since}: "
        f"{limits(one.value, one.low, one.high, sign=True)} points."
    )
    return Finding(
        kind="drift",
        sentence=sentence,
        respondents=(one.respondent,),
        dimensions=(one.dimension,),
        simulated=one.simulated,
        value=round(one.value, 4),
        low=round(one.low, 4),
        high=round(one.high, 4),
        unit="points",
        n=one.n,
        counted="items of both days",
        q=q,
        page=address(f"/respondents/{quoted(one.respondent)}", {"system": system}),
        api=address(f"/api/v1/boards/{system}/respondent/drift", {"name": one.respondent}),
    )
