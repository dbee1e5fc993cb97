"""Recovery of planted profiles through two judges that are built differently.

Simulated respondents write reasons for the values that were planted in them (DESIGN: nothing is
claimed of real models before a planted truth is recovered). Their phrases share no five words with
the judge's corpus. `local` reads with trained heads, `local-nearest` by nearest definition.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuecompass.cli.app import guarded
from valuecompass.cli.shown import table
from valuecompass.measure.run import run
from valuecompass.values import builtin_system

STRENGTH = 1.6
DRAWS = 2_000
Vector = NDArray[np.float64]


def profiles(count: int, seed: int) -> list[dict[str, float]]:
    """Return planted profiles: three values raised, three lowered, four left alone."""
    names = builtin_system("schwartz").names
    rng = np.random.default_rng(seed)
    found: list[dict[str, float]] = []
    for _ in range(count):
        order = [names[i] for i in rng.permutation(len(names))]
        found.append(dict.fromkeys(order[:3], STRENGTH) | dict.fromkeys(order[3:6], -STRENGTH))
    return found


def recovery(
    judge: str, planted: list[dict[str, float]], form: str, folder: Path
) -> dict[str, Any]:
    """Measure the profiles and compare what was found with what was planted."""
    models = [
        "simulated/schwartz?" + "&".join(f"{n}={v}" for n, v in p.items()) + f"&seed={s}"
        for s, p in enumerate(planted)
    ]
    (found,) = run(models, form=form, judge=judge, workspace=folder)
    names = list(found.rows[0].dimensions)
    scores = np.array([[row.dimensions[n].score for n in names] for row in found.rows], float)
    low, high = (
        np.array([[getattr(row.dimensions[n], side) for n in names] for row in found.rows], float)
        for side in ("low", "high")
    )
    truth = np.array([[p.get(n, 0.0) for n in names] for p in planted])
    return {"judge": judge, **figures(scores, low, high, truth)}


def figures(scores: Vector, low: Vector, high: Vector, truth: Vector) -> dict[str, Any]:
    """Return what was found of what was planted.

    Args:
        scores: (respondents, dimensions), NaN where there is none.
        low: their lower limits.
        high: their upper limits.
        truth: what was planted, 0 where nothing was.

    Returns:
        By figure its value and 95 % limits, None where it cannot be estimated. Bayesian bootstrap
        over respondents (Rubin 1981, Annals of Statistics 9, 130-134): a pair weighs as much as
        the product of both, so that pairs that share a respondent go together.
    """
    weights = np.random.default_rng(0).standard_exponential((DRAWS, len(scores)))
    found: dict[str, Any] = {}
    for title, figure in FIGURES.items():
        value = figure(scores, low, high, truth, np.ones(len(scores)))
        draws = [figure(scores, low, high, truth, w) for w in weights]
        limits = np.quantile(draws, [0.025, 0.975])
        found[title] = [round(float(x), 3) if np.isfinite(x) else None for x in (value, *limits)]
    return found


def _pairs(weights: Vector) -> tuple[Any, Any, Vector]:
    """Return the two of every pair of respondents, and the pairs' weights (pairs, 1)."""
    one, two = np.triu_indices(len(weights), 1)
    return one, two, (weights[one] * weights[two])[:, None]


def _signs(scores: Vector, low: Vector, high: Vector, truth: Vector, weights: Vector) -> float:
    """Share of the pairs with different planted scores that come out in the right order."""
    return _in_order(scores, truth, weights, 0)


def _opposite(scores: Vector, low: Vector, high: Vector, truth: Vector, weights: Vector) -> float:
    """The same of the pairs of one raised and one lowered respondent."""
    return _in_order(scores, truth, weights, STRENGTH)


def _in_order(scores: Vector, truth: Vector, weights: Vector, more_than: float) -> float:
    one, two, w = _pairs(weights)
    gap = truth[one] - truth[two]
    right = np.sign(scores[one] - scores[two]) == np.sign(gap)
    use = w * (np.abs(gap) > more_than)
    return float((use * right).sum() / use.sum()) if use.sum() else float("nan")


def _correlation(
    scores: Vector, low: Vector, high: Vector, truth: Vector, weights: Vector
) -> float:
    """Correlation of scores and planted scores, each about its dimension's mean.

    Rates of different dimensions share no scale.
    """
    w = weights[:, None] / weights.sum()
    x, y = (v - (w * v).sum(axis=0) for v in (scores, truth))
    return float((w * x * y).sum() / np.sqrt((w * x * x).sum() * (w * y * y).sum()))


def _disjoint(scores: Vector, low: Vector, high: Vector, truth: Vector, weights: Vector) -> float:
    """Share of the pairs in which nothing was planted whose intervals do not touch."""
    one, two, w = _pairs(weights)
    apart = (low[one] > high[two]) | (low[two] > high[one])
    use = w * ((truth[one] == 0) & (truth[two] == 0))
    return float((use * apart).sum() / use.sum()) if use.sum() else float("nan")


FIGURES = {
    "signs_right": _signs,
    "signs_right_of_opposites": _opposite,
    "correlation": _correlation,
    "disjoint_where_nothing_was_planted": _disjoint,
}

TITLES = (
    "signs right (goal .9)",
    "of opposites",
    "correlation (goal .7)",
    "disjoint (at most .1)",
)


def main() -> None:
    """Print recovery through both judges."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--form", default="full")
    parser.add_argument("--respondents", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.respondents < 3:
        parser.error(f"--respondents {options.respondents}: give at least 3")
    if options.seed < 0:
        parser.error(f"--seed {options.seed}: give 0 or more")
    planted = profiles(options.respondents, options.seed)
    with tempfile.TemporaryDirectory() as folder:
        found = [
            recovery(judge, planted, options.form, Path(folder))
            for judge in ("local", "local-nearest")
        ]
    if options.json:
        print(json.dumps(found, indent=1))
        return
    print(f"{options.respondents} simulated respondents, form {options.form}")
    table(
        ["judge", *TITLES],
        [[row["judge"], *(_span(row[title]) for title in FIGURES)] for row in found],
    )


def _span(found: list[float | None]) -> str:
    value, low, high = ("-" if x is None else f"{x:.2f}" for x in found)
    return f"{value} [{low}, {high}]"


if __name__ == "__main__":
    guarded(main)
