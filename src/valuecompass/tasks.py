"""Our measurements inside Inspect: tasks, and scorers for logs of any task.

    inspect eval valuecompass/schwartz --model openai/gpt-5-mini -T form=tiny
    inspect score old.eval --scorer valuecompass/schwartz

A task asks the items of a form; its scorer judges each answer, and its metric gives each dimension
the score and the limits that a run of ours gives it. On a log of another task the scorer judges
what the model said in each sample: observational, clustered by sample (`measure.observed`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig, ModelUsage, get_model
from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, Value, metric, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

from valuecompass.models._registry import embedded, recorded, simulated
from valuecompass.models.eval_logs import OURS
from valuecompass.values import BUILTIN

__all__ = ["embedded", "recorded", "simulated"]

WORKSPACE = "valuecompass-workspace"
"""Where a model's verdicts are kept; the local judge needs none."""
Json = dict[str, Any]


def _task(system: str, form: str, items: str | None, judged: Scorer) -> Task:
    from valuecompass.items import form_items
    from valuecompass.measure.asking import messages_for, questions
    from valuecompass.measure.run import Settings, resolve_form, resolve_system
    from valuecompass.models.messages import chat_messages

    theory = resolve_system(system)
    settings = Settings(form=form, items=None if items is None else Path(items))
    frozen, own = resolve_form(settings, theory)
    samples = [
        Sample(
            id=f"{item.id}-{q.presentation}-{q.repeat}",
            input=chat_messages(messages_for(q, asking)),
            metadata={
                "item": item.row(),
                "presentation": q.presentation,
                "repeat": q.repeat,
                "asking": asking.model_dump(),
                "form": frozen.hash,
            },
        )
        for item in form_items(frozen, own)
        for asking in [frozen.asking[item.kind]]
        for q in questions(item, asking)
    ]
    return Task(
        dataset=MemoryDataset(samples, name=frozen.name),
        solver=put(),
        scorer=judged,
        name=theory.id,
        version=frozen.hash,
        metadata={
            OURS: {
                "system": theory.model_dump(mode="json"),
                "form": frozen.model_dump(mode="json", exclude_defaults=True),
            }
        },
    )


@solver
def put() -> Solver:
    """Ask with the limits that a run of ours asks with; play scenarios as it plays them."""
    from valuecompass.items import Asking, Item
    from valuecompass.measure.asking import Question, params_for
    from valuecompass.measure.scenario import play
    from valuecompass.models import Message, Respondent
    from valuecompass.models.asker import extra_body, request_of
    from valuecompass.models.messages import chat_messages, message_of, tool_infos

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        told = state.metadata
        item = Item.from_row(told["item"])
        respondent = Respondent(name=str(state.model), model=str(state.model))
        question = Question(item, told["presentation"], told["repeat"])
        asking = Asking.model_validate(told["asking"])
        params = params_for(respondent, question.item, asking)
        request = request_of(respondent, [], params, item.row())
        config: dict[str, Any] = {"max_tokens": params.max_tokens}
        if params.temperature is not None:
            config["temperature"] = params.temperature
        if body := extra_body(request, question.repeat, question.presentation):
            config["extra_body"] = body
        if item.kind != "scenario":
            return await generate(state, **config)
        tools, asked = tool_infos(item.tools), GenerateConfig(**config)

        used = ModelUsage()

        async def answer(said: list[Message]) -> tuple[Message, str]:
            nonlocal used
            # not by `generate`: the results of tools are scripted
            state.output = await get_model().generate(chat_messages(said), tools, config=asked)
            used += state.output.usage or ModelUsage()
            if not state.output.choices:
                raise RuntimeError(state.output.error or "the model gave no message")
            return message_of(state.output.choices[0].message), str(state.output.stop_reason)

        said, _ = await play(item, answer)
        state.messages, state.output.usage = chat_messages(said), used  # of all its requests
        return state

    return solve


@metric(name="dimensions", scores="unreduced")
def dimensions() -> Metric:
    """Each dimension's score on 0-100 with its 95 % limits and n, as a run gives it."""

    def compute(scores: list[SampleScore]) -> Value:
        from valuecompass.measure.logged import row_of
        from valuecompass.measure.run import resolve_system

        results: list[Json] = []
        about: Json = {}
        repeats: dict[str, int] = {}
        for one in scores:
            own: Json = (one.score.metadata or {}).get(OURS, {})
            about = about or own
            told: Json = one.sample_metadata or {}
            for result in own.get("results", []):
                # an item of ours stands in its sample, once
                results.append(result if "item" in result else result | {"item": told["item"]})
                if "asking" in told:
                    repeats[results[-1]["item"]["kind"]] = told["asking"]["repeats"]
        if not results:
            return {}
        system = resolve_system(about["system"])
        row = row_of(system, about["respondent"], results, about["form"], repeats)
        found: dict[str, float | int | None] = {}
        for name, score in row.dimensions.items():
            found |= {name: score.score, f"{name} low": score.low, f"{name} high": score.high}
            found[f"{name} n"] = score.n
        return {name: value for name, value in found.items() if value is not None}

    return compute


def _scored(system: str, judge: str, judge_mode: str, workspace: str) -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        from valuecompass.items import Item
        from valuecompass.measure.asking import Question
        from valuecompass.measure.logged import (
            judged_answer,
            judged_conversation,
            open_judge,
            values_of,
        )
        from valuecompass.measure.run import resolve_system
        from valuecompass.models.eval_logs import told_sample
        from valuecompass.models.messages import message_of

        theory = resolve_system(system)
        told: Json = state.metadata or {}
        # items of another system are texts like any
        ours = {"item", "asking", "form"} <= told.keys() and told["item"]["system"] == theory.id
        async with open_judge(judge, judge_mode, Path(workspace)) as own:
            if not state.output.choices:
                value, results = {}, list[Json]()
            elif ours:
                item = Item.from_row(told["item"])
                # epochs are further samples of the same question
                repeat = told["repeat"] + 1_000 * (state.epoch - 1)
                question = Question(item, told["presentation"], repeat)
                whole = state.messages if item.kind == "scenario" else [state.output.message]
                said = [message_of(m) for m in whole]
                stop = str(state.output.stop_reason)
                results = [await judged_answer(own, theory, question, said, stop)]
                value = values_of(theory, results)
                del results[0]["item"]
            else:
                found = [(m.role, m.text) for m in state.messages]
                sample = told_sample(state.sample_id, state.input)
                results = await judged_conversation(own, theory, found, sample)
                value = values_of(theory, results)
        about = {
            "system": system,
            "respondent": str(state.model),
            "form": told["form"] if ours else None,
            "results": results,
        }
        return Score(
            value=value,
            answer=state.output.completion,
            metadata={OURS: about},
        )

    return score


def _task_of(system: str) -> Any:
    def measured(
        form: str = "short",
        judge: str = "local",
        judge_mode: str = "one-call",
        workspace: str = WORKSPACE,
    ) -> Task:
        return _task(system, form, None, SCORERS[system](judge, judge_mode, workspace))

    return task(name=system)(measured)


def _scorer_of(system: str) -> Any:
    def judged(
        judge: str = "local", judge_mode: str = "one-call", workspace: str = WORKSPACE
    ) -> Scorer:
        return _scored(system, judge, judge_mode, workspace)

    return scorer(metrics=[dimensions()], name=system)(judged)


SCORERS = {system: _scorer_of(system) for system in BUILTIN}
TASKS = {system: _task_of(system) for system in BUILTIN}


@scorer(metrics=[dimensions()])
def values(
    system: str, judge: str = "local", judge_mode: str = "one-call", workspace: str = WORKSPACE
) -> Scorer:
    """Judge by a value system of one's own: ``-S system=library.toml``."""
    return _scored(system, judge, judge_mode, workspace)


@task(name="values")
def own_values(
    system: str,
    items: str,
    form: str = "short",
    judge: str = "local",
    judge_mode: str = "one-call",
    workspace: str = WORKSPACE,
) -> Task:
    """Ask items of a value system of one's own: ``-T system=library.toml -T items=items.csv``."""
    return _task(system, form, items, values(system, judge, judge_mode, workspace))
