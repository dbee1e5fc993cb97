"""How a respondent's scores have moved between dated measurements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
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
    heads = await _heads(store, name, system)
    first = heads if baseline is None else named(heads, baseline, "--baseline")
    if not first:
        known = ", ".join(days(heads))
        raise InputError(f"--baseline {baseline}: {name} was not measured then, but: {known}")
    series = [await _entry(store, head, name) for head in heads]
    changes: list[Json] = []
    kinds = _kinds(heads)
    for key in dict.fromkeys(kinds):
        own = [k for k, kind in enumerate(kinds) if kind == key]
        bases = [k for k in own if heads[k] in first]
        if not bases:
            continue
        # of a day the newest, as everywhere
        base = bases[0] if baseline is None else bases[-1]
        tables = {k: await _table(store, heads[k], name) for k in own}
        changes += [_change(heads, series, tables, base, k, name, seed) for k in own if k > base]
    _control(changes)
    compared = {one for change in changes for one in change["measurements"]}
    names = when(series)
    alone = [names[e["measurement"]] for e in series if e["measurement"] not in compared]
    notices: list[str] = []
    if len(series) > 1 and alone:
        notices.append(
            f"Not compared: {', '.join(alone)}. Only measurements by the same form, judge and "
            "prompts, or tables on one scale, are: later ones with the first, or with --baseline."
        )
    return {
        "respondent": name,
        "system": system,
        "fdr": FDR,
        "series": series,
        "changes": changes,
        "notices": notices,
    }


def when(series: Sequence[Json]) -> dict[str, str]:
    """Return by measurement its day, with its id where a day has several."""
    of_day = Counter(entry["date"] for entry in series)
    pairs = [(entry["measurement"], entry["date"]) for entry in series]
    return {own: f"{day} ({own})" if of_day[day] > 1 else day for own, day in pairs}


async def _heads(store: Store, name: str, system: str) -> list[Mapping[str, Any]]:
    """Return the measurements that a respondent is in, oldest first."""
    own = select(scores.c.measurement).where(scores.c.respondent == name).distinct()
    query = select(measurements).where(measurements.c.system == system, measurements.c.id.in_(own))
    heads = sorted(await store.rows(query), key=age)
    if not heads:
        raise InputError(
            f"{store.name}: {name} has no measurement of {system}; the board lists "
            "who has: valuecompass board"
        )
    return heads


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


async def _entry(store: Store, head: Mapping[str, Any], name: str) -> Json:
    query = select(scores).where(scores.c.measurement == head["id"], scores.c.respondent == name)
    found = await store.rows(query)
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


async def _table(store: Store, head: Mapping[str, Any], name: str) -> ItemTable | None:
    if head["kind"] == "published":
        return None
    table = await item_table(store, await load_measurement(store, head))
    at = table.respondents.index(name)
    one = slice(at, at + 1)
    # copies: a part that looks into the whole would keep everybody's answers of every date
    totals, counts = table.totals[one].copy(), table.counts[one].copy()
    return ItemTable((name,), table.items, table.names, totals, counts)


def _change(
    heads: Sequence[Mapping[str, Any]],
    series: Sequence[Json],
    tables: Mapping[int, ItemTable | None],
    base: int,
    now: int,
    name: str,
    seed: int,
) -> Json:
    before, after = tables[base], tables[now]
    if before is None or after is None:
        dimensions = _bare(series[base]["dimensions"], series[now]["dimensions"])
    else:
        dimensions = _paired(before, after, seed)
    return {
        "from": series[base]["date"],
        "to": series[now]["date"],
        "measurements": [heads[base]["id"], heads[now]["id"]],
        "dimensions": dimensions,
        "notes": _notes(heads[base]["manifest"], heads[now]["manifest"], name),
    }


def _bare(before: Json, after: Json) -> Json:
    found: Json = {}
    for name in (n for n in before if n in after):
        old, new = before[name]["score"], after[name]["score"]
        apart = None if old is None or new is None else round(new - old, 10)
        found[name] = {"difference": apart}
        found[name] |= dict.fromkeys(("low", "high", "p", "q", "discovered", "n"))
    return found


def _paired(before: ItemTable, after: ItemTable, seed: int) -> Json:
    at = [{item: place for place, item in enumerate(table.items)} for table in (after, before)]
    shared = [item for item in before.items if item in at[0]]
    rows = [[places[item] for item in shared] for places in at]
    values = np.stack([after.means[0, rows[0]], before.means[0, rows[1]]])
    found = claims(values, np.asarray(shared), np.random.default_rng(seed))
    names = ("difference", "low", "high")
    return {
        name: {
            **{key: finite(100 * getattr(found, key)[0, d], 6) for key in names},
            "p": float(found.p[0, d]),
            "q": None,
            "discovered": None,
            "n": int(found.n[0, d]),
        }
        for d, name in enumerate(before.names)
        if found.n[0, d]
    }


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
