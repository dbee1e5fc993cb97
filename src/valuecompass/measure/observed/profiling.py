"""What models wrote elsewhere, judged and scored: an observational measurement.

Nobody is asked anything: what a conversation began with is an item, each message of the model in it
an answer to it. So intervals are clustered by prompt (several epochs of a sample are one), and
respondents that were asked the same are compared on it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
from sqlalchemy import select

from valuecompass.blocking import blocking
from valuecompass.errors import (
    BudgetReached,
    InputError,
    Interrupted,
    ProviderStopped,
    RequestFailed,
    ungrouped,
)
from valuecompass.files import listed
from valuecompass.hashing import digest
from valuecompass.items import Asking, Form, Item
from valuecompass.items.transcripts import Columns, Conversation
from valuecompass.judges import Judge, Subject, judge_id, subject_of
from valuecompass.judges.protocol import Verdict, all_missing
from valuecompass.judges.quality.labelled import KINDS
from valuecompass.judges.spec import judge_models, parse_judge
from valuecompass.measure.archive import find_measurement, new_measurement, save_measurement
from valuecompass.measure.asking import goes_to_judge
from valuecompass.measure.engine import (
    SEEDS,
    WORKERS,
    interruptible,
    verdict_body,
    work_lock,
)
from valuecompass.measure.item_table import item_table
from valuecompass.measure.measurement import Measurement, Measurements
from valuecompass.measure.observed.finding import Found, find
from valuecompass.measure.plan import Plan, environment
from valuecompass.measure.run import Settings, make_judge, resolve_respondents, resolve_system
from valuecompass.measure.scoring import Result, findings_of, score_row
from valuecompass.models import Respondent, check_priced
from valuecompass.models.asker import Asker, outcome_of
from valuecompass.models.budget import Budget
from valuecompass.store import Store, blocks, open_store, responses, storable, verdicts
from valuecompass.text import Span
from valuecompass.values import ValueSystem

BEGINNING = 2_000
"""Characters of a conversation's first message that name it."""
PROMPT = 8_000
"""Characters, the last ones, of what a message answers, that a judge is shown."""
AT_ONCE = 500
"""Rows of one write or one query."""
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class _Message:
    """A message of a model: what is judged."""

    position: int
    """Of the respondent."""
    item: Item
    """What the conversation began with."""
    telling: int
    """The conversation among the respondent's with this beginning."""
    number: int
    """Among the model's messages in the conversation."""
    prompt: str
    text: str

    key: str


def profile(
    paths: str | Path | Sequence[str | Path],
    systems: str | Sequence[str] = ("schwartz",),
    *,
    columns: Columns = Columns(),  # noqa: B008  (frozen)
    respondent: str | None = None,
    sample: int | None = None,
    **settings: object,
) -> Measurements:
    """Score the values in what models wrote elsewhere; blocks until done.

    Args:
        paths: files and folders, as for `find`.
        systems: ids of built-in value systems, or paths of TOML files.
        columns: of tables.
        respondent: who wrote everything; None: as the files say.
        sample: at most so many conversations of each respondent.
        **settings: further fields of `Settings`: judge, workspace, limits ...

    Returns:
        One measurement per system.
    """
    found = find([Path(p) for p in listed(paths)], columns, respondent=respondent, sample=sample)
    own = Settings(systems=systems, **settings)  # pyright: ignore[reportArgumentType]
    return blocking(profile_async, found, own)


async def profile_async(found: Found, settings: Settings, tell: Tell | None = None) -> Measurements:
    """Judge what was found and score it, one measurement a value system.

    Args:
        found: conversations, from `find`.
        settings: systems, judge, limits, workspace and a roster that lends the judge its price;
            nothing else is used.
        tell: called with (messages judged, messages in all), by each system anew.

    Raises:
        InputError: a system without a judge (a self-report), or a wrong judge.
        BudgetReached, ProviderStopped, Interrupted: nothing more can be asked of a judge; what was
            judged is stored, the same command goes on.
    """
    systems = [resolve_system(name) for name in settings.systems]
    for system in systems:
        if system.scoring not in KINDS:
            raise InputError(f"-s {system.id}: it is scored from ratings, not from what is written")
    parse_judge(settings.judge, settings.judge_mode, settings.strong_judge)
    with ungrouped():
        async with open_store(settings.workspace, settings.db) as store:
            asker = Asker(store, Budget(store, "", settings.limits), settings.patience)
            respondents = _respondents(found)
            prices = resolve_respondents(settings, systems)
            judge = make_judge(settings, asker, [*respondents, *prices])
            check_priced(judge_models(judge), settings.limits)
            plans = [_plan(system, found, respondents, judge) for system in systems]
            asker.budget.plan = digest([plan.id for plan in plans], 16)
            await asker.budget.load()
            try:
                for model in judge_models(judge):  # a wrong name is told before anything is done
                    asker.models.get(model.model)
                done = Measurements()
                for plan in plans:
                    one = await _measured(plan, found, store, asker, settings, tell)
                    done.append(replace(one, workspace=settings.workspace.resolve()))
                return done
            finally:
                with anyio.CancelScope(shield=True):
                    await asker.models.close()


def _respondents(found: Found) -> list[Respondent]:
    names = sorted({one.respondent for one in found.conversations})
    return [Respondent(name=name, model=name) for name in names]


def _plan(
    system: ValueSystem, found: Found, respondents: Sequence[Respondent], judge: Judge
) -> Plan:
    items = {i.id: i for i in (item_of_conversation(system, one) for one in found.conversations)}
    form = observed_form(system, list(items.values()))
    return Plan(system, form, tuple(items[i] for i in form.items), tuple(respondents), judge)


def observed_form(system: ValueSystem, items: Sequence[Item]) -> Form:
    """Return what stands for a form: the conversations, each message sampled once."""
    asking = {"conversation": Asking(words=1), "opening": Asking(words=1)}
    ids = tuple(sorted(item.id for item in items))
    return Form.model_validate(
        {"name": "observed", "system": system.id, "asking": asking, "items": ids}
    )


def item_of_conversation(system: ValueSystem, one: Conversation) -> Item:
    """Return a conversation as an item; those that began alike are one."""
    asked = storable(one.beginning)[:BEGINNING].strip()
    return Item(
        kind="conversation",
        system=system.id,
        text=asked or "(nobody said anything before the model)",
        dimensions=system.names,
        transcript=one.prompt_digest,
    )


def _messages(plan: Plan, found: Found) -> Iterator[_Message]:
    position = {r.name: at for at, r in enumerate(plan.respondents)}
    tellings: Counter[tuple[str, str]] = Counter()
    for one in found.conversations:
        item = item_of_conversation(plan.system, one)
        telling = tellings[one.respondent, item.id]
        tellings[one.respondent, item.id] += 1
        key = digest(["observed", one.respondent, one.digest], 64)
        for number, (prompt, text) in enumerate(one.answered()):
            at = position[one.respondent]
            yield _Message(at, item, telling, number, storable(prompt), storable(text), key)


def subjects(system: ValueSystem, prompt: str, text: str) -> Iterator[Subject]:
    """Yield what a judge is shown of a message, as `judge evaluate` shows it.

    All dimensions at once where a text is read for the values in it; else one after the other, each
    by its definition.
    """
    kind = KINDS[system.scoring]
    asked = prompt[-PROMPT:].strip() or "(nothing was asked)"
    if kind == "question":
        item = Item(kind=kind, system=system.id, text=asked, dimensions=system.names)
        whole = text.strip()
        at = text.find(whole)
        # an answer to a question of ours is cut into its points; what is found has no such form
        yield replace(subject_of(system, item, text), parts=(Span(at, at + len(whole), whole),))
        return
    for dimension in system.dimensions:
        yield subject_of(
            system,
            Item(
                kind=kind,
                system=system.id,
                text=asked,
                dimensions=(dimension.name,),
                principle=dimension.definition if kind == "opening" else None,
            ),
            text,
        )


async def judged_subjects(judge: Judge, shown: Iterable[Subject]) -> tuple[list[Verdict], bool]:
    """Return the verdicts on what a judge is shown, and whether a request for them failed.

    What failed is missing and not to be kept: next time the request is sent again.
    """
    found: list[Verdict] = []
    failed = False
    for subject in shown:
        try:
            found += await judge.judge(subject)
        except RequestFailed as error:
            found += all_missing(subject, f"the judge did not answer: {error}")
            failed = True
    return found, failed


async def _measured(
    plan: Plan, found: Found, store: Store, asker: Asker, settings: Settings, tell: Tell | None
) -> Measurement:
    work = list(_messages(plan, found))
    judge = judge_id(plan.judge, plan.system)
    with work_lock(settings.workspace, plan.id):
        await _store(work, plan, store)
        run = _Judging(plan, store, asker, work, judge, await _judged(work, judge, store), tell)
        async with interruptible([asker]), anyio.create_task_group() as workers:
            for _ in range(min(WORKERS, len(work))):
                workers.start_soon(run.worker)
        if asker.stop is not None:
            raise asker.stop
        return await _finish(plan, found, store, run)


async def _store(work: Sequence[_Message], plan: Plan, store: Store) -> None:
    now = datetime.now(UTC)
    for block in blocks(work, AT_ONCE):
        rows: list[dict[str, Any]] = [
            {
                "key": one.key,
                "repeat": one.number,
                "model": plan.respondents[one.position].name[:512],
                "request": {
                    "messages": [{"role": "user", "content": one.prompt[-PROMPT:]}]
                    if one.prompt
                    else [],
                    "params": {},
                    "observed": True,
                },
                "text": one.text,
                "stop_reason": "stop",
                "version": "",
                "input_tokens": 0,
                "output_tokens": 0,
                "usd": 0.0,
                "seconds": 0.0,
                "created": now,
            }
            for one in block
        ]
        await store.write((store.insert_new(responses), rows))


async def _judged(work: Sequence[_Message], judge: str, store: Store) -> dict[tuple[str, int], Any]:
    """Return the verdicts that are stored already, also those under another name of the item."""
    stored: dict[tuple[str, int], Any] = {}
    under: set[tuple[str, int, str]] = set()
    for keys in blocks(sorted({one.key for one in work}), AT_ONCE):
        query = select(*(verdicts.c[n] for n in ("key", "repeat", "item", "body"))).where(
            verdicts.c.judge == judge, verdicts.c.key.in_(keys)
        )
        for row in await store.rows(query):
            stored[row["key"], row["repeat"]] = row["body"]
            under.add((row["key"], row["repeat"], row["item"]))
    # earlier versions took every conversation for an item of its own; who reads a measurement looks
    # for the verdicts under its items
    moved = [
        _verdict_row(one, judge, stored[one.key, one.number])
        for one in work
        if (one.key, one.number) in stored and (one.key, one.number, one.item.id) not in under
    ]
    for block in blocks(moved, AT_ONCE):
        await store.write((store.insert_new(verdicts), block))
    return stored


class _Judging:
    """Messages at a judge, many at the same time."""

    def __init__(
        self,
        plan: Plan,
        store: Store,
        asker: Asker,
        work: Sequence[_Message],
        judge: str,
        stored: Mapping[tuple[str, int], Any],
        tell: Tell | None,
    ) -> None:
        self.plan, self.store, self.asker = plan, store, asker
        self.judge, self.stored, self.tell = judge, stored, tell
        self.work = work
        self.results: list[Result | None] = [None] * len(work)
        self._jobs = iter(range(len(work)))
        self._done = 0

    async def worker(self) -> None:
        for at in self._jobs:
            if self.asker.stop is not None:
                return
            try:
                self.results[at] = await self._one(self.work[at])
            except (BudgetReached, ProviderStopped, Interrupted) as error:
                self.asker.stop = self.asker.stop or error
                return
            self._done += 1
            if self.tell is not None:
                self.tell(self._done, len(self.work))

    async def _one(self, one: _Message) -> Result:
        outcome, system = outcome_of(one.text, "stop"), self.plan.system
        result = Result(one.item, one.telling, one.number, one.key, outcome)
        if goes_to_judge(system.scoring, one.item.kind, outcome, "stop", one.text):
            body = self.stored.get((one.key, one.number))
            if body is None:
                body = await self._ask(one)
            result.findings = findings_of(body, system.names)
        return result

    async def _ask(self, one: _Message) -> list[dict[str, Any]]:
        shown = subjects(self.plan.system, one.prompt, one.text)
        found, failed = await judged_subjects(self.plan.judge, shown)
        body = verdict_body(found)
        if not failed and any(f.missing is None for f in found):
            row = _verdict_row(one, self.judge, body)
            await self.store.write((self.store.insert_new(verdicts), [row]))
        return body


def _verdict_row(one: _Message, judge: str, body: Any) -> dict[str, Any]:
    return {
        "key": one.key,
        "repeat": one.number,
        "judge": judge,
        "item": one.item.id,
        "body": body,
        "created": datetime.now(UTC),
    }


async def _finish(plan: Plan, found: Found, store: Store, run: _Judging) -> Measurement:
    by_position: dict[int, list[Result]] = defaultdict(list)
    for one, result in zip(run.work, run.results, strict=True):
        if result is not None:
            by_position[one.position].append(result)
    results = [by_position[at] for at in range(len(plan.respondents))]
    talks = Counter(one.respondent for one in found.conversations)
    rows = [
        replace(row, notes=(_note(len(own), talks[row.respondent]), *row.notes))
        for row, own in zip(
            map(score_row, [plan] * len(results), plan.respondents, results), results, strict=True
        )
    ]
    manifest = plan.identity | {
        "respondents": [r.model_dump(mode="json", exclude_none=True) for r in plan.respondents],
        "plan": plan.id,
        "judge_id": run.judge,
        "judge_name": plan.judge.name,
        "environment": environment(),
        "seeds": SEEDS,
        "versions": {},
        "drift": [],
        "requests": len(run.work),
        "judge_gate": None if plan.gate is None else asdict(plan.gate),
        "observational": {
            "files": sorted({one.path.name for one in found.conversations}),
            "conversations": len(found.conversations),
            "prompts": len(plan.items),
            "shared_prompts": _shared(run.work, len(plan.respondents)),
            "messages": len(run.work),
            "duplicates": found.duplicates,
            "silent": found.silent,
            "left_out": found.left_out,
        },
    }
    measurement = new_measurement(plan.id, plan.system.id, manifest, rows)
    if (same := await find_measurement(store, measurement.id)) is not None:
        return same
    await save_measurement(store, measurement, plan.items, results)
    await item_table(store, measurement)  # boards find it ready
    return measurement


def _note(messages: int, conversations: int) -> str:
    """Say what a respondent's scores rest on."""
    of = "conversation" if conversations == 1 else f"{conversations:,} conversations"
    said = "one message" if messages == 1 else f"{messages:,} messages"
    return f"observational: {said} of {'one ' if conversations == 1 else ''}{of}, as found"


def _shared(work: Sequence[_Message], respondents: int) -> int:
    """Return how many prompts every respondent answered."""
    answered = Counter(item for _, item in {(one.position, one.item.id) for one in work})
    return sum(n == respondents for n in answered.values())
