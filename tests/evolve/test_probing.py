"""Answers, verdicts and requests: what is missing stays missing, and no limit is passed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import anyio
import numpy as np
import pytest
from benchmarks.evolve_planted.players import PlantedJudge, PlantedRespondents
from benchmarks.evolve_planted.sources import seeds
from benchmarks.evolve_planted.world import World, read_world

from tests.evolve.players import run
from valuecompass.errors import RequestFailed
from valuecompass.evolve.adaem import AdAEMConfig
from valuecompass.evolve.probing import Prober
from valuecompass.evolve.rating import Rater, RatingConfig, Reward
from valuecompass.values import builtin_system

OURS = AdAEMConfig(keep=20)
REWARDS: tuple[Reward, ...] = ("information", "printed", "variance", "objective")


@pytest.fixture(scope="module")
def world() -> World:
    return read_world(1)


@dataclass
class Failing:
    """A judge some of whose requests fail for good."""

    inner: PlantedJudge
    fails: str
    """System or dimension that it never has a verdict on."""
    name: str = "failing"

    @property
    def identity(self):
        return self.inner.identity

    async def judge(self, subject):
        if self.fails in (subject.system.id, *subject.dimensions):
            raise RequestFailed(self.name, "none came")
        return await self.inner.judge(subject)


@pytest.mark.parametrize("reward", REWARDS)
def test_what_all_but_one_model_refuse_has_no_reward(world: World, reward: Reward) -> None:
    pool = world.people("pool")
    done = run(world, replace(OURS, reward=reward), 300, topics=9, mute=pool[1:])
    assert not done.kept
    assert {c.why for c in done.rejected} & {"too few answers for a reward"}
    tried = [c for c in done.rejected if c.heard]
    assert tried and not any(math.isfinite(r) for c in tried for r in c.rewards.values())


@pytest.mark.parametrize("reward", REWARDS)
def test_a_reward_needs_verdicts_on_half_of_the_answers_asked_for(
    world: World, reward: Reward
) -> None:
    names = world.people("pool")[:6]
    prober = Prober(PlantedRespondents(world, names), PlantedJudge(world, 0.93), world.systems)
    rater = Rater(RatingConfig(reward), names, prober, None)
    item = seeds(world)[0]

    async def heard():
        return {name: await prober.ask(item, name, 0) for name in names}

    full = anyio.run(heard)
    for silent, enough in ((0, True), (3, True), (4, False), (5, False), (6, False)):
        some = {
            name: replace(one, verdicts=None) if place < silent else one
            for place, (name, one) in enumerate(full.items())
        }
        (found,) = rater.rewards([some], [None])
        assert math.isfinite(found) == enough, silent
        assert rater.answering(some) == 6 - silent


def test_every_reward_says_how_many_models_are_behind_it(world: World) -> None:
    mute = world.people("pool")[2]
    done = run(world, OURS, 500, mute=[mute])
    for candidate in done.kept:
        own = candidate.as_json()
        assert set(own["answering"]) == set(own["rewards"])
        read = [name for name, one in candidate.fresh.items() if one.verdicts is not None]
        assert own["answering"]["fresh"] == len(read) and mute not in read


def test_a_request_to_the_judge_that_fails_costs_only_its_own_verdicts() -> None:
    systems = (builtin_system("schwartz"), builtin_system("moral-foundations"))
    world = read_world(2, systems=systems)
    item, pool = seeds(world)[0], world.people("pool")

    def labels(fails: str, mode: str):
        judge = Failing(PlantedJudge(world, 0.93), fails)
        prober = Prober(PlantedRespondents(world, pool), judge, systems, mode)  # pyright: ignore[reportArgumentType]
        heard = anyio.run(prober.ask, item, pool[0], 0)
        return prober.labels([heard.verdicts]).expressed[0]

    found = labels("moral-foundations", "one-call")
    assert np.isfinite(found[:, :10]).all() and np.isnan(found[:, 10:]).all()
    found = labels("Power", "per-value")
    at = systems[0].names.index("Power")
    assert np.isnan(found[:, at]).all() and np.isfinite(np.delete(found, at, axis=1)).all()
