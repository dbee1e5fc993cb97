"""Gates `coverage` and `claims`: intervals that hold the truth, and differences that are none."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from benchmarks.validity.figures import Figure, Goal, figure
from benchmarks.validity.world import Bools, Floats, Join, World, rows

from valuecompass.measure.item_table import ItemTable
from valuecompass.stats import cluster_bootstrap_mean, rogan_gladen
from valuecompass.stats.comparison import claims
from valuecompass.stats.ranks import RankSets, rank_sets

NOMINAL = Goal("at least", 0.95)
FALSE = Goal("at most", 0.05)
DRAWS = 2_000
"""Joint draws of a board."""
JOINS: dict[Join, str] = {"any": "any opinion", "each": "each opinion"}


def coverage(world: World, worlds: int) -> list[Figure]:
    """Share of 95 % intervals that hold what they are about."""
    found: list[Figure] = []
    spec = world.spec["coverage"]
    for cell, (quirk, items) in enumerate((q, n) for q in world.quirks for n in spec["items"]):
        hits: dict[str, list[float]] = defaultdict(list)
        for k in range(worlds):
            rng = world.rng(1, cell, k)
            theta = world.positions(rng, spec["respondents"])
            true = world.expressed(rng, theta, *world.bank(rng, items), quirk)
            judged = world.judged(rng, true)
            for join in JOINS:
                _intervals(world, rng, theta, true, judged, quirk, join, hits)
            _together(world, rng, theta, judged, quirk, f"coverage {cell} {k}", hits)
        found += _figures(hits, f"{items} items, quirk {quirk:g}")
    return found


def _figures(hits: dict[str, list[float]], cell: str) -> list[Figure]:
    found: list[Figure] = []
    for what, per_world in hits.items():
        if what.startswith("uncorrected"):
            continue
        beside: dict[str, float] = {}
        if what.startswith("corrected"):
            beside["uncorrected"] = float(np.mean(hits[f"un{what}"]))
        found.append(figure(f"{what}; {cell}", per_world, NOMINAL, **beside))
    return found


def _intervals(
    world: World,
    rng: np.random.Generator,
    theta: Floats,
    true: Bools,
    judged: Bools,
    quirk: float,
    join: Join,
    hits: dict[str, list[float]],
) -> None:
    """Add the share of respondents whose rates are covered."""
    errors = world.errors(rng, quirk, join)
    truth, reported = (world.rate(theta, quirk, join, judged=j) for j in (False, True))
    (seen, clusters), (verdicts, _) = rows(true, join), rows(judged, join)
    covered = np.zeros((4, len(theta)))
    for i in range(len(theta)):
        plain = cluster_bootstrap_mean(seen[i], clusters, rng)
        raw = cluster_bootstrap_mean(verdicts[i], clusters, rng)
        mended = rogan_gladen(verdicts[i], clusters, errors, rng)
        covered[:, i] = (
            plain.low <= truth[i] <= plain.high,
            raw.low <= reported[i] <= raw.high,
            # an estimate that is refused covers nothing
            mended.low <= truth[i] <= mended.high,
            raw.low <= truth[i] <= raw.high,
        )
    names = ("rate, judge without error", "rate as judged", "corrected rate", "uncorrected rate")
    for name, share in zip(names, covered.mean(axis=1), strict=True):
        hits[f"{name}, {JOINS[join]}"].append(float(share))


def _together(
    world: World,
    rng: np.random.Generator,
    theta: Floats,
    judged: Bools,
    quirk: float,
    name: str,
    hits: dict[str, list[float]],
) -> None:
    """Add paired differences and rank sets."""
    values, clusters = rows(judged, "any")
    reported = world.rate(theta, quirk, "any", judged=True)
    found = claims(values[:, :, None], clusters, rng)
    apart = reported[found.pairs[:, 0]] - reported[found.pairs[:, 1]]
    inside = (found.low[:, 0] <= apart) & (apart <= found.high[:, 0])
    hits["paired difference"].append(float(inside.mean()))
    sets, rank = board_ranks(values[:, :, None], name), (-theta).argsort().argsort() + 1
    hits["all rank sets"].append(float(((sets.low <= rank) & (rank <= sets.high)).all()))


def board_ranks(values: Floats, name: str) -> RankSets:
    """Return the rank sets of a board with equal weights, as `board.align` makes them.

    Args:
        values: (R, n, D) of 0 and 1.
        name: names the world; draws follow from the names of items and respondents.
    """
    count, n, d = values.shape
    names = [tuple(f"{name} {kind}{i}" for i in range(k)) for kind, k in (("r", count), ("i", n))]
    dimensions = tuple(str(i) for i in range(d))
    held = ItemTable(names[0], names[1], dimensions, values, np.ones_like(values))
    return rank_sets(held.scores().mean(axis=1), held.draws(DRAWS).mean(axis=2), n=n)


def false_claims(world: World, worlds: int) -> list[Figure]:
    """False discoveries and false ranks among identical respondents."""
    found: list[Figure] = []
    spec = world.spec["false_claims"]
    for cell, quirk in enumerate(world.quirks):
        alarms = np.zeros((3, worlds))
        for k in range(worlds):
            rng = world.rng(2, cell, k)
            values = np.empty((spec["respondents"], spec["items"], spec["dimensions"]))
            for d in range(spec["dimensions"]):
                theta = np.repeat(world.positions(rng, 1), spec["respondents"])
                true = world.expressed(rng, theta, *world.bank(rng, spec["items"]), quirk)
                values[:, :, d] = rows(world.judged(rng, true), "any")[0]
            result = claims(values, np.arange(spec["items"]), rng)
            sets = board_ranks(values[:, :, :1], f"null {cell} {k}")
            several = board_ranks(values, f"null all {cell} {k}")
            alarms[:, k] = (
                # every discovery is false, so the false discovery proportion is 0 or 1
                result.discovered.any(),
                *((s.low > 1).any() or (s.high < len(theta)).any() for s in (sets, several)),
            )
        pairs = result.pairs.shape[0] * spec["dimensions"]
        for what, per_world in zip(
            (
                f"false discovery rate over {pairs} claims",
                "identical respondents told apart by rank sets, 1 dimension",
                f"the same, mean of {spec['dimensions']} dimensions",
            ),
            alarms,
            strict=True,
        ):
            found.append(figure(f"{what}; quirk {quirk:g}", per_world, FALSE))
    return found
