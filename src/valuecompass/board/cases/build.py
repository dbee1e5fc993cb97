"""Makes the index of a measurement's cases, at first use or by ``workspace index``."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from filelock import AsyncFileLock
from numpy.typing import NDArray
from sqlalchemy import select

from valuecompass.board.cases.index import OUTCOMES, VERSION, CaseIndex, index_path, load_index
from valuecompass.board.cases.words import indexed
from valuecompass.errors import StoreError
from valuecompass.measure.archive import (
    found_answers,
    items_query,
    load_measurement,
    verdicts_of,
)
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.scoring import findings_of
from valuecompass.stats import aggregate
from valuecompass.store import Store, answers, measurements, open_store, responses, verdicts

_BLOCK = 2_000
_SCHEMA = (
    "PRAGMA journal_mode=OFF",
    "PRAGMA synchronous=OFF",
    "CREATE TABLE about (version INTEGER, body TEXT)",
    "CREATE TABLE arrays (name TEXT PRIMARY KEY, body BLOB)",
    # without texts: the store has them; sizes are for rankings that nobody asks for
    "CREATE VIRTUAL TABLE texts USING fts5(item, answer, content='', columnsize=0, "
    "tokenize='unicode61 remove_diacritics 2')",
)
_FACTS = ("dimensions", "kind", "language", "topic")
_PLACES = {"position": "<u2", "item": "<u4", "presentation": "u1", "repeat": "<u2", "outcome": "u1"}
Tell = Callable[[int, int], None]
"""Told how many cases are indexed, and how many there are."""


async def open_index(
    store: Store,
    workspace: Path,
    measurement: Measurement,
    tell: Tell = lambda done, total: None,
) -> CaseIndex:
    """Open the index of a measurement, and make it first where it is not there.

    Args:
        store: the open store.
        workspace: its folder.
        measurement: one of our own.
        tell: told of progress when it is made.

    Raises:
        StoreError: it cannot be read or written.
    """
    path = index_path(workspace, measurement.id)
    if (found := await anyio.to_thread.run_sync(load_index, path)) is not None:
        return found
    await build_index(store, workspace, measurement, tell)
    found = await anyio.to_thread.run_sync(load_index, path)
    if found is None:
        raise StoreError(f"{path}: cannot be read; delete it, then repeat the command")
    return found


@dataclass(frozen=True)
class Indexed:
    """Ids of the measurements whose index was made now, and of those whose was there."""

    made: list[str]
    there: list[str]


async def build_indexes(
    workspace: Path,
    db: str | None,
    system: str | None = None,
    tell: Tell = lambda done, total: None,
) -> Indexed:
    """Make the index of every measurement that has cases.

    Args:
        workspace: its folder.
        db: URL of another database, or None.
        system: of this value system only.
        tell: told of progress, of each measurement anew.

    Raises:
        InputError: there is no workspace.
        StoreError: an index cannot be written.
    """
    done = Indexed([], [])
    async with open_store(workspace, db, create=False) as store:
        query = select(measurements).where(measurements.c.kind == "measured")
        query = query.order_by(measurements.c.created, measurements.c.id)
        if system is not None:
            query = query.where(measurements.c.system == system)
        for head in await store.rows(query):
            measurement = await load_measurement(store, head)
            new = await build_index(store, workspace, measurement, tell)
            (done.made if new else done.there).append(measurement.id)
    return done


async def build_index(
    store: Store,
    workspace: Path,
    measurement: Measurement,
    tell: Tell = lambda done, total: None,
) -> bool:
    """Make the index of a measurement; False: it was there. Arguments as `open_index`.

    Memory: its arrays, for ten dimensions some 100 bytes a case.

    Raises:
        StoreError: it cannot be written.
    """
    path = index_path(workspace, measurement.id)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        async with AsyncFileLock(path.with_suffix(".lock")):
            if (there := await anyio.to_thread.run_sync(load_index, path)) is not None:
                there.close()
                return False
            aside = path.with_suffix(".part")
            aside.unlink(missing_ok=True)
            try:
                await _written(store, measurement, aside, tell)
                aside.replace(path)
            finally:
                aside.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from None
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be written ({error})") from None
    return True


async def _written(store: Store, measurement: Measurement, path: Path, tell: Tell) -> None:
    bodies = {row["id"]: row["body"] for row in await store.rows(items_query(measurement))}
    rows = _Rows(measurement, bodies)
    total: int = measurement.manifest.get("requests", 0)
    columns = (
        *(answers.c[n] for n in ("position", "item", "presentation", "repeat", "outcome")),
        *(answers.c.reading, responses.c.text, verdicts.c.body.label("verdicts")),
    )
    with contextlib.closing(sqlite3.connect(path, check_same_thread=False)) as file:
        for statement in _SCHEMA:
            file.execute(statement)
        query = found_answers(measurement, columns)
        async with contextlib.aclosing(store.stream(query, _BLOCK)) as blocks:
            async for block in blocks:
                await anyio.to_thread.run_sync(_add, file, rows, block)
                tell(rows.count, max(total, rows.count))
        await anyio.to_thread.run_sync(_end, file, rows)


def _add(file: sqlite3.Connection, rows: _Rows, block: Sequence[Mapping[str, Any]]) -> None:
    file.executemany("INSERT INTO texts (rowid, item, answer) VALUES (?, ?, ?)", rows.taken(block))


def _end(file: sqlite3.Connection, rows: _Rows) -> None:
    file.execute("INSERT INTO texts (texts) VALUES ('optimize')")
    file.execute("INSERT INTO about VALUES (?, ?)", (VERSION, json.dumps(rows.about())))
    for name, array in rows.arrays().items():
        body = io.BytesIO()
        np.save(body, array, allow_pickle=False)
        file.execute("INSERT INTO arrays VALUES (?, ?)", (name, body.getvalue()))
    file.commit()


class _Rows:
    """The cases of a measurement as they come from the store, put into arrays block by block."""

    def __init__(self, measurement: Measurement, bodies: Mapping[str, Mapping[str, Any]]) -> None:
        self.measurement = measurement
        self.bodies = bodies
        self.names = [d["name"] for d in measurement.manifest["system"]["dimensions"]]
        self.at = {item: place for place, item in enumerate(bodies)}
        self.texts = {item: indexed("\n".join(shown_texts(b))) for item, b in bodies.items()}
        self.count = 0
        self.places: list[NDArray[np.int64]] = []
        self.expressed: list[NDArray[Any]] = []
        self.side: list[NDArray[Any]] = []

    def taken(self, block: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, str, str]]:
        """Take a block of rows; yield the number of each case, and the texts that it holds."""
        opinions = self.measurement.manifest["opinions"]
        places = np.zeros((len(block), len(_PLACES)), dtype=np.int64)
        found = np.full((len(block), 2, len(self.names)), np.nan)
        for at, row in enumerate(block):
            own = (row["position"], self.at[row["item"]], row["presentation"], row["repeat"])
            places[at] = (*own, OUTCOMES.index(row["outcome"]))
            if judged := verdicts_of(row):
                said = findings_of(judged, self.names)
                found[at, 0] = aggregate(said.expressed, opinions)
                found[at, 1] = aggregate(said.valence, "mean")
            self.count += 1
            yield self.count, self.texts[row["item"]], indexed(row["text"] or "")
        self.places.append(places)
        self.expressed.append(np.rint(np.nan_to_num(found[:, 0] * 1_000, nan=-1)).astype("<i2"))
        self.side.append(np.sign(np.nan_to_num(found[:, 1])).astype("i1"))

    def about(self) -> dict[str, Any]:
        return {
            "measurement": self.measurement.id,
            "names": self.names,
            "respondents": [row.respondent for row in self.measurement.rows],
            "items": list(self.bodies),
            "facts": [{k: body.get(k) for k in _FACTS} for body in self.bodies.values()],
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        places = np.concatenate([np.zeros((0, len(_PLACES)), dtype=np.int64), *self.places])
        columns = {n: places[:, at].astype(t) for at, (n, t) in enumerate(_PLACES.items())}
        nothing = np.zeros((0, len(self.names)), dtype="i1")
        # a dimension's numbers stand together: filters look at one at a time
        return columns | {
            name: np.ascontiguousarray(np.concatenate([nothing, *blocks]).T)
            for name, blocks in (("expressed", self.expressed), ("side", self.side))
        }


def shown_texts(body: Mapping[str, Any]) -> list[str]:
    """Return the texts of an item that a respondent or a judge is shown, of its JSON body."""
    sides = [side["text"] for side in body.get("sides") or ()]
    turns = [turn["text"] for turn in body.get("turns") or ()]
    return [t for t in (body["text"], body.get("principle"), *sides, *turns) if t]
