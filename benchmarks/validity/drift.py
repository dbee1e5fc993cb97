"""Gate `drift`: false alarms of the sequential gate, and the calls it saves.

The rules are those of `valuecompass.measure.gate`; `e_value` looks at many runs at once where the
gate looks at one (a test holds the two against each other).
"""

from __future__ import annotations

import numpy as np
from benchmarks.validity.figures import Figure, Goal, figure
from benchmarks.validity.world import Bools, Floats, World, rows
from scipy.optimize import brentq
from scipy.stats import norm

from valuecompass.measure.gate import ALPHA, STEP, Shift
from valuecompass.stats.sequential import STEPS, e_value

QUIET = Goal("at most", ALPHA)
SAVES = Goal("at least", 0.6)
POWER = 0.9
EDGE = 1 - 1e-9
"""Ends a one-sided null just inside the range of a difference."""
MANY = 20_000
"""Items that tell the standard deviation of a difference."""


def drift(world: World, worlds: int) -> list[Figure]:
    """False alarms without drift; share of the form's calls saved when one dimension drifts."""
    found: list[Figure] = []
    spec = world.spec["drift"]
    n = spec["items"]
    for q, quirk in enumerate(world.quirks):
        start, limit, sd = _start(world, quirk)
        # the fixed form's test is two-sided beyond the limit, at the same chance of a false alarm
        z = float(norm.ppf(1 - ALPHA / spec["dimensions"] / 2))
        least = (z + float(norm.ppf(POWER))) * sd / np.sqrt(n)
        for s, times in enumerate([None, *spec["shifts"]]):
            shift = 0.0 if times is None else limit + times * least
            now = _moved(world, quirk, start + shift)
            before, after = _runs(world, world.rng(7, q, s), worlds, quirk, now)
            alarm, steady, calls = gate_runs(before, after, spec["max_shift"])
            fixed = _fixed(before[:, 0], after[:, 0], spec["max_shift"], z)
            name = {None: "no drift", 0.0: "drift of just the limit"}.get(
                times, f"{times or 0:g} times the least detectable drift"
            )
            beside = {"shift_in_points": 100 * shift, "limit_in_points": 100 * limit}
            ended = {"ended_steady": float(steady.mean())}
            where = f"{name}; {n} items, quirk {quirk:g}"
            if not times:
                found.append(figure(f"false alarms, {where}", alarm, QUIET, **beside))
                found.append(figure(f"calls saved, {where}", 1 - calls / n, **ended))
                continue
            beside |= {"power": float(alarm.mean()), "power_of_the_form": float(fixed.mean())}
            found.append(figure(f"calls saved, {where}", 1 - calls / n, SAVES, **beside))
    return found


def gate_runs(before: Floats, after: Floats, max_shift: str) -> tuple[Bools, Bools, Floats]:
    """Watch runs item by item as the gate does.

    Args:
        before: (W, D, n) values at the baseline, in the order of asking.
        after: (W, D, n) values now.
        max_shift: as for the command.

    Returns:
        Whether each run ended in an alarm, or steady, and how many items it took: (W,) each.
    """
    worlds, dimensions, n = before.shape
    looks = np.arange(STEP, n + STEP, STEP).clip(max=n) - 1
    alarm, quiet = np.zeros((worlds, len(looks)), bool), np.ones((worlds, len(looks)), bool)
    for w in range(worlds):
        limits = Shift.parse(max_shift).limits(before[w].T)
        for apart, limit in zip(after[w] - before[w], limits, strict=True):
            drifts, steady = _states(apart, float(limit), ALPHA / dimensions)
            alarm[w] |= drifts[looks]
            quiet[w] &= steady[looks]
    ends = alarm | quiet
    at = np.where(ends.any(axis=1), ends.argmax(axis=1), len(looks) - 1)
    alarmed = alarm[np.arange(worlds), at]
    steady = quiet[np.arange(worlds), at] & ~alarmed
    return alarmed, steady, (looks[at] + 1).astype(np.float64)


def _states(apart: Floats, limit: float, alpha: float) -> tuple[Bools, Bools]:
    """Whether one dimension has drifted, and whether it is steady, after each item."""

    def rejected(null: tuple[float, float]) -> Bools:
        return np.maximum.accumulate(e_value(apart, null) >= 1 / alpha)

    mean = apart.cumsum() / np.arange(1, len(apart) + 1)
    beyond, inside = _above(limit), _above(-limit)
    up = rejected((-EDGE, beyond)) & (mean > limit)
    down = rejected((-beyond, EDGE)) & (mean < -limit)
    steady = rejected((-EDGE, inside)) & rejected((-inside, EDGE)) & (np.abs(mean) < limit)
    return up | down, steady


def _above(mean: float) -> float:
    """The next of the means that a confidence sequence looks at."""
    return (np.floor((mean + 1) / 2 * STEPS) + 1) / STEPS * 2 - 1


def _start(world: World, quirk: float) -> tuple[float, float, float]:
    """Rate at the baseline, limit of the shift, and sd of an item's difference without drift."""
    theta = world.spec["drift"]["theta"]
    rate = float(world.rate(theta, quirk, "any", judged=True))
    before, after = _values(world, world.rng(7), np.array([theta]), theta, MANY, quirk)
    limit = Shift.parse(world.spec["drift"]["max_shift"]).limits(before.T)[0]
    return rate, float(limit), float((after - before).std())


def _moved(world: World, quirk: float, rate: float) -> float:
    """The position that has this rate."""

    def off(theta: float) -> float:
        return float(world.rate(theta, quirk, "any", judged=True)) - rate

    return float(brentq(off, -8, 8))


def _runs(
    world: World, rng: np.random.Generator, worlds: int, quirk: float, now: float
) -> tuple[Floats, Floats]:
    """Values of each run before and now, (W, D, n); the first dimension moves to `now`."""
    spec = world.spec["drift"]
    theta = np.full(spec["dimensions"], float(spec["theta"]))
    runs = [_values(world, rng, theta, now, spec["items"], quirk) for _ in range(worlds)]
    before, after = zip(*runs, strict=True)
    return np.stack(before), np.stack(after)


def _values(
    world: World, rng: np.random.Generator, theta: Floats, now: float, n: int, quirk: float
) -> tuple[Floats, Floats]:
    """Values on the same items before and after the first dimension moves, (D, n) each."""
    shape = (len(theta), n)
    a, b = (x.reshape(shape) for x in world.bank(rng, len(theta) * n))
    # what a respondent makes of an item stays: it is part of the item's difficulty
    b = b - quirk * rng.standard_normal(shape) / a
    later = theta.copy()
    later[0] = now
    before, after = (
        rows(world.judged(rng, world.expressed(rng, t, a, b, 0.0)), "any")[0]
        for t in (theta, later)
    )
    return before, after


def _fixed(before: Floats, after: Floats, max_shift: str, z: float) -> Bools:
    """Whether the fixed form of n items sees the drift of one dimension, (W, n) each."""
    limit = np.array([Shift.parse(max_shift).limits(values[:, None])[0] for values in before])
    apart = after - before
    error = apart.std(axis=1, ddof=1) / np.sqrt(apart.shape[1])
    return np.abs(apart.mean(axis=1)) - z * error > limit
