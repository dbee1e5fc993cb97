"""Three sources of items at equal calls; the same pool chooses the best of each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from valuecompass.errors import InputError
from valuecompass.evolve.adaem import evolve
from valuecompass.evolve.adaem_config import AdAEMConfig
from valuecompass.evolve.baselines import one_shot
from valuecompass.evolve.explorer import CALLS, ModelExplorer
from valuecompass.evolve.pool import ModelPool
from valuecompass.evolve.probing import Heard, Prober, together
from valuecompass.evolve.rating import Rater, RatingConfig
from valuecompass.items import Item, seed_items
from valuecompass.judges.protocol import Judge
from valuecompass.models import Respondent
from valuecompass.models.asker import Asker
from valuecompass.values import ValueSystem

AT_ONCE = 8
"""As many as the engine of a local model decodes together."""
EVOLVED, SEEDS, ONE_SHOT = "evolved", "seeds", "one-shot"
SOURCES = (EVOLVED, SEEDS, ONE_SHOT)
UNUSABLE = "nothing usable written"


@dataclass(frozen=True)
class Settings:
    """What decides a run.

    calls: requests of each source: writing, answers of the pool, verdicts on them.
    keep: items that are chosen from each source.
    repeats: fresh answers of each examinee to an item.
    read: how many of those the second judge reads.
    words: length of answers.
    seed: of all draws.
    """

    calls: int = 240
    keep: int = 12
    repeats: int = 3
    read: int = 2
    words: int = 60
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse what would leave nothing to choose or to compare."""
        if min(self.calls, self.words) < 1 or min(self.keep, self.read) < 2:
            raise InputError("calls and words must be >= 1, keep and read >= 2")
        if self.read > self.repeats:
            raise InputError(f"read {self.read}: there are {self.repeats} repeats")


@dataclass(frozen=True)
class World:
    """Everybody who takes part in choosing items."""

    asker: Asker
    writer: Respondent
    pool: ModelPool
    judge: Judge
    system: ValueSystem
    settings: Settings

    @property
    def prober(self) -> Prober:
        """Puts items to the pool."""
        return Prober(self.pool, self.judge, (self.system,))

    @property
    def each(self) -> int:
        """Requests that a question takes once it is there: of each model, and of the judge."""
        return len(self.pool.names) * self.prober.cost(_questions(self)[0])


@dataclass
class Tried:
    """An item that the pool answered."""

    item: Item
    heard: Mapping[str, Heard]
    about: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass
class Source:
    """What a source gave.

    calls: requests by kind; together at most those of the settings.
    tried: items that the pool answered, in order.
    chosen: ids of the best, the best first.
    rejected: what was written and not put to the pool, by reason.
    """

    name: str
    calls: dict[str, int]
    tried: list[Tried]
    chosen: list[str]
    rejected: Counter[str] = field(default_factory=Counter[str])

    def sampled(self, settings: Settings) -> list[str]:
        """Return ids drawn at random from all that was tried, as many as were chosen."""
        ids = sorted(one.item.id for one in self.tried)
        rng = np.random.default_rng([settings.seed, SOURCES.index(self.name)])
        number = min(settings.keep, len(ids))
        return [ids[i] for i in rng.permutation(len(ids))[:number]]


def _questions(world: World) -> list[Item]:
    return [item for item in seed_items(world.system.id) if item.kind == "question"]


def topics(world: World, calls: int) -> list[Item]:
    """Return seed questions in random order: as many as could be tried for the calls."""
    bank = _questions(world)
    order = np.random.default_rng(world.settings.seed).permutation(len(bank))
    return [bank[i] for i in order[: calls // world.each]]


async def evolved(world: World) -> Source:
    """Let items evolve from the seeds.

    Winners are not scored once more, as they are by default: what is reported here are answers of
    other models. Those calls go into the search instead.
    """
    settings = world.settings
    done = await evolve(
        # half of the calls: what it writes takes about as many as what it has answered
        topics(world, settings.calls // 2),
        [ModelExplorer(world.asker, world.writer)],
        world.pool,
        world.judge,
        [world.system],
        AdAEMConfig(
            p1=len(world.pool.names),
            keep=None,
            rescore=False,
            concurrency=AT_ONCE,
            seed=settings.seed,
        ),
        calls=settings.calls,
    )
    meter, written = done.meter, (*done.kept, *done.rejected)
    reasons = Counter(c.why for c in written if not c.heard)
    if unusable := meter.explorer // CALLS - len(written):
        reasons[UNUSABLE] = unusable
    tried = [
        Tried(
            c.item,
            c.heard,
            {
                "fact": c.proposal.fact,
                "region": c.proposal.region,
                "year": c.proposal.year,
                "parent": c.proposal.parent,
            },
        )
        for c in written
        if c.heard
    ]
    calls = {"explorer": meter.explorer, "answers": meter.answers, "judge": meter.judge}
    return Source(EVOLVED, calls, tried, best(world, tried), reasons)


async def seeds(world: World) -> Source:
    """Put seeds to the pool for all calls, and choose the best."""
    items = topics(world, world.settings.calls)
    return await _answered(world, SEEDS, items, 0)


async def written_at_once(world: World) -> Source:
    """Put one-shot questions to the pool for all calls, and choose the best.

    Questions that came to nothing cost a request; what is left over then goes into more of them.
    """
    count, items = 0, list[Item]()
    while more := (world.settings.calls - count - world.each * len(items)) // (1 + world.each):
        count += more
        items = await one_shot(world.asker, world.writer, world.system, count)
    return await _answered(world, ONE_SHOT, items, count)


async def _answered(world: World, name: str, items: Sequence[Item], written: int) -> Source:
    """Put items, for which so many requests were made, to the pool."""
    prober, names = world.prober, world.pool.names
    work = [partial(prober.ask, item, model, 0) for item in items for model in names]
    answers = await together(work, AT_ONCE)
    tried = [
        Tried(item, dict(zip(names, answers[at * len(names) :], strict=False)))
        for at, item in enumerate(items)
    ]
    calls = {
        "explorer": written,
        "answers": len(answers),
        "judge": sum(heard.judge_calls for heard in answers),
    }
    unusable = Counter({UNUSABLE: written - len(items)})
    return Source(name, calls, tried, best(world, tried), +unusable)


def best(world: World, tried: Sequence[Tried]) -> list[str]:
    """Return ids of the items that `evolve` would choose, the best first, wherever they are from.

    By information, positions of the models learned from all of them: each is the one that adds most
    to those before it.
    """
    rater = Rater(RatingConfig(), world.pool.names, world.prober, None)
    for one in tried:
        rater.remember(one.heard)
    rater.learn(now=True)
    rewards = rater.rewards([one.heard for one in tried], [None] * len(tried))
    told = [(one, r) for one, r in zip(tried, rewards, strict=True) if math.isfinite(r)]
    order = rater.order([one.heard for one, _ in told], [r for _, r in told])
    return [told[at][0].item.id for at in order[: world.settings.keep]]
