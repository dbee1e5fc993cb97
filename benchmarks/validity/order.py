"""Gate `order`: whether the order of dimensions within a respondent outlives bank and judge."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from benchmarks.validity.figures import Figure, Goal, figure
from benchmarks.validity.world import Bools, Floats, World
from scipy.special import expit
from scipy.stats import spearmanr

from valuecompass.stats import bradley_terry

KEEPS = Goal("at least", 0.9)
CHANGES = {
    "nothing changed": (False, False),
    "half of the bank replaced": (True, False),
    "judge's base rates moved": (False, True),
    "bank and judge changed": (True, True),
}
"""By name: whether half of the bank is new, and whether the judge's base rates have moved."""
READINGS = {
    "": (1, False),
    "twice as many trade-offs": (2, False),
    "four times as many": (4, False),
    "choices read with the judge's errors": (1, True),
}
"""By name: times the world's number of trade-offs, and whether the reading of choices errs as
verdicts do. A run reads choices off, without a judge. Goals are for the first one alone: the others
were added to see why it fails."""
SHOWN = ("nothing changed", "bank and judge changed")
"""What is shown of readings other than the first."""


@dataclass
class _Items:
    """Items with what one respondent makes of each: arrays whose last axis is the item.

    a, b: slopes and difficulties; of a trade-off how much more its second side's text appeals.
    u: quirks.
    """

    a: Floats
    b: Floats
    u: Floats

    def logit(self, position: Floats) -> Floats:
        """Return the logit of each at a position."""
        return self.a * (position - self.b) + self.u

    def half_of(self, other: _Items) -> _Items:
        """Return the items, every second one from another bank."""
        keep = np.arange(self.a.shape[-1]) % 2 == 0
        parts = ((getattr(self, n), getattr(other, n)) for n in ("a", "b", "u"))
        return _Items(*(np.where(keep, mine, others) for mine, others in parts))


def order(world: World, worlds: int) -> list[Figure]:
    """Rank correlation with the order before, of the trade-off scale and of the rates beside it."""
    found: list[Figure] = []
    spec = world.spec["order"]
    for q, quirk in enumerate(world.quirks):
        numbers: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
        for k in range(worlds):
            rng = world.rng(5, q, k)
            runs = [_one(world, rng, quirk) for _ in range(spec["respondents"])]
            for key in runs[0]:
                both = np.mean([run[key] for run in runs], axis=0)
                numbers[key].append((float(both[0]), float(both[1])))
        for (change, reading), pairs in numbers.items():
            if reading and change not in SHOWN:
                continue
            chosen, rate = np.array(pairs).T
            beside = {"rates": float(rate.mean())}
            beside["error_of_rates"] = float(rate.std(ddof=1) / np.sqrt(len(rate)))
            goal = KEEPS if not reading and any(CHANGES.get(change, ())) else None
            what = ", ".join(filter(None, ("rho of the trade-off scale", change, reading)))
            found.append(figure(f"{what}; quirk {quirk:g}", chosen, goal, **beside))
    return found


def _one(
    world: World, rng: np.random.Generator, quirk: float
) -> dict[tuple[str, str], tuple[float, float]]:
    """Return for one respondent the correlations of (trade-off scale, rates), by (change, reading).

    Each measurement asks anew; quirks stay.
    """
    spec = world.spec["order"]
    d = spec["dimensions"]
    theta = world.positions(rng, d)
    old, new = (_items(world, rng, (d, spec["questions"]), quirk) for _ in range(2))
    shift = spec["base_rate_shift"] * rng.permutation(np.resize([1.0, -1.0], d))
    lean = spec["base_rate_shift"] * float(rng.choice([1.0, -1.0]))
    before = _rates(world, rng, theta, old, np.zeros(d))
    rates = {"planted order": _rho(theta, before)}
    for change, (bank, judge) in CHANGES.items():
        now = old.half_of(new) if bank else old
        rates[change] = _rho(before, _rates(world, rng, theta, now, judge * shift))
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for reading, (times, errs) in READINGS.items():
        pairs = np.column_stack(np.triu_indices(d, 1))
        pairs = np.tile(pairs, (times * spec["tradeoffs_per_pair"], 1))
        chosen = _choices(world, rng, theta, pairs, quirk, lean, errs)
        found |= {(change, reading): (chosen[change], rates[change]) for change in rates}
    return found


def _choices(
    world: World,
    rng: np.random.Generator,
    theta: Floats,
    pairs: Floats,
    quirk: float,
    lean: float,
    errs: bool,
) -> dict[str, float]:
    """Return the correlations of the trade-off scale, by change."""
    old, new = (_items(world, rng, (len(pairs),), quirk) for _ in range(2))
    before = _tradeoffs(world, rng, theta, pairs, old, 0.0, errs)
    found = {"planted order": _rho(theta, before)}
    for change, (bank, judge) in CHANGES.items():
        now = old.half_of(new) if bank else old
        found[change] = _rho(before, _tradeoffs(world, rng, theta, pairs, now, judge * lean, errs))
    return found


def _items(world: World, rng: np.random.Generator, shape: tuple[int, ...], quirk: float) -> _Items:
    a, b = world.bank(rng, int(np.prod(shape)))
    return _Items(a.reshape(shape), b.reshape(shape), quirk * rng.standard_normal(shape))


def _rates(
    world: World, rng: np.random.Generator, theta: Floats, items: _Items, shift: Floats
) -> Floats:
    """Share of responses with any opinion that expresses it, by dimension.

    Args:
        world: of the judge.
        rng: generator.
        theta: (D,).
        items: (D, n).
        shift: (D,) by how much the judge says yes more often, as far as chances go.
    """
    chance = expit(items.logit(theta[:, None]))[..., None]
    true = rng.random((*chance.shape[:2], world.spec["judge"]["opinions"])) < chance
    return _read(world, rng, true, shift[:, None, None], True).any(axis=2).mean(axis=1)


def _tradeoffs(
    world: World,
    rng: np.random.Generator,
    theta: Floats,
    pairs: Floats,
    items: _Items,
    lean: float,
    errs: bool,
) -> Floats:
    """Return the trade-off scale from choices in both orders, as a run makes it.

    A judge that says yes more often takes the side shown first more often.
    """
    first, second = pairs.T
    chance = expit(items.logit(theta[first] - theta[second]))
    share = np.zeros(len(pairs))
    for swapped in (False, True):
        chosen = rng.random(len(pairs)) < (1 - chance if swapped else chance)
        shown_first = _read(world, rng, chosen, np.full(len(pairs), lean), errs)
        share += (shown_first != swapped) / 2
    wins = np.zeros((len(theta), len(theta)))
    np.add.at(wins, (first, second), share)
    np.add.at(wins, (second, first), 1 - share)
    return bradley_terry(wins).scale


def _read(world: World, rng: np.random.Generator, true: Bools, shift: Floats, errs: bool) -> Bools:
    """What is read of what is true, with or without the judge's errors and after its shift."""
    judge = world.spec["judge"]
    se, sp = (judge["sensitivity"], judge["specificity"]) if errs else (1.0, 1.0)
    return rng.random(true.shape) < np.where(true, se, 1 - sp) + shift


def _rho(one: Floats, other: Floats) -> float:
    return float(spearmanr(one, other).statistic)
