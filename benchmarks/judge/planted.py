"""Recovery of planted profiles through two judges that are built differently.

Simulated respondents write reasons for the values that were planted in them (DESIGN: nothing is
claimed of real models before a planted truth is recovered). Their phrases share no five words with
the judge's corpus. `local` reads with trained heads, `local-nearest` by nearest definition.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from valuecompass.measure.run import run
from valuecompass.stats import cluster_bootstrap_mean
from valuecompass.values import builtin_system

STRENGTH = 1.6


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
    right: list[float] = []
    apart: list[float] = []
    pairs: dict[str, list[str]] = {"right": [], "apart": []}
    for (i, a), (j, b) in itertools.combinations(enumerate(found.rows), 2):
        for name in a.dimensions:
            one, two = a.dimensions[name], b.dimensions[name]
            assert one.score is not None and two.score is not None
            assert one.low is not None and two.low is not None
            assert one.high is not None and two.high is not None
            gap = planted[i].get(name, 0.0) - planted[j].get(name, 0.0)
            if gap:
                right.append(float(np.sign(one.score - two.score) == np.sign(gap)))
                pairs["right"].append(f"{i} {j}")
            elif name not in planted[i]:
                apart.append(float(one.low > two.high or two.low > one.high))
                pairs["apart"].append(f"{i} {j}")
    rng = np.random.default_rng(0)
    names = list(found.rows[0].dimensions)
    # rates of different dimensions share no scale: each about its own mean over the respondents
    scores = np.array([[row.dimensions[n].score for n in names] for row in found.rows], float)
    truth = np.array([[p.get(n, 0.0) for n in names] for p in planted])
    scores, truth = scores - scores.mean(axis=0), truth - truth.mean(axis=0)
    signs = cluster_bootstrap_mean(np.array(right), np.array(pairs["right"]), rng)
    disjoint = cluster_bootstrap_mean(np.array(apart), np.array(pairs["apart"]), rng)
    correlation = float(np.corrcoef(scores.ravel(), truth.ravel())[0, 1])
    return {
        "judge": judge,
        "signs_right": [round(float(x), 3) for x in signs],
        "correlation": round(correlation, 3),
        "disjoint_where_nothing_was_planted": [round(float(x), 3) for x in disjoint],
    }


def main() -> None:
    """Print recovery through both judges."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--form", default="full")
    parser.add_argument("--respondents", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
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
            f"{row['correlation']:.2f}",
            _span(row["disjoint_where_nothing_was_planted"]),
        )
    Console().print(table)


def _span(value: list[float]) -> str:
    return f"{value[0]:.2f} [{value[1]:.2f}, {value[2]:.2f}]"


if __name__ == "__main__":
    main()
