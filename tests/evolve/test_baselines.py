"""Baselines over a real store and a local server with the true wire format; and random search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.evolve_planted.players import PlantedJudge, PlantedRespondents
from benchmarks.evolve_planted.sources import fixed_bank
from benchmarks.evolve_planted.world import read_world

from tests.evolve.players import run
from tests.evolve.writers import written
from tests.models.helpers import open_asker
from tests.support import mock_provider as mock_module
from tests.support.answers import answer, last_user_text
from tests.support.mock_provider import MockProvider
from valuecompass.errors import InputError
from valuecompass.evolve.adaem import AdAEMConfig
from valuecompass.evolve.bandit import Arm, Uniform
from valuecompass.evolve.baselines import one_shot, paraphrase, pick
from valuecompass.evolve.labels import Labels
from valuecompass.evolve.probing import Prober
from valuecompass.items import seed_items
from valuecompass.models import parse_respondent
from valuecompass.values import builtin_system

SEEDS = [item for item in seed_items("schwartz") if item.kind == "question"][:6]
WRITER = parse_respondent("openai-api/mock/w")
SCHWARTZ = builtin_system("schwartz")


@pytest.fixture
def writing(mock_provider: MockProvider, monkeypatch: pytest.MonkeyPatch) -> MockProvider:
    monkeypatch.setattr(mock_module, "answer", written)
    return mock_provider


@pytest.mark.anyio
async def test_seeds_are_reworded_with_one_stored_request_each(
    workspace: Path, writing: MockProvider
) -> None:
    async with open_asker(workspace) as asker:
        items = await paraphrase(asker, WRITER, SEEDS)
        assert asker.calls == len(items) == len(SEEDS)
        for seed, item in zip(SEEDS, items, strict=True):
            assert item.text != seed.text and item.lineage.parents == (seed.id,)
            assert (item.dimensions, item.topic) == (seed.dimensions, seed.topic)
            assert (item.lineage.method, item.lineage.model) == ("paraphrase", WRITER.name)
    async with open_asker(workspace) as asker:
        assert await paraphrase(asker, WRITER, SEEDS) == items and asker.calls == 0
        assert await paraphrase(asker, WRITER, SEEDS[:1], turn=1) != items[:1]


@pytest.mark.anyio
async def test_one_shot_questions_spread_over_dimensions_and_classes(
    workspace: Path, writing: MockProvider
) -> None:
    async with open_asker(workspace) as asker:
        items = await one_shot(asker, WRITER, SCHWARTZ, 30)
        assert asker.calls == 30 and len({item.text for item in items}) == len(items) > 20
        assert {item.dimensions[0] for item in items} == set(SCHWARTZ.names)
        assert len({(item.dimensions, item.topic) for item in items}) == len(items)
        assert {(i.lineage.origin, i.lineage.method) for i in items} == {("written", "one-shot")}
        assert await one_shot(asker, WRITER, SCHWARTZ, 30) == items and asker.calls == 30


@pytest.mark.anyio
async def test_what_comes_to_nothing_is_left_out_and_the_rest_stays(
    workspace: Path, mock_provider: MockProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def some(body: dict[str, Any], index: int = 0) -> str:
        prompt = last_user_text(body)
        if SEEDS[0].text in prompt:
            return '{"question": "' + SEEDS[0].text + '"}'
        return answer(body, index) if SEEDS[1].text in prompt else written(body, index)

    monkeypatch.setattr(mock_module, "answer", some)
    async with open_asker(workspace) as asker:
        items = await paraphrase(asker, WRITER, SEEDS)
        assert [item.lineage.parents[0] for item in items] == [seed.id for seed in SEEDS[2:]]


@pytest.mark.anyio
async def test_what_nobody_can_write_is_refused_before_anything_is_asked(workspace: Path) -> None:
    async with open_asker(workspace) as asker:
        stem = SEEDS[0].model_copy(update={"kind": "stem"})
        with pytest.raises(InputError, match="not a stem"):
            await paraphrase(asker, WRITER, [*SEEDS, stem])
        with pytest.raises(InputError, match="not in 'fr'"):
            await one_shot(asker, WRITER, SCHWARTZ, 3, "fr")
        assert asker.calls == 0


@pytest.mark.anyio
async def test_the_bank_is_picked_by_what_tells_models_apart() -> None:
    world = read_world(1)
    pool = world.people("pool")
    prober = Prober(PlantedRespondents(world, pool), PlantedJudge(world, 0.93), world.systems)
    bank = fixed_bank(world, 120)
    labels: list[Labels] = []
    for item in bank:
        heard = [await prober.ask(item, name, 0) for name in pool]
        labels.append(prober.labels([one.verdicts for one in heard]))
    chosen = pick(bank, labels, 25)
    assert len(chosen) == 25
    unseen = world.people("examinee")

    def mean(items: list[Any]) -> float:
        return float(np.mean([world.gjs(item, unseen) for item in items]))

    assert mean(chosen) > 1.3 * mean(bank)
    silent = Labels(*[np.full_like(labels[0].expressed, np.nan)] * 2)
    assert pick(bank[:2], [silent, labels[1]], 2) == [bank[1]]
    assert pick(bank[:1], [silent], 1) == []
    with pytest.raises(ValueError, match="120 items"):
        pick(bank, labels[:3], 2)


def test_random_search_chooses_topics_by_chance_alone() -> None:
    arms = [Arm(name) for name in "ABCD"]

    def pulled(seed: int, reward: float) -> str:
        bandit, found = Uniform(arms, seed=seed), ""
        for _ in range(400):
            arm = bandit.choose()
            assert arm is not None and bandit.choose() == arm
            bandit.record(arm, [reward if arm == "A" else 0.0])
            found += arm
        return found

    assert pulled(0, 0.0) == pulled(0, 99.0) != pulled(1, 0.0)
    # 400 draws with chance 1/4: 4 standard deviations are 35
    assert all(65 <= pulled(0, 1.0).count(name) <= 135 for name in "ABCD")
    assert Uniform([]).choose() is None


def test_random_search_runs_with_our_reward() -> None:
    done = run(read_world(1), AdAEMConfig(bandit="uniform", keep=5), 300)
    assert done.kept and done.stopped == "calls" and done.posterior is not None
