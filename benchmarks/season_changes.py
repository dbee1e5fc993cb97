"""Intervals of how far a respondent moved between two forms: paired beside unpaired.

    python -m benchmarks.season_changes                 # about 8 minutes
    python -m benchmarks.season_changes --pairs 400 --draws

Everything is simulated. 16 respondents answer two forms of 100 items, 20 of them anchors, a quirk
of respondent and item being the same in both sittings and in all opinions of an answer.

- ``logistic``: the model of `stats.anchored` itself with a quirk that it does not know. Log slopes
  N(0, .3), difficulties N(0, 1), positions N(0, 1.5), judge right in 93 %. Where respondents move,
  they do by N(.5, .7).
- ``planted``: the world of `evolve_planted` with forms of two seasons that really evolved, the
  second one harder. Items are much steeper than the model expects, many do not touch a value at
  all, and they hang together by topics. The board of the first season answers both forms; where
  respondents move, they do by N(0, .5) on a scale on which positions have a standard deviation of
  about 1. A draw whose evolution keeps fewer than 100 items is left out, and named.

Three rows of each: nobody moved (``stay``), all did (``moved``), or every second one did and only
the others count (``stay, others move``): who stayed must not seem to move because others did.

`paired` is what `stats.anchored` returns as changes; `unpaired` takes both sittings as independent:
difference of the two positions, errors of both and of the link. Truth is laid on the scale of the
estimates by one slope, fitted to the positions on both forms: the unit of a fit is a convention.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from benchmarks.evolve_planted import seasons
from benchmarks.evolve_planted.world import FRESH, World, read_world
from numpy.typing import NDArray
from scipy.special import expit, stdtrit

from valuecompass.errors import InputError
from valuecompass.evolve.lifecycle.links import stacked
from valuecompass.stats.anchored import anchored

Array = NDArray[np.float64]
Case = tuple[Array, NDArray[np.bool_], Array, Array]
"""Responses (2 R, I), which items are anchors, positions before and after (R,)."""
WAYS = ("unpaired", "paired")
STAYED = "stay, others move"
ROWS = {"stay": 0.0, "moved": 1.0, STAYED: 0.5}
"""Rows of each world, and the part of respondents that moved."""
PEOPLE, OWN, ANCHORS, RIGHT = 16, 80, 20, 0.93
AGAIN = FRESH + 7
"""Repeat of the answers to the second form; those of its own board have another."""


def logistic(
    rng: np.random.Generator, quirk: float, opinions: int, moved: float, people: int = PEOPLE
) -> Case:
    """Draw a case of the logistic world; `moved` is the part of respondents that moved."""
    n = 2 * OWN + ANCHORS
    a, b = rng.lognormal(0, 0.3, n), rng.normal(0, 1, n)
    before = rng.normal(0, 1.5, people)
    after = before + _movers(people, moved) * rng.normal(0.5, 0.7, people)
    u = rng.normal(0, quirk, (people, n))
    x = np.full((2 * people, n), np.nan)
    for rows, theta, items in (
        (slice(0, people), before, slice(0, OWN + ANCHORS)),
        (slice(people, None), after, slice(OWN, n)),
    ):
        chance = expit(a * (theta[:, None] - b) + u)[:, items]
        judged = RIGHT * chance + (1 - RIGHT) * (1 - chance)
        x[rows, items] = rng.binomial(opinions, judged) / opinions
    tied = np.zeros(n, dtype=np.bool_)
    tied[OWN : OWN + ANCHORS] = True
    return x, tied, before, after


def _movers(people: int, part: float) -> NDArray[np.bool_]:
    """Return who moves: none, every second one (.5) or all."""
    return np.arange(people) % 2 < 2 * part


def evolved(draw: int) -> tuple[World, seasons.Bank]:
    """Return a draw of the planted world after two seasons."""
    world, bank = read_world(draw), seasons.Bank()
    for season in range(2):
        seasons.one_season(world, bank, season, seasons.Setting())
    return world, bank


def planted(world: World, bank: seasons.Bank, moved: float) -> Iterator[Case]:
    """Yield a case for each value of a world; `moved` is the part of respondents that moved."""
    (system,) = world.systems
    who = world.people("examinee", 0)
    steps = 0.5 * _movers(len(who), moved)
    later = [_moved(world, name, by) for name, by in zip(who, steps.tolist(), strict=True)]
    prober = seasons.prober_of(world, later, seasons.Setting())
    before, form = bank.measured[0], bank.forms[1]
    after = seasons.asked(prober, [bank.items[i] for i in form.items], later, AGAIN)
    shared = [item for item in before.items if item in form.anchors]
    positions = [world.theta(names, system.id) for names in (who, later)]
    for at in range(len(system.names)):
        yield (*stacked(before, after, shared, at), *(theta[:, at] for theta in positions))


def _moved(world: World, name: str, by: float) -> str:
    """Return the name of a respondent with the same quirks and other positions."""
    person, new = world.person(name), f"{name} later"
    step = world.rng("later", name).normal(0, by, len(person.theta)) if by else 0.0
    world._people[new] = replace(person, name=new, theta=person.theta + step)
    return new


def figures(cases: Sequence[Case], stayed: bool = False) -> dict[str, float]:
    """Return coverage, width, bias and error of both ways, over cases and respondents.

    stayed: only those count that did not move; all hold the link.
    """
    found = defaultdict[str, list[float]](list)
    for x, tied, before, after in cases:
        n = len(before)
        first, second = np.arange(n), np.arange(n, 2 * n)
        link = anchored(x, np.arange(2 * n) >= n, tied, same=np.stack([first, second], axis=1))
        true = np.concatenate([before - before.mean(), after - after.mean()])
        placed = np.concatenate([_centred(link.theta[first]), _centred(link.theta[second])])
        unit = float(true @ placed / (true @ true))
        moved = unit * (after - before)
        # of who refused nearly all anchors no change is given
        of = np.isfinite(link.changes) & ((moved == 0) | (not stayed))
        loose = np.sqrt(link.se[first] ** 2 + link.se[second] ** 2 + link.shift_se**2)
        ways = {
            "unpaired": (link.theta[second] - link.theta[first], loose),
            "paired": (link.changes, link.changes_se),
        }
        for name, (change, se) in ways.items():
            degrees = link.changes_degrees[of] if name == "paired" else link.degrees
            error = (change - moved)[of]
            found[f"{name} covered"] += (abs(error) <= stdtrit(degrees, 0.975) * se[of]).tolist()
            found[f"{name} error"] += (error**2).tolist()
            found[f"{name} bias"].append(float(error.mean()))
            found[f"{name} along"].append(float(_centred(change[of]) @ _centred(moved[of])))
        found["width"] += (link.changes_se / loose)[of].tolist()
        found["true"].append(float(_centred(moved[of]) @ _centred(moved[of])))
    told = {name: float(np.mean(values)) for name, values in found.items()}
    spread = {w: np.std(found[f"{w} bias"], ddof=1) / np.sqrt(len(cases)) for w in WAYS}
    return {
        **{f"{w} {what}": told[f"{w} {what}"] for w in WAYS for what in ("covered", "bias")},
        **{f"{w} bias se": float(spread[w]) for w in WAYS},
        "width": told["width"],
        "error": float(np.sqrt(told["paired error"] / told["unpaired error"])),
        "slope": told["paired along"] / told["true"] if told["true"] > 1e-9 else float("nan"),
    }


def _centred(values: Array) -> Array:
    return values - values.mean()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=100, help="of forms in the logistic world")
    tuning = read_world(1).spec["draws"]["tuning"]
    parser.add_argument("--draws", type=int, nargs="*", default=tuning, help="of the planted world")
    given = parser.parse_args()
    print("Simulated. Coverage of 95 % intervals; width and error are paired over unpaired.")
    print("Bias: mean of estimate less truth, in logits (its standard error); slope of changes.\n")
    titles = [
        "unpaired covers",
        "paired covers",
        "width",
        "error",
        "unpaired bias",
        "bias",
        "slope",
    ]
    print(f"| world | respondents | {' | '.join(titles)} |")
    print(f"|---|---|{'--:|' * len(titles)}")
    for opinions in (1, 3) if given.pairs else ():
        for quirk in (0.5, 1.0):
            for place, (who, moved) in enumerate(ROWS.items()):
                rng = np.random.default_rng([opinions, int(10 * quirk), place])
                cases = [logistic(rng, quirk, opinions, moved) for _ in range(given.pairs)]
                _print(f"logistic, quirk {quirk:g}, opinions {opinions}", who, cases)
    of_draws = {who: list[Case]() for who in ROWS}
    for draw in given.draws:
        try:
            world, bank = evolved(draw)
        except InputError as error:
            print(f"draw {draw} left out: {error}", file=sys.stderr)
            continue
        for who, moved in ROWS.items():
            of_draws[who] += planted(world, bank, moved)
    for who, cases in of_draws.items():
        if cases:
            _print("planted", who, cases)


def _print(where: str, who: str, cases: Sequence[Case]) -> None:
    f = figures(cases, stayed=who == STAYED)
    biases = [f"{f[f'{way} bias']:+.3f} ({f[f'{way} bias se']:.3f})" for way in WAYS]
    slope = "" if np.isnan(f["slope"]) else f"{f['slope']:.2f}"
    print(
        f"| {where} | {who} | {f['unpaired covered']:.3f} | {f['paired covered']:.3f} | "
        f"{f['width']:.2f} | {f['error']:.2f} | {' | '.join(biases)} | {slope} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
