"""Asks the real models: items from three sources, fresh answers of the examinees, two judges."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from benchmarks.evolve_real.players import Player, served
from benchmarks.evolve_real.sources import (
    AT_ONCE,
    SOURCES,
    Settings,
    Source,
    World,
    evolved,
    seeds,
    written_at_once,
)

from valuecompass.errors import RequestFailed
from valuecompass.evolve.pool import ModelPool
from valuecompass.evolve.probing import Heard, Prober, together
from valuecompass.evolve.writing import prompts_hash
from valuecompass.items import Asking, Item, Kind
from valuecompass.judges.llm.judge import LLMJudge
from valuecompass.judges.local.judge import LocalJudge
from valuecompass.judges.protocol import Judge, Subject, subject_of
from valuecompass.models import Limits, Patience, Respondent
from valuecompass.models.asker import Asker
from valuecompass.models.budget import Budget
from valuecompass.models.providers.embedded import threads
from valuecompass.store import open_store
from valuecompass.text import Span
from valuecompass.values import builtin_system

SYSTEM = builtin_system("schwartz")
PATIENCE = Patience(attempt_timeout=3_600, timeout=7_200)
"""A local model on a busy core takes minutes for what it has in hand."""
Row = dict[str, Any]


async def rows_of(players: Sequence[Player], settings: Settings, workspace: Path) -> list[Row]:
    """Run everything and return it as rows; what is stored already is not asked again."""
    with served(list(players)):
        async with open_store(workspace) as store:
            asker = Asker(store, Budget(store, "evolve_real", Limits()), PATIENCE)
            try:
                return await _Run(list(players), settings, asker).whole()
            finally:
                await asker.models.close()


class _Run:
    """One run."""

    def __init__(self, players: list[Player], settings: Settings, asker: Asker) -> None:
        self.players, self.settings, self.asker = players, settings, asker
        self.asking: dict[Kind, Asking] = {"question": Asking(words=settings.words)}
        self.judge = LocalJudge()
        self.second: Judge | None = None
        for player in players:
            if player.judges:
                model = Respondent(name=player.name, model=player.model)
                self.second = LLMJudge(model, asker, "per-value")

    async def whole(self) -> list[Row]:
        """Return all rows: the run, its sources, items and answers."""
        pool = self._models("pool")
        world = World(
            asker=self.asker,
            writer=self._writer(),
            pool=pool,
            judge=self.judge,
            system=SYSTEM,
            settings=self.settings,
        )
        found: dict[str, list[Row]] = {}

        async def examined(source: Source) -> None:
            found[source.name] = await self._of_source(source)

        async with anyio.create_task_group() as group:
            for of in (evolved, seeds, written_at_once):
                source = await of(world)
                _say(f"{source.name}: {len(source.tried)} items tried, {source.calls}")
                # other models answer while the next source is made
                group.start_soon(examined, source)
        return [self._about(), *(row for name in SOURCES for row in found[name])]

    def _models(self, role: str) -> ModelPool:
        models = [p.respondent(self.settings.words) for p in self.players if p.role == role]
        return ModelPool(self.asker, models, self.asking)

    def _writer(self) -> Respondent:
        (writer,) = (p for p in self.players if p.writes)
        return Respondent(name=writer.name, model=writer.model)

    def _about(self) -> Row:
        second = None if self.second is None else _portable(self.second.identity)
        return {
            "row": "run",
            "real": True,
            "date": datetime.now(UTC).date().isoformat(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, {threads()} thread a model",
            "system": SYSTEM.id,
            "dimensions": list(SYSTEM.names),
            "models": [player.about() for player in self.players],
            "settings": asdict(self.settings),
            "prompts": prompts_hash(),
            "judges": {"local": self.judge.identity, "second": second},
        }

    async def _of_source(self, source: Source) -> list[Row]:
        chosen, sampled = source.chosen, source.sampled(self.settings)
        rows: list[Row] = [
            {
                "row": "source",
                "source": source.name,
                "calls": source.calls,
                "tried": len(source.tried),
                "rejected": dict(source.rejected),
            }
        ]
        for one in source.tried:
            item = one.item
            rows.append(
                {
                    "row": "item",
                    "source": source.name,
                    "id": item.id,
                    "text": item.text,
                    "dimensions": list(item.dimensions),
                    "topic": item.topic,
                    "chosen": chosen.index(item.id) if item.id in chosen else None,
                    "sampled": item.id in sampled,
                }
                | one.about
            )
            rows += [_answer(item, name, 0, heard) for name, heard in one.heard.items()]
        items = {one.item.id: one.item for one in source.tried}
        wanted = [items[i] for i in dict.fromkeys([*chosen, *sampled])]
        return rows + await self._examined(wanted, set(chosen))

    async def _examined(self, items: Sequence[Item], chosen: set[str]) -> list[Row]:
        """Return fresh answers of the examinees, to chosen items with the second judge's verdict.

        It reads slowly, and so not all repeats.
        """
        pool = self._models("examinee")
        prober = Prober(pool, self.judge, (SYSTEM,))

        async def one(item: Item, name: str, repeat: int) -> Row:
            heard = await prober.ask(item, name, repeat)
            row = _answer(item, name, repeat, heard)
            if self.second is not None and item.id in chosen and repeat < self.settings.read:
                row["second"] = await _second(self.second, item, row)
            return row

        work = [
            partial(one, item, name, repeat)
            for repeat in range(self.settings.repeats)
            for item in items
            for name in pool.names
        ]
        rows = await together(work, AT_ONCE)
        _say(f"{len(rows)} fresh answers")
        return rows


def _answer(item: Item, name: str, repeat: int, heard: Heard) -> Row:
    """Return an answer with the first judge's verdicts: one list of values for each opinion."""
    answer = heard.answer
    parts: dict[int, list[float | None]] = {}
    for verdict in (heard.verdicts or {}).get(SYSTEM.id, ()):
        values = parts.setdefault(verdict.part, [None] * len(SYSTEM.names))
        if verdict.expressed is not None:
            values[SYSTEM.names.index(verdict.dimension)] = round(verdict.expressed, 3)
    return {
        "row": "answer",
        "item": item.id,
        "model": name,
        "repeat": repeat,
        "outcome": "missing" if answer is None else answer.outcome,
        "text": "" if answer is None else answer.text,
        "local": [parts[part] for part in sorted(parts)] or None,
    }


async def _second(judge: Judge, item: Item, row: Row) -> float | None:
    """Return whether the whole answer expresses the item's main dimension; None: no verdict.

    A small model reads slowly and one question well enough: asked about ten values of three
    opinions each, it would take a quarter of an hour for what takes half a minute here.
    """
    if row["outcome"] != "answer":
        return None
    text = row["text"]
    subject = subject_of(SYSTEM, item, text)
    start, end = subject.parts[0].start, len(text.rstrip())
    whole: Subject = replace(
        subject, parts=(Span(start, end, text[start:end]),), dimensions=item.dimensions[:1]
    )
    try:
        (verdict,) = await judge.judge(whole)
    except RequestFailed:
        return None
    return verdict.expressed


def _portable(identity: Mapping[str, Any]) -> Row:
    """Return a judge's identity without the path of its weights; their hash is there."""
    return {key: value for key, value in identity.items() if key != "model"}


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
