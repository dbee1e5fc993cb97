"""Single results that gates are made of: one draw of the world, one method, one setting.

Each is a function of plain arguments, so that cells run in processes of their own, and returns
numbers only, so that a line of JSON holds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import anyio
import numpy as np
from benchmarks.evolve_planted.examined import examined, positions, recovery, scores
from benchmarks.evolve_planted.methods import METHODS, Outcome, Task, similarity_of
from benchmarks.evolve_planted.players import PlantedJudge, PlantedRespondents
from benchmarks.evolve_planted.seasons import four_seasons
from benchmarks.evolve_planted.sources import fixed_bank, seeds
from benchmarks.evolve_planted.wording import REGIONS
from benchmarks.evolve_planted.world import World, read_world
from scipy import stats

from valuecompass.evolve.coverage import evenness
from valuecompass.evolve.novelty import Questions
from valuecompass.evolve.probing import Heard, Prober
from valuecompass.evolve.rating import Rater, RatingConfig
from valuecompass.items import Item
from valuecompass.stats.comparison import claims

ANSWERS = 3
"""Fresh answers of every examinee to every item: recovery is the mean over them."""
SURVIVING = 0.9
"""An item survives if it tells the examinees further apart than this share of the draw's seeds."""
REWARDS = {
    "ours": RatingConfig(),
    "label variance": RatingConfig("variance"),
    "S(-)": RatingConfig("printed", -0.5),
    "S(+)": RatingConfig("printed", 0.5),
}


def run(
    draw: int,
    method: str,
    *,
    calls: int,
    keep: int = 25,
    accuracy: float = 0.93,
    quirk_sd: float = 0.5,
    fitted: bool = False,
    survival: bool = False,
) -> dict[str, Any]:
    """A method's questions: how they part the examinees, and what they took.

    Args:
        draw: of the world.
        method: by name.
        calls: requests.
        keep: questions wanted.
        accuracy: of the judge.
        quirk_sd: of the world.
        fitted: whether positions are estimated from the fresh answers as well, by the two-parameter
            model, with the world's quirks and the judge's errors taken as known; takes seconds.
        survival: whether all that was offered is held against the rule of survival.
    """
    world = read_world(draw, quirk_sd)
    found = METHODS[method](Task(world, calls, keep, accuracy))
    people = world.people("examinee")
    result: dict[str, Any] = {"questions": len(found.items), "calls": found.calls}
    result["topics"] = len({id(world.latents(item).topic) for item in found.items})
    result["divergence"] = _mean([world.gjs(i, people) for i in found.items])
    result["trait"] = _mean([world.gjs(i, people, trait=True) for i in found.items])
    if found.items:
        samples = [examined(world, found.items, accuracy, s) for s in range(ANSWERS)]
        result["recovery"] = _mean([recovery(world, scores(s)) for s in samples])
        if fitted:
            told = positions(samples[0], quirk_sd, accuracy)
            result["recovery by 2PL"] = recovery(world, told)
    if survival:
        result |= _survivors(world, found)
    if found.pulls:
        result["evenness"] = _evenness(world, found.pulls)
    return result


def reward(draw: int, *, quirk_sd: float, accuracy: float, items: int) -> dict[str, Any]:
    """Spearman's correlation of each reward with the true divergence of the pool's models.

    The realised one without quirks, that of the traits with quirks; over so many items of the
    fixed bank.
    """
    world = read_world(draw, quirk_sd)
    pool = world.people("pool")
    chosen = fixed_bank(world, items)
    judge = PlantedJudge(world, accuracy)
    prober = Prober(PlantedRespondents(world, pool), judge, world.systems)

    async def go() -> tuple[list[dict[str, Heard]], list[Any]]:
        heard = [{name: await prober.ask(item, name, 0) for name in pool} for item in chosen]
        return heard, [(await prober.text_values(item))[0] for item in chosen]

    heard, texts = anyio.run(go)
    truth = [world.gjs(item, pool, trait=quirk_sd > 0) for item in chosen]
    found: dict[str, Any] = {}
    for name, config in REWARDS.items():
        rater = Rater(config, pool, prober, similarity_of(world))
        for one in heard:
            rater.remember(one)
        rater.learn(now=True)
        values = rater.rewards(heard, texts)
        found[name] = float(stats.spearmanr(values, truth, nan_policy="omit").statistic)
    return found


def null(draw: int, *, calls: int, samples: int, accuracy: float = 0.93) -> dict[str, Any]:
    """Claims that two models differ, by the comparison of boards: all models the same, then not.

    At a false discovery rate of 5 % over all pairs and values of a set of answers, and pair by
    pair at 5 %. Identical models answer so many times.
    """
    found: dict[str, Any] = {}
    for identical in (True, False):
        world = read_world(draw, 0.5, identical=identical)
        items = METHODS["ours"](Task(world, calls, accuracy=accuracy)).items
        any_claim, single = list[bool](), list[float]()
        for sample in range(samples if identical else 1):
            rates = examined(world, items, accuracy, sample).rates.transpose(1, 0, 2)
            told = claims(rates, np.arange(len(items)), world.rng("claims", sample))
            any_claim.append(bool(told.discovered.any()))
            single.append(float(np.nanmean(told.p <= 0.05)))
            share = float(told.discovered.mean())
        if identical:
            found |= {"any": any_claim, "single": single}
        else:
            found["different"] = share
    return found


def origin(draw: int, *, calls: int, accuracy: float = 0.93) -> dict[str, Any]:
    """Three runs: the explorers of the second come from another region, of the third, from later.

    Regions are drawn; eras are the ends of the range in which explorers' last years lie.
    """
    world = read_world(draw)
    here, there = (str(n) for n in world.rng("regions").permutation(REGIONS)[:2])
    early, late = world.spec["ranges"]["explorers"]["latest_year"]
    found: dict[str, Any] = {"regions": [here, there], "eras": [early, late], "runs": []}
    for home, latest in ((here, early), (there, early), (here, late)):
        task = Task(read_world(draw), calls, accuracy=accuracy, home=home, latest=latest)
        outcome = METHODS["ours"](task)
        run = {"offered": outcome.offered, "chosen": outcome.chosen}
        found["runs"].append(
            {
                name: {
                    "regions": [_share(c.proposal.region == r for c in of) for r in (here, there)],
                    "year": _mean([c.proposal.year for c in of if c.proposal.year is not None]),
                }
                for name, of in run.items()
            }
        )
    return found


def seasons(draw: int) -> dict[str, Any]:
    """A bank that lives for four seasons."""
    return four_seasons(read_world(draw))


def _survivors(world: World, found: Outcome) -> dict[str, Any]:
    """How many of all questions offered survive, by one rule for all methods."""
    people = world.people("examinee")
    bound = np.quantile([world.gjs(seed, people) for seed in seeds(world)], SURVIVING)
    offered = _new(world, [c.item for c in found.offered])
    worth = np.array([world.gjs(item, people) for item in offered])
    survivors = int((worth >= bound).sum())
    return {
        "offered": len(found.offered),
        "survivors": survivors,
        "calls per question offered": found.calls / max(len(found.offered), 1),
        "calls per survivor": found.calls / survivors if survivors else None,
        "calls to score one anew": found.anew,
        "divergence of those offered": _mean(worth),
        "divergence of survivors": _mean(worth[worth >= bound]),
    }


def _new(world: World, items: Sequence[Item]) -> list[Item]:
    """Leave out what repeats a seed or another question, by our rule: one near relative is enough.

    The paper's takes the mean over three, which lets a question with one twin pass.
    """
    known = Questions(similarity_of(world), nearest=1)
    topics = seeds(world)
    known.add([t.id for t in topics], [t.text for t in topics])
    found: list[Item] = []
    for item in items:
        if not known.check([item.text])[0].repeats:
            known.add([item.id], [item.text])
            found.append(item)
    return found


def _evenness(world: World, pulls: Sequence[str]) -> dict[str, float]:
    """Entropy of the pulls as a part of a uniform sweep's of the same length, by facet."""
    topics = seeds(world)
    cells = {
        "topic": {t.id: (t.id,) for t in topics},
        "class": {t.id: (t.topic or "",) for t in topics},
        "dimension": {t.id: t.dimensions for t in topics},
    }
    found: dict[str, float] = {}
    for facet, of_topic in cells.items():
        names = sorted({name for own in of_topic.values() for name in own})
        counts, sweep = (_shares(names, of_topic, ids) for ids in (pulls, list(of_topic)))
        found[facet] = float(evenness(counts, sweep / sweep.sum()))
    return found


def _shares(
    names: Sequence[str], of_topic: dict[str, tuple[str, ...]], ids: Sequence[str]
) -> np.ndarray:
    """Count pulls of cells; one pull counts for all cells of its topic in equal parts."""
    total = dict.fromkeys(names, 0.0)
    for topic in ids:
        for name in of_topic[topic]:
            total[name] += 1 / len(of_topic[topic])
    return np.array([total[name] for name in names], dtype=np.float64)


def _share(of: Iterable[bool]) -> float:
    values = list(of)
    return sum(values) / len(values) if values else 0.0


def _mean(values: Any) -> float | None:
    return float(np.mean(values)) if len(values) else None


CELLS = {"run": run, "reward": reward, "null": null, "origin": origin, "seasons": seasons}
