"""Gate `seasons`: a bank that is renewed keeps telling improving models apart, on one scale.

Everything is simulated. Four seasons; in each the models of pool and board are others, that stand
higher on every value by `season_shift` (about one standard deviation). A season does what
`valuecompass season` does: items evolve from those of the form before, on the new pool; the pool's
cheap models answer the form before; items are retired by rule (`lifecycle.bank.due`); the next form
of 100 is selected with 20 anchors (`lifecycle.forms.living_form`); 16 models of the season, that
nothing was selected on, answer it; their scores are linked to the season before
(`lifecycle.links.linked_scores`). Different are: there is no store, so that what is known is kept
here; the board's models are others in each season, so that nobody is measured twice; what repeats
the bank is found at the threshold of `evolve.novelty.Questions`; and only free questions are asked.

Discrimination of a form is the mean over its items of the true generalised Jensen-Shannon
divergence among the season's 16 models, in nats, summed over values, quirks integrated out: what
traits alone make of it, since a form that tells quirks apart tells nothing that comes back. The
static form is the first season's. Neither is estimated: it is computed from what is planted.

The bias of the link is how far respondents of equal planted positions come out apart in two
seasons: the linked scores of both are regressed on the planted positions with one slope for both
and a level for each; the difference of the levels, in planted standard deviations, is the bias, a
mean over values. In the chain to the first season the biases of the steps add up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
import numpy as np
from benchmarks.evolve_planted.gate import Gate
from benchmarks.evolve_planted.players import PlantedExplorer, PlantedJudge, PlantedRespondents
from benchmarks.evolve_planted.sources import seeds
from benchmarks.evolve_planted.world import FRESH, Floats, World
from scipy.special import stdtrit

from valuecompass.evolve.adaem import AdAEMConfig, Evolution, evolve
from valuecompass.evolve.lifecycle.bank import due
from valuecompass.evolve.lifecycle.forms import FormRules, living_form
from valuecompass.evolve.lifecycle.history import Past, Sitting
from valuecompass.evolve.lifecycle.information import joined, worth
from valuecompass.evolve.lifecycle.links import linked_scores
from valuecompass.evolve.lifecycle.retire import RetireRules, drifting
from valuecompass.evolve.novelty import Questions, Similarity
from valuecompass.evolve.probing import Heard, Prober, together
from valuecompass.items import Form, Item
from valuecompass.measure.item_table import Answered, ItemTable

SEASONS = 4
CHEAP = 4
"""Models of the pool that answer the form before."""
CALLS = 3_000
SIZE, ANCHORS = 100, 20
FREE = "question"
PROBED = FRESH - 1
"""Repeat of the pool's answers to the form before."""


@dataclass
class Bank:
    """What is known at a moment.

    tables: what was answered, one for each occasion.
    uses: seasons in which an item was asked.
    retired: ids with their reasons.
    measured: what boards answered, one for each season.
    """

    items: dict[str, Item] = field(default_factory=dict[str, Item])
    tables: list[ItemTable] = field(default_factory=list[ItemTable])
    uses: dict[str, int] = field(default_factory=dict[str, int])
    retired: dict[str, str] = field(default_factory=dict[str, str])
    forms: list[Form] = field(default_factory=list[Form])
    measured: list[ItemTable] = field(default_factory=list[ItemTable])

    @property
    def past(self) -> Past:
        """The same as what a workspace would know."""
        sittings = [
            Sitting(
                form.hash, form.name, "planted", (), Answered(table, (FREE,) * len(table.items))
            )
            for form, table in zip(self.forms, self.measured, strict=True)
        ]
        return Past(tuple(sittings), (), self.uses, self.retired)


@dataclass(frozen=True)
class Setting:
    """Of one world: calls of a season, and chance of the judge to be right."""

    calls: int = CALLS
    accuracy: float = 0.93
    similarity: Similarity | None = None


def four_seasons(world: World, setting: Setting | None = None) -> dict[str, Any]:
    """Let a bank live; return discrimination and bias by season."""
    bank, rows = Bank(), list[dict[str, Any]]()
    for season in range(SEASONS):
        rows.append(one_season(world, bank, season, setting or Setting()))
    return {
        "living": [row["living"] for row in rows],
        "static": [row["static"] for row in rows],
        "anchors": [row["anchors"] for row in rows[1:]],
        "drifting": [row["drifting"] for row in rows[1:]],
        "bias": [row["bias"] for row in rows[1:]],
        "unlinked": [row["unlinked"] for row in rows[1:]],
        "retired": [row["retired"] for row in rows],
    }


def one_season(world: World, bank: Bank, season: int, setting: Setting) -> dict[str, Any]:
    """Let the bank live for one season; what it knows afterwards is in it."""
    (system,) = world.systems
    pool, board = world.people("pool", season), world.people("examinee", season)
    prober = prober_of(world, (*pool, *board), setting)
    previous = bank.forms[-1] if bank.forms else None
    old = [bank.items[i] for i in previous.items] if previous else []
    done = evolved(world, old or seeds(world), season, setting)
    fresh = {c.item.id: c.fresh for c in done.kept}
    names = sorted({name for heard in fresh.values() for name in heard})
    new = [c.item for c in done.kept]
    bank.tables.append(_table(prober, new, names, fresh))
    if bank.items:
        there = Questions(setting.similarity)
        there.add(list(bank.items), [item.text for item in bank.items.values()])
        checks = there.check([item.text for item in new])
        new = [item for item, check in zip(new, checks, strict=True) if not check.repeats]
    bank.items |= {item.id: item for item in new}
    if old:
        bank.tables.append(asked(prober, old, pool[:CHEAP], PROBED))
    items = list(bank.items.values())
    known = joined(bank.tables)
    told = worth(items, known, pool)
    of_all = (*pool, *(bank.measured[-1].respondents if bank.measured else ()))
    gone = due(bank.past, worth(items, known, of_all), RetireRules())
    bank.retired |= {one.item: one.reason for one in gone}
    rules = FormRules(SIZE, ANCHORS if previous else 0, seed=season)
    form = living_form(
        items, system, rules, told, f"season {season + 1}",
        uses=bank.uses, barred=bank.retired, previous=previous,
    )  # fmt: skip
    for item in {*form.items, *(previous.items if previous else ())}:
        bank.uses[item] = bank.uses.get(item, 0) + 1
    chosen = [bank.items[i] for i in form.items]
    measured = asked(prober, chosen, board, FRESH)
    bank.forms.append(form)
    bank.measured.append(measured)
    bank.tables.append(measured)
    found: dict[str, Any] = {
        "living": _discrimination(world, chosen, board),
        "static": _discrimination(world, [bank.items[i] for i in bank.forms[0].items], board),
        "retired": len(bank.retired),
    }
    if previous is not None:
        found["anchors"] = len(form.anchors)
        found |= _link(world, bank, season)
    return found


def _link(world: World, bank: Bank, season: int) -> dict[str, Any]:
    """Bias of the step from the season before, by value, and how many anchors drift."""
    before, after = bank.measured[-2:]
    anchors = set(bank.forms[-1].anchors)
    drifted = anchors & {one.item for one in drifting(before, after)}
    linked = linked_scores(before, after, anchors - drifted)
    (system,) = world.systems
    theta = [world.theta(table.respondents, system.id) for table in (before, after)]
    off, unlinked = list[float](), list[str]()
    for at, name in enumerate(system.names):
        people = linked[name]["respondents"]
        if not people:
            unlinked.append(f"{name}: {linked[name]['why']}")
            continue
        scores = [
            np.array([people[who][when]["score"] for who in table.respondents])
            for table, when in ((before, "before"), (after, "after"))
        ]
        off.append(_offset(scores, [one[:, at] for one in theta]))
    return {"bias": off, "unlinked": unlinked, "drifting": len(drifted)}


def _offset(scores: list[Floats], theta: list[Floats]) -> float:
    """How much higher the second group scores at equal positions, in standard deviations."""
    y = np.concatenate([s - s.mean() for s in scores])
    x = np.concatenate([t - t.mean() for t in theta])
    slope = float(x @ y / (x @ x))
    level = [float(s.mean() - slope * t.mean()) for s, t in zip(scores, theta, strict=True)]
    sd = float(np.sqrt(np.mean([t.var(ddof=1) for t in theta])))
    return (level[1] - level[0]) / slope / sd


def _discrimination(world: World, items: Sequence[Item], names: Sequence[str]) -> float:
    return float(np.mean([world.gjs(item, names, trait=True) for item in items]))


# --- acting in the world ---


def prober_of(world: World, names: Sequence[str], setting: Setting) -> Prober:
    """Return what puts items to models of a world."""
    judge = PlantedJudge(world, setting.accuracy)
    return Prober(PlantedRespondents(world, tuple(names)), judge, world.systems)


def evolved(world: World, topics: Sequence[Item], season: int, setting: Setting) -> Evolution:
    """Let items evolve on a season's pool."""
    pool = world.people("pool", season)
    writers = pool[: world.spec["settings"]["explorers"]]
    explorers = [PlantedExplorer(world, name, season=season) for name in writers]
    config = AdAEMConfig(keep=SIZE, seed=season)
    respondents = PlantedRespondents(world, pool)
    judge = PlantedJudge(world, setting.accuracy)
    go = partial(evolve, topics, explorers, respondents, judge, world.systems, config)
    return anyio.run(partial(go, calls=setting.calls, similarity=setting.similarity))


def asked(prober: Prober, items: Sequence[Item], names: Sequence[str], repeat: int) -> ItemTable:
    """Put every item to every model."""
    work = [partial(prober.ask, item, name, repeat) for item in items for name in names]
    found = iter(anyio.run(together, work, 64))
    heard = {item.id: {name: next(found) for name in names} for item in items}
    return _table(prober, items, names, heard)


def _table(
    prober: Prober,
    items: Sequence[Item],
    names: Sequence[str],
    heard: dict[str, dict[str, Heard]],
) -> ItemTable:
    """Return opinions that express each value, and opinions."""
    shape = (len(names), len(items), prober.dimensions)
    totals, counts = np.zeros(shape), np.zeros(shape)
    for column, item in enumerate(items):
        of_item = [heard[item.id].get(name) for name in names]
        labels = prober.labels([None if one is None else one.verdicts for one in of_item])
        totals[:, column] = np.nansum(labels.binary, axis=1)
        counts[:, column] = labels.opinions
    ids = tuple(item.id for item in items)
    return ItemTable(tuple(names), ids, prober.systems[0].names, totals, counts)


# --- gates ---


def gates(found: Sequence[Mapping[str, Any]]) -> list[Gate]:
    """Return the gates, from what `four_seasons` found in each draw of the world."""
    living = [min(row["living"][1:]) / row["living"][0] for row in found]
    static = [row["static"][-1] / row["static"][0] for row in found]
    off = [[float(np.mean(step)) for step in row["bias"]] for row in found]
    chain = [sum(steps) for steps in off]
    steps = [one / (SEASONS - 1) for one in chain]
    means = [max(map(abs, steps)) for steps in off]
    worst = [float(max(abs(x) for step in row["bias"] for x in step)) for row in found]
    anchors = min(n for row in found for n in row["anchors"])
    lost = [why for row in found for step in row["unlinked"] for why in step]
    return [
        _gate(
            "discrimination of the living form, lowest of seasons 2 to 4 over season 1",
            ">= .9", living, float(np.mean(living)) >= 0.9,
        ),
        _gate(
            "discrimination of the static form, season 4 over season 1",
            "< .5", static, float(np.mean(static)) < 0.5,
        ),
        _gate(
            "bias of scores linked to the season before, in standard deviations",
            "mean within .05", steps, abs(float(np.mean(steps))) < 0.05,
            f"over {SEASONS - 1} steps; {anchors} anchors at least; not linked: "
            f"{'; '.join(lost) or 'no value'}",
        ),
        _gate(
            "the same, season 4 linked to season 1 through all between",
            "none", chain, None, "steps add up",
        ),
        _gate(
            "largest bias of a step, either sign", "none", means, None, "of means over values",
        ),
        _gate(
            "largest bias of a value in a step, either sign", "none", worst, None,
            "holds the error with which a group of 16 is placed",
        ),
    ]  # fmt: skip


def _gate(name: str, wanted: str, values: list[float], passed: bool | None, note: str = "") -> Gate:
    low = high = None
    if len(values) > 1:
        spread = float(np.std(values, ddof=1)) / np.sqrt(len(values))
        half = float(stdtrit(len(values) - 1, 0.975)) * spread
        low, high = float(np.mean(values)) - half, float(np.mean(values)) + half
    return Gate(name, wanted, float(np.mean(values)), low, high, passed, note)
