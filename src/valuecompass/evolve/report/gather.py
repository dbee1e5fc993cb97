"""Reads what a report is about: runs, their seeds, and what models answered to sets of items."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from valuecompass.errors import InputError
from valuecompass.evolve.report.figures import Answers
from valuecompass.items import Item, seed_items
from valuecompass.measure.archive import utc
from valuecompass.measure.item_table import stored_answers
from valuecompass.measure.measurement import Measurement
from valuecompass.models import parse_respondent
from valuecompass.store import Store, evolution_events, evolutions
from valuecompass.values import BUILTIN, ValueSystem

__all__ = ["Run", "read_answers", "read_run", "seeds_of"]

Json = dict[str, Any]
KINDS = ("question", "tradeoff")
"""What evolves."""


@dataclass(frozen=True)
class Run:
    """A finished run as the store has it."""

    id: str
    created: datetime
    method: str
    manifest: Json
    body: Json
    events: tuple[Json, ...]

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """The items it kept, the best first."""
        return tuple(Item.model_validate(c["item"]) for c in self.body["kept"])

    @cached_property
    def topics(self) -> dict[str, str]:
        """Id of an item it kept -> id of the seed that it belongs to."""
        pairs = zip(self.items, self.body["kept"], strict=True)
        return {item.id: c["topic"] for item, c in pairs}

    @property
    def writers(self) -> list[str]:
        """Names of all models that wrote, rewrote or answered while items were selected."""
        named: list[str] = []
        for key in ("pool", "strong", "explorers"):
            named += self.manifest.get(key) or ()
        return list(dict.fromkeys(named))

    @property
    def source(self) -> str:
        """Where its seeds are from: "bank", or the path of a file."""
        seeds: Json = self.manifest.get("seeds") or {}
        return str(seeds.get("source", ""))

    def of(self, system: str) -> list[Item]:
        """Return the kept items of one value system."""
        return [item for item in self.items if item.system == system]


async def read_run(store: Store, run: str | None) -> Run:
    """Return a finished run.

    Args:
        store: the open store.
        run: the id, or how it begins; None: the newest finished one.

    Raises:
        InputError: there is none, several begin so, or it has not finished.
    """
    table = evolutions.c
    query = select(table.id, table.created, table.method, table.finished)
    rows = await store.rows(query.order_by(table.created.desc(), table.id))
    if run is not None:
        rows = [row for row in rows if row["id"].startswith(run)]
    if not rows:
        wanted = "" if run is None else f" whose id begins with {run}"
        raise InputError(f"{store.name}: no run of evolve{wanted}; make one with: evolve adaem")
    done = [row for row in rows if row["finished"] is not None]
    if not done:
        raise InputError(
            f"{rows[0]['id']}: this run has not finished; repeat its command, and it goes on"
        )
    if run is not None and len(rows) > 1:
        ids = ", ".join(row["id"] for row in rows[:5])
        raise InputError(f"{run}: several runs begin so: {ids}; give more of the id")
    (head,) = await store.rows(select(evolutions).where(table.id == done[0]["id"]))
    events = await store.rows(
        select(evolution_events.c.body)
        .where(evolution_events.c.evolution == head["id"])
        .order_by(evolution_events.c.number)
    )
    return Run(
        head["id"],
        utc(head["created"]),
        head["method"],
        head["manifest"],
        head["body"],
        tuple(row["body"] for row in events),
    )


def seeds_of(run: Run, system: ValueSystem) -> list[Item]:
    """Return the seed items of a run in one value system, from where the run had them.

    Raises:
        InputError: the file is gone, or its items are not those of the run.
    """
    source = run.source
    if source == "bank":
        found = seed_items(system.id) if system.id in BUILTIN else ()
    else:
        found = items_of_file(Path(source), system)
    kinds = {item.kind for item in run.of(system.id)}
    seeds = [i for i in found if i.system == system.id and i.kind in (kinds or KINDS)]
    own = {run.topics[item.id] for item in run.of(system.id)}
    if absent := own - {item.id for item in seeds}:
        raise InputError(
            f"{source or 'seeds'}: {len(absent)} of the run's seeds are not there, first "
            f"{min(absent)}; give the file that the run had with --against FILE"
        )
    return seeds


def items_of_file(path: Path, system: ValueSystem) -> list[Item]:
    """Return the items of a file that can be compared.

    Raises:
        InputError: a wrong file, or none of its items is a question or trade-off of the system.
    """
    from valuecompass.items.io import read_items

    if not path.exists():
        raise InputError(f"{path}: no such file; give item files with --against FILE")
    found = [i for i in read_items(path, system) if i.kind in KINDS and i.system == system.id]
    if not found:
        raise InputError(f"{path}: no questions or trade-offs of {system.id}")
    return found


def overlapping(run: Run, examinees: Mapping[str, str]) -> list[str]:
    """Return the examinees that took part in the run, by name or by model.

    Args:
        run: whose pool, strong models and explorers count.
        examinees: name -> Inspect's model name.
    """
    taken = set(run.writers)
    for name in run.writers:
        # names of rosters are labels, and no models
        with contextlib.suppress(InputError):
            taken.add(parse_respondent(name).model)
    return [name for name, model in examinees.items() if {name, model} & taken]


async def read_answers(
    store: Store, measurement: Measurement, items: Sequence[Item], labels: Sequence[str]
) -> Answers:
    """Return what the models of a measurement answered to items, in the order of its rows.

    Args:
        store: the open store.
        measurement: of one set.
        items: of the set.
        labels: their clusters.
    """
    names = [d["name"] for d in measurement.manifest["system"]["dimensions"]]
    at = {item.id: place for place, item in enumerate(items)}
    seen: list[tuple[int, int, int, int, float]] = []
    async with contextlib.aclosing(stored_answers(store, measurement)) as found:
        async for position, d, item, repeat, value in found:
            seen.append((position, at[item], repeat, d, value))
    repeats = 1 + max((one[2] for one in seen), default=0)
    values = np.full((len(measurement.rows), len(items), repeats, len(names)), np.nan)
    for position, item, repeat, d, value in seen:
        values[position, item, repeat, d] = value
    return Answers(values, labels)
