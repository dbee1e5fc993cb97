"""AdAEM on real local models: evolved items, seeds and one-shot questions at equal calls.

    python -m benchmarks.evolve_real --models models.toml --record FILE    # an hour of a core
    python -m benchmarks.evolve_real --recorded FILE                       # seconds

Each source has the same number of calls for writing, for answers of the pool and for verdicts on
them; the pool chooses the best of each by the same reward. What is reported are fresh answers of
models that chose nothing. `README.md` says how to name models, what came out and what it is worth.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import fields
from pathlib import Path

import anyio
from benchmarks.evolve_real.players import read_players
from benchmarks.evolve_real.run import rows_of
from benchmarks.evolve_real.sources import Settings
from benchmarks.evolve_real.table import figures, read_rows, report, write_rows

from valuecompass.cli.app import guarded
from valuecompass.errors import InputError

RECORDED = Path(__file__).parent / "recorded.jsonl.gz"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, metavar="FILE.toml")
    parser.add_argument(
        "--recorded", type=Path, nargs="?", const=RECORDED, metavar="FILE", help="ask no model"
    )
    parser.add_argument("--record", type=Path, metavar="FILE", help="write all rows of a new run")
    parser.add_argument("-w", "--workspace", type=Path, default=Path("valuecompass-workspace"))
    for field in fields(Settings):
        parser.add_argument(f"--{field.name}", type=int, default=field.default)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    given = parser.parse_args()
    if (given.models is None) == (given.recorded is None):
        raise InputError("give --models FILE.toml to ask models, or --recorded")
    if given.recorded is not None:
        rows = read_rows(given.recorded)
    else:
        settings = Settings(
            **{field.name: getattr(given, field.name) for field in fields(Settings)}
        )
        rows = anyio.run(rows_of, read_players(given.models), settings, given.workspace)
        if given.record is not None:
            write_rows(rows, given.record)
    found = figures(rows)
    print(json.dumps(found) if given.json else report(found))


if __name__ == "__main__":
    guarded(main)
