"""How a respondent's scores have moved between dated measurements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from valuecompass.board.boards import age, alike, days, named
from valuecompass.errors import InputError
from valuecompass.measure.archive import load_measurement, utc
from valuecompass.measure.item_table import ItemTable, item_table
from valuecompass.measure.points import finite
from valuecompass.stats.comparison import benjamini_hochberg, claims
from valuecompass.store import Store, measurements, open_store, scores

FDR = 0.05
APART = 4
"""Ratio of the largest scores of two tables from which on their scales are taken for others."""
SETTINGS = ("model", "system", "temperature", "top_p", "max_tokens", "reasoning_effort")
"""What of a respondent must be the same for two measurements to be of the same one."""
Json = dict[str, Any]
Heads = Sequence[Mapping[str, Any]]
"""Measurements, oldest first."""
Step = tuple[str, int, int]
Pair = tuple[str, str, str]
"""A respondent, and the ids of the earlier and the later measurement."""


async def drift(
    workspace: Path,
    db: str | None,
    name: str,
    system: str,
    *,
    baseline: str | None = None,
    seed: int = 0,
) -> Json:
    """Compare a respondent's measurements of different dates, each with the first.

    Measurements of our own are compared where form, judge, prompts and joining of opinions are the
    same, item by item; imported tables where their scales look the same. Nothing else is.

    Args:
        workspace: folder of the store.
        db: URL of another database, or None.
        name: of the respondent.
        system: id of the value system.
        baseline: day or id of the measurement to compare with; None: the first of its kind.
        seed: of the resampling.

    Returns:
        The documented JSON object: ``series``, oldest first, each with its date and scores, and
        ``changes``, each with dates, ``dimensions`` (difference, low, high, p, q over all changes
        and dimensions, ``discovered``, n items) and what else changed (``notes``).

    Raises:
        InputError: nobody of this name was measured, or not on the day of the baseline.
    """
    async with open_store(workspace, db, create=False) as store:
        return await read_drift(store, name, system, baseline=baseline, seed=seed)


async def read_drift(
    store: Store, name: str, system: str, *, baseline: str | None = None, seed: int = 0
) -> Json:
    """Compare a respondent's measurements in an open store; as `drift`."""
    courses = await _courses(store, system)
    if name not in courses:
        raise InputError(
            f"{store.name}: {name} has no measurement of {system}; the board lists "
            "who has: valuecompass board"
        )
    heads = courses[name]
    if baseline is not None and not named(heads, baseline, "--baseline"):
        known = ", ".join(days(heads))
        raise InputError(f"--baseline {baseline}: {name} was not measured then, but: {known}")
    # with everybody's, so that a page and a command draw the same numbers
    return (await _drifts(store, system, courses, baseline, seed))[name]


async def read_drifts(store: Store, system: str, *, seed: int = 0) -> dict[str, Json]:
    """Return `drift` of each respondent of a system, by name; all share the draws.

    Time: of 33 respondents, 12,000 items, 10 dimensions and 4 dates less than twice what one takes.
    """
    return await _drifts(store, system, await _courses(store, system), None, seed)


async def _drifts(
    store: Store, system: str, courses: Mapping[str, Heads], baseline: str | None, seed: int
) -> dict[str, Json]:
    entries = await _entries(store, system)
    plans = {name: _steps(heads, baseline) for name, heads in courses.items()}
    moves = await _all_moves(store, courses, plans, seed)
    found: dict[str, Json] = {}
    for name, heads in courses.items():
        series = [_entry(head, name, entries[head["id"], name]) for head in heads]
        changes: list[Json] = []
        for _, base, now in plans[name]:
            key = name, heads[base]["id"], heads[now]["id"]
            old, new = series[base], series[now]
            changes.append(
                {
                    "from": old["date"],
                    "to": new["date"],
                    "measurements": [*key[1:]],
                    "dimensions": moves[key]
                    if key in moves
                    else _bare(old["dimensions"], new["dimensions"]),
                    "notes": _notes(heads[base]["manifest"], heads[now]["manifest"], name),
                }
            )
        _control(changes)
        found[name] = {
            "respondent": name,
            "system": system,
            "fdr": FDR,
            "series": series,
            "changes": changes,
            "notices": _notices(series, changes),
        }
    return found


def _steps(heads: Heads, baseline: str | None) -> list[Step]:
    """Return which measurements are compared with which: their kind, the earlier, the later."""
    first = heads if baseline is None else named(heads, baseline, "--baseline")
    kinds = _kinds(heads)
    found: list[Step] = []
    for kind in dict.fromkeys(kinds):
        own = [k for k, one in enumerate(kinds) if one == kind]
        bases = [k for k in own if heads[k] in first]
        if bases:
            # of a day the newest, as everywhere
            base = bases[0] if baseline is None else bases[-1]
            found += [(kind, base, k) for k in own if k > base]
    return found


def _notices(series: Sequence[Json], changes: Sequence[Json]) -> list[str]:
    compared = {one for change in changes for one in change["measurements"]}
    names = when(series)
    alone = [names[e["measurement"]] for e in series if e["measurement"] not in compared]
    if len(series) < 2 or not alone:
        return []
    return [
        f"Not compared: {', '.join(alone)}. Only measurements by the same form, judge and "
        "prompts, or tables on one scale, are: later ones with the first, or with --baseline."
    ]


def when(series: Sequence[Json]) -> dict[str, str]:
    """Return by measurement its day, with its id where a day has several."""
    of_day = Counter(entry["date"] for entry in series)
    pairs = [(entry["measurement"], entry["date"]) for entry in series]
    return {own: f"{day} ({own})" if of_day[day] > 1 else day for own, day in pairs}


async def _courses(store: Store, system: str) -> dict[str, Heads]:
    """Return by respondent the measurements that it is in, oldest first."""
    of = await store.rows(measurements.select().where(measurements.c.system == system))
    query = select(scores.c.respondent, scores.c.measurement).distinct()
    found: dict[str, set[str]] = {}
    for row in await store.rows(query.where(scores.c.measurement.in_([h["id"] for h in of]))):
        found.setdefault(row["respondent"], set()).add(row["measurement"])
    heads = sorted(of, key=age)
    return {name: [h for h in heads if h["id"] in own] for name, own in found.items()}


async def _entries(store: Store, system: str) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """Return scores by measurement and respondent."""
    own = select(measurements.c.id).where(measurements.c.system == system)
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in await store.rows(select(scores).where(scores.c.measurement.in_(own))):
        found.setdefault((row["measurement"], row["respondent"]), []).append(row)
    return found


def _kinds(heads: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what measurements must share to be compared.

    Tables without a declared scale are on one when both have numbers below 0 or neither, and their
    largest are less than `APART` times apart.
    """
    found: list[str] = []
    for at, head in enumerate(heads):
        if head["kind"] == "measured":
            found.append(alike(head["manifest"]))
            continue
        scale = head["manifest"]["scale"]
        if scale["declared"]:
            found.append(f"published {scale['low']} {scale['high']}")
            continue
        like = next((k for k in range(at) if _like(heads[k], head)), None)
        found.append(head["id"] if like is None else found[like])
    return found


def _like(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if one["kind"] == "measured" or one["manifest"]["scale"]["declared"]:
        return False
    scales = [head["manifest"]["scale"] for head in (one, other)]
    small, large = sorted(max(abs(s["low"]), abs(s["high"])) for s in scales)
    return (scales[0]["low"] < 0) == (scales[1]["low"] < 0) and large < APART * small


def _entry(head: Mapping[str, Any], name: str, found: Sequence[Mapping[str, Any]]) -> Json:
    names = [d["name"] for d in head["manifest"]["system"]["dimensions"]]
    order = sorted(found, key=lambda row: names.index(row["dimension"]))
    published = head["kind"] == "published"
    return {
        "measurement": head["id"],
        "date": utc(head["created"]).date().isoformat(),
        "imported": published,
        "occasion": _occasion(head["manifest"], name),
        "dimensions": {
            row["dimension"]: {
                "score": row["score"],
                "low": row["low"],
                "high": row["high"],
                "n": None if published else row["n"],
            }
            for row in order
        },
    }


def _occasion(manifest: Json, name: str) -> str | None:
    """Return the occasion of a measurement, or the file of an imported table."""
    if manifest.get("kind") == "published":
        return manifest["source"]["file"]
    own = next(r for r in manifest["respondents"] if r["name"] == name)
    return own.get("occasion")


async def _all_moves(
    store: Store, courses: Mapping[str, Heads], plans: Mapping[str, Sequence[Step]], seed: int
) -> dict[Pair, Json]:
    """Return by respondent and two measurements of our own how its scores have moved."""
    heads: dict[str, Mapping[str, Any]] = {}
    pairs: dict[str, list[Pair]] = {}
    for name, steps in plans.items():
        of = courses[name]
        for kind, *ends in steps:
            if of[ends[0]]["kind"] == "measured":
                pairs.setdefault(kind, []).append((name, of[ends[0]]["id"], of[ends[1]]["id"]))
                heads |= {of[k]["id"]: of[k] for k in ends}
    found: dict[Pair, Json] = {}
    for own in pairs.values():
        ids = dict.fromkeys(id for pair in own for id in pair[1:])
        tables = {
            id: await item_table(store, await load_measurement(store, heads[id])) for id in ids
        }
        # seconds where items are many: a server answers others meanwhile
        found |= await anyio.to_thread.run_sync(_paired, tables, own, seed)
    return found


def _bare(before: Json, after: Json) -> Json:
    found: Json = {}
    for name in (n for n in before if n in after):
        old, new = before[name]["score"], after[name]["score"]
        apart = None if old is None or new is None else round(new - old, 10)
        found[name] = {"difference": apart}
        found[name] |= dict.fromkeys(("low", "high", "p", "q", "discovered", "n"))
    return found


def _paired(tables: Mapping[str, ItemTable], pairs: Sequence[Pair], seed: int) -> dict[Pair, Json]:
    """Return the changes of respondents; all share the draws, which take the time."""
    items = sorted({item for table in tables.values() for item in table.items})
    names = next(iter(tables.values())).names
    rows = {row: at for at, row in enumerate(dict.fromkeys(_rows(pairs)))}
    ends = [[rows[name, id] for id in (after, before)] for name, before, after in pairs]
    rng = np.random.default_rng(seed)
    found: dict[Pair, Json] = {pair: {} for pair in pairs}
    for d, dimension in enumerate(names):  # one at a time: of all at once the values are many
        values = _values(tables, rows, items, d)
        claim = claims(values[:, :, None], np.arange(len(items)), rng, pairs=ends)
        for at, pair in enumerate(pairs):
            if claim.n[at, 0]:
                numbers = {key: getattr(claim, key)[at, 0] for key in ("difference", "low", "high")}
                found[pair][dimension] = {
                    **{key: finite(100 * number, 6) for key, number in numbers.items()},
                    "p": float(claim.p[at, 0]),
                    "q": None,
                    "discovered": None,
                    "n": int(claim.n[at, 0]),
                }
    return found


def _rows(pairs: Sequence[Pair]) -> Iterator[tuple[str, str]]:
    for name, before, after in pairs:
        yield from ((name, before), (name, after))


def _values(
    tables: Mapping[str, ItemTable],
    rows: Mapping[tuple[str, str], int],
    items: Sequence[str],
    dimension: int,
) -> NDArray[np.float64]:
    """Return what respondents at dates (rows) scored on items; NaN: nothing."""
    place = {item: at for at, item in enumerate(items)}
    values = np.full((len(rows), len(items)), np.nan)
    for (name, id), row in rows.items():
        table = tables[id]
        who = table.respondents.index(name)
        counts = table.counts[who, :, dimension]
        seen = np.flatnonzero(counts)
        at = [place[table.items[k]] for k in seen]
        values[row, at] = table.totals[who, seen, dimension] / counts[seen]
    return values


def _control(changes: Sequence[Json]) -> None:
    """Write q-values over all changes and dimensions, in place."""
    cells = [cell for change in changes for cell in change["dimensions"].values()]
    tested = [cell for cell in cells if cell["p"] is not None]
    if tested:
        q, discovered = benjamini_hochberg([cell["p"] for cell in tested], FDR)
        for cell, one, sure in zip(tested, q.tolist(), discovered.tolist(), strict=True):
            cell["q"], cell["discovered"] = one, sure


def _notes(before: Json, after: Json, name: str) -> list[str]:
    """Say what else changed between two measurements of a name."""
    if before.get("kind") == "published":
        return ["no interval was published: whether this is a change or chance is not known"]
    old, new = (
        next(r for r in manifest["respondents"] if r["name"] == name)
        for manifest in (before, after)
    )
    found = [
        f"{key}: {old.get(key)} before, {new.get(key)} now"
        for key in SETTINGS
        if old.get(key) != new.get(key)
    ]
    versions = [
        manifest["versions"].get(one["model"], [])
        for manifest, one in ((before, old), (after, new))
    ]
    if versions[0] != versions[1]:
        found.append(
            f"the provider reports {', '.join(versions[1]) or 'no version'}, "
            f"before {', '.join(versions[0]) or 'none'}"
        )
    return found
