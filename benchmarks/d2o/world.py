# pyright: basic, reportMissingImports=false
"""Negatives alone, with anchors, with positives: what each method does to a tiny world.

    python -m benchmarks.d2o.world [--keep FOLDER] [--json FILE]

The language is that of `grammar`, the learner that of `learner`, the methods those of `methods`,
each by its real trainer. A broken benchmark goes on where it was, if FOLDER is the same. Results go
to `results.md` in this folder, the plot to `docs/img/d2o-world.png`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

from benchmarks.d2o.parts import made_with, one_thread, record


def main() -> None:
    """Run it."""
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked.add_argument("--keep", type=Path, help="folder of runs already done")
    asked.add_argument("--json", type=Path)
    given = asked.parse_args()
    warnings.simplefilter("ignore", FutureWarning)  # of transformers, about its own names
    one_thread()
    from benchmarks.d2o import runs, told

    runner = runs.Runner(given.keep or Path(tempfile.mkdtemp()))
    tuned = runner.all(runs.tuning())
    rates = told.choose(tuned)
    figures: dict[str, Any] = {"made": made_with()}
    stages = {
        "learning rates": lambda: told.tuning(tuned),
        "alpha and beta": lambda: told.sweep(runner.all(runs.sweep())),
        "recipe": lambda: told.recipe(runner.all(runs.recipe())),
        "world": lambda: told.reported(runner.all(runs.reported(rates)), rates),
        "harder worlds": lambda: told.harder(runner.all(runs.harder())),
    }
    for name, stage in stages.items():
        text, figures[name] = stage()
        if name == "learning rates":
            text = f"## Toy world\n\n{made_with()}.\n\n{text}"
        print(text)
        record(name, text)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
