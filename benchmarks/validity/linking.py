"""Gate `linking`: two halves of a board on different forms that share anchor items."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from benchmarks.validity.figures import Figure, Goal, figure
from benchmarks.validity.world import Floats, World, rows
from scipy.stats import norm, t

from valuecompass.stats.irt import Noise
from valuecompass.stats.irt_fit import fit_2pl
from valuecompass.stats.linking import concurrent, link_rates

BIAS = Goal("within", 0.05)
NOMINAL = Goal("at least", 0.95)
Numbers = dict[str, list[float]]
WAYS = {
    "model": "concurrent, judge without error",
    "judged": "concurrent, as judged",
    "rates": "link_rates, as judged",
    "irt": "IRT of both forms at once, as judged",
}


def linking(world: World, worlds: int) -> list[Figure]:
    """Error of the difference between the halves, in standard deviations of the respondents."""
    found: list[Figure] = []
    pooled: Numbers = defaultdict(list)
    apart = world.spec["linking"]["apart"]
    for cell, (gap, quirk) in enumerate((g, q) for g in apart for q in world.quirks):
        numbers: Numbers = defaultdict(list)
        for k in range(worlds):
            _one(world, world.rng(4, cell, k), gap, quirk, numbers)
        found += _figures(numbers, f"halves {gap:g} sd apart, quirk {quirk:g}")
        for name, values in numbers.items():
            pooled[name] += values
    return found + _figures(pooled, "all of these")


def _figures(numbers: Numbers, where: str) -> list[Figure]:
    found: list[Figure] = []
    x = {name: np.array(values) for name, values in numbers.items()}
    for way, name in WAYS.items():
        off, bias, nominal = x[f"{way} off"], BIAS, NOMINAL
        if way == "irt":
            bias = nominal = None
        beside = {"unlinked": float(x[f"{way} unlinked"].mean()), "sd_of_the_error": off.std()}
        found.append(figure(f"bias, {name}; {where}", off, bias, **beside))
        normal = {"with_1.96": float(x[f"{way} covered by 1.96"].mean())}
        covered = x[f"{way} covered"]
        found.append(figure(f"coverage, {name}; {where}", covered, nominal, **normal))
    return found


def _one(
    world: World, rng: np.random.Generator, gap: float, quirk: float, numbers: Numbers
) -> None:
    """Add the errors of one world."""
    spec = world.spec["linking"]
    half, anchors, own = spec["half"], spec["anchors"], spec["own_items"]
    a, b = world.bank(rng, anchors + 2 * own)
    b[anchors + own :] += spec["harder"]
    theta = world.positions(rng, 2 * half)
    theta[half:] += gap
    on_y = np.repeat([False, True], half)
    contrast = np.where(on_y, 1.0, -1.0) / half
    true = world.expressed(rng, theta, a, b, quirk)
    judged = world.judged(rng, true)
    asked = np.ones((2 * half, len(a)), dtype=bool)
    asked[:half, anchors + own :] = asked[half:, anchors : anchors + own] = False

    def add(
        way: str, off: float, unlinked: float, variance: float, unit: float, degrees: int
    ) -> None:
        numbers[f"{way} off"].append(off / unit)
        numbers[f"{way} unlinked"].append(unlinked / unit)
        for name, quantile in (("", t.ppf(0.975, degrees)), (" by 1.96", norm.ppf(0.975))):
            inside = abs(off) <= quantile * np.sqrt(variance)
            numbers[f"{way} covered{name}"].append(float(inside))

    one = np.where(asked, true[:, :, 0], np.nan)
    scale = concurrent(one, on_y)
    off = contrast @ (scale.theta - theta)
    unlinked = contrast @ (_logit(one) - theta)
    add("model", off, unlinked, _of(contrast, scale.covariance), 1.0, scale.degrees)

    verdicts = np.where(asked, rows(judged, "any")[0], np.nan)
    scale = concurrent(verdicts, on_y)
    long = _long_form(world, rng, theta, quirk)
    unit = float(np.sqrt((long[:half].var(ddof=1) + long[half:].var(ddof=1)) / 2))
    off = contrast @ (scale.theta - long)
    unlinked = contrast @ (_logit(verdicts) - long)
    add("judged", off, unlinked, _of(contrast, scale.covariance), unit, scale.degrees)

    linked = link_rates(verdicts, on_y)
    target = 100 * world.rate(theta, quirk, "any", judged=True)
    spread = 100 * world.rate(world.positions(world.rng(4), 2000), quirk, "any", judged=True).std()
    off = contrast @ (linked.score - target)
    unlinked = contrast @ (100 * np.nanmean(verdicts, axis=1) - target)
    add("rates", off, unlinked, _of(contrast, linked.covariance), float(spread), linked.degrees)

    shares = np.where(asked, judged.mean(axis=2), np.nan)
    judge = world.spec["judge"]
    noise = Noise(0.0, judge["sensitivity"], judge["specificity"])
    fit = fit_2pl(shares, opinions=judge["opinions"], noise=noise)
    off = contrast @ (fit.theta - theta)
    unlinked = contrast @ (_logit(shares) - theta)
    add("irt", off, unlinked, _of(contrast, fit.covariance), 1.0, anchors - 1)


def _long_form(world: World, rng: np.random.Generator, theta: Floats, quirk: float) -> Floats:
    """Positions on one long form for all: what linking should find where the judge errs.

    A judge's errors draw all positions together, and no model of them is in `concurrent`: its
    scale is not theta's.
    """
    a, b = world.bank(rng, world.spec["linking"]["long_form"])
    judged = world.judged(rng, world.expressed(rng, theta, a, b, quirk))
    return concurrent(rows(judged, "any")[0], np.zeros(len(theta))).theta


def _logit(x: Floats) -> Floats:
    """Each respondent's rate as a logit, which is the position where all items are alike."""
    rate = (np.nansum(x, axis=1) + 0.5) / ((~np.isnan(x)).sum(axis=1) + 1)
    return np.log(rate / (1 - rate))


def _of(contrast: Floats, covariance: Floats) -> float:
    return float(contrast @ covariance @ contrast)
