"""What the workspace knows of a bank: what was answered, how often asked, and what is retired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from valuecompass.evolve.lifecycle.information import fresh_table, joined
from valuecompass.evolve.lifecycle.retire import Retirement
from valuecompass.measure.archive import load_measurement, utc
from valuecompass.measure.item_table import Answered, ItemTable, answered_by_opinion
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.scoring import FREE, RATED
from valuecompass.store import Store, answers, evolutions, measurements, retirements
from valuecompass.values import ValueSystem

__all__ = ["Past", "Sitting", "log_retirements", "past_of", "retired_items"]

FEWEST = 3
"""Respondents of a sitting from which on it says whom the next form is for."""
Json = dict[str, Any]


@dataclass(frozen=True)
class Sitting:
    """All measurements of one form on one occasion, by one judge.

    measurements: their ids, oldest first.
    answered: what their items say, every opinion counted.
    """

    form: str
    occasion: str | None
    judge: str
    measurements: tuple[str, ...]
    answered: Answered

    @property
    def table(self) -> ItemTable:
        """What carries the scores: words of the respondents' own, else choices, else ratings."""
        for kinds in (FREE, ("tradeoff",), RATED):
            if (found := self.answered.of(kinds)).items:
                return found
        return self.answered.table


@dataclass(frozen=True)
class Past:
    """What is known of a value system's items in a workspace.

    sittings: in the order in which they were begun.
    evolved: what fresh answers to evolved items say, one for each run.
    uses: by item, occasions on which it was asked; without an occasion a form counts once.
    retired: by item, why.
    """

    sittings: tuple[Sitting, ...]
    evolved: tuple[ItemTable, ...]
    uses: Mapping[str, int]
    retired: Mapping[str, str]

    @property
    def evidence(self) -> ItemTable | None:
        """Everything, in one table; None: nothing."""
        tables = [*(s.answered.table for s in self.sittings), *self.evolved]
        return joined(tables) if tables else None

    @property
    def latest(self) -> tuple[str, ...] | None:
        """Respondents of the newest sitting of some size: those that a form is for; None: none."""
        large = [s for s in self.sittings if len(s.answered.table.respondents) >= FEWEST]
        return large[-1].answered.table.respondents if large else None


async def past_of(store: Store, system: ValueSystem, *, under_way: str | None = None) -> Past:
    """Read what is known.

    Observed texts and imported tables are left out: nobody was asked an item.

    Args:
        store: the open store.
        system: of the items.
        under_way: an occasion that is not counted as a use yet.
    """
    query = select(measurements).where(
        measurements.c.system == system.id, measurements.c.kind == "measured"
    )
    of_sitting: dict[tuple[str, str | None, str], list[Measurement]] = {}
    for head in await store.rows(query.order_by(measurements.c.created, measurements.c.id)):
        manifest = head["manifest"]
        names = [dimension["name"] for dimension in manifest["system"]["dimensions"]]
        if "observational" in manifest or tuple(names) != tuple(system.names):
            continue
        key = manifest["form"]["hash"], _occasion(manifest), manifest["judge_id"]
        of_sitting.setdefault(key, []).append(await load_measurement(store, head))
    sittings = [
        Sitting(*key, tuple(m.id for m in found), await _together(store, found))
        for key, found in of_sitting.items()
    ]
    own = await store.rows(
        select(evolutions.c.body)
        .where(evolutions.c.finished.is_not(None))
        .order_by(evolutions.c.created)
    )
    tables = (fresh_table(row["body"]["kept"], system.id, system.names) for row in own)
    return Past(
        tuple(s for s in sittings if s.answered.table.items),
        tuple(table for table in tables if table is not None),
        await _uses(
            store, {k: v for k, v in of_sitting.items() if k[1] != under_way or k[1] is None}
        ),
        {row["item"]: row["reason"] for row in await retired_items(store, system.id)},
    )


async def _together(store: Store, found: Sequence[Measurement]) -> Answered:
    parts = [await answered_by_opinion(store, one) for one in found]
    kinds = {
        item: kind
        for part in parts
        for item, kind in zip(part.table.items, part.kinds, strict=True)
    }
    table = joined([part.table for part in parts])
    return Answered(table, tuple(kinds[item] for item in table.items))


async def _uses(
    store: Store, of_sitting: Mapping[tuple[str, str | None, str], Sequence[Measurement]]
) -> dict[str, int]:
    occasions: dict[str, set[str]] = {}
    for (form, occasion, _), found in of_sitting.items():
        for one in found:
            asked = select(answers.c.item).where(answers.c.measurement == one.id).distinct()
            for row in await store.rows(asked):
                occasions.setdefault(row["item"], set()).add(occasion or f"form {form}")
    return {item: len(of) for item, of in occasions.items()}


def _occasion(manifest: Mapping[str, Any]) -> str | None:
    """Return the occasion that all respondents of a measurement share, or None."""
    found = {one.get("occasion") for one in manifest["respondents"]}
    return next(iter(found)) if len(found) == 1 else None


async def retired_items(
    store: Store, system: str | None = None, *, everything: bool = False
) -> list[Json]:
    """Return items that are retired, the longest first: item, system, reason, detail, date.

    Args:
        store: the open store.
        system: of this value system only.
        everything: the whole log instead, with what was restored.
    """
    query = select(retirements).order_by(retirements.c.id)
    if system is not None:
        query = query.where(retirements.c.system == system)
    log = [
        {
            "item": row["item"],
            "system": row["system"],
            "reason": row["reason"],
            "detail": row["detail"],
            "date": utc(row["created"]).isoformat(timespec="seconds"),
        }
        for row in await store.rows(query)
    ]
    if everything:
        return log
    last = {(row["system"], row["item"]): row for row in log}
    return [row for row in last.values() if row["reason"] != "restored"]


async def log_retirements(store: Store, system: str, found: Sequence[Retirement]) -> None:
    """Add rows to the log; nothing is ever taken out of it."""
    now = datetime.now(UTC)
    rows = [
        {
            "item": one.item,
            "system": system,
            "reason": one.reason,
            "detail": one.detail,
            "created": now,
        }
        for one in found
    ]
    if rows:
        await store.write((retirements.insert(), rows))
