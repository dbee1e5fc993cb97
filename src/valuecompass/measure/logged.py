"""Answers in logs: judged one by one, scored as a run scores them, and imported as a measurement.

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

from valuecompass.errors import InputError, RequestFailed, ungrouped
from valuecompass.hashing import digest
from valuecompass.items import Asking, Form, Item, built_in_form
from valuecompass.items.transcripts import Conversation, Message
from valuecompass.judges import Judge, subject_of
from valuecompass.judges.protocol import Subject, Verdict
from valuecompass.judges.spec import build_judge, judge_models, parse_judge
from valuecompass.measure.archive import UNJUDGED, found_answers, verdicts_of
from valuecompass.measure.asking import Question, goes_to_judge, read_off
from valuecompass.measure.engine import run_plan, verdict_body
from valuecompass.measure.item_table import item_values
from valuecompass.measure.lm_eval.samples import read_samples
from valuecompass.measure.logprobs import preference
from valuecompass.measure.measurement import Measurement, Row
from valuecompass.measure.observed.profiling import (
    item_of_conversation,
    judged_subjects,
    observed_form,
    subjects,
)
from valuecompass.measure.plan import Plan, make_plan
from valuecompass.measure.run import Settings, make_judge
from valuecompass.measure.scenario import outcome_of_record, record_of
from valuecompass.measure.scoring import FREE, Result, findings_of, score_row
from valuecompass.models import Params, Patience, Reply, Respondent, check_priced
from valuecompass.models.asker import Asker, outcome_of, stored_row
from valuecompass.models.budget import Budget
from valuecompass.models.eval_logs import Logged, read_answers, write_log
from valuecompass.models.request import Message as Said
from valuecompass.store import Store, answers, open_store, responses, storable, verdicts
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
    judge: Judge, system: ValueSystem, said: Sequence[tuple[str, str]]
) -> list[Json]:
    """Judge every message of the assistant; as `judged_answer`, each with the conversation."""
    one = Conversation("", tuple(Message(role, text) for role, text in said), "")
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


async def import_log(path: Path, settings: Settings) -> Measurement:
    """Import the log of a task of ours as a measurement: the answers in it, nobody is asked.

    Its respondent has the log's id as its occasion: what was asked elsewhere, under limits that we
    do not know, never passes for an answer to a request of ours.

    Args:
        path: an Inspect log of a task ``valuecompass/...`` or of `export --inspect`.
        settings: judge, limits and workspace; nothing else is used.

    Raises:
        InputError: no log, or of another task (`profile` reads those).
        BudgetReached, ProviderStopped, Interrupted: nothing more can be asked of a judge.
    """
    logged = read_answers(path)
    if logged.form is None:
        raise InputError(
            f"{path}: it does not say what form was asked: texts that were found, or the log of an "
            "old version; valuecompass profile reads it"
        )
    form, known = Form.model_validate(logged.form), {one["id"] for one in logged.items}
    if missing := [i for i in form.items if i not in known]:
        raise InputError(f"{path}: {len(missing)} of {len(form.items)} items are not in the log")
    return await _measured([logged], form, settings)


async def import_logs(
    paths: Sequence[Path], settings: Settings, respondent: str | None = None
) -> list[Measurement]:
    """Import logs of Inspect (`import_log`) and samples of lm-eval (`import_samples`)."""
    samples = [path for path in paths if path.suffix == ".jsonl"]
    logs = [path for path in paths if path.suffix != ".jsonl"]
    if respondent is not None and logs:
        raise InputError(f"--respondent: {logs[0]} says itself who answered")
    done = [await import_log(path, settings) for path in logs]
    return done + (await import_samples(samples, settings, respondent) if samples else [])


async def import_samples(
    paths: Sequence[Path], settings: Settings, respondent: str | None = None
) -> list[Measurement]:
    """Import the samples of lm-evaluation-harness on tasks of ours; nobody is asked.

    Args:
        paths: as for `read_samples`.
        settings: judge, limits and workspace; nothing else is used.
        respondent: who answered, where that is not to be the model's name.

    Returns:
        One measurement for each form, with all models that answered it.

    Raises:
        InputError: as `read_samples`; two runs of one model.
        BudgetReached, ProviderStopped, Interrupted: nothing more can be asked of a judge.
    """
    by_form: dict[str, list[Logged]] = defaultdict(list)
    for logged in read_samples(paths, respondent):
        by_form[Form.model_validate(logged.form).hash].append(logged)
    for of_form in by_form.values():
        names = [logged.respondent for logged in of_form]
        if twice := next((n for n in names if names.count(n) > 1), None):
            raise InputError(
                f"{twice}: two runs of this name answer the same form; import them one by one, "
                "with --respondent NAME"
            )
    return [
        await _measured(of_form, Form.model_validate(of_form[0].form), settings)
        for of_form in by_form.values()
    ]


async def _measured(logs: Sequence[Logged], form: Form, settings: Settings) -> Measurement:
    """Make a measurement of the answers of one or more respondents to one form."""
    system = ValueSystem.model_validate(logs[0].system)
    items = [Item.from_row(one) for one in logs[0].items]
    respondents = [
        Respondent(name=one.respondent, model=one.model, occasion=one.occasion or f"log {one.id}")
        for one in logs
    ]
    with ungrouped():
        async with open_store(settings.workspace, settings.db) as store:
            budget = Budget(store, "", settings.limits)
            by_name = {one.respondent: one for one in logs}
            asker = _LogAsker(store, budget, settings.patience, logs=by_name)
            judge = make_judge(settings, asker, respondents)
            check_priced(judge_models(judge), settings.limits)
            plan = make_plan(system, form, respondents, judge, items)
            budget.plan = digest(["log", plan.id], 16)
            await budget.load()
            try:
                return await run_plan(plan, store, asker, settings.workspace)
            finally:
                with anyio.CancelScope(shield=True):
                    await asker.models.close()


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


@dataclass
class _LogAsker(Asker):
    """Answers for the respondent out of a log; judges are asked as always."""

    logs: Mapping[str, Logged] = field(kw_only=True)
    """By name of the respondent."""

    async def ask(
        self,
        model: Respondent,
        messages: list[Said],
        params: Params,
        repeat: int = 0,
        *,
        item: Json | None = None,
        presentation: int = 0,
    ) -> Reply:
        """Return the answer in the log; a judge's question goes on."""
        if item is None:
            return await super().ask(model, messages, params, repeat)
        logged = self.logs[model.name]
        found = logged.answers.get((item["id"], presentation, repeat))
        if found is None:
            raise RequestFailed("the log holds no answer to this item")
        step = sum(m.role == "assistant" for m in messages)
        steps = found.steps or (Said("assistant", found.text),)
        if step >= len(steps):
            raise RequestFailed("the conversation in the log ends before the scenario")
        said, last = steps[step], step == len(steps) - 1
        text, stop = storable(said.content), found.stop_reason if last else "stop"
        place = ["log", logged.id, model.model, item["id"], presentation]
        reply = Reply(
            key=digest([*place, step] if step else place, 64),
            repeat=repeat,
            text=text,
            outcome=outcome_of(text, stop),
            stop_reason=stop,
            calls=said.calls,
            parts=said.parts,
            version=found.version,
            # a log tells what the whole took
            input_tokens=found.input_tokens if last else 0,
            output_tokens=found.output_tokens if last else 0,
            usd=None,
            seconds=found.seconds if last else 0.0,
            cached=True,
        )
        if found.prompt is not None:
            messages = [Said("user", storable(found.prompt))]
        request: Json = {
            "messages": [m.json() for m in messages],
            "params": {},
            "log": logged.id,
        }
        row = stored_row(reply, model.model[:512], request)
        await self.store.write((self.store.insert_new(responses), [row]))
        return reply
