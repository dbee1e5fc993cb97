"""How good the free judges are: `make bench-judge HUMAN=folder LABELS=file`.

Nothing that is measured here has trained a weight. Human labels are arguments on conclusions that
were held out; model labels are a file of labelled responses as `judge evaluate` reads it; the test
of sides was written apart from the corpus. All limits are 95 %, clustered on items.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from rich.console import Console
from rich.table import Table

from valuecompass.items import Item
from valuecompass.judges.local.judge import LocalJudge
from valuecompass.judges.protocol import subject_of
from valuecompass.judges.quality.evaluate import report
from valuecompass.judges.quality.judging import judge_rows
from valuecompass.judges.quality.labelled import Labelled, read_labels
from valuecompass.judges.quality.polarity import polarity
from valuecompass.values import builtin_system

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "training/judge"))
from data import Example, conduct_corpus, held_out, human_values  # noqa: E402

Found = dict[str, Any]


def judged(judge: LocalJudge, rows: Sequence[Labelled]) -> Found:
    """Return agreement and polarity by system."""
    said = anyio.run(judge_rows, judge, rows)
    found = report(rows, [s.expressed for s in said])
    sides = polarity(rows, said, np.random.default_rng(0))
    return {name: entry | {"polarity": sides.get(name)} for name, entry in found.items()}


def human_rows(folder: Path) -> list[Labelled]:
    """Return held-out arguments: one row for each of the ten values, the premise judged alone."""
    system = builtin_system("schwartz")
    _, out = held_out(human_values(folder), "human")
    rows: list[Labelled] = []
    for e in out:
        item = Item(kind="question", system=system.id, text=e.heads[0], dimensions=system.names)
        subject = subject_of(system, item, e.text)
        rows += [
            Labelled(item.text, name, int(e.targets[f"rests {name}"]), subject)
            for name in system.names
        ]
    return rows


def conduct_rows() -> list[Labelled]:
    """Return our own held-out continuations, answers and completions, two or three a setting."""
    _, out = held_out(conduct_corpus(), "conduct")
    return [_conduct_row(e) for e in out]


def _conduct_row(e: Example) -> Labelled:
    word, name = next(iter(e.targets)).split(" ", 1)
    if word == "violates":
        system, label = builtin_system("moral-foundations"), 1 - e.targets[f"violates {name}"]
        item = Item(
            kind="opening",
            system=system.id,
            text=e.opening,
            dimensions=(name,),
            principle=e.heads[0],
        )
    elif word == "unsafe":
        system, label = builtin_system("safety"), 1 - e.targets[f"unsafe {name}"]
        item = Item(kind="request", system=system.id, text=e.heads[0], dimensions=(name,))
    else:
        system, label = builtin_system("llm-unique"), e.targets.get(f"side {name}", 0.0)
        item = Item(kind="stem", system=system.id, text=e.heads[0], dimensions=(name,))
    side = e.targets.get(f"side {name}")
    valence = None if word != "touch" else 0 if side is None else int(2 * side - 1)
    subject = subject_of(system, item, e.text)
    return Labelled(item.text, name, int(label), subject, valence)


def speed(judge: LocalJudge, rows: Sequence[Labelled]) -> Found:
    """Return verdict vectors (one text, all dimensions) a second on one core."""
    subjects = list({r.subject.response: r.subject for r in rows}.values())[:200]
    for subject in subjects[:10]:
        judge.judge_now(subject)
    start = time.perf_counter()
    count = sum(len({v.part for v in judge.judge_now(s)}) for s in subjects)
    seconds = time.perf_counter() - start
    words = sum(len(p.text.split()) for s in subjects for p in s.parts) / count
    return {"per_second": round(count / seconds, 1), "words": round(words, 1)}


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--human", type=Path, help="folder of the Touché23 training arguments")
    parser.add_argument("--labels", type=Path, help="JSONL of labelled responses")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    judges = {"local": LocalJudge(), "local-nearest": LocalJudge(nearest=True)}
    sides = read_labels(HERE / "polarity.jsonl")
    sets: dict[str, Sequence[Labelled]] = {"test of sides": sides, "own, held out": conduct_rows()}
    if options.human:
        sets["human labels"] = human_rows(options.human)
    if options.labels:
        sets["model labels"] = read_labels(options.labels)
    found: Found = {
        name: {
            "speed": speed(judge, sides),
            **{title: judged(judge, rows) for title, rows in sets.items()},
        }
        for name, judge in judges.items()
    }
    if options.json:
        print(json.dumps(found, indent=1))
        return
    for name, figures in found.items():
        _show(name, figures)
    for option, title in ((options.human, "--human"), (options.labels, "--labels")):
        if option is None:
            print(f"not measured: {title} was not given")


def _show(name: str, figures: Found) -> None:
    rate = figures.pop("speed")
    table = Table(
        title=f"{name}: {rate['per_second']} verdict vectors a second on one core "
        f"(texts of {rate['words']} words)",
        box=None,
        title_justify="left",
    )
    for column in ("labels", "system", "n", "AUC", "macro AUC", "side AUC", "nearest shortcut"):
        table.add_column(column)
    for title, systems in figures.items():
        for system, s in systems.items():
            limits = s["intervals"]
            side = s["polarity"]
            table.add_row(
                title,
                system,
                str(s["n"]),
                _span(s["auc"], limits.get("auc")),
                _span(s["macro_auc"], limits.get("macro_auc")),
                _span(side["auc"], [side["low"], side["high"]]) if side else "-",
                _margin(s["margins"]),
            )
    Console(width=160).print(table, "")


def _margin(margins: Found) -> str:
    if not margins:
        return "-"
    name = min(margins, key=lambda n: margins[n]["low"])
    m = margins[name]
    return f"{name} {m['value']:+.2f} [{m['low']:+.2f}, {m['high']:+.2f}]"


def _span(value: float | None, limits: list[float] | None) -> str:
    if value is None or limits is None or limits[0] is None:
        return "-"
    return f"{value:.2f} [{limits[0]:.2f}, {limits[1]:.2f}]"


if __name__ == "__main__":
    main()
