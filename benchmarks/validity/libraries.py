"""Item response theory beside two libraries: girth (2PL, EAP) and catsim (information, next item).

    python -m venv /tmp/irt && /tmp/irt/bin/pip install -e . girth==0.8.0 catsim==0.21.0
    /tmp/irt/bin/python benchmarks/validity/libraries.py

Neither is among our dependencies: girth integrates respondents out, which takes hundreds of them,
where we have a dozen, and knows no judge error; catsim chooses items only. Everything is simulated.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuecompass.stats.adaptive import GRID, next_item
from valuecompass.stats.irt import information
from valuecompass.stats.irt_fit import fit_2pl
from valuecompass.stats.irt_scores import score

try:
    import catsim.irt  # pyright: ignore
    import girth  # pyright: ignore
    from catsim.item_bank import ItemBank  # pyright: ignore
    from catsim.selection import MaxInfoSelector  # pyright: ignore
except ImportError as error:
    sys.exit(f"{error.name} is not installed; the first lines of {__file__} say how")

Floats = NDArray[np.float64]
ITEMS = 40
SEEDS = range(5)


def main() -> None:
    """Print both libraries' figures beside ours."""
    fits()
    positions()
    items()


def drawn(seed: int, respondents: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return positions, slopes, difficulties and responses (R, n) of a 2PL world."""
    rng = np.random.default_rng(seed)
    theta, b = rng.normal(size=respondents), rng.normal(size=ITEMS)
    a = np.exp(0.3 * rng.normal(size=ITEMS))
    y = rng.random((respondents, ITEMS)) < 1 / (1 + np.exp(-a * (theta[:, None] - b)))
    return theta, a, b, y.astype(float)


def fits() -> None:
    """Print how well both estimate items and positions, with few respondents and with many."""
    print(f"2PL, {ITEMS} items, mean of {len(SEEDS)} worlds: root mean squared error")
    print("respondents  of            ours  girth  (seconds, ours / girth)")
    for respondents in (16, 100, 500):
        rows: list[list[float]] = []
        for seed in SEEDS:
            theta, a, b, y = drawn(seed, respondents)
            ours, took = timed(lambda y=y: fit_2pl(y))
            theirs, their_time = timed(lambda y=y: girth.twopl_mml(y.T.astype(int)))
            slopes, levels = theirs["Discrimination"], theirs["Difficulty"]
            # on both scales the mean respondent is 0
            rows.append(
                [
                    rmse(ours.b - (b - theta.mean())),
                    rmse(levels - (b - theta.mean())),
                    rmse(np.log(ours.a) - np.log(a)),
                    rmse(np.log(slopes) - np.log(a)),
                    rmse(ours.theta - (theta - theta.mean())),
                    rmse(theirs["Ability"] - (theta - theta.mean())),
                    took / their_time,
                ]
            )
        found = np.mean(rows, axis=0)
        for name, at in (("difficulty", 0), ("log slope", 2), ("position", 4)):
            ratio = f"({found[6]:.1f})" if at == 0 else ""
            print(f"{respondents:11d}  {name:12s} {found[at]:5.2f}  {found[at + 1]:5.2f}  {ratio}")


def positions() -> None:
    """Print how far posterior means on known items lie apart."""
    apart = 0.0
    options = {"quadrature_bounds": (-6, 6), "quadrature_n": 201}
    for seed in SEEDS:
        _, a, b, y = drawn(seed, 200)
        theirs = girth.ability_eap(y.T.astype(int), b, a, options)
        apart = max(apart, float(np.abs(score(y, a, b).theta - theirs).max()))
    print(f"EAP on known items, largest difference from girth: {apart:.1e} logits")


def items() -> None:
    """Print how far informations lie apart, and whether the next item is the same."""
    apart, same, asked_before = 0.0, 0, 10
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        _, a, b, _ = drawn(seed, 1)
        bank = np.column_stack([a, b, np.zeros(ITEMS), np.ones(ITEMS)])
        table = information(GRID, a, b)
        theirs = np.stack([catsim.irt.inf_hpc(theta, bank) for theta in GRID])
        apart = max(apart, float(np.abs(table - theirs).max()))
        for _ in range(200):
            point = int(rng.integers(len(GRID)))
            asked = np.isin(np.arange(ITEMS), rng.choice(ITEMS, asked_before, replace=False))
            sure = np.eye(len(GRID))[point]
            own = next_item(sure, table, asked, np.zeros(ITEMS), 0, rng, top=1, max_exposure=1.0)
            with redirect_stdout(io.StringIO()):  # catsim prints empty lines
                other = MaxInfoSelector().select(
                    item_bank=ItemBank(bank),
                    administered_items=np.flatnonzero(asked).tolist(),
                    est_theta=float(GRID[point]),
                )
            same += own == other
    print(f"item information, largest difference from catsim: {apart:.1e}")
    print(
        f"next item where the position is known and the best one is taken: the same as catsim's "
        f"in {same} of {200 * len(SEEDS)} states"
    )


def rmse(errors: Floats) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt(np.mean(errors**2)))


def timed(what: Callable[[], Any]) -> tuple[Any, float]:
    """Return a result and the seconds that it took."""
    start = time.perf_counter()
    return what(), time.perf_counter() - start


if __name__ == "__main__":
    main()
