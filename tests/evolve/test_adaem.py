"""AdAEM in the planted world: only draws meant for tuning are used here."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace

import anyio
import numpy as np
import pytest
from benchmarks.evolve_planted.players import PlantedJudge, PlantedRespondents
from benchmarks.evolve_planted.sources import seeds
from benchmarks.evolve_planted.world import World, read_world
from scipy import stats

from tests.evolve.players import Explorer, Store, Words, run
from valuecompass.errors import BudgetReached, InputError
from valuecompass.evolve.adaem import AdAEMConfig, Evolution, evolve
from valuecompass.evolve.labels import Labels
from valuecompass.evolve.probing import Prober
from valuecompass.evolve.rating import Rater, RatingConfig
from valuecompass.evolve.trials import FRESH
from valuecompass.items import Item
from valuecompass.text import POINTS
from valuecompass.values import builtin_system

OURS = AdAEMConfig(keep=20)
RACE = replace(OURS, p2=None, advance=0.5, depth=1)
PAPER = AdAEMConfig.preset("paper")


@pytest.fixture(scope="module")
def world() -> World:
    return read_world(1)


def told(evolution: Evolution) -> str:
    """Everything that a run leaves, as text."""
    kept = [c.as_json() for c in evolution.kept]
    rejected = [c.as_json() for c in evolution.rejected]
    return json.dumps([kept, rejected, evolution.events, vars(evolution.meter)])


def kinds(store: Store) -> dict[str, int]:
    names = [key[0] for key in store.asked.elements()]
    return {name: names.count(name) for name in ("propose", "refine", "answer", "judge")}


# --- as printed ---


def test_the_papers_preset_warns_that_ucb_never_chooses_and_makes_its_many_calls(world: World):
    store = Store()
    done = run(world, replace(PAPER, pulls=2), topics=5, store=store)
    assert done.stopped == "pulls" and "UCB never chooses" in done.warnings[0]
    assert [e["topic"] for e in done.events if e["event"] == "pull"] == [
        topic.id for topic in seeds(world)[:2]
    ]
    asked = kinds(store)
    assert asked["propose"] == 2 * PAPER.width * 4
    assert done.meter.explorer <= 2 * (asked["propose"] + asked["refine"])
    assert done.meter.answers == asked["answer"]
    # one call an opinion and value: the judge is by far the dearest (the paper's 96 %)
    assert done.meter.judge > 0.9 * done.meter.total
    finals = [c for c in done.kept if len(c.heard) == 9]
    assert finals == list(done.kept) and all("fresh" not in c.rewards for c in done.kept)
    # fact and question, values of the text, and 4 + 9 answers with all their opinions and values
    most = 2 + 10 + 13 * (1 + POINTS * 10)
    assert done.kept and max(c.calls for c in done.kept) <= most


def test_with_more_pulls_than_topics_ucb_goes_where_rewards_are(world: World):
    done = run(world, replace(PAPER, pulls=9, width=1, depth=0, judge_mode="one-call"), topics=3)
    pulled = [e["topic"] for e in done.events if e["event"] == "pull"]
    assert not done.warnings and len(set(pulled[:3])) == 3 and len(pulled) == 9


def test_one_request_for_a_value_finds_what_one_for_all_finds(world: World):
    config = replace(PAPER, pulls=1, width=1)
    each, once = (
        run(world, replace(config, judge_mode=mode), topics=1) for mode in ("per-value", "one-call")
    )
    assert [c.rewards for c in each.kept] == [c.rewards for c in once.kept]
    assert each.kept and each.meter.judge > 10 * once.meter.judge


def test_the_sign_of_disentanglement_changes_the_reward_by_the_term_itself(world: World):
    config = replace(PAPER, pulls=1, width=1, depth=0, judge_mode="one-call")
    minus = run(world, config, topics=1).kept
    plus = run(world, replace(config, disentanglement=0.5), topics=1).kept
    by_id = {c.item.id: c.rewards["final"] for c in plus}
    assert minus and all(by_id[c.item.id] > c.rewards["final"] for c in minus)


# --- ours ---


def best_seeds(world: World, calls: int, number: int) -> list[Item]:
    """The best of all seeds that can be scored, by the same reward, with so many requests."""
    names = world.people("pool")
    prober = Prober(PlantedRespondents(world, names), PlantedJudge(world, 0.93), world.systems)
    rater = Rater(RatingConfig(), names, prober, None)
    items = seeds(world)[: calls // (2 * len(names))]

    async def heard(item: Item):
        return {name: await prober.ask(item, name, 0) for name in names}

    async def all_of_them():
        return [await heard(item) for item in items]

    answers = anyio.run(all_of_them)
    for one in answers:
        rater.remember(one)
    rater.learn(now=True)
    rewards = np.array(rater.rewards(answers, [None] * len(items)))
    return [items[i] for i in np.argsort(-rewards)[:number]]


def test_evolved_questions_tell_fresh_models_apart_better_than_the_best_seeds_at_equal_calls():
    calls, differences = 1_200, list[float]()
    for seed in (1, 2, 3, 4, 5):
        world = read_world(seed)
        done = run(world, OURS, calls)
        number = len(done.kept)
        assert number >= 15 and done.meter.total <= calls
        examinees = world.people("examinee")
        ours = np.mean([world.gjs(c.item, examinees) for c in done.kept])
        theirs = np.mean([world.gjs(i, examinees) for i in best_seeds(world, calls, number)])
        differences.append(float(ours - theirs))
    low = stats.t.interval(0.95, 4, np.mean(differences), stats.sem(differences))[0]
    assert low > 0, differences


def test_winners_are_scored_on_answers_that_selected_nothing(world: World):
    done = run(world, RACE, 1_000)
    for candidate in done.kept:
        assert {"first", "selected", "fresh"} <= set(candidate.rewards)
        old = {h.answer.key for h in candidate.heard.values() if h.answer}
        new = {h.answer.key for h in candidate.fresh.values() if h.answer}
        assert len(new) >= RACE.p1 - 1 and not old & new
    # the best are chosen together: each adds most to those before it
    first = done.kept[0].rewards["selected"]
    assert first >= np.median([c.rewards["selected"] for c in done.kept])


def test_a_winner_that_all_refuse_when_asked_again_makes_room_for_the_next(world: World):
    def refuses(item: Item, repeat: int) -> bool:
        return repeat == FRESH and int(item.id, 16) % 4 == 0

    done = run(world, OURS, 900, refuses=refuses)
    gone = [c for c in done.rejected if c.reason == "too few answers for a reward" and c.fresh]
    # as many as the requests that refusals saved reach for
    assert gone and len(done.kept) + len(gone) > 20 and done.meter.total <= 900
    assert all(math.isfinite(c.rewards["fresh"]) for c in done.kept)


def test_all_models_answer_what_is_ahead_in_the_race_and_the_rest_stays_a_candidate(world: World):
    done = run(world, RACE, 1_000)
    scored = [c for c in (*done.kept, *done.rejected) if "selected" in c.rewards]
    ahead = [c for c in scored if "final" in c.rewards]
    slower = [c for c in scored if "final" not in c.rewards]
    assert ahead and len(slower) > len(ahead)
    assert all(len(c.heard) == len(world.people("pool")) for c in ahead)
    assert all(len(c.heard) == RACE.p1 for c in slower)
    assert np.mean([c.rewards["first"] for c in ahead]) > np.mean(
        [c.rewards["first"] for c in slower]
    )


def test_winners_share_out_values_that_the_highest_rewards_leave_to_chance(world: World):
    done = run(world, OURS, 1_200)
    every = [c for c in (*done.kept, *done.rejected) if "selected" in c.rewards]
    highest = sorted(every, key=lambda c: -c.rewards["selected"])[: len(done.kept)]
    ids = [c.item.id for c in done.kept]
    assert ids != [c.item.id for c in highest] and len(set(ids)) == len(ids)
    most = OURS.topic_share * len(ids)
    assert max(Counter(c.topic for c in done.kept).values()) <= most
    assert max(Counter(c.topic for c in highest).values()) > most


def test_every_question_has_its_lineage_and_every_other_one_a_reason(world: World):
    log: list[object] = []
    done = run(world, RACE, 1_000, log=log)
    assert list(done.events) == log and done.stopped == "calls"
    everything = [*done.kept, *done.rejected]
    known = {c.item.id for c in everything} | {t.id for t in seeds(world)}
    for candidate in everything:
        own = json.loads(json.dumps(candidate.as_json()))
        assert own["parent"] in known and own["generator"] in world.people("pool")[:4]
        assert own["fact"] and own["region"] and own["year"] > 2000
        assert (own["reason"] is None) == (candidate in done.kept)
    reasons = {str(c.reason).split(" ")[0].split(":")[0] for c in done.rejected}
    assert {"not", "rewritten", "no", "similar"} <= reasons
    # requests of candidates, and of explorers that wrote nothing
    assert 0 <= done.meter.total - sum(c.calls for c in everything) <= 0.1 * done.meter.total


# --- the same run again ---


def test_the_same_seed_gives_the_same_run_however_much_is_done_at_a_time(world: World):
    first = told(run(world, RACE, 700))
    assert first == told(run(read_world(1), replace(RACE, concurrency=3), 700))
    assert first != told(run(world, replace(RACE, seed=1), 700))


def test_a_run_that_was_stopped_goes_on_and_asks_nothing_twice(world: World):
    whole, store = Store(), Store(most=150)
    expected = told(run(world, RACE, 700, store=whole))
    with pytest.raises(BudgetReached):
        run(world, RACE, 700, store=store)
    assert store.asked.total() == 150
    store.most = None
    assert told(run(world, RACE, 700, store=store)) == expected
    assert store.asked == whole.asked and set(store.asked.values()) == {1}


@pytest.mark.parametrize("calls", [1, 7, 60, 100, 151, 402])
@pytest.mark.parametrize(
    "config", [OURS, RACE, replace(PAPER, judge_mode="one-call", rescore=True)]
)
def test_no_request_beyond_the_budget(world: World, config: AdAEMConfig, calls: int):
    store = Store()
    try:
        done = run(world, config, calls, topics=30, store=store)
    except InputError as error:  # not enough for one question, so nobody is asked
        least = int(str(error).split("at least ")[1])
        assert calls < least <= 150 and not store.asked
        done = run(world, config, calls := least, topics=30, store=store)
        assert done.meter.answers
    asked = kinds(store)
    assert done.stopped == "calls" and done.meter.total <= calls
    assert done.meter.explorer <= 2 * (asked["propose"] + asked["refine"])
    assert (done.meter.answers, done.meter.judge) == (asked["answer"], asked["judge"])
    assert all("fresh" in c.rewards for c in done.kept)


# --- what must not look like a difference ---


def test_of_identical_respondents_questions_tell_little(world: World):
    same = run(read_world(1, identical=True), OURS, 1_000)
    other = run(world, OURS, 1_000)

    def fresh(done: Evolution) -> float:
        return float(np.mean([c.rewards["fresh"] for c in done.kept]))

    assert fresh(same) < 0.5 * fresh(other)


def test_who_refuses_everything_stays_unknown(world: World):
    mute = world.people("pool")[2]
    done = run(world, OURS, 800, mute=[mute])
    assert done.posterior is not None and done.kept
    place = world.people("pool").index(mute)
    assert np.abs(done.posterior.mean[place]).max() < 0.02
    assert done.posterior.sd[place].min() > 0.98
    others = np.delete(done.posterior.sd, place, axis=0)
    assert others.max() < 0.98


# --- theories, kinds, stops, errors ---


def test_one_run_serves_several_theories():
    systems = (builtin_system("schwartz"), builtin_system("moral-foundations"))
    world = read_world(2, systems=systems)
    done = run(world, OURS, 600)
    assert done.posterior is not None and done.posterior.mean.shape == (9, 10 + 5)
    # one request to the judge for each theory
    assert done.meter.judge > 1.8 * done.meter.answers


def test_tradeoffs_evolve_without_a_judge(world: World):
    done = run(world, OURS, 600, kind="tradeoff")
    assert done.kept and done.meter.judge == 0
    assert all(c.item.kind == "tradeoff" for c in done.kept)


def test_a_run_stops_when_positions_are_known_well_enough(world: World):
    done = run(world, replace(OURS, target_width=3.5), 5_000)
    assert done.stopped == "widths" and done.meter.total < 5_000
    assert done.posterior is not None and 2 * 1.96 * done.posterior.sd.max() <= 3.5


def test_what_does_not_fit_together_is_refused(world: World):
    topic, pool = seeds(world)[0], world.people("pool")

    async def go(topics, names=pool, explorers=(), **given):
        await evolve(
            topics,
            explorers,
            PlantedRespondents(world, names),
            PlantedJudge(world, 0.9),
            world.systems,
            similarity=Words(),
            **given,
        )

    def refused(*args, **given) -> str:
        with pytest.raises(InputError) as caught:
            anyio.run(lambda: go(*args, **given))
        return str(caught.value)

    from benchmarks.evolve_planted.players import PlantedExplorer

    author = Explorer(PlantedExplorer(world, pool[0]), Store())
    assert "nothing bounds" in refused([topic], explorers=[author])
    assert "topics" in refused([topic, topic], explorers=[author], calls=9)
    assert "explorers" in refused([topic], explorers=[], calls=9)
    assert "explorers" in refused([topic], explorers=[author, author], calls=9)
    assert "respondents" in refused([topic], pool[:1], [author], calls=9)
    other = topic.model_copy(update={"kind": "stem"})
    assert "'stem' cannot evolve" in refused([other], explorers=[author], calls=9)
    for wrong in ({"advance": 0}, {"topic_share": 2}, {"p1": 0}, {"bandit": "ucb"}, {"keep": 0}):
        with pytest.raises(ValueError):
            AdAEMConfig(**wrong)


def test_values_of_the_text_are_read_once_and_only_where_the_reward_looks_at_them(world: World):
    config = replace(OURS, reward="objective", rescore=False)
    read = run(world, config, 300).kept
    unread = run(world, replace(config, beta=0), 300).kept
    assert read and all(isinstance(c.text, Labels) for c in read)
    assert unread and all(c.text is None for c in unread)
    assert all(math.isfinite(c.last) for c in [*read, *unread])
