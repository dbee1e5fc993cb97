"""A measurement whose every answer and verdict is written down here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from valuecompass.hashing import digest
from valuecompass.items import Item, form_of_items
from valuecompass.judges import judge_id
from valuecompass.measure.archive import new_measurement, save_measurement
from valuecompass.measure.engine import manifest_of
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.plan import make_plan
from valuecompass.measure.scoring import Result, findings_of, score_row
from valuecompass.measure.synth.build import SimulatedJudge
from valuecompass.models import Respondent
from valuecompass.store import open_store, responses, verdicts
from valuecompass.values import builtin_system

DAY = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Given:
    """An answer: who gave it to which item, and what the judge found."""

    who: int
    item: Item
    text: str
    found: Sequence[dict[str, Any]] = ()
    outcome: str = "answer"
    presentation: int = 0
    repeat: int = 0
    reading: dict[str, Any] | None = field(default=None)


def verdict(dimension: str, expressed: float | None, **more: Any) -> dict[str, Any]:
    return {"part": 0, "dimension": dimension, "expressed": expressed, **more}


async def made(
    workspace: Path, given: Sequence[Given], people: int = 2, *, day: datetime = DAY
) -> Measurement:
    """Write a measurement of the Schwartz system into a workspace."""
    system = builtin_system("schwartz")
    items = list({g.item.id: g.item for g in given}.values())
    form = form_of_items(items, system, "schwartz/made", "tiny")
    who = [Respondent(name=f"model {n}", model=f"openai/model-{n}") for n in range(people)]
    plan = make_plan(system, form, who, SimulatedJudge(), items)
    results: list[list[Result]] = [[] for _ in who]
    async with open_store(workspace) as store:
        for one in given:
            key = digest([one.who, one.item.id, one.presentation])
            result = Result(one.item, one.presentation, one.repeat, key, one.outcome)
            result.reading = one.reading
            if one.outcome == "missing":
                result.key = None
            else:
                row = _response(key, one, who[one.who].model)
                await store.write((store.insert_new(responses), [row]))
            if one.found:
                result.findings = findings_of(one.found, system.names)
                head = {"key": key, "repeat": one.repeat, "item": one.item.id, "created": DAY}
                body = {"judge": judge_id(plan.judge, system), "body": list(one.found)}
                await store.write((store.insert_new(verdicts), [head | body]))
            results[one.who].append(result)
        rows = [score_row(plan, r, own) for r, own in zip(who, results, strict=True)]
        manifest = manifest_of(plan, {}, len(given))
        measurement = new_measurement(plan.id, system.id, manifest, rows, day)
        await save_measurement(store, measurement, items, results)
    return measurement


def _response(key: str, one: Given, model: str) -> dict[str, Any]:
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": one.item.text}]
    return {
        "key": key,
        "repeat": one.repeat,
        "model": model,
        "request": {"model": model, "messages": said, "params": {"temperature": 0.5}},
        "text": one.text,
        "stop_reason": "stop",
        "version": "v1",
        "input_tokens": 10,
        "output_tokens": 20,
        "usd": 0.001,
        "seconds": 1.5,
        "created": DAY,
    }
