"""Runs of evolve that a workspace holds, and the report on one as far as nobody has to be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from valuecompass.evolve.record import items_of
from valuecompass.evolve.report.document import run_figures, systems_of
from valuecompass.evolve.report.gather import Run
from valuecompass.measure.archive import utc
from valuecompass.store import Store, evolution_events, evolutions

Json = dict[str, Any]


@dataclass(frozen=True)
class RunHead:
    """One run in a list. kept, rejected, stopped: None while it is not finished."""

    id: str
    created: str
    method: str
    systems: tuple[str, ...]
    kind: str
    language: str
    pool: tuple[str, ...]
    simulated: tuple[str, ...]
    finished: str | None
    events: int
    kept: int | None
    rejected: int | None
    stopped: str | None


async def list_runs(store: Store) -> tuple[RunHead, ...]:
    """Return the runs of evolve of a workspace, newest first."""
    counts = await store.rows(
        select(evolution_events.c.evolution, func.count().label("n")).group_by(
            evolution_events.c.evolution
        )
    )
    events = {row["evolution"]: row["n"] for row in counts}
    rows = await store.rows(select(evolutions).order_by(evolutions.c.created.desc()))
    found: list[RunHead] = []
    for row in rows:
        manifest, body = row["manifest"], row["body"]
        writers = [n for key in ("pool", "strong", "explorers") for n in manifest.get(key) or ()]
        done = row["finished"]
        found.append(
            RunHead(
                id=row["id"],
                created=utc(row["created"]).isoformat(timespec="seconds"),
                method=row["method"],
                systems=tuple(manifest["systems"]),
                kind=str(manifest.get("kind", "")),
                language=str(manifest.get("language", "")),
                pool=tuple(manifest.get("pool") or ()),
                simulated=tuple(dict.fromkeys(n for n in writers if n.startswith("simulated/"))),
                finished=None if done is None else utc(done).isoformat(timespec="seconds"),
                events=events.get(row["id"], 0),
                kept=None if body is None else len(body["kept"]),
                rejected=None if body is None else len(body["rejected"]),
                stopped=None if body is None else body.get("stopped"),
            )
        )
    return tuple(found)


def reported(run: Run) -> Json:
    """Return what a run itself says (`run_figures`), and its kept items with their rewards."""
    found = run_figures(run, systems_of(run))
    kept: list[Json] = run.body["kept"]
    return found | {
        "items": [
            {
                "id": items_of(c)[0].id,
                "text": c["item"]["text"],
                "systems": list(c["targets"]),
                "dimensions": list(c["item"]["dimensions"]),
                "fact": c["fact"] or None,
                "region": c["region"],
                "year": c["year"],
                "generator": c["generator"],
                "selected": c["rewards"].get("selected"),
                "fresh": c["rewards"].get("fresh"),
                "calls": c["calls"],
            }
            for c in kept
        ]
    }
