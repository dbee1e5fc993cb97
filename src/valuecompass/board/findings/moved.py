"""What moved between dated measurements, of all respondents together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from valuecompass.board.drift import read_drifts
from valuecompass.board.findings.finding import (
    FDR,
    Control,
    Finding,
    Found,
    address,
    limits,
    quoted,
)
from valuecompass.measure.archive import utc
from valuecompass.stats.comparison import benjamini_hochberg
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
    """Return the changes of all respondents of a value system, the numbers of `board.drift`.

    Args:
        store: the open store.
        system: id of the value system.
        seed: of the resampling.
        until: what came after this was not known then; None: all is.
    """
    own = measurements.c.system == system, measurements.c.kind == "measured"
    heads = {head["id"]: head for head in await store.rows(select(measurements).where(*own))}
    found: list[Moved] = []
    for name, drift in (await read_drifts(store, system, seed=seed)).items():
        for change in drift["changes"]:
            head = heads.get(change["measurements"][1])
            if head is not None and (until is None or utc(head["created"]) <= until):
                simulated = _simulated(head["manifest"], name)
                found += [
                    Moved(name, simulated, dimension, change["from"], change["to"],
                          *(cell[key] for key in ("difference", "low", "high", "p", "n")))
                    for dimension, cell in change["dimensions"].items()
                ]  # fmt: skip
    return found


def _simulated(manifest: Mapping[str, Any], name: str) -> bool:
    own = [r["name"] for r in manifest["respondents"]].index(name)
    return manifest["rows"][own]["simulated"]


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
