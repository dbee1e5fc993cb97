"""`evolve_items`: from names to items. What the command line and Python callers both use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import anyio

from valuecompass.blocking import blocking
from valuecompass.errors import ungrouped
from valuecompass.evolve.adaem import evolve
from valuecompass.evolve.budget import check_calls, nobody
from valuecompass.evolve.candidates import Evolution
from valuecompass.evolve.explorer import ModelExplorer
from valuecompass.evolve.forecast import Prospect, prospect_of
from valuecompass.evolve.novelty import Similarity, encoder_of
from valuecompass.evolve.pool import ModelPool
from valuecompass.evolve.probing import Prober
from valuecompass.evolve.record import (
    Evolved,
    Recorder,
    begin,
    body_of,
    finish,
    finished,
    id_of,
    manifest_of,
    replayed,
    spent_on,
)
from valuecompass.evolve.safety import LocalRules, ModelFilter, SafetyFilter
from valuecompass.evolve.settings import EvolveSettings, Models, Players, resolve, with_error_rates
from valuecompass.judges import Judge
from valuecompass.judges.spec import build_judge, judge_models
from valuecompass.measure.engine import interruptible, work_lock
from valuecompass.models import Budget, Limits, check_priced
from valuecompass.models.asker import Asker
from valuecompass.store import Store, opened

FINISHED = "this run is finished here: without --dry-run its result is printed, and nobody is asked"


@dataclass
class Standing:
    """How far a run has come, from its events.

    spent: requests by kind, those found in the store included.
    limit: of requests; None: pulls bound the run.
    topics: all there are; pulled: pulls by topic.
    found: questions with a final reward so far; `best` the rewards of the five best topics, mean
        of what they gave.
    rejected: questions by kind of reason.
    """

    limit: int | None
    topics: Mapping[str, str]
    spent: Mapping[str, int] = field(default_factory=dict[str, int])
    pulled: Counter[str] = field(default_factory=Counter[str])
    rewards: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    rejected: Counter[str] = field(default_factory=Counter[str])
    stopped: str | None = None

    @property
    def found(self) -> int:
        """Questions with a final reward."""
        return sum(map(len, self.rewards.values()))

    @property
    def best(self) -> float | None:
        """The highest reward so far."""
        return max((max(of) for of in self.rewards.values() if of), default=None)

    def best_topics(self, number: int = 3) -> list[tuple[str, float]]:
        """Return the topics with the highest mean reward, and that mean."""
        means = [(self.topics[t], sum(of) / len(of)) for t, of in self.rewards.items() if of]
        return sorted(means, key=lambda one: -one[1])[:number]

    def take(self, event: Mapping[str, Any]) -> None:
        """Take in an event of `evolve`."""
        if event["event"] == "pull":
            self.spent = event["spent"]
            self.pulled[event["topic"]] += 1
            of = self.rewards.setdefault(event["topic"], [])
            of += [kept["reward"] for kept in event["kept"]]
            self.rejected.update(event["rejected"])
        elif event["event"] == "stop":
            self.stopped = event["reason"]


class EvolveListener:
    """Hears how a run goes; the default says nothing."""

    asks = True
    """False: nothing is to be asked (a dry run), so that no workspace is made."""

    def prospect(self, prospect: Prospect) -> bool:
        """Hear what the run will take; False leaves it at that (a dry run)."""
        return True

    def account(self, account: str) -> None:
        """Hear of the account in the ledger that all is paid from; it is the run's id."""

    def standing(self, standing: Standing, event: Mapping[str, Any]) -> None:
        """Hear of an event, and how far the run has come with it."""

    def note(self, sentence: str) -> None:
        """Hear what a person should know meanwhile."""


def evolve_items(
    pool: str | Models,
    systems: str | Sequence[str] = ("schwartz",),
    *,
    listener: EvolveListener | None = None,
    **settings: object,
) -> Evolved:
    """Let items evolve by AdAEM; blocks until done, in scripts and in notebooks.

    Ctrl-C (a notebook's "interrupt") ends it after what is in flight; the same call goes on, and
    of a finished run returns the result without asking anybody.

    Args:
        pool: models that items are tried on and that write them, named as for ``valuecompass run``.
        systems: ids of built-in value systems, or paths of TOML files.
        listener: hears of the outlook and of every event.
        **settings: the further fields of `EvolveSettings`: seeds, judge, calls, workspace ...

    Raises:
        InputError: a wrong name, file or setting; nothing was asked.
        BudgetReached: tokens or dollars are spent; the same call with more goes on.
        ProviderStopped, Interrupted: nothing more was asked; the same call goes on.
    """
    chosen = EvolveSettings(pool=pool, systems=systems, **settings)  # pyright: ignore[reportArgumentType]
    return blocking(_waited, chosen, listener or EvolveListener())


async def _waited(settings: EvolveSettings, listener: EvolveListener) -> Evolved:
    found = await evolve_async(settings, listener)
    assert found is not None, "a listener that wants a dry run calls evolve_async"
    return found


async def evolve_async(
    settings: EvolveSettings, listener: EvolveListener | None = None
) -> Evolved | None:
    """`evolve_items` for callers that have an event loop (asyncio); None after a dry run."""
    with ungrouped():
        return await _run(settings, listener or EvolveListener())


async def _run(settings: EvolveSettings, listener: EvolveListener) -> Evolved | None:
    players = resolve(settings)
    limits = Limits(tokens=settings.tokens, usd=settings.usd)
    async with opened(settings.workspace, settings.db, make=listener.asks) as store:
        budget = Budget(store, "", limits)
        asker = Asker(store, budget, settings.patience, tell=listener.note)
        run = _Run.of(settings, players, asker)
        check_priced([*run.models], limits)
        try:
            lacks = {m.model: why for m in run.models if (why := asker.models.lacks(m.model))}
            run.check_calls(settings.calls)
            own = id_of(run.manifest)
            done = await finished(store, own, settings.workspace)
            if done is not None and listener.asks:
                return await replayed(store, done, run.manifest)
            prospect = await prospect_of(
                own, run.players, run.config, run.judge, run.safety, settings.calls, asker, lacks
            )
            if done is not None:
                prospect = replace(prospect, notes=(*prospect.notes, FINISHED), finished=True)
            if not listener.prospect(prospect):
                return None
            for model in lacks:
                asker.models.get(model)  # raises what is missing
            budget.plan = own
            listener.account(own)
            with work_lock(settings.workspace, f"evolve-{own}", "run"):
                await budget.load()
                return await _evolved(run, store, own, settings, listener)
        finally:
            with anyio.CancelScope(shield=True):
                await asker.models.close()


@dataclass(frozen=True)
class _Run:
    """All that a run needs, and the manifest that says so."""

    asker: Asker
    players: Players
    judge: Judge
    safety: SafetyFilter | None
    similarity: Similarity
    manifest: dict[str, Any]

    @property
    def config(self) -> Any:
        return self.players.config

    @property
    def models(self) -> list[Any]:
        """Everybody who may be asked."""
        own = self.players
        moderators = [own.moderator] if own.moderator else []
        return [*own.explorers, *own.answering, *judge_models(self.judge), *moderators]

    def check_calls(self, calls: int | None) -> None:
        """Refuse a budget that does not reach for one question."""
        own = self.players
        prober = Prober(nobody(), self.judge, own.systems, self.config.judge_mode)
        check = 0 if self.safety is None else self.safety.cost
        players = len(own.explorers), len(own.answering)
        check_calls(calls, self.config, prober, own.topics, *players, check)

    @staticmethod
    def of(settings: EvolveSettings, players: Players, asker: Asker) -> _Run:
        judge = build_judge(players.judge, asker, players.answering)
        config = with_error_rates(players.config, players.calibration, judge, players.systems)
        players = replace(players, config=config)
        safety: SafetyFilter | None = None if settings.safety == "none" else LocalRules()
        if players.moderator is not None:
            safety = ModelFilter(asker, players.moderator)
        similarity = encoder_of({item.language for item in players.topics})
        limits = {"calls": settings.calls, "tokens": settings.tokens, "usd": settings.usd}
        manifest = manifest_of(players, config, judge, safety, similarity.name, limits)
        return _Run(asker, players, judge, safety, similarity, manifest)


async def _evolved(
    run: _Run, store: Store, own: str, settings: EvolveSettings, listener: EvolveListener
) -> Evolved:
    players = run.players
    recorder = Recorder(store, own)
    standing = Standing(settings.calls, {item.id: item.text for item in players.topics})

    def hear(event: Mapping[str, Any]) -> None:
        recorder.tell(event)
        standing.take(event)
        listener.standing(standing, event)

    await begin(store, own, run.manifest)
    done: Evolution | None = None
    async with interruptible([run.asker]), anyio.create_task_group() as tasks:
        tasks.start_soon(recorder.write)
        try:
            done = await evolve(
                players.topics,
                [
                    ModelExplorer(run.asker, m, players.systems, words=run.config.words)
                    for m in players.explorers
                ],
                ModelPool(run.asker, players.answering),
                run.judge,
                players.systems,
                run.config,
                calls=settings.calls,
                similarity=run.similarity,
                safety=run.safety,
                log=hear,
            )
        finally:
            recorder.close()
    if done is None:  # a second Ctrl-C left it half-way
        assert run.asker.stop is not None
        raise run.asker.stop
    body = body_of(done, players.notes, run.safety.name if run.safety else "none")
    body["spent"] = await spent_on(store, own)
    await finish(store, own, run.manifest, body, recorder.told)
    found = await finished(store, own, settings.workspace)
    assert found is not None
    return replace(found, replayed=False)
