"""Reads what a report is about: runs, their seeds, and what models answered to sets of items."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from valuecompass.errors import InputError
from valuecompass.evolve.record import items_of
from valuecompass.evolve.report.figures import Answers
from valuecompass.evolve.report.sets import UNLABELLED
from valuecompass.evolve.settings import overlap_of
from valuecompass.items import Item, seed_items
from valuecompass.items.io import read_items
from valuecompass.items.topics import read_topics
from valuecompass.measure.archive import utc
from valuecompass.measure.item_table import stored_answers
from valuecompass.measure.measurement import Measurement
from valuecompass.models import Respondent
from valuecompass.store import Store, evolution_events, evolutions
from valuecompass.values import BUILTIN, ValueSystem

__all__ = ["Run", "read_answers", "read_run", "seeds_of", "seeds_under"]

Json = dict[str, Any]


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
        """The items it kept, the best first: a question is one of each system it is used in."""
        return tuple(item for c in self.body["kept"] for item in items_of(c))

    @cached_property
    def topics(self) -> dict[str, str]:
        """Id of an item it kept -> id of the seed that it belongs to."""
        return {item.id: c["topic"] for c in self.body["kept"] for item in items_of(c)}

    @property
    def writers(self) -> list[str]:
        """Names of all models that wrote, rewrote or answered while items were selected."""
        named: list[str] = []
        for key in ("pool", "strong", "explorers"):
            named += self.manifest.get(key) or ()
        return list(dict.fromkeys(named))

    @property
    def source(self) -> str:
        """Where its seeds are from: "bank", or the name of a file."""
        seeds: Json = self.manifest.get("seeds") or {}
        return str(seeds.get("source", ""))

    @property
    def kind(self) -> str:
        """Of its items: question or tradeoff."""
        return str(self.manifest["kind"])

    @property
    def language(self) -> str:
        """Of its items: the code without a region."""
        return str(self.manifest["language"])

    def likes(self, items: Iterable[Item]) -> list[Item]:
        """Return the items of the kind and language of its own: others are not comparable."""
        return [
            i for i in items if i.kind == self.kind and i.language.split("-")[0] == self.language
        ]

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
    if run == "":
        raise InputError("an empty id: give that of a run, or how it begins")
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


def seeds_of(run: Run, systems: Sequence[ValueSystem]) -> list[Item]:
    """Return the seed items of a run, from where the run had them.

    Args:
        run: the run.
        systems: its value systems; rows of a file that name none belong to the first.

    Raises:
        InputError: the file is gone, or its items are not those of the run.
    """
    source = run.source
    if source == "bank":
        found = [item for s in systems if s.id in BUILTIN for item in seed_items(s.id)]
    else:
        found = read_topics(_existing(Path(source)), systems[0], others=systems[1:])
    seeds = run.likes(found)
    if absent := set(run.topics.values()) - {item.id for item in seeds}:
        raise InputError(
            f"{source or 'seeds'}: {len(absent)} of the run's seeds are not there, first "
            f"{min(absent)}; give the file that the run had with --against FILE"
        )
    return seeds


def seeds_under(seeds: Sequence[Item], system: ValueSystem) -> list[Item]:
    """Return a run's seeds in one of its value systems.

    Of a system without seeds they are the others' questions, read for its values: so the run took
    them. Which of its dimensions they bear on is not known, so they name all.
    """
    return [i for i in seeds if i.system == system.id] or [
        i.model_copy(
            update={
                "system": system.id,
                "dimensions": system.names,
                "lineage": i.lineage.model_copy(update={"method": UNLABELLED}),
            }
        )
        for i in seeds
        if i.kind == "question"
    ]


def items_of_file(path: Path, run: Run, system: ValueSystem) -> list[Item]:
    """Return the items of a file that can be compared with those of a run.

    Raises:
        InputError: a wrong file, or none of its items is of the run's kind, language and system.
    """
    found = [i for i in run.likes(read_items(_existing(path), system)) if i.system == system.id]
    if not found:
        raise InputError(
            f"{path}: no {run.kind}s of {system.id} in {run.language}, as the run's items are: "
            "others cannot be compared with them"
        )
    return found


def _existing(path: Path) -> Path:
    if not path.exists():
        raise InputError(f"{path}: no such file; give item files with --against FILE")
    return path


def overlapping(runs: Sequence[Run], examinees: Sequence[Respondent]) -> list[str]:
    """Return the names of examinees that took part in one of the runs, by name or by weights."""
    writers = {name for run in runs for name in run.writers}
    used = {model for run in runs for model in run.manifest.get("weights") or ()}
    same = overlap_of(examinees, used)
    return [e.name for e in examinees if e.name in writers or e.name in same]


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
