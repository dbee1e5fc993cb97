"""How good the free judges are: `make bench-judge HUMAN=folder LABELS=file`.

Nothing that is measured here has trained a weight. Human labels are arguments on conclusions that
were held out; model labels are a file of labelled responses as `judge evaluate` reads it; the test
of sides was written apart from the corpus. All limits are 95 %, clustered on items.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from scipy.special import expit

from valuecompass.cli.app import echo_json, guarded
from valuecompass.cli.judge_common import auc_cell, cell, macro_cell, nearest
from valuecompass.cli.shown import table
from valuecompass.hashing import digest
from valuecompass.items import Item
from valuecompass.judges.local.judge import LocalJudge
from valuecompass.judges.protocol import subject_of
from valuecompass.judges.quality.evaluate import report
from valuecompass.judges.quality.judging import judge_rows
from valuecompass.judges.quality.labelled import Labelled, read_labels
from valuecompass.judges.quality.polarity import polarity
from valuecompass.text.encoder import sentence_encoder
from valuecompass.values import builtin_system

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "training/judge"))
from conduct import conduct_rows  # noqa: E402
from data import held_out, human_values  # noqa: E402
from near_duplicates import MOST_NEAR, corpus_texts, near_duplicates  # noqa: E402

SETS = {
    "labels": "labelled responses. Where the scale of `local` was fitted to them its figures are\n"
    "    too high; `make scale-judge` prints cross-fitted ones",
    "human": "people's labels: Touché23 arguments, conclusions held out of training",
    "own": "our continuations, answers and completions, settings held out of training and scale",
    "sides": "our texts for, against and about a Schwartz value (polarity.jsonl)",
}
"""What each set of labels is."""

PENALTY = 30
Found = dict[str, Any]


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--human", type=Path, help="folder of the Touché23 training arguments")
    parser.add_argument("--labels", type=Path, help="JSONL of labelled responses")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    found = bench(options.human, options.labels)
    if options.json:
        echo_json(found)
    else:
        show(found)


def bench(human: Path | None, labels: Path | None) -> Found:
    """Return every figure, as the JSON object."""
    sets: dict[str, Sequence[Labelled]] = {}
    if labels:
        sets["labels"] = read_labels(labels)
    if human:
        sets["human"] = human_rows(human)
    sets |= {"own": conduct_rows("test"), "sides": read_labels(HERE / "polarity.jsonl")}
    texts = corpus_texts()
    return {
        "probe": probe(human, sets["human"]) if human else None,
        "corpus": {"texts": len(texts), "near_duplicates": near_duplicates(texts)},
        "judges": [
            {
                "name": judge.name,
                "identity": judge.identity,
                "speed": speed(judge, sets["sides"]),
                "sets": {name: judged(judge, rows) for name, rows in sets.items()},
            }
            for judge in (LocalJudge(), LocalJudge(nearest=True))
        ],
        "not_measured": [name for name in SETS if name not in sets],
    }


# --- what is judged ---


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


def probe(folder: Path, rows: Sequence[Labelled]) -> Found:
    """Return agreement of the plain encoder with a ridge regression on its vectors.

    It learns from the same arguments as the judge; the penalty is the one of .3, 1, 3, 10 and 30
    that does best on the rows that are measured, in the probe's favour.
    """
    names = builtin_system("schwartz").names
    kept, _ = held_out(human_values(folder), "human")
    encode = sentence_encoder().encode
    x, given = (encode([e.text for e in kept]), encode([r.subject.response for r in rows]))
    y = np.array([[e.targets[f"rests {name}"] for name in names] for e in kept])
    x, given, y = x - x.mean(axis=0), given - x.mean(axis=0), y - y.mean(axis=0)
    weights = np.linalg.solve(x.T @ x + PENALTY * np.eye(x.shape[1]), x.T @ y)
    own = [names.index(row.dimension) for row in rows]
    scores = expit((given @ weights)[np.arange(len(rows)), own])
    return report(rows, [float(score) for score in scores])["schwartz"]


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


# --- for people ---


def show(found: Found) -> None:
    """Print everything as tables."""
    texts, near = found["corpus"]["texts"], found["corpus"]["near_duplicates"]
    print(
        f"Judge's corpus: {texts:,} texts, {near} near-duplicates "
        f"({near / texts:.1%}, at most {MOST_NEAR:.0%})\n\nSets of labels:"
    )
    for name, what in SETS.items():
        print(f"  {name}: {what if name not in found['not_measured'] else 'not given'}")
    if found["probe"]:
        macro = cell(found["probe"], "macro_auc")
        print(f"\nhuman: linear probe on the plain encoder, same rows: macro AUC {macro}")
    for judge in found["judges"]:
        _show_judge(judge)


def _show_judge(judge: Found) -> None:
    identity, rate = judge["identity"], judge["speed"]
    print(f"\n{judge['name']}, version {identity['version']}, identity {digest(identity, 16)}")
    print(f"  encoder {identity['encoder']}")
    for name, heads in identity.get("heads", {}).items():
        print(f"  heads of {name} {heads}")
    print(
        f"  {rate['per_second']} verdict vectors a second on one core "
        f"(texts of {rate['words']} words)\n"
    )
    entries = {
        f"{name}: {system}": entry
        for name, systems in judge["sets"].items()
        for system, entry in systems.items()
    }
    _show_agreement(entries)
    _show_shortcuts(entries)
    table(
        ["AUC in a dimension", "n", "labelled 1", "of the verdict", "of the side"],
        [line for name, entry in entries.items() for line in _dimensions(name, entry)],
    )


def _show_agreement(entries: dict[str, Found]) -> None:
    table(
        ["labels: system", "n", "covered", "AUC", "macro AUC, dimensions"],
        [
            [name, f"{s['n']}", _share(s["coverage"]), cell(s, "auc"), macro_cell(s)]
            for name, s in entries.items()
        ],
    )
    table(
        ["cut at .5", "accuracy", "kappa", "majority"],
        [
            [name, *(cell(s, key) for key in ("accuracy", "kappa", "majority"))]
            for name, s in entries.items()
        ],
    )
    table(
        ["side taken", "n", "told", "AUC, for or against"],
        [
            [name, f"{side['n']}", _share(side["coverage"]), auc_cell(side)]
            for name, s in entries.items()
            if (side := s["polarity"])
        ],
    )


def _show_shortcuts(entries: dict[str, Found]) -> None:
    names = list(dict.fromkeys(name for s in entries.values() for name in s["shortcuts"]))
    table(
        ["AUC of", *(name.replace("_", " ") for name in names), "judge less nearest", ""],
        [
            [name, *(cell(s, shortcut) for shortcut in names), *nearest(s["margins"])]
            for name, s in entries.items()
        ],
    )


def _dimensions(title: str, entry: Found) -> Iterator[list[str]]:
    sides = (entry["polarity"] or {}).get("dimensions", {})
    yield [title, "", "", "", ""]
    for name, d in entry["dimensions"].items():
        side = auc_cell(sides[name]) if name in sides else "-"
        yield [f"  {name}", f"{d['n']}", f"{d['expressed']}", auc_cell(d), side]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


if __name__ == "__main__":
    guarded(main)
