"""One run on several value systems, and which of them an evolved question is about."""

from __future__ import annotations

from dataclasses import replace

import anyio
import numpy as np
import pytest
from benchmarks.evolve_planted.players import PlantedExplorer, PlantedJudge, PlantedRespondents
from benchmarks.evolve_planted.sources import seeds
from benchmarks.evolve_planted.world import World, read_world

from tests.evolve.players import Explorer, Judge, Pool, Store, Words, run
from valuecompass.evolve.adaem import AdAEMConfig, Evolution, evolve
from valuecompass.evolve.candidates import Candidate
from valuecompass.evolve.probing import Heard, Prober
from valuecompass.evolve.protocols import Proposal, Reading
from valuecompass.evolve.rating import Rater, RatingConfig
from valuecompass.evolve.targets import set_targets
from valuecompass.items import Item
from valuecompass.judges.local.judge import LocalJudge, has_heads
from valuecompass.judges.protocol import Subject, Verdict
from valuecompass.values import builtin_system, parse_system

TRADE = """id = "guild"
name = "Guild values"
scoring = "rating"
summary = "What a guild of makers holds dear."
source = "Made up for this test."
[[dimensions]]
name = "Craft"
definition = "Doing one's work with skill and patience."
high = "takes pains"
low = "takes short cuts"
[[dimensions]]
name = "Custom"
definition = "Keeping to how things were always made."
high = "keeps"
low = "changes"
"""
SYSTEMS = (
    builtin_system("schwartz"),
    builtin_system("moral-foundations"),
    parse_system(TRADE, "guild.toml"),
)
CONFIG = AdAEMConfig(keep=20)


@pytest.fixture(scope="module")
def worlds() -> dict[int, World]:
    return {
        draw: read_world(draw, systems=SYSTEMS) for draw in read_world(1).spec["draws"]["tuning"]
    }


@pytest.fixture(scope="module")
def runs(worlds: dict[int, World]) -> dict[int, Evolution]:
    """In each draw of the world a run with seeds of each of the three systems."""
    return {draw: on_three_systems(world) for draw, world in worlds.items()}


@pytest.fixture(scope="module")
def world(worlds: dict[int, World]) -> World:
    return worlds[2]


@pytest.fixture(scope="module")
def done(runs: dict[int, Evolution]) -> Evolution:
    return runs[2]


def on_three_systems(world: World) -> Evolution:
    store, pool = Store(), world.people("pool")
    third = [seeds(world, system=system.id)[n:90:3] for n, system in enumerate(SYSTEMS)]

    async def go() -> Evolution:
        return await evolve(
            [item for part in third for item in part],
            [Explorer(PlantedExplorer(world, name), store) for name in pool[:4]],
            Pool(PlantedRespondents(world, pool), store),
            Judge(PlantedJudge(world, 0.93), store),
            SYSTEMS,
            CONFIG,
            calls=2_500,
            similarity=Words(),
        )

    return anyio.run(go)


def test_every_answer_is_judged_by_all_systems_and_the_reward_is_over_all_of_them(
    done: Evolution,
) -> None:
    assert done.posterior is not None and done.posterior.mean.shape == (9, 10 + 5 + 2)
    answered = [h for c in done.kept for h in c.heard.values() if h.verdicts is not None]
    assert answered and all(set(h.verdicts or ()) == {s.id for s in SYSTEMS} for h in answered)
    assert all(h.judge_calls == 3 for h in answered)
    parents = {c.item.system for c in (*done.kept, *done.rejected)}
    assert parents == {s.id for s in SYSTEMS}


def test_a_kept_question_names_the_systems_and_dimensions_its_answers_are_about(
    done: Evolution,
) -> None:
    used = {system for c in done.kept for system in c.targets}
    assert used == {s.id for s in SYSTEMS}
    assert any(len(c.targets) > 1 for c in done.kept)
    for candidate in done.kept:
        assert candidate.as_json()["targets"] == {s: [*d] for s, d in candidate.targets.items()}
        for system in SYSTEMS:
            dimensions = candidate.targets.get(system.id, ())
            assert len(set(dimensions)) == len(dimensions) <= 3
            assert set(dimensions) <= set(system.names)
    assert all(not c.targets for c in done.rejected if c.reason is not None)


def test_under_its_systems_a_question_parts_models_that_nobody_asked(
    worlds: dict[int, World], runs: dict[int, Evolution]
) -> None:
    """By the planted truth: the variance of chances among unseen models, summed over values."""
    inside: list[float] = []
    outside: list[float] = []
    for draw, done in runs.items():
        for system in SYSTEMS:
            usual = np.mean(
                [parted(c, worlds[draw], system.id) for c in (*done.kept, *done.rejected)]
            )
            for one in done.kept:
                truth = parted(one, worlds[draw], system.id) / float(usual)
                (inside if system.id in one.targets else outside).append(truth)
    assert len(outside) >= 40 and np.mean(inside) > 1.2 * np.mean(outside)


def parted(candidate: Candidate, world: World, system: str) -> float:
    chance = world.chance(candidate.item, world.people("examinee"), system)
    return float(chance.var(axis=0).sum())


def test_what_is_mislabelled_gets_the_dimensions_that_its_answers_express() -> None:
    """Explorers whose questions name none of the values that they touch."""
    world, store = read_world(1), Store()
    names, pool = world.systems[0].names, world.people("pool")

    def touched(item: Item) -> set[str]:
        latents = world.latents(item)
        return {n for n, on in zip(names, latents.active | latents.forced, strict=True) if on}

    class Mislabelling(Explorer):
        async def propose(self, topic, shots, turn):
            found = await super().propose(topic, shots, turn)
            if found is None:
                return None
            wrong = tuple(n for n in names if n not in touched(found.item))
            item = found.item.model_copy(update={"dimensions": wrong[:3] or names[:1]})
            return replace(found, item=item)

    async def go() -> Evolution:
        return await evolve(
            seeds(world),
            [Mislabelling(PlantedExplorer(world, name), store) for name in pool[:4]],
            Pool(PlantedRespondents(world, pool), store),
            Judge(PlantedJudge(world, 0.93), store),
            world.systems,
            CONFIG,
            calls=1_000,
            similarity=Words(),
        )

    kept = anyio.run(go).kept
    named = [(c, name) for c in kept for name in c.targets["schwartz"]]
    right = np.mean([name in touched(c.item) for c, name in named])
    before = np.mean([name in touched(c.item) for c in kept for name in c.item.dimensions])
    assert len(kept) >= 10 and right > 0.9 > 0.3 > before


# --- the rule, on answers made for it ---

PAIR = SYSTEMS[1:]
ITEM = Item(kind="question", system="guild", text="Q?", dimensions=("Craft", "Custom"))


class Nobody:
    names = ("a", "b", "c")


def candidate(number: int, **expressed: tuple[float | None, ...]) -> Candidate:
    """An item to which a, b and c gave one opinion each, with what it expresses by dimension."""
    item = ITEM.model_copy(update={"text": f"Question {number}?"})
    one = Candidate("t", Proposal(item, "", None, None, "w", "p", 0))
    for place, name in enumerate(Nobody.names):
        verdicts = {
            system.id: tuple(
                Verdict(0, dimension, expressed.get(dimension, (0, 0, 0))[place])
                for dimension in system.names
            )
            for system in PAIR
        }
        one.heard[name] = Heard(Reading(name, ("x",), ()), None, verdicts, 0)
    return one


def targets_of(*candidates: Candidate) -> list[dict[str, tuple[str, ...]]]:
    prober = Prober(Nobody(), LocalJudge(), PAIR)  # pyright: ignore[reportArgumentType]
    rater = Rater(RatingConfig(), Nobody.names, prober, None)
    set_targets(candidates, candidates, rater, PAIR)
    return [c.targets for c in candidates]


CARE, FAIRNESS, LOYALTY, AUTHORITY, _ = PAIR[0].names


def test_the_rule_for_targets() -> None:
    dull = [candidate(n) for n in range(4)]
    agreed = candidate(5, **{"Craft": (1, 1, 1), CARE: (1, 1, 1)})
    apart = candidate(6, **{"Craft": (1, 1, 1), "Custom": (1, 0, 0), CARE: (1, 0, 1)})
    other = candidate(7, **{CARE: (1, 0, 0), LOYALTY: (1, None, 1)})
    found = targets_of(*dull, agreed, apart, other)
    # nothing parts the models: what the seed said stays
    assert found[:5] == [{"guild": ("Craft", "Custom")}] * 5
    # what all express alike is no target
    assert found[5] == {"moral-foundations": (CARE,), "guild": ("Custom",)}
    # the seed's system does not come up at all, another one does
    assert found[6] == {"moral-foundations": (CARE,)}


def test_the_main_target_is_what_parts_the_models_most_and_there_are_three_at_most() -> None:
    # of two models heard one expresses it: variance 1/4; of three, 2/9
    many = {CARE: (0, 0, 1), FAIRNESS: (1, 0, None), LOYALTY: (0, 0, 1), AUTHORITY: (1, 0, None)}
    found, _, _ = targets_of(candidate(1, **many), candidate(2), candidate(3))
    assert found == {"moral-foundations": (FAIRNESS, AUTHORITY, CARE)}


def test_a_tradeoff_keeps_what_its_sides_serve(world: World) -> None:
    for one in run(world, CONFIG, 300, kind="tradeoff").kept:
        assert one.targets == {one.item.system: one.item.dimensions}


# --- answers are read for what they rest on ---


def test_opinions_are_read_for_what_they_rest_on_whatever_a_system_scores() -> None:
    moral = builtin_system("moral-foundations")
    asked: list[Subject] = []

    class Noting(LocalJudge):
        async def judge(self, subject: Subject) -> list[Verdict]:
            asked.append(subject)
            return await super().judge(subject)

    class Canned:
        names = ("a", "b")

        async def answer(self, item: Item, name: str, repeat: int):
            from valuecompass.evolve.protocols import Answer

            text = "Stance: yes\n1. The trams are green.\n2. It rains in April.\n3. Bread is baked."
            return Answer(text, "answer", "k")

    prober = Prober(Canned(), Noting(), (moral,))
    item = Item(kind="question", system=moral.id, text="Q?", dimensions=moral.names[:1])
    heard = anyio.run(prober.ask, item, "a", 0)
    assert [s.system.scoring for s in asked] == ["expression"]
    assert not has_heads(asked[0].system) and has_heads(moral)
    # reasons that have nothing to do with morals violate no principle, and express none
    found = [v.expressed for v in (heard.verdicts or {})[moral.id] if v.expressed is not None]
    assert len(found) == 15 and np.mean(found) < 0.3
