# pyright: basic, reportMissingImports=false
"""Which runs the toy world asks for; each is kept, so that a broken benchmark goes on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch
from benchmarks.d2o import grammar
from benchmarks.d2o.learner import Rates, pretrain, rates
from benchmarks.d2o.methods import AT, METHODS, NOISE, STEPS, Method, Point, d2o, draw_rows, train

GRID = (2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3)
"""Learning rates to choose from."""
TUNING = (101, 102)
"""Seeds that choose them, and of the sweeps; they are in no gate."""
REPORTED = tuple(range(1, 9))
WEIGHTS = (0.1, 0.3, 1.0)
INHERITED = {
    "DPO, noisy positives": "DPO",
    "DPO, beta 1, noisy positives": "DPO, beta 1",
    "D2O K=11, beta 0.1, noisy anchors": "D2O K=11, beta 0.1",
    "D2O K=11, beta 0.3, noisy anchors": "D2O K=11, beta 0.3",
}
"""Who tunes does not know that there is noise: these have the learning rate of those."""
RECIPE = (
    *("GA", "NPO", "DPO", "D2O K=1, beta 0.1", "D2O K=4, beta 0.1", "D2O K=11, beta 0.1"),
    *("D2O K=4, beta 0.3", "D2O K=11, beta 0.3"),
)
RATE = 5e-4
"""Learning rate of the recipe, of the sweep and of the harder worlds."""
HARDER = ("GA", "NPO", "DPO", "KTO", "SFT on anchors", "D2O K=11, beta 0.1", "D2O K=11, beta 0.3")


@dataclass(frozen=True)
class Run:
    """One training: where, how, with which learning rate and seed; `whole` keeps its curve."""

    world: grammar.World
    tied: bool
    name: str
    method: Method
    rate: float
    seed: int
    whole: bool = True

    @property
    def key(self) -> str:
        """Name it among the kept runs."""
        return json.dumps(asdict(replace(self, name="")), sort_keys=True)


@dataclass(frozen=True)
class Done:
    """What a run gave: its curve, and at its end answers to trained and to held-out prompts."""

    points: list[Point]
    end: Rates
    held_out: Rates
    start: Rates


def tuning() -> list[Run]:
    """Return the runs that choose learning rates."""
    return [
        Run("apart", False, name, METHODS[name], rate, seed, whole=False)
        for seed, name, rate in product(TUNING, METHODS, GRID)
        if name not in INHERITED
    ]


def reported(rates_: dict[str, float]) -> list[Run]:
    """Return the runs that are reported."""
    return [
        Run("apart", False, name, method, rates_[INHERITED.get(name, name)], seed)
        for (name, method), seed in product(METHODS.items(), REPORTED)
    ]


def recipe() -> list[Run]:
    """Return the runs at one learning rate for all."""
    return [
        Run("apart", False, name, METHODS[name], RATE, seed)
        for name, seed in product(RECIPE, REPORTED)
    ]


def sweep() -> list[Run]:
    """Return the runs over alpha and beta."""
    return [
        Run(
            "apart",
            False,
            f"{alpha} {beta}",
            d2o(4, beta, noise, alpha=alpha),
            RATE,
            seed,
            whole=False,
        )
        for seed in TUNING
        for alpha, beta in product(WEIGHTS, WEIGHTS)
        for noise in ((0.0, NOISE) if alpha == WEIGHTS[0] else (0.0,))
    ]


def harder() -> list[Run]:
    """Return the runs in worlds where clean answers are easier to lose."""
    return [
        Run(world, tied, name, METHODS[name], RATE, seed, whole=False)
        for seed in TUNING
        for world, tied in (("apart", True), ("shared", False))
        for name in HARDER
    ]


class Runner:
    """Does runs and keeps them in a folder, with the models they begin with."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._file = folder / "runs.jsonl"
        self._done: dict[str, Done] = {}
        if self._file.exists():
            for line in self._file.read_text().splitlines():
                kept = json.loads(line)
                self._done[kept["key"]] = _read(kept["done"])
        self._begun: dict[tuple[Any, ...], tuple[Any, list[Any], Rates]] = {}

    def all(self, runs: Iterable[Run]) -> dict[Run, Done]:
        """Return what the runs gave; those not kept yet are done."""
        runs = list(runs)
        missing = {run.key: run for run in runs if run.key not in self._done}
        for at, run in enumerate(missing.values(), 1):
            done = self._do(run)
            self._done[run.key] = done
            with self._file.open("a") as file:
                file.write(json.dumps({"key": run.key, "done": asdict(done)}) + "\n")
            end = done.end
            print(
                f"{at}/{len(missing)} {run.world} {'tied ' * run.tied}{run.name}, "
                f"rate {run.rate:g}, seed {run.seed}: clean {end.clean:.2f}, "
                f"harmful {end.harmful:.3f}",
                flush=True,
            )
        return {run: self._done[run.key] for run in runs}

    def _do(self, run: Run) -> Done:
        asked = grammar.TRAINED * 60
        begun = (run.world, run.tied, run.seed)
        kept = self._folder / f"{run.world}-{'tied-' * run.tied}{run.seed}.pt"
        if begun not in self._begun and kept.exists():
            self._begun[begun] = torch.load(kept, weights_only=False)
        elif begun not in self._begun:
            model = pretrain(run.seed, run.world, tied=run.tied)
            rows = draw_rows(model, run.seed, run.world)
            self._begun[begun] = (model, rows, rates(model, run.world, asked, 3))
            torch.save(self._begun[begun], kept)
        model, rows, start = self._begun[begun]
        learned, points = train(
            run.method,
            model,
            rows,
            world=run.world,
            seed=run.seed,
            rate=run.rate,
            at=AT if run.whole else (STEPS,),
        )
        return Done(
            points,
            rates(learned, run.world, asked, 1),
            rates(learned, run.world, grammar.HELD_OUT * 60, 2),
            start,
        )


def _read(kept: dict[str, Any]) -> Done:
    points = [Point(p["step"], p["rows"], Rates(**p["rates"])) for p in kept["points"]]
    return Done(points, *(Rates(**kept[name]) for name in ("end", "held_out", "start")))


__all__ = ["GRID", "INHERITED", "RATE", "REPORTED", "TUNING", "WEIGHTS", "Done", "Run"]
__all__ += ["Runner", "harder", "recipe", "reported", "sweep", "tuning"]
