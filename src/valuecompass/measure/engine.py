"""Runs a plan: asks, judges as answers arrive, scores, and writes the measurement.

Whatever happens, what was answered is stored; the same plan run again asks only for the rest.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
from filelock import FileLock, Timeout
from sqlalchemy import bindparam, func, select

from valuecompass.blocking import interruptions
from valuecompass.errors import (
    BudgetReached,
    InputError,
    Interrupted,
    ProviderStopped,
    RequestFailed,
)
from valuecompass.items import built_in_form
from valuecompass.judges import Verdict, judge_id, subject_of
from valuecompass.judges.protocol import all_missing
from valuecompass.judges.spec import judge_models
from valuecompass.measure.archive import find_measurement, new_measurement, save_measurement
from valuecompass.measure.asking import Question, goes_to_judge, read_off
from valuecompass.measure.item_table import answered_of, keep
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.plan import Plan, environment
from valuecompass.measure.putting import ask_question
from valuecompass.measure.scoring import Result, findings_of, score_row
from valuecompass.models import Reply, Respondent
from valuecompass.models.asker import Asker
from valuecompass.store import Store, responses, verdicts
from valuecompass.text import points

WORKERS = 64
"""Questions in progress at once; how many requests leave is Inspect's adaptive limit."""
SEEDS = (
    "sampling: the low 31 bits of the first 32 of SHA-256 over [request key, repeat], given to "
    "providers that take a seed; bootstrap: the first 48 bits of SHA-256 over one text of form "
    "hash, respondent, dimension and, but for the score itself, kind of score"
)
_VERDICTS = select(verdicts.c.body).where(
    *(verdicts.c[name] == bindparam(f"of_{name}") for name in ("key", "repeat", "judge", "item"))
)
IN_BATCHES = 4_000
"""Questions in progress at once where a provider is asked in batches: they make the batches."""
WAITING = (
    "Nothing new is asked. What is in batches is billed whatever happens: this waits for it. "
    "Ctrl-C again gives it up; it stays reserved in the budget (valuecompass spending)."
)
GRACE = 5.0
"""Seconds that requests in flight get after Ctrl-C; what is in batches gets as long as it takes."""


@dataclass(frozen=True)
class Progress:
    """One answer more."""

    system: str
    respondent: str
    done: int
    total: int
    outcome: str


@dataclass
class _Run:
    plan: Plan
    store: Store
    asker: Asker
    tell: Callable[[Progress], None]
    results: list[list[Result | None]]
    done: list[int]
    totals: list[int]
    """Questions that each respondent is asked."""
    judge_id: str = ""
    _jobs: Iterator[tuple[int, int]] = field(default_factory=lambda: iter(()))

    async def worker(self) -> None:
        for position, number in self._jobs:
            if self.asker.stop is not None:
                return
            try:
                await self._one(position, number)
            except (BudgetReached, ProviderStopped, Interrupted) as error:
                # the others finish what they have in flight, nobody begins anything new
                self.asker.stop = self.asker.stop or error
                return

    def start(self) -> None:
        plan = self.plan
        self._jobs = (
            (p, n)
            # question by question, so that an interrupted run has compared like with like
            for n, question in enumerate(plan.questions)
            for p, respondent in enumerate(plan.respondents)
            if plan.asks(respondent, question)
        )

    async def _one(self, position: int, number: int) -> None:
        plan, question = self.plan, self.plan.questions[number]
        respondent = plan.respondents[position]
        result = await self._ask(respondent, question)
        self.results[position][number] = result
        self.done[position] += 1
        self.tell(
            Progress(
                plan.system.id,
                respondent.name,
                self.done[position],
                self.totals[position],
                result.outcome,
            )
        )

    async def _ask(self, respondent: Respondent, question: Question) -> Result:
        item = question.item
        asking = self.plan.form.asking[item.kind]
        result = Result(item, question.presentation, question.repeat, None, "missing")
        try:
            reply = await ask_question(self.asker, respondent, question, asking)
        except RequestFailed as error:
            result.why = str(error)
            return result
        result.key, result.outcome = reply.key, reply.outcome
        scoring = self.plan.system.scoring
        if reply.outcome == "answer":
            result.reading = read_off(question, reply.text, reply.stop_reason)
        if goes_to_judge(scoring, item.kind, reply.outcome, reply.stop_reason, reply.text):
            result.points = len(points(reply.text)) if item.kind == "question" else 0
            found = await self._verdicts(question, reply)
            result.findings = findings_of(found, self.plan.system.names)
        return result

    async def _verdicts(self, question: Question, reply: Reply) -> list[dict[str, Any]]:
        if reply.cached:  # on an answer that has just come nobody can have judged
            stored = await self.store.row(
                _VERDICTS,
                {
                    "of_key": reply.key,
                    "of_repeat": reply.repeat,
                    "of_judge": self.judge_id,
                    "of_item": question.item.id,
                },
            )
            if stored is not None:
                return stored["body"]
        if self.asker.stop is not None:  # judging takes time, too; it is done when the run goes on
            raise self.asker.stop
        subject = subject_of(self.plan.system, question.item, reply.text)
        try:
            found = await self.plan.judge.judge(subject)
        except RequestFailed as error:  # not kept: next time the request is sent again
            return verdict_body(all_missing(subject, f"the judge did not answer: {error}"))
        body = verdict_body(found)
        if any(f.missing is None for f in found):
            row = {
                "key": reply.key,
                "repeat": reply.repeat,
                "judge": self.judge_id,
                "item": question.item.id,
                "body": body,
                "created": datetime.now(UTC),
            }
            await self.store.write((self.store.insert_new(verdicts), [row]))
        return body


def verdict_body(found: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Return verdicts as they are stored."""
    return [{k: v for k, v in vars(f).items() if v is not None or k == "expressed"} for f in found]


async def run_plan(
    plan: Plan,
    store: Store,
    asker: Asker,
    workspace: Path,
    tell: Callable[[Progress], None] = lambda _: None,
) -> Measurement:
    """Run a plan to its measurement.

    Args:
        plan: what to do.
        store: the open store.
        asker: asks within the budget.
        workspace: folder for the lock that keeps two processes from doing the same plan.
        tell: called after every answer.

    Raises:
        InputError: another process is at the same plan.
        BudgetReached, ProviderStopped: nothing more can be asked; resumable.
        Interrupted: Ctrl-C or SIGTERM; resumable.
    """
    with work_lock(workspace, plan.id):
        await asker.budget.load()  # another process may have spent while this one waited
        asker.versions.clear()
        run = await _answered(plan, store, asker, tell)
        _check_answered(run)
        return await _finish(run)


async def ask_plan(
    plan: Plan,
    store: Store,
    asker: Asker,
    tell: Callable[[Progress], None] = lambda _: None,
) -> list[list[Result]]:
    """Ask and judge what a plan says, without a measurement: for who looks as answers come.

    Returns:
        What came of each question, by respondent; all is stored.

    Raises:
        BudgetReached, ProviderStopped, Interrupted: as `run_plan`.
    """
    run = await _answered(plan, store, asker, tell)
    return [[r for r in of_one if r is not None] for of_one in run.results]


async def _answered(
    plan: Plan, store: Store, asker: Asker, tell: Callable[[Progress], None]
) -> _Run:
    run = _Run(
        plan=plan,
        store=store,
        asker=asker,
        tell=tell,
        results=[[None] * len(plan.questions) for _ in plan.respondents],
        done=[0] * len(plan.respondents),
        totals=[sum(1 for _ in plan.asked(r)) for r in plan.respondents],
        judge_id=judge_id(plan.judge, plan.system),
    )
    run.start()
    await _work(run)
    if asker.stop is not None:
        raise asker.stop
    return run


def _check_answered(run: _Run) -> None:
    """Refuse a measurement of nothing: it would hide an older good one.

    Raises:
        ProviderStopped: every request of this plan failed for good.
    """
    results = [r for of_one in run.results for r in of_one if r is not None]
    if results and all(r.outcome == "missing" for r in results):
        raise ProviderStopped(
            f"{run.plan.system.id}: all {len(results)} requests failed, the last one: "
            f"{results[-1].why}. Nothing was measured: repeat the command to try again"
        )


def work_lock(workspace: Path, name: str, what: str = "measurement") -> Any:
    """Return the lock that keeps two processes from working on the same thing.

    Args:
        workspace: where it is made.
        name: id of the thing.
        what: it is, for the message.

    Raises:
        InputError: another process holds it, or the workspace cannot be written.
    """
    folder = workspace / "locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{name}.lock", timeout=0)
        return lock.acquire()
    except Timeout:
        raise InputError(
            f"{workspace}: another process is working on this {what}; "
            "wait for it, or choose another workspace with -w"
        ) from None
    except OSError as error:
        raise InputError(f"{workspace}: cannot be written ({error.strerror})") from None


async def _work(run: _Run) -> None:
    async with interruptible([run.asker]), anyio.create_task_group() as workers:
        for _ in range(min(_workers(run), len(run.plan.questions) * len(run.plan.respondents))):
            workers.start_soon(run.worker)


def _workers(run: _Run) -> int:
    """Return how many questions are in progress at once: enough to fill batches, if there are any.

    A worker asks and has judged; both may wait for a batch.
    """
    asked = [*run.plan.respondents, *judge_models(run.plan.judge)]
    return IN_BATCHES if any(run.asker.by_batch(model) for model in asked) else WORKERS


@asynccontextmanager
async def interruptible(askers: Sequence[Asker]) -> AsyncGenerator[None]:
    """Turn the first Ctrl-C into a stop after what is in flight, the second into one at once.

    Either way the body ends, perhaps early, and the askers' `stop` says so.
    """

    async def watch() -> None:
        try:
            with interruptions() as presses:
                await anext(presses)
                for asker in askers:
                    asker.stop = asker.stop or Interrupted(
                        "interrupted; everything answered is stored: repeat the command to go on"
                    )
                if (batching := next((a for a in askers if a.batch), None)) is None:
                    tasks.start_soon(expire)
                else:
                    batching.tell(WAITING)
                await anext(presses)
        except (NotImplementedError, ValueError, RuntimeError):
            return  # not the main thread: whoever runs us owns the signals
        tasks.cancel_scope.cancel()

    async def expire() -> None:
        await anyio.sleep(GRACE)
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        yield
        tasks.cancel_scope.cancel()


async def _finish(run: _Run) -> Measurement:
    plan = run.plan
    results = [[r for r in of_one if r is not None] for of_one in run.results]
    rows = [
        score_row(plan, respondent, of_one)
        for respondent, of_one in zip(plan.respondents, results, strict=True)
    ]
    drift = await _drift(run)
    rows = [
        replace(row, notes=(*row.notes, drift[respondent.model]))
        if respondent.model in drift
        else row
        for row, respondent in zip(rows, plan.respondents, strict=True)
    ]
    versions = {m: sorted(v) for m, v in run.asker.versions.items()}
    manifest = manifest_of(plan, versions, sum(run.totals)) | {"drift": list(drift.values())}
    measurement = new_measurement(plan.id, plan.system.id, manifest, rows)
    if (same := await find_measurement(run.store, measurement.id)) is not None:
        return same
    await save_measurement(run.store, measurement, plan.items, results)
    # boards find it ready
    await keep(run.store, measurement, answered_of(measurement, plan.items, enumerate(results)))
    return measurement


def manifest_of(plan: Plan, versions: Mapping[str, Sequence[str]], requests: int) -> dict[str, Any]:
    """Return what a measurement says of how it was made, but for date, rows and drift.

    Args:
        plan: what was done.
        versions: that providers reported, by model.
        requests: that it took.
    """
    manifest = plan.identity | {
        "respondents": [r.model_dump(mode="json", exclude_none=True) for r in plan.respondents],
        "plan": plan.id,
        "judge_id": judge_id(plan.judge, plan.system),
        "judge_name": plan.judge.name,
        "seeds": SEEDS,
        "environment": environment(),
        "versions": dict(versions),
        "drift": [],
        "requests": requests,
        "judge_gate": None if plan.gate is None else asdict(plan.gate),
    }
    if built_in_form(plan.system.id, plan.form.hash) is None:
        manifest["asked"] = plan.form.model_dump(mode="json", exclude_defaults=True)
    if plan.calibration is not None:
        manifest["calibration"] = plan.calibration.about(plan.system.id)
    return manifest


async def _drift(run: _Run) -> dict[str, str]:
    """Return a sentence for each model behind whose name the provider has changed the version.

    Versions first seen after this plan's own are left out: they say nothing about it, and the
    same plan repeated later says the same.
    """
    rows = await run.store.rows(
        select(responses.c.model, responses.c.version, func.min(responses.c.created).label("first"))
        .where(responses.c.model.in_(list(run.asker.versions)), responses.c.version != "")
        .group_by(responses.c.model, responses.c.version)
        .order_by("first", responses.c.version)
    )
    said: dict[str, str] = {}
    for model, here in run.asker.versions.items():
        seen = [row["version"] for row in rows if row["model"] == model]
        ours = [v for v in seen if v in here]
        before = seen[: seen.index(ours[0])] if ours else []
        if len(ours) > 1:
            said[model] = (
                f"the provider changed {model} while this was measured: {', then '.join(ours)}"
            )
        elif before:
            said[model] = (
                f"the provider has changed {model}: {ours[0]} here, {before[-1]} in earlier "
                "answers in this workspace"
            )
    return said
