"""Answers in logs of Inspect and samples of lm-eval as measurements: nobody is asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from pydantic import ValidationError

from valuecompass.errors import InputError, RequestFailed, ungrouped
from valuecompass.hashing import digest
from valuecompass.items import Form, Item
from valuecompass.judges.spec import judge_models
from valuecompass.measure.engine import run_plan
from valuecompass.measure.lm_eval.samples import read_samples
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.plan import make_plan
from valuecompass.measure.run import Settings, make_judge, resolve_respondents
from valuecompass.models import Params, Reply, Respondent, check_priced
from valuecompass.models.asker import Asker, outcome_of, stored_row
from valuecompass.models.budget import Budget
from valuecompass.models.eval_logs import Logged, read_answers
from valuecompass.models.request import Message as Said
from valuecompass.store import open_store, responses, storable
from valuecompass.values import ValueSystem

Json = dict[str, Any]


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
    try:
        form = Form.model_validate(logged.form)
        for one in logged.items:
            Item.from_row(one)
        ValueSystem.model_validate(logged.system)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{path}: {error.title}: {where}: {first['msg']}") from None
    known = {one["id"] for one in logged.items}
    if missing := [i for i in form.items if i not in known]:
        raise InputError(f"{path}: {len(missing)} of {len(form.items)} items are not in the log")
    return await _measured([logged], form, settings)


async def import_logs(
    paths: Sequence[Path], settings: Settings, respondent: str | None = None
) -> list[Measurement]:
    """Import logs of Inspect (`import_log`) and samples of lm-eval (`import_samples`)."""
    if folder := next((path for path in paths if path.is_dir()), None):
        raise InputError(
            f"{folder}: this is a folder; give the files in it: logs of Inspect (.eval), or "
            "samples of lm-eval (samples_*.jsonl)"
        )
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
            prices = resolve_respondents(settings, [system])
            judge = make_judge(settings, asker, [*respondents, *prices])
            check_priced(judge_models(judge), settings.limits)
            plan = make_plan(system, form, respondents, judge, items)
            budget.plan = digest(["log", plan.id], 16)
            await budget.load()
            try:
                return await run_plan(plan, store, asker, settings.workspace)
            finally:
                with anyio.CancelScope(shield=True):
                    await asker.models.close()


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
        if step >= len(found.said):
            raise RequestFailed("the conversation in the log ends before the scenario")
        said, last = found.said[step], step == len(found.said) - 1
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
