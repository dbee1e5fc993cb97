"""Gate `adaptive`: how many items an adaptive test saves."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from benchmarks.validity.figures import Figure, Goal, figure
from benchmarks.validity.world import World

from valuecompass.stats.adaptive import AdaptiveRun, simulate_cat
from valuecompass.stats.irt import Noise

HALF = Goal("at most", 0.5)


def adaptive(world: World, worlds: int) -> list[Figure]:
    """Items until the dependability is reached, as a share of those drawn at random."""
    found: list[Figure] = []
    spec, judge = world.spec["adaptive"], world.spec["judge"]
    reached = Goal("at least", spec["dependability"])
    for cell, (size, quirk) in enumerate((n, q) for n in spec["banks"] for q in world.quirks):
        noise = Noise(quirk, judge["sensitivity"], judge["specificity"])
        numbers: dict[str, list[float]] = defaultdict(list)
        for k in range(worlds):
            rng = world.rng(6, cell, k)
            a, b = world.bank(rng, size)
            theta = world.positions(rng, spec["respondents"])
            for name, chosen in (("adaptive", True), ("random", False)):
                run = simulate_cat(
                    theta,
                    a,
                    b,
                    rng,
                    opinions=judge["opinions"],
                    noise=noise,
                    stop_sd=(1 - spec["dependability"]) ** 0.5,
                    adaptive=chosen,
                )
                _add(numbers, name, run, theta)
        x = {name: np.array(values) for name, values in numbers.items()}
        where = f"bank of {size} items, quirk {quirk:g}"
        items = {name: float(x[f"items {name}"].mean()) for name in ("adaptive", "random")}
        stopped = {f"stopped_{name}": float(x[f"reached {name}"].mean()) for name in items}
        ratio = x["items adaptive"] / x["items random"]
        found += [
            figure(f"items, adaptive by random; {where}", ratio, HALF, **items, **stopped),
            figure(
                f"dependability of the adaptive scores; {where}",
                x["dependability adaptive"],
                reached,
                random=float(x["dependability random"].mean()),
            ),
        ]
    return found


def _add(numbers: dict[str, list[float]], name: str, run: AdaptiveRun, theta: np.ndarray) -> None:
    numbers[f"items {name}"].append(float(run.used.mean()))
    numbers[f"reached {name}"].append(float(run.reached.mean()))
    # positions have variance 1
    numbers[f"dependability {name}"].append(1 - float(((run.theta - theta) ** 2).mean()))
