"""Planted-truth gates: does the instrument find what was put in, and say how sure it is?

    python benchmarks/validity/run.py
    python benchmarks/validity/run.py --worlds 50 --gate recovery --gate order --json

Everything is simulated from world.toml. Each figure is a mean over worlds with its Monte-Carlo
standard error and 99 % interval; a goal is held when the interval contains the goal or lies on its
safe side (`design/validity.md`). The exit code is 0 also when a goal is not held.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.validity.adaptive import adaptive
from benchmarks.validity.coverage import coverage, false_claims
from benchmarks.validity.drift import drift
from benchmarks.validity.figures import LEVEL, Figure, table
from benchmarks.validity.linking import linking
from benchmarks.validity.order import order
from benchmarks.validity.recovery import recovery
from benchmarks.validity.stated import stated
from benchmarks.validity.world import SEED, World, read_world

WORLDS = 1000
GATES: dict[str, tuple[Callable[[World, int], list[Figure]], float]] = {
    "coverage": (coverage, 1.0),
    "claims": (false_claims, 1.0),
    "recovery": (recovery, 0.08),
    "linking": (linking, 0.4),
    "order": (order, 0.2),
    "adaptive": (adaptive, 0.02),
    "drift": (drift, 1.0),
    "stated": (stated, 0.04),
}
"""Each gate and its worlds in a cell of the table, as a share of --worlds."""


def main() -> None:
    """Run the gates and print their figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--worlds", type=int, default=WORLDS, help=f"default: {WORLDS}")
    parser.add_argument("--gate", action="append", choices=list(GATES), help="repeat; else all")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    if options.worlds < 2:
        parser.error(f"--worlds {options.worlds}: give at least 2")
    world, found = read_world(), list[dict[str, Any]]()
    if not options.json:
        print(f"Simulated worlds of world.toml ({world.digest}), seed {SEED}; error: Monte-Carlo")
        print(
            f"standard error; interval: {100 * LEVEL:.0f} %, of the figure over worlds", flush=True
        )
    for name in options.gate or GATES:
        gate, share = GATES[name]
        start, used = time.monotonic(), time.process_time()
        figures = gate(world, max(2, round(share * options.worlds)))
        took, used = time.monotonic() - start, time.process_time() - used
        print(f"{name}: {took:.0f} s, {used:.0f} s of processor", file=sys.stderr, flush=True)
        goals = [f.held for f in figures if f.goal is not None]
        said = {"held": sum(map(bool, goals)), "goals": len(goals)}
        found.append({"gate": name, **said, "figures": [f.json() for f in figures]})
        if not options.json:
            print(f"\n## {name}: {said['held']} of {said['goals']} goals held\n\n{table(figures)}")
            sys.stdout.flush()
    if options.json:
        head = {"world": world.digest, "seed": SEED, "worlds": options.worlds, "level": LEVEL}
        print(json.dumps({**head, "gates": found}, indent=1))


if __name__ == "__main__":
    main()
