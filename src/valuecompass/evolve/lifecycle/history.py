"""What the workspace knows of a bank: what was answered, how often asked, and what is retired."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select

from valuecompass.evolve.lifecycle.information import fresh_table, joined
from valuecompass.evolve.lifecycle.retire import Retirement
from valuecompass.measure.archive import load_measurement, utc
from valuecompass.measure.item_table import Answered, ItemTable, answered_by_opinion
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.scoring import FREE, RATED
from valuecompass.store import Store, answers, evolutions, measurements, retirements
from valuecompass.values import ValueSystem

__all__ = ["Past", "Sitting", "log_retirements", "past_of", "pool_occasion", "retired_items"]

FEWEST = 3
"""Respondents of a sitting from which on it says whom the next form is for, and what drifts."""
POOL = "/pool"
"""No name of a season ends so: what its pool answers selects, and is never reported."""
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
    def of_pool(self) -> bool:
        """Whether the pool of a season sat."""
        return (self.occasion or "").endswith(POOL)

    @property
    def respondents(self) -> tuple[str, ...]:
        """Who sat."""
        return self.answered.table.respondents

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
    restored: items taken back into use of which nothing was asked since: the evidence that retired
        them is no news.
    """

    sittings: tuple[Sitting, ...]
    evolved: tuple[ItemTable, ...]
    uses: Mapping[str, int]
    retired: Mapping[str, str]
    restored: Collection[str] = ()

    @property
    def evidence(self) -> ItemTable | None:
        """Everything, in one table; None: nothing."""
        tables = [*(s.answered.table for s in self.sittings), *self.evolved]
        return joined(tables) if tables else None

    @property
    def latest(self) -> tuple[str, ...] | None:
        """Respondents of the newest sitting of some size: those that a form is for; None: none."""
        return self.boards[-1].respondents if self.boards else None

    @property
    def boards(self) -> list[Sitting]:
        """Sittings of some size that no season's pool sat."""
        return [s for s in self.sittings if len(s.respondents) >= FEWEST and not s.of_pool]

    def reported(self, form: str, judge: str | None = None) -> Sitting | None:
        """Return all that a form was measured on, no season's pool, as one sitting.

        Of a respondent that sat more than once the newest counts. None: nobody sat.

        Args:
            form: its hash.
            judge: this one's verdicts alone; None: any, which says who sat, but no scores.
        """
        own = [
            s
            for s in self.sittings
            if s.form == form and not s.of_pool and judge in (None, s.judge)
        ]
        return _newest(own) if own else None


def pool_occasion(season: str) -> str:
    """Return the occasion on which the pool of a season answers."""
    return season + POOL


def _newest(sittings: Sequence[Sitting]) -> Sitting:
    """Return sittings of one form as one, with the newest of each respondent."""
    last = {name: at for at, one in enumerate(sittings) for name in one.respondents}
    parts: list[Answered] = []
    for at, one in enumerate(sittings):
        table = one.answered.table
        rows = [k for k, name in enumerate(table.respondents) if last[name] == at]
        names = tuple(table.respondents[k] for k in rows)
        of_them = ItemTable(names, table.items, table.names, table.totals[rows], table.counts[rows])
        parts.append(Answered(of_them, one.answered.kinds))
    used = [one for one, part in zip(sittings, parts, strict=True) if part.table.respondents]
    return Sitting(
        sittings[-1].form,
        used[-1].occasion,
        used[-1].judge,
        tuple(m for one in used for m in one.measurements),
        _joined([part for part in parts if part.table.respondents]),
    )


def _joined(parts: Sequence[Answered]) -> Answered:
    kinds = {
        item: kind
        for part in parts
        for item, kind in zip(part.table.items, part.kinds, strict=True)
    }
    table = joined([part.table for part in parts])
    return Answered(table, tuple(kinds[item] for item in table.items))


async def past_of(store: Store, system: ValueSystem, *, under_way: str | None = None) -> Past:
    """Read what is known.

    Observed texts and imported tables are left out: nobody was asked an item. A form of questions
    is measured under `ValueSystem.as_expression`, whose id is another one where the system's own
    items are scored otherwise; its items are the system's all the same.

    Args:
        store: the open store.
        system: of the items.
        under_way: an occasion that is not counted as a use yet.
    """
    query = select(measurements).where(
        measurements.c.system.in_({system.id, system.as_expression().id}),
        measurements.c.kind == "measured",
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
            store,
            {
                k: v
                for k, v in of_sitting.items()
                if k[1] is None or k[1].removesuffix(POOL) != under_way
            },
        ),
        {row["item"]: row["reason"] for row in await retired_items(store, system.id)},
        await _restored(store, system.id),
    )


async def _restored(store: Store, system: str) -> set[str]:
    rows = await store.rows(
        select(retirements).where(retirements.c.system == system).order_by(retirements.c.id)
    )
    last = {row["item"]: row for row in rows}
    back = {i: utc(row["created"]) for i, row in last.items() if row["reason"] == "restored"}
    if not back:
        return set()
    newest = select(answers.c.item, func.max(measurements.c.created).label("asked"))
    asked = await store.rows(
        newest.join(measurements, answers.c.measurement == measurements.c.id)
        .where(answers.c.item.in_(back))
        .group_by(answers.c.item)
    )
    since = {row["item"]: utc(row["asked"]) for row in asked}
    return {item for item, when in back.items() if item not in since or since[item] <= when}


async def _together(store: Store, found: Sequence[Measurement]) -> Answered:
    return _joined([await answered_by_opinion(store, one) for one in found])


async def _uses(
    store: Store, of_sitting: Mapping[tuple[str, str | None, str], Sequence[Measurement]]
) -> dict[str, int]:
    occasions: dict[str, set[str]] = {}
    for (form, occasion, _), found in of_sitting.items():
        for one in found:
            asked = select(answers.c.item).where(answers.c.measurement == one.id).distinct()
            for row in await store.rows(asked):
                # the pool of a season and its board are one occasion
                name = occasion.removesuffix(POOL) if occasion else f"form {form}"
                occasions.setdefault(row["item"], set()).add(name)
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
