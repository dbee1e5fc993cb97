"""Players of the planted world that count what they are asked, remember it, and can break off."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import numpy as np
from benchmarks.evolve_planted.players import PlantedExplorer, PlantedJudge, PlantedRespondents
from benchmarks.evolve_planted.sources import seeds
from benchmarks.evolve_planted.world import World

from valuecompass.errors import BudgetReached, RequestFailed
from valuecompass.evolve.adaem import AdAEMConfig, Evolution, evolve
from valuecompass.evolve.protocols import Answer
from valuecompass.items import Item, Kind


class Words:
    """Texts as counts of their words: fast, and enough to tell copies and rewordings."""

    name = "words"
    languages = frozenset(["en"])

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        found = np.zeros((len(texts), 256), np.float32)
        for row, text in zip(found, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                row[zlib.crc32(word.encode()) % 256] += 1
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)


@dataclass
class Store:
    """Answers each question once, as the store in front of real models does.

    most: questions that it passes on before it refuses to ask more.
    """

    most: int | None = None
    asked: Counter[Any] = field(default_factory=Counter[Any])
    known: dict[Any, Any] = field(default_factory=dict[Any, Any])

    async def get(self, key: Any, ask: Callable[[], Any]) -> Any:
        await anyio.sleep(0)
        if key not in self.known:
            if self.most is not None and self.asked.total() >= self.most:
                raise BudgetReached("planted")
            self.asked[key] += 1
            try:
                self.known[key] = await ask()
            except RequestFailed as error:
                self.known[key] = error
        found = self.known[key]
        if isinstance(found, RequestFailed):
            raise found
        return found


@dataclass
class Explorer:
    inner: PlantedExplorer
    store: Store

    @property
    def name(self) -> str:
        return self.inner.name

    async def propose(self, topic, shots, turn):
        key = ("propose", self.name, topic.id, tuple((i.id, r) for i, r in shots), turn)
        return await self.store.get(key, lambda: self.inner.propose(topic, shots, turn))

    async def refine(self, proposal, evidence, turn):
        key = ("refine", self.name, proposal.item.id, repr(evidence), turn)
        return await self.store.get(key, lambda: self.inner.refine(proposal, evidence, turn))


@dataclass
class Pool:
    """mute: names of those that refuse everything; refuses: what everybody refuses."""

    inner: PlantedRespondents
    store: Store
    mute: frozenset[str] = frozenset()
    refuses: Callable[[Item, int], bool] = lambda item, repeat: False

    @property
    def names(self) -> tuple[str, ...]:
        return self.inner.names

    async def answer(self, item: Item, name: str, repeat: int) -> Answer:
        key = ("answer", item.id, name, repeat)
        found = await self.store.get(key, lambda: self.inner.answer(item, name, repeat))
        refused = name in self.mute or self.refuses(item, repeat)
        return replace(found, outcome="refusal") if refused else found


@dataclass
class Judge:
    inner: PlantedJudge
    store: Store
    name: str = "planted"

    @property
    def identity(self):
        return self.inner.identity

    async def judge(self, subject):
        parts = tuple(part.text for part in subject.parts)
        key = ("judge", subject.system.id, subject.item.id, parts, subject.dimensions)
        return await self.store.get(key, lambda: self.inner.judge(subject))


def run(
    world: World,
    config: AdAEMConfig,
    calls: int | None = None,
    *,
    topics: int | None = None,
    kind: Kind = "question",
    store: Store | None = None,
    mute: Sequence[str] = (),
    refuses: Callable[[Item, int], bool] = lambda item, repeat: False,
    log: list[Any] | None = None,
) -> Evolution:
    """Let items evolve in a planted world; the first four of the pool write."""
    store, pool = store or Store(), world.people("pool")
    explorers = [Explorer(PlantedExplorer(world, name), store) for name in pool[:4]]
    respondents = Pool(PlantedRespondents(world, pool), store, frozenset(mute), refuses)

    async def go() -> Evolution:
        return await evolve(
            seeds(world, kind)[:topics],
            explorers,
            respondents,
            Judge(PlantedJudge(world, 0.93), store),
            world.systems,
            config,
            calls=calls,
            similarity=Words(),
            log=(log if log is not None else []).append,
        )

    return anyio.run(go)
