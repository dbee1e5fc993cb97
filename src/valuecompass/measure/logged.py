"""Answers in logs: judged one by one, scored as a run scores them, and written as logs.

What Inspect itself is needed for stands in `tasks` and `models.eval_logs`.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import anyio

from valuecompass.errors import InputError
from valuecompass.hashing import digest
from valuecompass.items import Asking, Form, Item, built_in_form
from valuecompass.items.transcripts import Conversation, Message
from valuecompass.judges import Judge, subject_of
from valuecompass.judges.protocol import Subject, Verdict
from valuecompass.judges.spec import build_judge, parse_judge
from valuecompass.measure.archive import UNJUDGED, found_answers, verdicts_of
from valuecompass.measure.asking import Question, goes_to_judge, read_off
from valuecompass.measure.engine import verdict_body
from valuecompass.measure.item_table import item_values
from valuecompass.measure.logprobs import preference
from valuecompass.measure.measurement import Measurement, Row
from valuecompass.measure.observed.profiling import (
    item_of_conversation,
    judged_subjects,
    observed_form,
    subjects,
)
from valuecompass.measure.plan import Plan
from valuecompass.measure.run import Settings
from valuecompass.measure.scenario import outcome_of_record, record_of
from valuecompass.measure.scoring import FREE, Result, findings_of, score_row
from valuecompass.models import Patience, Respondent
from valuecompass.models.asker import Asker, outcome_of
from valuecompass.models.budget import Budget
from valuecompass.models.eval_logs import write_log
from valuecompass.models.request import Message as Said
from valuecompass.store import Store, answers, open_store, responses, verdicts
from valuecompass.store import items as item_rows
from valuecompass.text import points
from valuecompass.values import ValueSystem

Json = dict[str, Any]


@asynccontextmanager
async def open_judge(name: str, mode: str, workspace: Path) -> AsyncGenerator[Judge]:
    """Open a judge by name; one that asks a model keeps its answers in the workspace."""
    spec = parse_judge(name, mode)
    if spec.local:
        yield build_judge(spec)
        return
    async with open_store(workspace) as store:
        asker = Asker(store, budget := Budget(store, "", Settings().limits), Patience())
        judge = build_judge(spec, asker)
        budget.plan = digest(["inspect", judge.identity], 16)
        try:
            yield judge
        finally:
            with anyio.CancelScope(shield=True):
                await asker.models.close()


async def judged_answer(
    judge: Judge, system: ValueSystem, question: Question, said: Sequence[Said], stop_reason: str
) -> Json:
    """Judge or read off an answer to an item of ours.

    Args:
        judge: the judge.
        system: the value system.
        question: what was asked.
        said: the whole conversation, the answer last.
        stop_reason: of the answer.

    Returns:
        ``item`` (its row), ``presentation``, ``repeat``, ``outcome``, ``reading``, ``verdicts``
        (None where nothing was judged) and ``points``.
    """
    item, text = question.item, said[-1].content
    outcome = outcome_of(text, stop_reason)
    if item.kind == "scenario":
        text = record_of(said)
        outcome = outcome_of_record(text, stop_reason)
    reading = read_off(question, text, stop_reason) if outcome == "answer" else None
    found: list[Json] | None = None
    if goes_to_judge(system.scoring, item.kind, outcome, stop_reason, text):
        found = await _verdicts(judge, [subject_of(system, item, text)])
    return {
        "item": item.row(),
        "presentation": question.presentation,
        "repeat": question.repeat,
        "outcome": outcome,
        "reading": reading,
        "verdicts": found,
        "points": len(points(text)) if found is not None and item.kind == "question" else 0,
    }


async def judged_conversation(
    judge: Judge,
    system: ValueSystem,
    said: Sequence[tuple[str, str]],
    sample: tuple[str, str] | None = None,
) -> list[Json]:
    """Judge every message of the assistant; as `judged_answer`, each with the conversation."""
    messages = tuple(Message(role, text) for role, text in said)
    one = Conversation("", messages, "", sample=sample)
    item = item_of_conversation(system, one)
    found: list[Json] = []
    for prompt, text in one.answered():
        outcome = outcome_of(text, "stop")
        verdicts: list[Json] | None = None
        if goes_to_judge(system.scoring, item.kind, outcome, "stop", text):
            verdicts = await _verdicts(judge, subjects(system, prompt, text))
        found.append(
            {
                "item": item.row(),
                "presentation": 0,
                "repeat": len(found),
                "outcome": outcome,
                "reading": None,
                "verdicts": verdicts,
                "points": 0,
            }
        )
    return found


async def _verdicts(judge: Judge, shown: Iterable[Subject]) -> list[Json]:
    found, _ = await judged_subjects(judge, shown)
    return verdict_body(found)


@dataclass(frozen=True)
class _Given:
    """Stands for a judge whose verdicts are there already."""

    name: str = "given"
    identity: Json = field(default_factory=lambda: {"kind": "given"})

    async def judge(self, subject: Subject) -> list[Verdict]:
        raise AssertionError("the verdicts are there already")


@dataclass(frozen=True)
class _Asked:
    """Of a form what scores depend on: a log need not hold all of it in every sample."""

    hash: str
    asking: dict[str, Asking]
    name: str = "in a log"


def row_of(
    system: ValueSystem,
    respondent: str,
    results: Sequence[Json],
    form: str | None,
    repeats: Mapping[str, int],
) -> Row:
    """Return the scores of a respondent, as a run makes them.

    Args:
        system: the value system.
        respondent: its name.
        results: of `judged_answer` or `judged_conversation`, each with its item's row.
        form: hash of the form that was asked; None: conversations that were found.
        repeats: how many answers to an item were asked for, by kind of item.
    """
    items = {r["item"]["id"]: Item.from_row(r["item"]) for r in results}
    asked = observed_form(system, list(items.values()))
    if form is not None:
        asking = {kind: Asking(words=1, repeats=repeats.get(kind, 1)) for kind in FREE}
        asked = cast(Form, _Asked(form, asking))
    who = Respondent(name=respondent, model=respondent)
    plan = Plan(system, asked, tuple(items.values()), (who,), _Given())
    own = [_result(one, items[one["item"]["id"]], system) for one in results]
    return score_row(plan, who, own)


def values_of(system: ValueSystem, results: Sequence[Json]) -> dict[str, float]:
    """Return by dimension what answers say, in [0, 1]; of a trade-off 1 for the side chosen."""
    found: dict[str, list[float]] = defaultdict(list)
    own = [_result(one, Item.from_row(one["item"]), system) for one in results]
    for at, _, value in item_values(system, "any", own):
        found[system.names[at]].append(value)
    for one in own:
        if one.item.sides is not None and one.reading is not None:
            for side in one.item.sides:
                found[side.dimension].append(preference(one.reading, side.dimension))
    return {name: sum(values) / len(values) for name, values in found.items()}


def _result(told: Json, item: Item, system: ValueSystem) -> Result:
    verdicts = told["verdicts"]
    return Result(
        item=item,
        presentation=told["presentation"],
        repeat=told["repeat"],
        key=None,
        outcome=told["outcome"],
        reading=told["reading"],
        findings=None if verdicts is None else findings_of(verdicts, system.names),
        points=told["points"],
    )


async def export_logs(store: Store, chosen: Sequence[Measurement], folder: Path) -> list[Path]:
    """Write measurements as logs of Inspect, one a respondent: its viewer opens them.

    Args:
        store: the open store.
        chosen: measurements of our own.
        folder: made when absent; a log of the same name is replaced.

    Raises:
        InputError: the folder cannot be written.
    """
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made a folder ({error.strerror})") from None
    for measurement in chosen:
        for position in range(len(measurement.rows)):
            path = folder / f"{measurement.system}-{measurement.id}-{position + 1}.eval"
            await _export(store, measurement, position, path)
            written.append(path)
    return written


async def _export(store: Store, measurement: Measurement, position: int, path: Path) -> None:
    manifest, row = measurement.manifest, measurement.rows[position]
    system = ValueSystem.model_validate(manifest["system"])
    who = next(r for r in manifest["respondents"] if r["name"] == row.respondent)
    form = built_in_form(system.id, manifest["form"]["hash"])
    asked = manifest.get("asked") if form is None else form.model_dump(mode="json")
    columns = (
        *(answers.c[n] for n in ("presentation", "repeat", "outcome", "reading")),
        *(responses.c[n] for n in ("text", "stop_reason", "request")),
        *(responses.c[n] for n in ("input_tokens", "output_tokens", "seconds", "version")),
        item_rows.c.body.label("item"),
        verdicts.c.body.label("verdicts"),
    )
    samples: list[Json] = []
    query = found_answers(measurement, columns, [answers.c.position == position])
    async with contextlib.aclosing(store.stream(query)) as blocks:
        async for rows in blocks:
            samples += [_sample(one, system) for one in rows if one["text"] is not None]
    scores: dict[str, float] = {}
    for name, score in row.dimensions.items():
        own = {name: score.score, f"{name} low": score.low, f"{name} high": score.high}
        scores |= {key: value for key, value in own.items() if value is not None}
    about = {
        "system": manifest["system"],
        "form": asked,
        "form_name": manifest["form"]["name"],
        "respondent": row.respondent,
        "occasion": who.get("occasion"),
        "created": measurement.created.isoformat(),
        "id": f"{measurement.id}-{position + 1}",
    }
    write_log(path, who["model"], f"valuecompass/{system.id}", about, samples, scores)


def _sample(row: Mapping[str, Any], system: ValueSystem) -> Json:
    own = verdicts_of(row)
    silent = row["reading"] == UNJUDGED
    messages = row["request"]["messages"]
    if row["item"]["kind"] != "scenario":  # of a scenario they are the whole
        messages = [*messages, {"role": "assistant", "content": row["text"]}]
    result = {
        "item": row["item"],
        "presentation": row["presentation"],
        "repeat": row["repeat"],
        "outcome": row["outcome"],
        "reading": None if silent else row["reading"],
        "verdicts": list(own) if own or silent else None,
        "points": 0,
    }
    return {
        "id": f"{row['item']['id']}-{row['presentation']}-{row['repeat']}",
        "messages": messages,
        **{n: row[n] for n in ("text", "stop_reason", "input_tokens", "output_tokens", "seconds")},
        **{n: row[n] for n in ("version", "item", "presentation", "repeat")},
        "value": values_of(system, [result]),
        "result": {k: v for k, v in result.items() if k != "item"},
    }
