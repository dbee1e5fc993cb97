"""Answers, verdicts and requests: what is missing stays missing, and no limit is passed."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from benchmarks.evolve_planted.players import PlantedJudge, PlantedRespondents
from benchmarks.evolve_planted.sources import seeds
from benchmarks.evolve_planted.world import World, read_world

from tests.evolve.players import run
from tests.evolve.served import command, written
from tests.measure.helpers import Command
from tests.support import mock_provider as mock_module
from tests.support.mock_provider import MockProvider
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


# --- requests ---


@pytest.fixture
def always_repairs(mock_provider: MockProvider, monkeypatch: pytest.MonkeyPatch) -> MockProvider:
    """A server whose judge has to be asked twice about every answer."""

    def answer(body: dict[str, Any], index: int = 0) -> str:
        first = len(body["messages"]) == 1 and body["model"] == "judge"
        return "I cannot say." if first else written(body, index)

    monkeypatch.setattr(mock_module, "answer", answer)
    return mock_provider


@pytest.mark.parametrize("more", [0, 1, 7, 30])
def test_a_judge_that_always_asks_again_stays_within_the_limit(
    always_repairs: MockProvider, cli: Command, workspace: Path, more: int
) -> None:
    few = cli(*command(workspace, "--calls", 5))
    assert few.code == 2 and "too few for one question" in few.err
    assert not always_repairs.stats()["requests"]
    assert cli(*command(workspace, "--calls", 5, "--dry-run")).code == 2
    calls = int(few.err.split("at least ")[1]) + more
    said = cli(*command(workspace, "--calls", calls, "--json"))
    assert said.code == 0, said.err
    done = json.loads(said.out)
    assert sum(done["meter"].values()) == done["spent"]["calls"] <= calls
    assert done["kept"] and done["meter"]["judge"] == 2 * done["meter"]["answers"]


def test_what_a_judge_was_granted_and_did_not_take_is_used(
    served: MockProvider, cli: Command, workspace: Path
) -> None:
    said = cli(*command(workspace, "--calls", 200, "--json"))
    done = json.loads(said.out)
    used = sum(done["meter"].values())
    # left is less than one question may take: writing, three answers, three fresh ones
    assert 200 - (2 + 3 * 3 + 3 * 3) < used <= 200
    assert all(row["reason"] != "no requests left" for row in done["rejected"])


def test_what_is_written_can_be_answered(world: World) -> None:
    for calls in range(120, 150):
        done = run(world, OURS, calls, topics=30)
        assert not [c for c in done.rejected if c.reason == "no requests left" and not c.heard]
