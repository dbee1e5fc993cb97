"""How far judges agree on the responses of a measurement, read from what is stored."""

from __future__ import annotations

import contextlib
from array import array
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import select

from valuecompass.errors import InputError
from valuecompass.hashing import digest
from valuecompass.judges.compare import agreement
from valuecompass.judges.panel import disagree, label_of
from valuecompass.measure.archive import find_measurement, found_answers, verdicts_of
from valuecompass.measure.measurement import Measurement
from valuecompass.stats import cluster_bootstrap_mean
from valuecompass.store import Store, answers, measurements, verdicts

Votes = Sequence[float | None]
Cells = Mapping[tuple[int, str], Votes]
"""The judges' votes on one response, by part and dimension."""


@dataclass
class _Tally:
    """Votes by dimension, and the responses on which judges disagreed."""

    items: dict[str, int] = field(default_factory=dict[str, int])
    votes: dict[str, array[float]] = field(default_factory=lambda: defaultdict(lambda: array("d")))
    places: dict[str, array[int]] = field(default_factory=lambda: defaultdict(lambda: array("l")))
    apart: dict[str, list[tuple[int, bool]]] = field(
        default_factory=lambda: defaultdict(list[tuple[int, bool]])
    )
    """By dimension, and under "" for any: item, and whether judges disagreed on a response."""

    def add(self, item: str, cells: Cells) -> None:
        place = self.items.setdefault(item, len(self.items))
        apart: dict[str, bool] = {}
        for (_, name), votes in cells.items():
            self.votes[name].extend(float("nan") if v is None else v for v in votes)
            self.places[name].append(place)
            apart[name] = apart.get(name, False) or disagree(votes)
        for name, differ in apart.items():
            self.apart[name].append((place, differ))
        self.apart[""].append((place, any(apart.values())))

    def document(self, judges: Sequence[str], names: Iterable[str], seed: int) -> dict[str, Any]:
        """Return agreement over the dimensions, and on all together."""
        rng = np.random.default_rng(seed)
        tables = {n: np.array(v).reshape(-1, len(judges)).T for n, v in self.votes.items()}
        places = {n: np.array(p) for n, p in self.places.items()}
        whole = agreement(
            judges,
            np.concatenate(list(tables.values()), axis=1),
            np.concatenate(list(places.values())),
            rng,
        )
        return {
            "responses": len(self.apart[""]),
            "disagreed": self._share("", rng),
            **whole,
            "dimensions": {
                name: {
                    "disagreed": self._share(name, rng),
                    **agreement(judges, tables[name], places[name], rng),
                }
                for name in names
                if name in tables
            },
        }

    def _share(self, name: str, rng: np.random.Generator) -> dict[str, float]:
        pairs = np.array(self.apart[name], dtype=np.float64)
        found = cluster_bootstrap_mean(pairs[:, 1], pairs[:, 0], rng)
        return {k: round(float(v), 4) for k, v in found._asdict().items()}


async def judge_agreement(store: Store, measurement: Measurement, seed: int = 0) -> dict[str, Any]:
    """Say how far the judges of a measurement's responses agree.

    Of a panel's measurement these are its members; else all judges whose verdicts on the same
    responses the store holds.

    Args:
        store: the open store.
        measurement: whose responses.
        seed: of the bootstraps, clustered on items.

    Returns:
        ``measurement``, ``system``, ``panel`` (true: the judges are a panel's members),
        ``judges``, ``strong`` (the judge that decided where they disagreed, or None),
        ``responses``, ``disagreed`` (share of responses on which judges stand on both sides of .5
        in some part: what a strong judge is asked about), ``notes`` on verdicts with their number,
        ``alpha``, ``alpha_at_half``, ``pairs`` and ``units`` as in `judges.compare.agreement`, and
        the same by ``dimensions``.

    Raises:
        InputError: fewer than two judges have verdicts on these responses.
    """
    identity = measurement.manifest["judge"]
    tally, notes = _Tally(), Counter[str]()
    strong = None
    if panel := identity["kind"] == "panel":
        judges = _labels([(label_of(m), digest(m)) for m in identity["members"]])
        strong = label_of(identity["strong"]) if identity["strong"] else None
        async for item, body in _panel_verdicts(store, measurement):
            notes.update(v["note"] for v in body if "note" in v)
            cells = {(v["part"], v["dimension"]): v["votes"][: len(judges)] for v in body}
            tally.add(item, cells)
    else:
        names = await _judges_of(store, measurement)
        if len(names) < 2:
            raise InputError(
                f"measurement {measurement.id} ({measurement.system}): only "
                f"{', '.join(names.values()) or 'no judge'} has judged its responses; repeat its "
                "valuecompass run with another --judge (no model is asked its items again)"
            )
        judges = list(names.values())
        async for item, bodies in _all_verdicts(store, measurement):
            notes.update(v["note"] for body in bodies.values() for v in body if "note" in v)
            tally.add(item, _side_by_side(bodies, list(names)))
    if not tally.votes:
        raise InputError(f"measurement {measurement.id}: no judge had a response to judge")
    system = measurement.manifest["system"]
    return {
        "measurement": measurement.id,
        "system": measurement.system,
        "panel": panel,
        "judges": judges,
        "strong": strong,
        "notes": dict(notes),
        **tally.document(judges, [d["name"] for d in system["dimensions"]], seed),
    }


async def named_measurement(store: Store, measurement_id: str) -> Measurement:
    """Return a measurement by its id.

    Raises:
        InputError: there is none of this id.
    """
    found = await find_measurement(store, measurement_id)
    if found is None:
        raise InputError(
            f"--measurement {measurement_id}: not in {store.name}; the ids are in the manifest "
            "that valuecompass run --json and export print"
        )
    return found


async def _panel_verdicts(
    store: Store, measurement: Measurement
) -> AsyncGenerator[tuple[str, Sequence[Any]]]:
    """Yield item and verdicts of each response that the panel has judged."""
    columns = (answers.c.item, answers.c.reading, verdicts.c.body.label("verdicts"))
    async with contextlib.aclosing(store.stream(found_answers(measurement, columns))) as blocks:
        async for rows in blocks:
            for row in rows:
                if body := verdicts_of(row):
                    yield row["item"], body


async def _judges_of(store: Store, measurement: Measurement) -> dict[str, str]:
    """Return a label for each judge with a verdict on a measurement's responses, by id."""
    query = (
        select(verdicts.c.judge)
        .select_from(answers.join(verdicts, _SAME))
        .where(answers.c.measurement == measurement.id)
        .distinct()
        .order_by(verdicts.c.judge)
    )
    found = [row["judge"] for row in await store.rows(query)]
    known: dict[str, str] = {}
    of_system = measurements.c.system == measurement.system
    for row in await store.rows(select(measurements.c.manifest).where(of_system)):
        known[row["manifest"]["judge_id"]] = label_of(row["manifest"]["judge"])
    labels = _labels([(known.get(judge, "judge"), judge) for judge in found])
    # the measurement's own judge first, the others by name
    own = measurement.manifest["judge_id"]
    return dict(sorted(zip(found, labels, strict=True), key=lambda j: (j[0] != own, j[1])))


async def _all_verdicts(
    store: Store, measurement: Measurement
) -> AsyncGenerator[tuple[str, dict[str, Sequence[Any]]]]:
    """Yield item and, by judge, the verdicts on each response."""
    place = (verdicts.c.key, verdicts.c.repeat, verdicts.c.item)
    query = (
        select(*place, verdicts.c.judge, verdicts.c.body)
        .select_from(answers.join(verdicts, _SAME))
        .where(answers.c.measurement == measurement.id)
        .order_by(*place)
    )
    last, bodies = ("", 0, ""), dict[str, Sequence[Any]]()
    async with contextlib.aclosing(store.stream(query)) as blocks:
        async for rows in blocks:
            for row in rows:
                this = (row["key"], row["repeat"], row["item"])
                if this != last and bodies:
                    yield last[2], bodies
                    bodies = {}
                last = this
                bodies[row["judge"]] = row["body"]
    if bodies:
        yield last[2], bodies


_SAME = (
    (verdicts.c.key == answers.c.key)
    & (verdicts.c.repeat == answers.c.repeat)
    & (verdicts.c.item == answers.c.item)
)


def _side_by_side(bodies: Mapping[str, Sequence[Any]], judges: Sequence[str]) -> Cells:
    cells: dict[tuple[int, str], list[float | None]] = {}
    for place, judge in enumerate(judges):
        for v in bodies.get(judge, ()):
            cell = cells.setdefault((v["part"], v["dimension"]), [None] * len(judges))
            cell[place] = v["expressed"]
    return cells


def _labels(judges: Sequence[tuple[str, str]]) -> list[str]:
    """Return labels that differ: the same model with other parameters gets part of its hash."""
    labels = [label for label, _ in judges]
    return [label if labels.count(label) == 1 else f"{label} ({key[:6]})" for label, key in judges]
