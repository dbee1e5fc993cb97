"""All gates of the planted world, by one command.

    python -m benchmarks.evolve_planted                           # the draws for tuning
    python -m benchmarks.evolve_planted --gate cost --gate null --jobs 2
    python -m benchmarks.evolve_planted --draws reported --json

Everything is simulated, from `world.toml`. Figures are means over draws, with a 95 % interval over
draws by Student's t; differences are paired. Each single result goes to `--cells FILE`, if given,
as soon as it is there. The exit code is 1 where a gate is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.evolve_planted.cells import CELLS
from benchmarks.evolve_planted.gate import Gate
from benchmarks.evolve_planted.gates import GATES, Cell, Found, Setup, cell
from benchmarks.evolve_planted.world import read_world

import valuecompass
from valuecompass.hashing import digest


def computed(one: Cell) -> tuple[dict[str, Any], float]:
    """Return a cell's result and the seconds of processor it took."""
    began = time.process_time()
    return CELLS[one.kind](one.draw, **dict(one.args)), time.process_time() - began


def code() -> str:
    """Return a hash of what results follow from: the package's code and data, and this folder's.

    Faces (commands, pages) change no result, nor does what is made of results here.
    """
    here, package = Path(__file__).parent, Path(valuecompass.__file__).parent
    faces = [package / name for name in ("cli", "board", "web")]
    files = [
        path
        for folder in (here, package)
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".py", ".toml", ".md")
        and not any(path.is_relative_to(face) for face in faces)
        and path.name not in ("__main__.py", "gate.py", "gates.py")
    ]
    return digest([path.read_text("utf-8") for path in files], 16)


def results(cells: list[Cell], jobs: int, file: Path | None) -> Found:
    """Compute all cells, the dearest first, write each as it comes, and none twice."""
    wanted = list(dict.fromkeys(cells))
    version = code()
    found = _written(file, version)
    missing = [c for c in wanted if c not in found]
    # seasons have no number of calls, and take longest
    missing.sort(key=lambda c: -int(dict(c.args).get("calls", 10**6)))
    # several jobs with as many threads each would wait for one another
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(jobs) as pool:
        going = {pool.submit(computed, one): one for one in missing}
        try:
            for number, done in enumerate(as_completed(going), 1):
                one = going[done]
                found[one], took = done.result()
                said = " ".join(str(v) for v in (one.kind, one.draw, *dict(one.args).values()))
                line = f"{number} of {len(missing)}: {said}, {took:.0f} s"
                print(line, file=sys.stderr, flush=True)
                if file is not None:
                    row = {"code": version, **one._asdict(), "found": found[one], "seconds": took}
                    with file.open("a", encoding="utf-8") as out:
                        out.write(json.dumps(row) + "\n")
        except BaseException:
            # the others must not be computed before anybody hears of it
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {one: found[one] for one in wanted}


def _written(file: Path | None, version: str) -> dict[Cell, dict[str, Any]]:
    """Return the results that a file has of this version of the code."""
    if file is None or not file.is_file():
        return {}
    found: dict[Cell, dict[str, Any]] = {}
    for line in file.read_text("utf-8").splitlines():
        with suppress(json.JSONDecodeError):  # cut off where a run was killed
            row = json.loads(line)
            if row.get("code") == version:
                found[cell(row["kind"], row["draw"], **dict(row["args"]))] = row["found"]
    return found


def table(gates: list[Gate]) -> str:
    """Return a Markdown table."""
    lines = [
        "| figure | wanted | value | 95 % interval | reached | note |",
        "|---|---|--:|---|---|---|",
    ]
    for g in gates:
        between = "" if g.low is None or g.high is None else f"{g.low:.3f} to {g.high:.3f}"
        reached = {True: "yes", False: "**NO**", None: ""}[g.passed]
        lines.append(
            f"| {g.name} | {g.wanted} | {g.value:.3f} | {between} | {reached} | {g.note} |"
        )
    return "\n".join(lines)


def main(given: list[str] | None = None) -> int:
    """Compute the gates and print them."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.evolve_planted",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--draws", choices=("tuning", "reported"), default="tuning")
    parser.add_argument("--gate", action="append", choices=list(GATES), help="repeat; else all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--cells", type=Path, help="JSON lines of results: goes on from these")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args(given)
    world = read_world(1)
    setup = Setup(tuple(world.spec["draws"][options.draws]))
    planned = {name: gate for name, gate in GATES.items() if name in (options.gate or GATES)}
    began = time.monotonic()
    found = results(
        [c for gate in planned.values() for c in gate.cells(setup)], options.jobs, options.cells
    )
    gates = {name: gate.verdict(setup, found) for name, gate in planned.items()}
    head = {"simulated": True, "world": world.digest, "draws": list(setup.draws)}
    if options.json:
        told = {name: [g.json() for g in of] for name, of in gates.items()}
        print(json.dumps({**head, "seconds": time.monotonic() - began, "gates": told}))
    else:
        print(f"Simulated; world {world.digest}, draws {options.draws}: {list(setup.draws)}")
        for name, of in gates.items():
            asked = [g for g in of if g.passed is not None]
            print(f"\n## {name}: {sum(bool(g.passed) for g in asked)} of {len(asked)} reached\n")
            print(table(of), flush=True)
    return int(any(g.passed is False for of in gates.values() for g in of))


if __name__ == "__main__":
    sys.exit(main())
