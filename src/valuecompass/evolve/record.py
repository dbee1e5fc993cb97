"""What is kept of a run: what decides it, its events as they come, and what it left."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
from sqlalchemy import bindparam, delete, func, select

import valuecompass
from valuecompass.evolve.adaem_config import AdAEMConfig
from valuecompass.evolve.candidates import Candidate, Evolution
from valuecompass.evolve.probing import Heard
from valuecompass.evolve.safety import SafetyFilter
from valuecompass.evolve.settings import Players
from valuecompass.evolve.trials import UNSAFE
from valuecompass.evolve.writing import prompts_hash as explorer_prompts
from valuecompass.files import inert, write_text
from valuecompass.hashing import canonical, digest
from valuecompass.items import Item, Lineage
from valuecompass.items.forms import ASKING
from valuecompass.items.io import write_items
from valuecompass.judges import Judge
from valuecompass.measure.asking import prompts_hash as asking_prompts
from valuecompass.models import Respondent, fingerprint
from valuecompass.store import Store, evolution_events, evolutions, ledger, responses
from valuecompass.values import BUILTIN, EXPRESSED

COURSE = 3
"""Changes when the same settings and answers would lead to another result."""
_MEASURED_LATER = ("examinees", "overlap", "notes")
"""What of a manifest says who is to be measured with the items, whom nobody asks here, and what was
said of the players, which follows from them."""
_OUTSIDE = ("limits", "version", "own_systems", "weights", *_MEASURED_LATER)
"""What of a manifest does not decide the course, or does so by a hash beside it; `calls` does, and
stands in `limits`."""
_IDENTITY = {"name", "model", "system", "temperature", "top_p", "max_tokens", "reasoning_effort"}
_REMOVE = delete(evolution_events).where(
    evolution_events.c.evolution == bindparam("of_evolution"),
    evolution_events.c.number == bindparam("of_number"),
)
_ADD = evolution_events.insert()


@dataclass(frozen=True)
class Evolved:
    """A finished run.

    id: names the run: what decides its course gives the same one.
    manifest: what it was made from.
    body: what it left: see `docs/adaem.md`.
    replayed: it had been finished before, and nobody was asked.
    """

    id: str
    created: datetime
    manifest: Mapping[str, Any]
    body: Mapping[str, Any]
    workspace: Path
    replayed: bool

    @property
    def items(self) -> list[Item]:
        """The items that were kept, the best first, with their lineage.

        A question that tells models apart under several value systems is an item of each.
        """
        return [item for kept in self.body["kept"] for item in items_of(kept)]

    def json(self) -> dict[str, Any]:
        """Return the documented object, without the texts that the safety filter rejected."""
        body = dict(self.body)
        body["filtered"] = [{**one, "item": {"id": one["item"]["id"]}} for one in body["filtered"]]
        about = {"id": self.id, "created": self.created.isoformat(timespec="seconds")}
        return {**about, "manifest": dict(self.manifest), **body}

    def write(self, out: str | Path, rejected: str | Path | None = None) -> None:
        """Write the kept items; and, where a path is given, what was rejected, with reasons.

        Where no item was kept, none is written, and a file that is there stays as it is.

        Args:
            out: a .jsonl, .csv, .tsv or .parquet file, as for `read_items`.
            rejected: a JSON-lines file. It holds what the safety filter did not let pass.

        Raises:
            InputError: a file cannot be written.
        """
        if self.items:
            write_items(self.items, Path(out))
        if rejected is not None:
            rows = [*self.body["rejected"], *self.body["filtered"]]
            lines = (inert(canonical(row)) + "\n" for row in rows)
            write_text(Path(rejected), "".join(lines))


def manifest_of(
    players: Players,
    config: AdAEMConfig,
    judge: Judge,
    safety: SafetyFilter | None,
    similarity: str,
    limits: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what a run is made from, as JSON."""
    seeds = [[item.id, item.topic] for item in players.topics]
    return {
        "method": "adaem",
        "course": COURSE,
        "systems": [system.id for system in players.systems],
        "definitions": digest([s.model_dump(mode="json") for s in players.systems], 16),
        # a built-in one is found by its id
        "own_systems": [
            system.model_dump(mode="json")
            for system in players.systems
            if system.id.removesuffix(EXPRESSED) not in BUILTIN
        ],
        "language": players.topics[0].language.split("-")[0],
        "kind": players.topics[0].kind,
        "seeds": {"source": players.source, "n": len(seeds), "hash": digest(seeds, 16)},
        "explorers": [model.name for model in players.explorers],
        "pool": [model.name for model in players.pool],
        "strong": [model.name for model in players.strong],
        "examinees": [model.name for model in players.examinees],
        "overlap": list(players.overlap),
        "notes": list(players.notes),
        # a roster's names are labels, and no models
        "weights": sorted({m.model for m in (*players.explorers, *players.answering)}),
        "models": digest([identity_of(m) for m in (*players.explorers, *players.answering)], 16),
        "judge": {"name": judge.name, **judge.identity},
        "safety": None if safety is None else {"name": safety.name, **safety.identity},
        "similarity": similarity,
        "config": asdict(config),
        "calls": limits["calls"],
        "prompts": digest([explorer_prompts(), asking_prompts(), _asking(players)], 16),
        "seed": config.seed,
        "limits": dict(limits),
        "version": valuecompass.__version__,
    }


def id_of(manifest: Mapping[str, Any]) -> str:
    """Return the id of a run: 16 hex digits over everything that decides its course."""
    # how much is done at a time changes nothing
    config = {k: v for k, v in manifest["config"].items() if k != "concurrency"}
    kept = {k: v for k, v in manifest.items() if k not in _OUTSIDE}
    return digest({**kept, "config": config}, 16)


def body_of(done: Evolution, notes: Sequence[str], safety: str) -> dict[str, Any]:
    """Return what a run left, but for what was spent, as JSON."""
    unsafe = [c for c in done.rejected if (c.reason or "").startswith(UNSAFE)]
    others = [c for c in done.rejected if not (c.reason or "").startswith(UNSAFE)]
    filtered = [
        {
            "item": {"id": c.item.id, **c.as_json()["item"]},
            "reason": (c.reason or "").removeprefix(UNSAFE),
            "by": safety,
        }
        for c in unsafe
    ]
    filtered += [
        {"item": {"id": item}, "answer_of": name, "reason": why, "by": safety}
        for item, name, why in done.withheld
    ]
    return {
        "kept": [_kept(c) for c in done.kept],
        "rejected": [c.as_json() for c in others],
        "meter": done.meter.by_kind(),
        "stopped": done.stopped,
        "warnings": [*notes, *done.warnings],
        "filtered": filtered,
    }


async def begin(store: Store, own: str, manifest: Mapping[str, Any]) -> None:
    """Note that a run is under way."""
    row = {"id": own, "created": datetime.now(UTC), "method": "adaem", "manifest": manifest}
    empty = {"finished": None, "body": None}
    await store.write((store.insert_new(evolutions), [{**row, **empty}]))


async def finished(store: Store, own: str, workspace: Path) -> Evolved | None:
    """Return a run that was finished before, if it was."""
    rows = await store.rows(select(evolutions).where(evolutions.c.id == own))
    if not rows or rows[0]["body"] is None:
        return None
    row = rows[0]
    return Evolved(own, row["created"], row["manifest"], row["body"], workspace.resolve(), True)


async def replayed(store: Store, done: Evolved, manifest: Mapping[str, Any]) -> Evolved:
    """Return a finished run with the examinees of another manifest, and keep whose these are.

    Who names none this time has not taken back whom the items are for.
    """
    named = {key: manifest[key] for key in _MEASURED_LATER}
    known = all(done.manifest[key] == value for key, value in named.items())
    if known or not named["examinees"]:
        return done
    own = done.body["warnings"][len(done.manifest["notes"]) :]
    body = {**done.body, "warnings": [*named["notes"], *own]}
    told = {**done.manifest, **named}
    row = evolutions.update().where(evolutions.c.id == done.id)
    await store.write((row.values(manifest=told, body=body), []))
    return replace(done, manifest=told, body=body)


async def finish(
    store: Store, own: str, manifest: Mapping[str, Any], body: Mapping[str, Any], events: int
) -> None:
    """Keep what a run left; nothing but a whole result is ever there.

    manifest: of the attempt that ended, whose limits may be higher than those of the first.
    """
    done = evolutions.update().where(evolutions.c.id == own)
    # an earlier attempt that went another way may have told more
    later = delete(evolution_events).where(
        evolution_events.c.evolution == own, evolution_events.c.number >= events
    )
    left = {"finished": datetime.now(UTC), "manifest": dict(manifest), "body": dict(body)}
    await store.write((later, []), (done.values(left), []))


class Recorder:
    """Writes events as they come, without keeping whoever tells them waiting."""

    def __init__(self, store: Store, own: str) -> None:
        self._store, self._own = store, own
        self.told = 0
        self._send, self._receive = anyio.create_memory_object_stream[dict[str, Any]](math.inf)

    def tell(self, event: Mapping[str, Any]) -> None:
        """Take an event."""
        row = {"evolution": self._own, "number": self.told, "body": dict(event)}
        self._send.send_nowait(row)
        self.told += 1

    def close(self) -> None:
        """Let `write` finish what it holds."""
        self._send.close()

    async def write(self) -> None:
        """Write until closed, in place of what an earlier attempt told under the same numbers."""
        with anyio.CancelScope(shield=True):
            async for row in self._receive:
                old = {"of_evolution": self._own, "of_number": row["number"]}
                await self._store.write((_REMOVE, [old]), (_ADD, [row]))


async def spent_on(store: Store, own: str) -> dict[str, Any]:
    """Return what was really asked and paid for a run, over all attempts.

    usd: None where a model has no known price.
    """
    settled = (ledger.c.plan == own) & (ledger.c.state == "settled")
    same = (ledger.c.key == responses.c.key) & (ledger.c.repeat == responses.c.repeat)
    (row,) = await store.rows(
        select(
            func.count().label("calls"),
            func.coalesce(func.sum(responses.c.input_tokens), 0).label("tokens_in"),
            func.coalesce(func.sum(responses.c.output_tokens), 0).label("tokens_out"),
            func.coalesce(func.sum(responses.c.usd), 0.0).label("usd"),
            func.count(responses.c.usd).label("priced"),
        )
        .select_from(ledger.join(responses, same))
        .where(settled)
    )
    counts = {name: int(row[name]) for name in ("calls", "tokens_in", "tokens_out")}
    return {**counts, "usd": float(row["usd"]) if row["priced"] == row["calls"] else None}


def _kept(candidate: Candidate) -> dict[str, Any]:
    """Return a candidate with the item as written, of its seed's system where it has several."""
    body = candidate.as_json()
    items = items_of(body)
    own = next((i for i in items if i.system == candidate.item.system), items[0])
    item = own.model_dump(mode="json", exclude_none=True)
    return body | {"item": item, "fresh": _fresh(candidate)}


def items_of(kept: Mapping[str, Any]) -> list[Item]:
    """Return the items that a kept candidate of a body is: one of each system of its targets."""
    lineage = Lineage(
        origin="evolved",
        parents=(kept["parent"],),
        method="adaem",
        model=kept["generator"],
        fact=kept["fact"] or None,
        region=kept["region"],
        year=kept["year"],
        rewards={name: value for name, value in kept["rewards"].items() if value is not None},
        calls=kept["calls"],
    )
    return [
        Item.from_row({**kept["item"], "system": system, "dimensions": names, "lineage": lineage})
        for system, names in kept["targets"].items()
    ]


def _fresh(candidate: Candidate) -> dict[str, Any]:
    return {name: _answered(heard) for name, heard in candidate.fresh.items()}


def _answered(heard: Heard) -> dict[str, Any]:
    """Return an answer's key, outcome and verdicts, one value for each opinion."""
    opinions: dict[str, dict[int, float | None]] = {}
    for system, verdicts in (heard.verdicts or {}).items():
        for verdict in verdicts:
            of = opinions.setdefault(f"{system}/{verdict.dimension}", {})
            of[verdict.part] = verdict.expressed
    return {
        "key": None if heard.answer is None else heard.answer.key,
        "outcome": "missing" if heard.answer is None else heard.answer.outcome,
        "expressed": {name: [of[n] for n in sorted(of)] for name, of in opinions.items()},
    }


def identity_of(model: Respondent) -> dict[str, Any]:
    """Return what makes a respondent another one, the weights in its file included."""
    return {
        **model.model_dump(mode="json", include=_IDENTITY),
        "file": fingerprint(model.model),
    }


def _asking(players: Players) -> dict[str, Any]:
    return ASKING["full"][players.topics[0].kind].model_dump()
