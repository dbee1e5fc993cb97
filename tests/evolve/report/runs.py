"""Runs of AdAEM in the planted world, written to a store as the command writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
from benchmarks.evolve_planted.sources import seeds
from benchmarks.evolve_planted.world import World

from tests.evolve.players import run
from valuecompass.evolve.adaem import AdAEMConfig
from valuecompass.evolve.candidates import Candidate, Evolution
from valuecompass.hashing import digest
from valuecompass.items.io import write_items
from valuecompass.store import evolution_events, evolutions, open_store

PEOPLE = (
    "simulated/schwartz?Power=1.5&Universalism=-1.5&seed=1",
    "simulated/schwartz?Power=-1&Benevolence=1.5&seed=2",
    "simulated/schwartz?Tradition=1.5&Stimulation=-1.5&seed=3",
    "simulated/schwartz?Stimulation=1.5&Security=-1.5&seed=4",
    "simulated/schwartz?Hedonism=1&Achievement=1&seed=5",
)


def candidate(world: World, one: Candidate, *, kept: bool) -> dict[str, Any]:
    """As JSON; of what was kept with what was heard of it on fresh answers."""
    body = one.as_json()
    if not kept:
        return body
    fresh: dict[str, Any] = {}
    for name, heard in one.fresh.items():
        expressed: dict[str, list[float | None]] = {}
        for system, verdicts in (heard.verdicts or {}).items():
            for v in sorted(verdicts, key=lambda v: v.part):
                expressed.setdefault(f"{system}/{v.dimension}", []).append(v.expressed)
        answer = heard.answer
        fresh[name] = {
            "key": None if answer is None else f"{answer.key}/1",
            "outcome": "missing" if answer is None else answer.outcome,
            "expressed": expressed,
        }
    return body | {"fresh": fresh}


def body_of(world: World, done: Evolution) -> dict[str, Any]:
    """What the table of runs holds of one."""
    meter = done.meter.by_kind()
    paid = sum(meter.values()) - 7
    return {
        "kept": [candidate(world, c, kept=True) for c in done.kept],
        "rejected": [candidate(world, c, kept=False) for c in done.rejected],
        "meter": meter,
        "stopped": done.stopped,
        "warnings": list(done.warnings),
        "spent": {"calls": paid, "tokens_in": 400 * paid, "tokens_out": 90 * paid, "usd": None},
        "filtered": [{"item": "x", "reason": "asks for harm", "by": "rules"}],
    }


def manifest_of(
    world: World, source: Path | str, number: int, config: AdAEMConfig, examinees: Sequence[str]
) -> dict[str, Any]:
    pool = list(world.people("pool"))
    return {
        "method": "adaem",
        "systems": [system.id for system in world.systems],
        "language": "en",
        "kind": "question",
        "seeds": {"source": str(source), "n": number, "hash": "0" * 12},
        "explorers": pool[:4],
        "pool": pool,
        "strong": [],
        "examinees": list(examinees),
        "overlap": [],
        "judge": {"kind": "planted"},
        "config": json.loads(json.dumps(asdict(config), default=str)),
        "prompts": "0" * 16,
        "seed": config.seed,
        "limits": {"calls": None},
        "version": "test",
    }


def save(
    workspace: Path,
    manifest: Mapping[str, Any],
    body: Mapping[str, Any] | None,
    events: Sequence[Mapping[str, Any]] = (),
    *,
    day: int = 1,
) -> str:
    """Write a run as the command does; without a body it has not finished. Returns its id."""
    own = digest([manifest, day], 16)
    when = datetime(2026, 3, day, tzinfo=UTC)
    head = {
        "id": own,
        "created": when,
        "method": "adaem",
        "manifest": json.loads(json.dumps(manifest)),
        "finished": None if body is None else when,
        "body": None if body is None else json.loads(json.dumps(body)),
    }
    told = [
        {"evolution": own, "number": n, "body": json.loads(json.dumps(e))}
        for n, e in enumerate(events)
    ]

    async def write() -> None:
        async with open_store(workspace) as store:
            await store.write(
                (evolutions.insert(), [head]),
                *([(evolution_events.insert(), told)] if told else []),
            )

    anyio.run(write)
    return own


def saved_run(
    workspace: Path,
    world: World,
    *,
    calls: int = 600,
    examinees: Sequence[str] = PEOPLE,
    seed: int = 0,
    day: int = 1,
) -> str:
    """Let items evolve in the planted world and write the run with its seeds beside it."""
    config = AdAEMConfig(keep=30, seed=seed)
    done = run(world, config, calls)
    own = seeds(world)
    path = workspace.parent / "seeds.jsonl"
    write_items(own, path)
    manifest = manifest_of(world, path, len(own), config, examinees)
    return save(workspace, manifest, body_of(world, done), done.events, day=day)
