"""AdAEM as printed, ours and all baselines, each with the same number of requests.

A method spends its requests on writing, answering and judging, and says which questions are its
best. Those who only choose (seeds, paraphrases, one-shot questions, a bank) spend them on scoring
what they choose from, by our reward unless another is named: so they have the best of what they
have, and every request that scored a bank is counted.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import count, islice
from typing import Any

import anyio
import numpy as np
from benchmarks.evolve_planted.players import PlantedExplorer, PlantedJudge, PlantedRespondents
from benchmarks.evolve_planted.sources import CALLS, fixed_bank, one_shot, paraphrases, seeds
from benchmarks.evolve_planted.world import World
from numpy.typing import NDArray

from valuecompass.evolve.adaem import AdAEMConfig, Evolution, evolve
from valuecompass.evolve.candidates import Candidate
from valuecompass.evolve.novelty import EnglishSimilarity, Questions
from valuecompass.evolve.probing import Meter, Prober
from valuecompass.evolve.protocols import Proposal
from valuecompass.evolve.rating import Rater, RatingConfig
from valuecompass.evolve.trials import Trials
from valuecompass.items import Item

BATCH = 12
"""Questions that are chosen from are scored in so many at a time; positions are learned between."""


@dataclass(frozen=True)
class Task:
    """What a method is given.

    calls: requests of all kinds.
    keep: questions wanted.
    accuracy: of the judge.
    home: region of all explorers; drawn for each by default.
    latest: last year that all explorers know of; drawn for each by default.
    seed: of the method's own draws.
    """

    world: World
    calls: int
    keep: int = 25
    accuracy: float = 0.93
    home: str | None = None
    latest: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a method leaves.

    chosen: the questions wanted, the best by its own reward first, or as many as it has.
    offered: all questions that have a reward, those first.
    calls: requests spent before anything was scored anew.
    anew: requests in which one question was scored on fresh answers, on average; 0 where none was.
    pulls: topics in the order in which they were pulled; of methods that pull none, none.
    """

    chosen: tuple[Candidate, ...]
    offered: tuple[Candidate, ...]
    calls: int
    pulls: tuple[str, ...] = ()
    anew: float = 0.0

    @property
    def items(self) -> list[Item]:
        """The questions wanted."""
        return [candidate.item for candidate in self.chosen]


Method = Callable[[Task], Outcome]


@dataclass
class PlantedSimilarity:
    """Compares items by the sentence encoder, opinions by counts of their words.

    Opinions are nine tenths of all texts and of this world's making; S with the sentence encoder
    and with counts have a rank correlation above .99 (60 items of one draw, both signs), and these
    take a hundredth of the time.
    """

    world: World
    name: str = "planted"
    languages: frozenset[str] = frozenset(["en"])
    sentences: EnglishSimilarity = field(default_factory=EnglishSimilarity)
    known: dict[str, NDArray[np.float32]] = field(default_factory=dict[str, Any])

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors (n, width); items and opinions never come together."""
        if self.world.wrote(texts[0]):
            new = [text for text in dict.fromkeys(texts) if text not in self.known]
            if new:
                self.known |= zip(new, self.sentences.encode(new), strict=True)
            return np.stack([self.known[text] for text in texts])
        found = np.zeros((len(texts), 256), np.float32)
        for row, text in zip(found, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                row[zlib.crc32(word.encode()) % 256] += 1
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)


@lru_cache(maxsize=1)
def similarity_of(world: World) -> PlantedSimilarity:
    """Return what compares the texts of a world, with what it has encoded so far."""
    return PlantedSimilarity(world)


def evolving(config: AdAEMConfig) -> Method:
    """Return a method that lets items evolve; the first of the pool write and answer first."""

    def run(task: Task) -> Outcome:
        done = evolved(task, replace(config, seed=task.seed))
        # those beyond the number wanted are left out by the run, and offered all the same
        offered = tuple(c for c in (*done.kept, *done.rejected) if "selected" in c.rewards)
        fresh = sum(1 + h.judge_calls for c in done.kept for h in c.fresh.values())
        pulls = tuple(str(e["topic"]) for e in done.events if e["event"] == "pull")
        anew = fresh / max(len(done.kept), 1)
        return Outcome(offered[: task.keep], offered, done.meter.total - fresh, pulls, anew)

    return run


def evolved(task: Task, config: AdAEMConfig) -> Evolution:
    """One run of `evolve` in the planted world."""
    world = task.world
    pool = world.people("pool")
    explorers = [
        PlantedExplorer(world, name, task.home, task.latest)
        for name in pool[: world.spec["settings"]["explorers"]]
    ]
    if config.keep is not None:
        config = replace(config, keep=task.keep)

    async def go() -> Evolution:
        return await evolve(
            seeds(world),
            explorers,
            PlantedRespondents(world, pool),
            PlantedJudge(world, task.accuracy),
            world.systems,
            config,
            calls=task.calls,
            similarity=similarity_of(world),
        )

    return anyio.run(go)


Source = Callable[[World, int], Sequence[Item]]
"""Gives so many questions, or as many as there are."""


def choosing(source: Source, config: AdAEMConfig, writing: int = 0, models: int = 0) -> Method:
    """Return a method that scores questions from a source and chooses among them.

    Args:
        source: of the questions.
        config: the reward and how models are chosen.
        writing: requests that each question took to be written.
        models: that answer each question; 0: those of the settings, or more where the source has
            fewer questions than there are requests for.
    """

    def run(task: Task) -> Outcome:
        world, pool = task.world, task.world.people("pool")
        panel = models or config.p2 or len(pool)
        judge = PlantedJudge(world, task.accuracy)
        prober = Prober(PlantedRespondents(world, pool), judge, world.systems)
        rating = RatingConfig(config.reward, config.disentanglement)
        reads = prober.text_cost if rating.reads_question else 0
        items = list(source(world, task.calls // (writing + reads + 2 * panel)))
        if not models:
            panel = min(len(pool), max(panel, (task.calls // len(items) - writing - reads) // 2))
        similarity = similarity_of(world)
        settings = replace(config, p1=panel, p2=panel, seed=task.seed)
        rater, meter = Rater(rating, pool, prober, similarity), Meter(task.calls)
        trials = Trials(settings, prober, rater, Questions(similarity), meter)
        found = [_written(item) for item in items]

        async def go() -> list[Candidate]:
            scored: list[Candidate] = []
            for first in range(0, len(found), BATCH):
                batch = found[first : first + BATCH]
                batch = batch[
                    : trials.affordable([writing + trials.cost(c, "final") for c in batch])
                ]
                meter.explorer += writing * len(batch)
                scored += await trials.scored(batch, "final")
                rater.learn()
            return scored

        scored = anyio.run(go)
        rater.learn(now=True)
        rewards = rater.rewards([c.heard for c in scored], [c.text for c in scored])
        order = rater.order([c.heard for c in scored], rewards)
        best = tuple(scored[at] for at in order)
        return Outcome(best[: task.keep], best, meter.total)

    return run


def _written(item: Item) -> Candidate:
    return Candidate(item.id, Proposal(item, "", None, None, "source", item.id, 0))


def _seeds(world: World, number: int) -> list[Item]:
    items = seeds(world)
    return [items[i] for i in world.rng("mixed").permutation(len(items))[:number]]


def _paraphrases(world: World, number: int) -> list[Item]:
    """Rewordings of seeds, other words in every turn; equal texts once."""
    known = {item.text for item in seeds(world)}
    found: list[Item] = []
    for turn in islice(count(), 20):
        for item in paraphrases(world, _seeds(world, number), turn):
            if item.text not in known:
                known.add(item.text)
                found.append(item)
        if len(found) >= number:
            break
    return found[:number]


def _bank(world: World, number: int) -> list[Item]:
    # its items come in no order but that of topics, so that its first ones are a sample
    return fixed_bank(world, min(number, world.spec["settings"]["fixed_bank"]))


OURS = AdAEMConfig()
PAPER = AdAEMConfig.preset("paper")
ONE_CALL = replace(PAPER, judge_mode="one-call")
PLUS, PRINTED = replace(ONE_CALL, disentanglement=0.5), replace(ONE_CALL, disentanglement=-0.5)

METHODS: dict[str, Method] = {
    "ours": evolving(OURS),
    "ours, random topics": evolving(replace(OURS, bandit="uniform")),
    "ours, label variance for reward": evolving(replace(OURS, reward="variance")),
    "paper, S(-), one-call judge": evolving(PRINTED),
    "paper, S(+), one-call judge": evolving(PLUS),
    "paper as printed": evolving(PAPER),
    "paper as printed, but S(+)": evolving(replace(PAPER, disentanglement=0.5)),
    "seeds": choosing(_seeds, OURS),
    "paraphrased seeds": choosing(_paraphrases, OURS, CALLS),
    "one-shot": choosing(one_shot, OURS, CALLS),
    "bank, 2PL information": choosing(_bank, OURS),
    "bank, S(-)": choosing(_bank, PRINTED, models=9),
    "bank, S(+)": choosing(_bank, PLUS, models=9),
}
