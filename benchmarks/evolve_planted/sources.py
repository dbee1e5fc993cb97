"""Items that nobody evolved: seeds, and the baselines' paraphrases, one-shot questions and bank."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from benchmarks.evolve_planted.wording import REGIONS, new_wording, reworded
from benchmarks.evolve_planted.world import Bools, Floats, Latents, Topic, World

from valuecompass.items import Item, Kind, Lineage

CALLS = 1
"""Requests that a real model would need for a paraphrase or a one-shot question."""


def seeds(world: World, kind: Kind = "question", system: str | None = None) -> list[Item]:
    """Return one generic item for each topic of the world."""
    generic = world.drawn["items"]
    found: list[Item] = []
    for at, topic in enumerate(world.topics):
        rng = world.rng("seed", kind, at)
        difficulty = _normal(rng, world, generic["generic_difficulty"], generic["generic_sd"])
        latents = fresh(world, topic, rng, topic.touched, difficulty, generic["forced_rate"], 0.0)
        found.append(_write(world, kind, system, latents, Lineage(origin="seed")))
    return found


def paraphrases(world: World, items: Sequence[Item], turn: int = 0) -> list[Item]:
    """Return each item in other words; some turns give the same words again."""
    return [paraphrase(world, item, world.rng("reword", item.text, turn)) for item in items]


def paraphrase(world: World, item: Item, rng: np.random.Generator) -> Item:
    """Return an item in other words.

    A reworded item that is reworded again is one more rewording of the first.
    """
    latents, own = world.latents(item), world.drawn["paraphrases"]
    original = latents.original or latents
    wording = reworded(original.wording, rng)
    text = wording.tradeoff()[0] if item.kind == "tradeoff" else wording.question()
    shift, kept = world.rng("paraphrase", text), own["kept_quirk"]
    changed = replace(
        original,
        wording=wording,
        difficulty=shift.normal(original.difficulty, own["difficulty_sd"]),
        slope=original.slope * math.exp(shift.normal(0, own["log_slope_sd"])),
        quirks=(
            *((key, weight * math.sqrt(kept)) for key, weight in original.quirks),
            (text, math.sqrt(1 - kept)),
        ),
        original=original,
    )
    lineage = Lineage(origin="evolved", parents=(item.id,), method="paraphrase")
    return _write(world, item.kind, item.system, changed, lineage)


def one_shot(
    world: World, count: int, kind: Kind = "question", system: str | None = None
) -> list[Item]:
    """Return what models write who are asked for a controversial question, without a seed."""
    own = world.drawn["one_shot"]
    found: list[Item] = []
    for at in range(count):
        rng = world.rng("one-shot", kind, at)
        difficulty = _normal(rng, world, own["difficulty"], own["sd"])
        topic = world.topics[rng.integers(len(world.topics))]
        latents = anew(world, topic, rng, difficulty, own["forced_rate"], own["heat"])
        lineage = Lineage(origin="written", method="one-shot")
        found.append(_write(world, kind, system, latents, lineage))
    return found


def fixed_bank(
    world: World, count: int | None = None, kind: Kind = "question", system: str | None = None
) -> list[Item]:
    """Return a bank of generic and refined items, mixed.

    Args:
        world: whose topics it covers evenly.
        count: as many as the world's file says by default.
        kind: of its items.
        system: of its items; the first by default.
    """
    settings, own = world.spec["settings"], world.drawn["items"]
    found: list[Item] = []
    for at in range(settings["fixed_bank"] if count is None else count):
        rng = world.rng("bank", kind, at)
        which = "generic" if rng.random() < settings["fixed_bank_generic"] else "refined"
        difficulty = _normal(rng, world, own[f"{which}_difficulty"], own[f"{which}_sd"])
        heat = 0.0 if which == "generic" else world.drawn["explorers"]["heat"]
        topic = world.topics[at % len(world.topics)]
        latents = anew(world, topic, rng, difficulty, own["forced_rate"], heat)
        lineage = Lineage(origin="written", method=which)
        found.append(_write(world, kind, system, latents, lineage))
    return found


def anew(
    world: World,
    topic: Topic,
    rng: np.random.Generator,
    difficulty: Floats,
    forced_rate: float,
    heat: float,
    active: Bools | None = None,
    region: str | None = None,
    year: int | None = None,
) -> Latents:
    """Return the latents of an item about an event of its own.

    Args:
        world: of the item.
        topic: of the item.
        rng: decides what is not given.
        difficulty: on each value.
        forced_rate: chance that the item forces one value.
        heat: added to the logit of refusals.
        active: values that it touches; the topic's by default.
        region: of the event; the topic's or any by default.
        year: of the event; one of the last years by default.
    """
    region = region or topic.wording.region or str(rng.choice(REGIONS))
    if year is None:
        year = int(world.spec["ranges"]["explorers"]["latest_year"][0]) - int(rng.integers(5))
    touched = topic.touched if active is None else active
    found = fresh(world, topic, rng, touched, difficulty, forced_rate, heat)
    wording = new_wording(topic.wording, rng, region, year, found.wording.named)
    return replace(found, wording=wording)


def fresh(
    world: World,
    topic: Topic,
    rng: np.random.Generator,
    active: Bools,
    difficulty: Floats,
    forced_rate: float,
    heat: float,
) -> Latents:
    """Return latents with a new slope, forced and named values; arguments as of `anew`."""
    own = world.drawn["items"]
    forced = np.zeros(len(active), dtype=np.bool_)
    if rng.random() < forced_rate:
        forced[rng.integers(len(active))] = True
    named = forced | (active & (rng.random(len(active)) < own["mention_rate"]))
    return Latents(
        topic,
        replace(topic.wording, named=tuple(world.names[i][1] for i in np.flatnonzero(named))),
        active,
        difficulty,
        own["slope"] * math.exp(topic.log_slope + rng.normal(0, own["log_slope_sd"])),
        forced,
        heat,
    )


def _normal(rng: np.random.Generator, world: World, mean: float, sd: float) -> Floats:
    return rng.normal(mean, sd, len(world.names))


def _write(
    world: World, kind: Kind, system: str | None, latents: Latents, lineage: Lineage
) -> Item:
    return world.write(kind, system or world.systems[0].id, latents, lineage)[0]
