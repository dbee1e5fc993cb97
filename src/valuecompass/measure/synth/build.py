"""Builds a simulated workspace: the store's own tables, the scoring of real measurements."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sqlalchemy import Executable, event

from valuecompass.errors import InputError, StoreError
from valuecompass.hashing import digest
from valuecompass.items import Asking, Form, Item
from valuecompass.judges import Verdict, judge_id
from valuecompass.judges.protocol import Subject
from valuecompass.measure.archive import new_measurement, save_measurement
from valuecompass.measure.engine import manifest_of
from valuecompass.measure.item_table import Sums, keep
from valuecompass.measure.measurement import Measurement, Row
from valuecompass.measure.plan import Plan, make_plan
from valuecompass.measure.scoring import Result, score_row
from valuecompass.measure.synth.answers import Answer, answers, draw
from valuecompass.measure.synth.truth import Array, Synthetic
from valuecompass.measure.synth.wording import Wording, make_items
from valuecompass.store import DATABASE, Store, blocks, open_store, responses, verdicts

NOTE = (
    "Simulated: nobody was asked. Answers are put together from seeded sentences after planted "
    "values, and the verdicts are those of a simulated judge. The scores are made from them as "
    "those of a real measurement are."
)
Tell = Callable[[int, int], None]
"""Told how many answers there are, and how many there will be."""
_AT_ONCE = 1_000
CACHE = "PRAGMA cache_size=-200000"
"""Keys are hashes and go to any page of an index: with 200 MB of pages in memory each is written
a few times, with SQLite's 2 MB at almost every answer."""


class SimulatedJudge:
    """The judge that a simulated workspace names: it knows what was planted, and errs at times."""

    name = "simulated judge"

    @property
    def identity(self) -> dict[str, Any]:
        """What decides its verdicts: the generator of this version."""
        return {"kind": "simulated", "version": 1}

    async def judge(self, subject: Subject) -> list[Verdict]:
        """Refuse: it reads no text."""
        raise InputError("the simulated judge judges nothing but what workspace synth makes")


@dataclass(frozen=True)
class Built:
    """What was built."""

    measurements: tuple[Measurement, ...]
    answers: int
    seconds: float
    bytes: int
    """Of the database."""

    def json(self) -> dict[str, Any]:
        """Return it as the documented JSON object."""
        return {
            "simulated": True,
            "measurements": [
                {"id": m.id, "date": m.created.date().isoformat()} for m in self.measurements
            ],
            "system": self.measurements[0].system,
            "answers": self.answers,
            "seconds": round(self.seconds, 1),
            "bytes": self.bytes,
            "note": NOTE,
        }


async def build_workspace(
    workspace: Path, settings: Synthetic, tell: Tell = lambda done, total: None
) -> Built:
    """Make a workspace with a simulated board.

    It is built aside and put in its place when it is whole. Memory: what was found of one
    respondent's answers, the keys of one date's, and 200 MB of the database's pages.

    Args:
        workspace: its folder, which must hold no database yet: simulated and real measurements
            are not to be mixed.
        settings: its size and seed.
        tell: told of progress.

    Raises:
        InputError: there is a database.
        StoreError: it cannot be written.
    """
    target = workspace / DATABASE
    if target.exists():
        raise InputError(f"{target}: already there; name a new workspace with -w")
    start = time.monotonic()
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".synth-", dir=workspace) as aside:
            async with open_store(Path(aside)) as store:
                done = await _build(store, settings, tell)
            (Path(aside) / DATABASE).rename(target)
    except OSError as error:
        raise StoreError(f"{workspace}: cannot be written ({error.strerror})") from None
    count = settings.respondents * settings.items * settings.dates
    return Built(tuple(done), count, time.monotonic() - start, target.stat().st_size)


async def _build(store: Store, settings: Synthetic, tell: Tell) -> list[Measurement]:
    event.listen(store.engine.sync_engine, "connect", _with_memory)
    await store.engine.dispose()  # connections made from here on have it
    system = settings.system()
    items = make_items(system, settings.items, settings.seed)
    form = Form(
        name=f"{system.id}/synthetic-{settings.items}",
        system=system.id,
        asking={"question": Asking(words=120)},
        items=tuple(item.id for item in items),
    )
    wording, planted = Wording(system, settings.seed), settings.planted()
    found: list[Measurement] = []
    for place, day in enumerate(settings.days()):
        plan = make_plan(system, form, settings.who(system, day), SimulatedJudge(), items)
        about = {
            "note": NOTE,
            "seed": settings.seed,
            "planted": {
                respondent.name: dict(zip(system.names, values.round(3).tolist(), strict=True))
                for respondent, values in zip(plan.respondents, planted[place], strict=True)
            },
            "drifting": [plan.respondents[at].name for at in settings.drifting()],
        }
        one = _Date(plan, day, place, settings, wording, planted[place], about, tell)
        found.append(await one.written(store))
    return found


def _with_memory(connection: Any, record: Any) -> None:
    connection.cursor().execute(CACHE)


@dataclass(frozen=True)
class _Date:
    """One measurement in the making."""

    plan: Plan
    day: datetime
    place: int
    settings: Synthetic
    wording: Wording
    latent: Array
    about: dict[str, Any]
    tell: Tell

    async def written(self, store: Store) -> Measurement:
        plan, respondents = self.plan, self.plan.respondents
        manifest = manifest_of(plan, {}, len(plan.questions) * len(respondents))
        manifest |= {"synthetic": self.about}
        manifest["judge_gate"] = {"status": "unmeasured", "reason": NOTE}
        empty = [Row(r.name, True, plan.system.id, {}) for r in respondents]
        sums = Sums.of(
            Measurement("", self.day, plan.system.id, manifest, tuple(empty)), plan.items
        )
        rows: list[Row] = []
        results: list[list[Result]] = []
        # one transaction a date: each page of the indexes is written once
        await store.load(self._blocks(sums, rows, results))
        measurement = new_measurement(plan.id, plan.system.id, manifest, rows, self.day)
        await save_measurement(store, measurement, plan.items, results)
        await keep(store, measurement, sums.answered())
        return measurement

    def _blocks(
        self, sums: Sums, rows: list[Row], results: list[list[Result]]
    ) -> Iterator[tuple[Executable, list[dict[str, Any]]]]:
        """Yield what is to be stored, respondent by respondent; fill the scores meanwhile."""
        plan, names = self.plan, self.plan.system.names
        relevant = np.array([[name in i.dimensions for name in names] for i in plan.items])
        judged_by = judge_id(plan.judge, plan.system)
        for position, respondent in enumerate(plan.respondents):
            rng = np.random.default_rng([self.settings.seed, 4, self.place, position])
            drawn = draw(rng, self.latent[position], relevant)
            own: list[Result] = []
            for block in blocks(answers(drawn, plan.items, self.wording), _AT_ONCE):
                found = [self._kept(respondent.model, judged_by, answer) for answer in block]
                yield responses.insert(), [row for _, row, _ in found if row is not None]
                yield verdicts.insert(), [row for _, _, row in found if row is not None]
                own += [result for result, _, _ in found]
            rows.append(score_row(plan, respondent, own))
            sums.add(position, own)
            results.append([replace(result, findings=None) for result in own])
            before = self.place * len(plan.respondents) + position + 1
            total = self.settings.dates * len(plan.respondents)
            self.tell(before * len(plan.items), total * len(plan.items))

    def _kept(
        self, model: str, judged_by: str, answer: Answer
    ) -> tuple[Result, dict[str, Any] | None, dict[str, Any] | None]:
        result = answer.result
        if result.outcome == "missing":
            return result, None, None
        request = _request(model, self.day, result.item)
        result.key = digest(request)
        head = {"key": result.key, "repeat": 0, "created": self.day}
        said = {
            **head,
            "model": model,
            "request": request,
            "text": answer.text,
            "stop_reason": "stop",
            "version": "",
            "input_tokens": len(result.item.text) // 4,
            "output_tokens": len(answer.text) // 4,
            "usd": None,
            "seconds": 0.0,
        }
        if not answer.verdicts:
            return result, said, None
        judged = {"judge": judged_by, "item": result.item.id, "body": answer.verdicts}
        return result, said, head | judged


def _request(model: str, day: datetime, item: Item) -> dict[str, Any]:
    """Return what stands for the request: the generator reads the item, nothing was sent."""
    return {
        "model": model,
        "messages": [{"role": "user", "content": item.text}],
        "params": {},
        "occasion": f"{day:%Y-%m-%d}",
        "item": item.id,
    }


def size_text(size: int) -> str:
    """Return a number of bytes for people."""
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
