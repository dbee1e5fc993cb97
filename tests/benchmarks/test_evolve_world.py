"""The planted world of evolving items shows what is planted in it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import anyio
import numpy as np
import pytest
from benchmarks.evolve_planted.players import (
    PlantedExplorer,
    PlantedJudge,
    PlantedRespondents,
)
from benchmarks.evolve_planted.sources import fixed_bank, one_shot, paraphrases, seeds
from benchmarks.evolve_planted.wording import named_in
from benchmarks.evolve_planted.world import FOR_EACH, World, read_world
from scipy import stats
from scipy.special import entr, expit, logit

from valuecompass.errors import RequestFailed
from valuecompass.evolve.protocols import Answer, Evidence, Explorer, Reading, Respondents
from valuecompass.items import Item
from valuecompass.judges.protocol import Judge, Verdict, subject_of
from valuecompass.measure.asking import Question, read_off
from valuecompass.models import is_refusal
from valuecompass.text import points
from valuecompass.values import builtin_system

FILE_DIGEST = "b2a2f0b7e3eb59b0"


@pytest.fixture(scope="module")
def world() -> World:
    return read_world(1, quirk_sd=0.5)


def answers(
    world: World, items: Sequence[Item], names: Sequence[str], repeats: int
) -> list[tuple[Item, str, int, Answer | None]]:
    """All answers; None where the request failed."""

    async def ask() -> list[tuple[Item, str, int, Answer | None]]:
        respondents: Respondents = PlantedRespondents(world, tuple(names))
        found: list[tuple[Item, str, int, Answer | None]] = []
        for item in items:
            for name in names:
                for repeat in range(repeats):
                    try:
                        answer = await respondents.answer(item, name, repeat)
                    except RequestFailed:
                        answer = None
                    found.append((item, name, repeat, answer))
        return found

    return anyio.run(ask)


def opinions(world: World, items: Sequence[Item], names: Sequence[str], rng: np.random.Generator):
    """What three opinions of each respondent on each item express, (3, n, K, D), unjudged."""
    chances = np.stack([world.chance(item, names) for item in items])
    return rng.random((3, *chances.shape)) < chances


def as_planted(count: int, n: int, rate: float) -> bool:
    return stats.binomtest(count, n, rate).pvalue > 0.0005


def verdicts(judge: Judge, world: World, item: Item, text: str) -> list[Verdict]:
    return anyio.run(judge.judge, subject_of(world.systems[0], item, text))


def proposals(world: World, explorers: Sequence[Explorer], topics: Sequence[Item]):
    async def propose():
        found = [await e.propose(t, [], 0) for t in topics for e in explorers]
        return [p for p in found if p is not None]

    return anyio.run(propose)


# --- the file ---


def test_the_worlds_file_is_as_it_was_before_anything_was_tuned(world: World) -> None:
    assert world.digest == FILE_DIGEST
    settings = world.spec["settings"]
    assert (settings["examinees"], settings["pool"], settings["quirk_sd"]) == (16, 9, [0, 0.5, 1])
    assert settings["judge"] == {"gate": 0.93, "report": 0.87}
    draws = world.spec["draws"]
    assert len(draws["reported"]) == 5 and not set(draws["reported"]) & set(draws["tuning"])


def test_parameters_are_drawn_within_their_ranges_and_anew_for_each_seed(world: World) -> None:
    other = read_world(2)
    for section, ranges in world.spec["ranges"].items():
        for key, (low, high) in ranges.items():
            if key in FOR_EACH:
                assert key not in world.drawn[section]
                continue
            assert low <= world.drawn[section][key] <= high
            if isinstance(low, float):
                assert world.drawn[section][key] != other.drawn[section][key]
    reach = [t.reach for t in world.topics]
    assert 0.3 <= min(reach) < 0.4 and 0.9 < max(reach) <= 1.0
    assert len({t.wording.thing + t.wording.act for t in world.topics}) == len(world.topics)


def played(seed: int, *, backwards: bool) -> dict[str, str]:
    """What is said in a world, asked in one order or the other, at the same time."""
    world, found = read_world(seed), {}

    async def one(topic: Item, name: str) -> None:
        proposal = await PlantedExplorer(world, name).propose(topic, [], 3)
        if proposal is None:
            return
        try:
            answer = await PlantedRespondents(world, (name,)).answer(proposal.item, name, 1)
        except RequestFailed:
            return
        reading = Reading(name, ("a point",), tuple(named_in(answer.text)))
        evidence = Evidence(proposal.item, proposal.fact, (reading,), 1.0, topic)
        better = await PlantedExplorer(world, name).refine(proposal, evidence, 0)
        found[f"{name} {topic.text}"] = f"{proposal} {answer} {better}"

    async def all_of_them() -> None:
        async with anyio.create_task_group() as group:
            work = [(t, n) for t in seeds(world)[:8] for n in world.people("pool")[:4]]
            for topic, name in reversed(work) if backwards else work:
                group.start_soon(one, topic, name)

    anyio.run(all_of_them)
    return found


def test_a_seed_decides_everything_whatever_the_order() -> None:
    first = played(5, backwards=False)
    assert len(first) > 20 and first == played(5, backwards=True)
    assert set(first.values()).isdisjoint(played(6, backwards=False).values())


# --- what answers show ---


def test_answers_show_the_planted_chances(world: World) -> None:
    names, repeats = world.people("pool")[:5], 25
    items = [*seeds(world)[:20], *fixed_bank(world, 60), *one_shot(world, 20)]
    said = Counter[tuple[str, str, str]]()
    heard = Counter[tuple[str, str]]()
    for item, name, _, answer in answers(world, items, names, repeats):
        if answer is not None and answer.outcome == "answer":
            parts = points(answer.text)
            if len(parts) != 3:  # prose: one opinion for all three
                continue
            heard[item.text, name] += 3
            for part in parts:
                said.update((item.text, name, value) for value in named_in(part.text))
    z: list[float] = []
    excess, variance = 0.0, 0.0
    for item in items:
        chances = world.chance(item, names)
        for name, row in zip(names, chances, strict=True):
            n = heard[item.text, name]
            for value, p in zip(world.systems[0].names, row, strict=True):
                over, spread = said[item.text, name, value] - n * p, n * p * (1 - p)
                excess, variance = excess + over, variance + spread
                if 0.1 < p < 0.9:
                    z.append(over / math.sqrt(spread))
    assert abs(excess) < 3.3 * math.sqrt(variance)
    assert len(z) > 100
    low, high = stats.chi2.ppf([0.0005, 0.9995], len(z))
    assert low < np.square(z).sum() < high


def test_answers_come_in_the_format_asked_for_and_in_others(world: World) -> None:
    items, names = seeds(world)[:40], world.people("examinee")
    given = answers(world, items, names, 1)
    rates = world.drawn["respondents"]
    n, strict, kinds = len(given), 0, Counter[str]()
    for *_, answer in given:
        kinds[answer.outcome if answer else "failed"] += 1
        if answer is None or answer.outcome == "empty":
            continue
        assert is_refusal(answer.text) == (answer.outcome == "refusal"), answer.text
        if answer.outcome == "answer":
            assert len(points(answer.text)) in (1, 3)
            strict += answer.text.splitlines()[1].startswith("1. ")
    assert as_planted(kinds["answer"] - strict, kinds["answer"], rates["loose_rate"])
    assert as_planted(kinds["failed"], n, rates["failure_rate"])
    expected = n * np.mean([1 / (1 + math.exp(-world.person(m).refusal)) for m in names])
    assert as_planted(kinds["refusal"], n, expected / n)
    assert kinds["refusal"] > 0


def test_heated_items_are_refused_more_often(world: World) -> None:
    def refused(items: list[Item]) -> float:
        given = answers(world, items, world.people("pool"), 3)
        return np.mean([a is not None and a.outcome == "refusal" for *_, a in given])

    assert refused(one_shot(world, 150)) > refused(seeds(world)[:150])


def test_choices_show_the_planted_preferences_in_both_orders(world: World) -> None:
    names, system = world.people("pool"), world.systems[0]
    off: list[float] = []
    unread = 0
    for item in fixed_bank(world, 80, "tradeoff"):
        assert item.sides is not None
        first = system.names.index(item.sides[0].dimension)
        preferences = logit(world.chance(item, names)[:, first])
        for name, preference in zip(names, preferences, strict=True):
            if abs(preference) > 2:
                continue
            letter = world.person(name).letter
            excess, variance = 0.0, 0.0
            for _, _, repeat, answer in answers(world, [item], [name], 40):
                if answer is None or answer.outcome != "answer":
                    continue
                read = read_off(Question(item, repeat % 2, repeat // 2), answer.text)
                if read is None:
                    assert answer.text == "Both have merit."
                    unread += 1
                    continue
                p = expit(preference + (letter if repeat % 2 == 0 else -letter))
                excess += (read["chosen"] == item.sides[0].dimension) - p
                variance += p * (1 - p)
            off.append(excess / math.sqrt(variance))
    assert unread > 0 and len(off) > 30
    low, high = stats.chi2.ppf([0.0005, 0.9995], len(off))
    assert low < np.square(off).sum() < high


def test_opinions_argue_for_values_as_often_as_planted(world: World) -> None:
    name = world.people("pool")[0]
    items = fixed_bank(world, 120)
    sides = Counter[str]()
    shown = Counter[str]()
    for *_, answer in answers(world, items, [name], 3):
        if answer is not None:
            for part in points(answer.text):
                for value, side in named_in(part.text).items():
                    shown[value] += 1
                    sides[value] += side == 1
    endorsed = 1 / (1 + np.exp(-world.person(name).endorsement))
    for value, p in zip(world.systems[0].names, endorsed, strict=True):
        assert as_planted(sides[value], shown[value], float(p))


# --- the judge ---


@pytest.mark.parametrize("accuracy", [0.93, 0.87])
def test_the_judge_errs_as_often_as_told(world: World, accuracy: float) -> None:
    judge = PlantedJudge(world, accuracy)
    items, names = fixed_bank(world, 60), world.people("pool")[:5]
    right, valence, missing = {True: [], False: []}, [], []
    for item, _, _, answer in answers(world, items, names, 1):
        if answer is None or answer.outcome != "answer":
            continue
        subject = subject_of(world.systems[0], item, answer.text)
        truth = [named_in(part.text) for part in subject.parts]
        for verdict in verdicts(judge, world, item, answer.text):
            missing.append(verdict.expressed is None)
            if verdict.expressed is None:
                continue
            expressed = verdict.dimension in truth[verdict.part]
            right[expressed].append(bool(verdict.expressed) == expressed)
            if expressed and verdict.expressed:
                valence.append(verdict.valence == truth[verdict.part][verdict.dimension])
    for found in right.values():
        assert len(found) > 1_000
        assert as_planted(sum(found), len(found), accuracy)
    own = world.drawn["judge"]
    assert as_planted(sum(valence), len(valence), own["valence_accuracy"])
    assert as_planted(sum(missing), len(missing), own["missing_rate"])


def test_the_judge_says_the_same_of_a_value_alone_and_among_all(world: World) -> None:
    judge, item = PlantedJudge(world, 0.87), fixed_bank(world, 1)[0]
    subject = subject_of(world.systems[0], item, item.text)
    whole = anyio.run(judge.judge, subject)
    alone = [
        anyio.run(judge.judge, replace(subject, dimensions=(d,)))[0] for d in subject.dimensions
    ]
    assert whole == alone == anyio.run(judge.judge, subject)
    other = anyio.run(PlantedJudge(world, 0.87, "another").judge, subject)
    assert PlantedJudge(world, 0.87, "another").identity != judge.identity
    assert [v.dimension for v in other] == [v.dimension for v in whole]


def test_a_judge_that_does_not_know_the_language_is_silent(world: World) -> None:
    item = seeds(world)[0].model_copy(update={"language": "zh"})
    found = verdicts(PlantedJudge(world, 1.0), world, item, "1. 一\n2. 二")
    assert len(found) == 20 and all(v.expressed is None and "zh" in str(v.missing) for v in found)


def test_a_faultless_judge_reads_the_values_that_an_items_text_names(world: World) -> None:
    judge = PlantedJudge(world, 1.0)
    items = fixed_bank(world, 30)
    for item in items:
        found = verdicts(judge, world, item, item.text)
        named = dict(zip(world.systems[0].names, world.named(item), strict=True))
        assert all(v.expressed == named[v.dimension] for v in found if v.expressed is not None)
    assert 0.05 < np.mean([world.named(item) for item in items]) < 0.4


# --- what is true ---


def test_chances_of_traits_are_those_of_very_many_quirks() -> None:
    world = read_world(3, quirk_sd=1.0)
    (item,) = fixed_bank(world, 1)
    person = world.person(world.people("pool")[0])
    twins = [replace(person, name=f"twin-{i}", quirks_of=f"twin-{i}") for i in range(4_000)]
    world._people.update({twin.name: twin for twin in twins})
    chances = world.chance(item, [twin.name for twin in twins])
    for join in ("each", "any"):
        shown = chances if join == "each" else 1 - (1 - chances) ** 3
        error = shown.std(axis=0) / math.sqrt(len(twins))
        expected = world.trait_chance(item, [person.name], join=join)[0]
        assert (abs(shown.mean(axis=0) - expected) <= 3.5 * error + 1e-4).all()
    assert chances[:, world.latents(item).active].std(axis=0).max() > 0.2


def test_divergence_is_that_of_the_chances(world: World) -> None:
    def entropy(p: float) -> float:
        return float(entr(p) + entr(1 - p))

    names = world.people("pool")
    for item in fixed_bank(world, 5):
        p = world.chance(item, names)
        expected = sum(entropy(q.mean()) - np.mean([entropy(x) for x in q]) for q in p.T)
        assert world.gjs(item, names) == pytest.approx(expected)
        assert world.gjs(item, names, trait=True) != pytest.approx(expected)
        assert world.gjs(item, [names[0]] * 3) == pytest.approx(0)
    choice = fixed_bank(world, 1, "tradeoff")[0]
    p = world.chance(choice, names)
    first = p[:, world.systems[0].names.index(choice.sides[0].dimension)]
    assert np.nansum(p, axis=1) == pytest.approx(1.0) and (~np.isnan(p)).sum() == 2 * len(names)
    expected = entropy(first.mean()) - np.mean([entropy(x) for x in first])
    assert world.gjs(choice, names) == pytest.approx(expected)


def test_without_quirks_what_is_realised_is_what_the_traits_make() -> None:
    world = read_world(4, quirk_sd=0.0)
    names = world.people("examinee")
    for item in [*fixed_bank(world, 5), *fixed_bank(world, 5, "tradeoff")]:
        for join in ("each", "any"):
            realised = world.gjs(item, names, join=join)
            assert realised == pytest.approx(world.gjs(item, names, join=join, trait=True))


def test_identical_respondents_differ_on_nothing_but_are_not_parrots() -> None:
    world = read_world(1, identical=True)
    names = (*world.people("pool"), *world.people("examinee"))
    items = fixed_bank(world, 10)
    assert all(world.gjs(item, names) == pytest.approx(0, abs=1e-12) for item in items)
    texts = {a.text for *_, a in answers(world, items[:1], names, 1) if a is not None}
    assert len(texts) > 20


def test_forced_values_are_named_and_shown_by_all_alike(world: World) -> None:
    forced = [i for i in fixed_bank(world, 150) if world.latents(i).forced.any()]
    rate = world.drawn["items"]["forced_rate"]
    assert as_planted(len(forced), 150, rate)
    for item in forced:
        at = world.latents(item).forced
        assert (world.chance(item, world.people("pool"))[:, at] >= 0.9).all()
        assert world.named(item)[at].all()


# --- items ---


def test_items_from_elsewhere_are_not_known(world: World) -> None:
    item = seeds(world)[0].model_copy(update={"text": "Should cats vote?"})
    with pytest.raises(LookupError, match="Should cats vote"):
        world.chance(item, world.people("pool"))


def test_seeds_are_generic_and_refined_items_tell_respondents_apart(world: World) -> None:
    names = world.people("examinee")

    def mean(items: Sequence[Item]) -> float:
        return float(np.mean([world.gjs(item, names) for item in items]))

    bank = fixed_bank(world, 300)
    refined = [i for i in bank if i.lineage.method == "refined"]
    assert as_planted(len(refined), 300, 0.6)
    generic = mean(seeds(world))
    assert mean([i for i in bank if i.lineage.method == "generic"]) == pytest.approx(
        generic, rel=0.3
    )
    assert generic < mean(one_shot(world, 100)) and 2 * generic < mean(refined)


def test_paraphrases_keep_nearly_everything(world: World) -> None:
    original = seeds(world)
    reworded = paraphrases(world, original)
    assert all(a.text != b.text for a, b in zip(original, reworded, strict=True))
    pairs = [(world.latents(a), world.latents(b)) for a, b in zip(original, reworded, strict=True)]
    own = world.drawn["paraphrases"]
    shift = np.concatenate([b.difficulty - a.difficulty for a, b in pairs])
    assert shift.std() == pytest.approx(own["difficulty_sd"], rel=0.05)
    slopes = np.log([b.slope / a.slope for a, b in pairs])
    assert slopes.std() == pytest.approx(own["log_slope_sd"], rel=0.15)
    person = world.person(world.people("pool")[0])
    u, v = (np.concatenate([world._quirk(person, p[i]) for p in pairs]) for i in (0, 1))
    assert np.corrcoef(u, v)[0, 1] == pytest.approx(math.sqrt(own["kept_quirk"]), abs=0.05)
    assert v.std() == pytest.approx(0.5, rel=0.05)
    again = paraphrases(world, reworded, turn=1)
    assert all(world.latents(i).original is a for i, (a, _) in zip(again, pairs, strict=True))


def test_the_world_comes_near_the_figures_that_fixed_its_ranges() -> None:
    recovered: dict[int, list[float]] = {50: [], 100: []}
    overlaps: list[float] = []
    followed: dict[float, list[float]] = {0.0: [], 0.5: []}
    for seed in range(1, 9):
        rng = np.random.default_rng(seed)
        for quirk_sd, found in followed.items():
            world = read_world(seed, quirk_sd)
            names, bank = world.people("pool"), fixed_bank(world, 150)
            union = opinions(world, bank, names, rng).any(axis=0)
            share = union.mean(axis=1)
            true = [world.gjs(item, names) for item in bank]
            found.append(stats.spearmanr((share * (1 - share)).sum(axis=1), true)[0])
        refined = [i for i in bank if i.lineage.method == "refined"]
        one, two = (opinions(world, refined, names, rng).any(axis=0) for _ in range(2))
        overlaps.append(((one & two).sum(-1) / np.maximum((one | two).sum(-1), 1)).mean())
        names = world.people("examinee")
        theta = world.theta(names, "schwartz")
        generic = [i for i in fixed_bank(world, 300) if i.lineage.method == "generic"]
        shown = opinions(world, generic, names, rng).mean(axis=0)
        for count, found in recovered.items():
            pairs = zip(theta.T, shown[:count].mean(axis=0).T, strict=True)
            found.append(float(np.mean([stats.spearmanr(*pair)[0] for pair in pairs])))
    for count, published in ((50, 0.753), (100, 0.831)):
        assert np.mean(recovered[count]) == pytest.approx(published, abs=0.05)
    assert np.mean(overlaps) == pytest.approx(0.86, abs=0.03)
    assert np.mean(followed[0.0]) == pytest.approx(0.89, abs=0.04)
    assert np.mean(followed[0.5]) == pytest.approx(0.96, abs=0.04)


# --- explorers ---


def test_proposals_are_of_the_explorers_region_and_time(world: World) -> None:
    names, topics = world.people("pool"), seeds(world)[:100]
    asian = [PlantedExplorer(world, n, home="East Asia", latest=2025) for n in names[:2]]
    europeans = [PlantedExplorer(world, n, home="Europe", latest=2018) for n in names[2:4]]
    by_asians, by_europeans = proposals(world, asian, topics), proposals(world, europeans, topics)
    for found, region, other in (
        (by_asians, "East Asia", "Europe"),
        (by_europeans, "Europe", "East Asia"),
    ):
        regions = Counter(p.region for p in found)
        assert regions[region] / len(found) > world.drawn["explorers"]["home_share"] - 0.1
        assert regions[region] > 3 * regions[other]
    years = [[p.year for p in found] for found in (by_asians, by_europeans)]
    assert max(years[0]) == 2025 and max(years[1]) == 2018
    assert np.mean(years[0]) - np.mean(years[1]) == pytest.approx(7, abs=0.7)
    for p in by_asians:
        assert p.fact and str(p.year) in p.fact and p.region in p.fact and p.calls == 2
        assert p.item.lineage.origin == "evolved" and p.item.lineage.model == p.generator
        assert p.parent in {t.id for t in topics} and p.item.kind == "question"


def test_homes_and_ends_of_knowledge_are_drawn_for_each_explorer(world: World) -> None:
    known = [PlantedExplorer(world, name).knowledge for name in world.people("pool")]
    assert len({home for home, _ in known}) > 2 and len({year for _, year in known}) > 2
    assert all(2020 <= year <= 2025 for _, year in known)


def test_an_explorer_rewords_and_gives_up_as_often_as_planted(world: World) -> None:
    explorer, topics = PlantedExplorer(world, world.people("pool")[0]), seeds(world)
    shown = fixed_bank(world, 1)

    async def propose():
        return [await explorer.propose(t, [(shown[0], 3.0)], i) for t in topics for i in (0, 1)]

    found = anyio.run(propose)
    own = world.drawn["explorers"]
    written = [p for p in found if p is not None]
    assert as_planted(len(found) - len(written), len(found), own["give_up_rate"])
    copies = sum(world.latents(p.item).original is not None for p in written)
    assert as_planted(copies, len(written), own["copy_rate"])


@pytest.mark.parametrize("kind", ["question", "tradeoff"])
def test_refining_moves_a_consensus_and_only_that(world: World, kind: str) -> None:
    names, topics = world.people("pool"), seeds(world, kind)
    explorers = [PlantedExplorer(world, names[0])]
    found = proposals(world, explorers, topics)
    moves: dict[bool, list[tuple[float, float]]] = {True: [], False: []}

    async def refine(proposal, values):
        readings = tuple(Reading(n, ("point",), values) for n in names)
        evidence = Evidence(proposal.item, proposal.fact, readings, 1.0, topics[0])
        return await explorers[0].refine(proposal, evidence, 0)

    for proposal in found:
        target = proposal.item.dimensions[0]
        at = world.systems[0].names.index(target)
        for agreed in (True, False):
            better = anyio.run(refine, proposal, (target,) if agreed else ())
            if better is None:
                continue
            assert better.parent == proposal.item.id and better.item.text != proposal.item.text
            assert (better.region, better.year) == (proposal.region, proposal.year)
            old, new = world.latents(proposal.item), world.latents(better.item)
            moves[agreed].append((new.difficulty[at] - old.difficulty[at], old.topic.reach))
    step = world.drawn["explorers"]["refine_step"]
    for agreed, way in ((True, step), (False, -step)):
        moved, reach = np.sum(moves[agreed], axis=0)
        assert moved / reach == pytest.approx(way, abs=0.15)


def test_nothing_heard_teaches_nothing(world: World) -> None:
    (proposal, *_) = proposals(world, [PlantedExplorer(world, "pool-1")], seeds(world)[:5])
    silent = Evidence(
        proposal.item, proposal.fact, (Reading("pool-1", (), ()),), 0.0, proposal.item
    )
    explorer = PlantedExplorer(world, "pool-1")
    assert anyio.run(explorer.refine, proposal, silent, 0) is None


def test_proposals_tell_examinees_apart_better_than_their_seeds(world: World) -> None:
    names, topics = world.people("examinee"), seeds(world)[:80]
    by_id = {t.id: t for t in topics}
    explorers = [PlantedExplorer(world, n) for n in world.people("pool")[:2]]
    gains = [
        world.gjs(p.item, names, trait=True) - world.gjs(by_id[p.parent], names, trait=True)
        for p in proposals(world, explorers, topics)
    ]
    assert stats.ttest_1samp(gains, 0, alternative="greater").pvalue < 1e-6


# --- respondents over time, priming, several theories ---


def test_models_of_a_later_season_stand_higher_and_outgrow_old_items(world: World) -> None:
    bank = [i for i in fixed_bank(world, 120) if i.lineage.method == "refined"]
    first, last = world.people("examinee"), world.people("examinee", season=3)
    assert set(first).isdisjoint(last)
    rise = (world.theta(last, "schwartz") - world.theta(first, "schwartz")).mean()
    assert rise == pytest.approx(3 * world.drawn["respondents"]["season_shift"], abs=0.4)
    divergence = [np.mean([world.gjs(i, names) for i in bank]) for names in (first, last)]
    assert divergence[1] < 0.5 * divergence[0]


def test_priming_raises_a_value_and_lowers_its_opposites(world: World) -> None:
    name = world.people("examinee")[0]
    primed = world.primed(name, "schwartz", "Power", 2.0)
    (moved,) = world.theta([primed], "schwartz") - world.theta([name], "schwartz")
    opposites = builtin_system("schwartz").dimension("Power").opposites
    assert opposites
    for value, by in zip(builtin_system("schwartz").names, moved, strict=True):
        assert by == pytest.approx(2.0 if value == "Power" else -2.0 if value in opposites else 0)


def test_the_pool_stands_apart_from_the_examinees() -> None:
    apart: list[float] = []
    planted: list[float] = []
    for seed in range(1, 21):
        world = read_world(seed)
        pool = world.theta(world.people("pool"), "schwartz")
        examinees = world.theta(world.people("examinee"), "schwartz")
        variance = world.drawn["respondents"]["theta_sd"] ** 2
        sampling = variance * (1 / len(pool) + 1 / len(examinees))
        apart.append(((pool.mean(axis=0) - examinees.mean(axis=0)) ** 2).mean() - sampling)
        planted.append(world.drawn["respondents"]["pool_shift_sd"] ** 2)
    assert np.mean(apart) == pytest.approx(np.mean(planted), abs=0.05)


def test_one_world_holds_several_theories() -> None:
    systems = [builtin_system("schwartz"), builtin_system("moral-foundations")]
    world = read_world(1, systems=systems)
    names, item = world.people("pool"), seeds(world, system="moral-foundations")[0]
    assert item.system == "moral-foundations"
    assert set(item.dimensions) <= set(systems[1].names)
    assert world.chance(item, names).shape == (9, len(systems[1].names))
    assert world.chance(item, names, "schwartz").shape == (9, 10)
    given = answers(world, seeds(world)[:20], names, 1)
    said = {value for *_, answer in given if answer for value in named_in(answer.text)}
    assert said & set(systems[0].names) and said & set(systems[1].names)
    with pytest.raises(ValueError, match="same name"):
        read_world(1, systems=[systems[0], systems[0]])
