"""Does the local judge read whole messages as well as answers cut into their points?

    python benchmarks/judge/whole.py labels.jsonl

A run cuts an answer into its points, at most three; `profile` has no such form and takes the whole
message. Printed for labelled rows of expression systems: AUC, macro AUC, and the difference.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import anyio
import numpy as np
from numpy.typing import NDArray

from valuecompass.cli.app import guarded
from valuecompass.errors import InputError
from valuecompass.judges.local.judge import LocalJudge
from valuecompass.judges.quality.evaluate import report
from valuecompass.judges.quality.judging import judge_rows
from valuecompass.judges.quality.labelled import Labelled, read_labels
from valuecompass.stats import ClusterBootstrap, auc
from valuecompass.text import Span


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labels", type=Path)
    rows = read_labels(parser.parse_args().labels)
    for name in dict.fromkeys(row.system.id for row in rows if row.system.scoring == "expression"):
        own = [row for row in rows if row.system.id == name]
        scores = {"points": _judged(own), "whole": _judged([_whole(row) for row in own])}
        for way, values in scores.items():
            found = report(own, [None if np.isnan(v) else v for v in values])[name]
            low, high = found["intervals"]["auc"]
            print(
                f"{name}, {way}: {len(own)} rows, AUC {found['auc']:.3f} [{low:.3f}, {high:.3f}], "
                f"macro AUC {found['macro_auc']:.3f}"
            )
        labels = np.array([row.expressed for row in own], dtype=float)
        bootstrap = ClusterBootstrap(np.array([row.item for row in own]), np.random.default_rng(0))
        whole, points = scores["whole"], scores["points"]
        draws = bootstrap.auc(whole, labels) - bootstrap.auc(points, labels)
        value, low, high = bootstrap.interval(auc(whole, labels) - auc(points, labels), draws)
        print(f"{name}, AUC of whole less points: {value:+.3f} [{low:+.3f}, {high:+.3f}]")


def _judged(rows: Sequence[Labelled]) -> NDArray[np.float64]:
    said = anyio.run(judge_rows, LocalJudge(), rows)
    if all(one.expressed is None for one in said):
        raise InputError("the judge says nothing of any row")
    return np.array([np.nan if s.expressed is None else s.expressed for s in said])


def _whole(row: Labelled) -> Labelled:
    text = row.subject.response
    whole = text.strip()
    at = text.find(whole)
    parts = (Span(at, at + len(whole), whole),)
    return replace(row, subject=replace(row.subject, parts=parts))


if __name__ == "__main__":
    guarded(main)
