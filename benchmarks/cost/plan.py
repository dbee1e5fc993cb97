r"""Whether a run gives the half-widths that `valuecompass plan` predicted for it.

    python benchmarks/cost/plan.py                 # simulated respondents: minutes
    python benchmarks/cost/plan.py -m embedded/smollm2-135m-instruct -w pilot

For each respondent: a pilot (the form called short), the plan made of it, then a run with the
planned form. Printed are the ratios of predicted to measured half-widths, dimension by dimension:
1 is right, less is wishful. The items of the pilot are among the planned ones, as for any user.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from valuecompass.measure.measurement import Measurement
from valuecompass.measure.run import Settings, cheapest_plans, run

SYSTEMS = ("schwartz", "moral-foundations", "safety", "llm-unique")
SEEDS = 3


def compared(model: str, system: str, workspace: Path, target: float) -> list[dict[str, Any]]:
    """Return predicted and measured half-widths of every dimension."""
    run([model], [system], form="short", workspace=workspace)
    settings = Settings(models=[model], systems=[system], workspace=workspace)
    forms = workspace / "forms"
    _, (plan,) = asyncio.run(cheapest_plans(settings, target, forms))
    found: Measurement
    (found,) = run([model], [system], form=str(forms / f"{system}.json"), workspace=workspace)
    scores = found.rows[0].dimensions
    rows: list[dict[str, Any]] = []
    for d in plan.dimensions:
        low, high = scores[d.name].low, scores[d.name].high
        if low is None or high is None or d.half_width is None:
            continue
        rows.append(
            {
                "system": system,
                "dimension": d.name,
                "items": d.items,
                "repeats": plan.repeats,
                "predicted": d.half_width,
                "measured": round((high - low) / 2, 2),
            }
        )
    return rows


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-m", "--model", help="a respondent; none: simulated ones")
    parser.add_argument("-s", "--system", action="append", choices=SYSTEMS)
    parser.add_argument("-w", "--workspace", type=Path, help="with answers that count, too")
    parser.add_argument("--target", type=float, default=5.0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as temporary:
        for system in asked.system or SYSTEMS:
            seeds = range(1, SEEDS + 1)
            models = (
                [asked.model] if asked.model else [f"simulated/{system}?seed={n}" for n in seeds]
            )
            for place, model in enumerate(models):
                workspace = asked.workspace or Path(temporary) / f"{system}-{place}"
                rows += compared(model, system, workspace, asked.target)
    if asked.json:
        print(json.dumps(rows, indent=1))
        return
    who = asked.model or f"{SEEDS} simulated respondents for each system"
    print(f"{who}; predicted / measured half-width\n")
    print(
        f"{'system':20} {'items':>9} {'predicted':>12} {'measured':>12}   ratio: median, 5 to 95 %"
    )
    for system in dict.fromkeys(row["system"] for row in rows):
        own = [row for row in rows if row["system"] == system]
        ratio = np.array([row["predicted"] / row["measured"] for row in own])
        ranges = [
            f"{min(row[k] for row in own):.1f}-{max(row[k] for row in own):.1f}"
            for k in ("predicted", "measured")
        ]
        items = "-".join(str(f([row["items"] for row in own])) for f in (min, max))
        low, high = np.quantile(ratio, [0.05, 0.95])
        print(
            f"{system:20} {items:>9} {ranges[0]:>12} {ranges[1]:>12}   "
            f"{np.median(ratio):.2f}, {low:.2f} to {high:.2f}"
        )
    every = np.array([row["predicted"] / row["measured"] for row in rows])
    print(f"\nall {len(every)} dimensions: mean ratio {every.mean():.3f}, sd {every.std():.3f}")


if __name__ == "__main__":
    main()
