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
from valuecompass.judges.panel import disagree, label_of
from valuecompass.judges.quality.compare import agreement
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
    """By dimension, and under "" for any: item, and whether judges disagreed on a response, of
    those that two have judged."""
    responses: int = 0

    def add(self, item: str, cells: Cells) -> None:
        self.responses += 1
        place = self.items.setdefault(item, len(self.items))
        apart: dict[str, bool] = {}
        for (_, name), votes in cells.items():
            self.votes[name].extend(float("nan") if v is None else v for v in votes)
            self.places[name].append(place)
            if sum(v is not None for v in votes) > 1:  # who is alone can disagree with nobody
                apart[name] = apart.get(name, False) or disagree(votes)
        for name, differ in apart.items():
            self.apart[name].append((place, differ))
        if apart:
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
            "responses": self.responses,
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

    def _share(self, name: str, rng: np.random.Generator) -> dict[str, float | None]:
        pairs = np.array(self.apart[name], dtype=np.float64).reshape(-1, 2)
        found = cluster_bootstrap_mean(pairs[:, 1], pairs[:, 0], rng)._asdict()
        limits = {k: round(float(v), 4) if len(pairs) else None for k, v in found.items()}
        return {"n": len(pairs), **limits}


async def judge_agreement(store: Store, measurement: Measurement, seed: int = 0) -> dict[str, Any]:
    """Say how far the judges of a measurement's responses agree.

    Of a panel's measurement these are its members; else all judges whose verdicts on the same
    responses the store holds, as far as they are different ones: of several versions of a judge
    the newest counts, and a panel only if it shares no judge with the others.

    Args:
        store: the open store.
        measurement: whose responses.
        seed: of the bootstraps, clustered on items.

    Returns:
        ``measurement``, ``system``, ``panel`` (true: the judges are a panel's members),
        ``judges``, ``strong`` (the judge that decided where they disagreed, or None),
        ``left_out`` (stored judges that are not compared, and why), ``responses``, ``disagreed``
        (share of the ``n`` responses with two votes in some part on which judges stand on both
        sides of .5: what a strong judge is asked about), ``notes`` on verdicts with their number,
        ``alpha``, ``alpha_at_half``, ``pairs`` and ``units`` as in `judges.compare.agreement`, and
        the same by ``dimensions``.

    Raises:
        InputError: fewer than two judges have verdicts on these responses.
    """
    identity = measurement.manifest["judge"]
    tally, notes = _Tally(), Counter[str]()
    strong, left_out = None, list[str]()
    if panel := identity["kind"] == "panel":
        judges = _labels([(label_of(m), digest(m)) for m in identity["members"]])
        strong = label_of(identity["strong"]) if identity["strong"] else None
        async for item, body in _panel_verdicts(store, measurement):
            notes.update(v["note"] for v in body if "note" in v)
            cells = {(v["part"], v["dimension"]): v["votes"][: len(judges)] for v in body}
            tally.add(item, cells)
    else:
        names, left_out = await _judges_of(store, measurement)
        if not names and not left_out:
            raise InputError(
                f"measurement {measurement.id} ({measurement.system}): it has no judged response"
            )
        if len(names) < 2:
            without = f" (left out: {'; '.join(left_out)})" if left_out else ""
            raise InputError(
                f"measurement {measurement.id} ({measurement.system}): only "
                f"{', '.join(names.values()) or 'no judge'} has judged its responses{without}; "
                "repeat its valuecompass run with another --judge (no model is asked its items "
                "again)"
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
        "left_out": left_out,
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


async def _judges_of(store: Store, measurement: Measurement) -> tuple[dict[str, str], list[str]]:
    """Return labels of the different judges of a measurement's responses, by id, and the others.

    The measurement's own judge comes first, the others by name.
    """
    query = (
        select(verdicts.c.judge)
        .select_from(answers.join(verdicts, _SAME))
        .where(answers.c.measurement == measurement.id)
        .distinct()
        .order_by(verdicts.c.judge)
    )
    found = [row["judge"] for row in await store.rows(query)]
    known: dict[str, Any] = {}
    of_system = (
        select(measurements.c.manifest)
        .where(measurements.c.system == measurement.system, measurements.c.kind == "measured")
        .order_by(measurements.c.created.desc())
    )
    for row in await store.rows(of_system):
        known.setdefault(row["manifest"]["judge_id"], row["manifest"]["judge"])
    own = measurement.manifest["judge_id"]
    # the newest version comes before the older ones, and a judge before the panels it sits on
    order = sorted(
        (judge for judge in known if judge in found),
        key=lambda j: (j != own, known[j]["kind"] == "panel"),
    )
    different, left_out = _different({judge: known[judge] for judge in order})
    left_out += [f"judge {j}: its run was not finished" for j in found if j not in known]
    labels = _labels([(label_of(known[judge]), judge) for judge in different])
    named = sorted(zip(different, labels, strict=True), key=lambda j: (j[0] != own, j[1]))
    return dict(named), left_out


def _different(judges: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the ids of judges that share nobody with one before them, and what of the others."""
    taken: set[str] = set()
    kept: list[str] = []
    left_out: list[str] = []
    for judge, identity in judges.items():
        everyone = {_regardless_of_version(one) for one in _judges_in(identity)}
        if not everyone & taken:
            kept.append(judge)
            taken |= everyone
        elif identity["kind"] == "panel":
            left_out.append(f"the panel {label_of(identity)}: one of its judges is compared itself")
        else:
            left_out.append(f"{label_of(identity)} ({judge[:6]}): another version is compared")
    return kept, left_out


def _judges_in(identity: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if identity["kind"] != "panel":
        return [identity]
    return [*identity["members"], *([identity["strong"]] if identity["strong"] else [])]


def _regardless_of_version(identity: Mapping[str, Any]) -> str:
    """Return what stays when prompts, weights or the reading of answers change."""
    return digest([identity["kind"], identity.get("model"), identity.get("mode")])


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
