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
from rich.console import Console
from rich.table import Table

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
    figures = (_signs, _correlation, _disjoint)
    rng = np.random.default_rng(0)
    # respondents are what is drawn by lot: pairs share them
    weights = rng.standard_exponential((DRAWS, len(planted)))
    draws = np.array([[f(scores, low, high, truth, w) for f in figures] for w in weights])
    values = [f(scores, low, high, truth, np.ones(len(planted))) for f in figures]
    limits = np.nanquantile(draws, [0.025, 0.975], axis=0).T
    titles = ("signs_right", "correlation", "disjoint_where_nothing_was_planted")
    return {"judge": judge} | {
        title: [round(float(x), 3) for x in (value, *limit)]
        for title, value, limit in zip(titles, values, limits, strict=True)
    }


def _pairs(weights: Vector) -> tuple[Any, Any, Vector]:
    one, two = np.triu_indices(len(weights), 1)
    return one, two, (weights[one] * weights[two])[:, None]


def _signs(scores: Vector, low: Vector, high: Vector, truth: Vector, weights: Vector) -> float:
    """Share of the pairs with different planted scores that come out in the right order."""
    one, two, w = _pairs(weights)
    gap = truth[one] - truth[two]
    right = np.sign(scores[one] - scores[two]) == np.sign(gap)
    use = w * (gap != 0)
    return float((use * right).sum() / use.sum())


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


def main() -> None:
    """Print recovery through both judges."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--form", default="full")
    parser.add_argument("--respondents", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.respondents < 3:
        parser.error("--respondents: at least 3")
    planted = profiles(options.respondents, options.seed)
    with tempfile.TemporaryDirectory() as folder:
        found = [
            recovery(judge, planted, options.form, Path(folder))
            for judge in ("local", "local-nearest")
        ]
    if options.json:
        print(json.dumps(found, indent=1))
        return
    table = Table(
        title=f"{options.respondents} simulated respondents, form {options.form}", box=None
    )
    for title in (
        "judge",
        "signs right (goal .9)",
        "correlation (goal .7)",
        "disjoint (at most .1)",
    ):
        table.add_column(title)
    for row in found:
        table.add_row(
            row["judge"],
            _span(row["signs_right"]),
            _span(row["correlation"]),
            _span(row["disjoint_where_nothing_was_planted"]),
        )
    Console().print(table)


def _span(value: list[float]) -> str:
    return f"{value[0]:.2f} [{value[1]:.2f}, {value[2]:.2f}]"


if __name__ == "__main__":
    main()
