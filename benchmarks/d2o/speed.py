# pyright: basic, reportMissingImports=false
"""Speed and peak memory of a training step, against TRL's DPO and against the plain way to D2O.

    python -m benchmarks.d2o.speed [--rounds 11] [--no-plot] [--gpu] [--json FILE]

One process, one thread, one set of weights, the same rows; the sides take turns, every second round
backwards. A ratio is the median over rounds, its interval lies between order statistics (95 % or
more). Times are of the processor where there is one thread, as other work on the machine does not
count then; those of the clock are in the JSON. Results go to `results.md` in this folder, the plot
to `docs/img/d2o-speed.png`.
"""

from __future__ import annotations

import argparse
import json
import os
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.d2o import gpu, peaks
from benchmarks.d2o.gates import Gate, gate_table
from benchmarks.d2o.parts import PICTURES, made_with, one_thread, record, table
from benchmarks.d2o.timing import Times, ratio, take_turns

K = 11
ONE = ("trl-live", "trl-cached", "d2o-live-plain", "d2o-live-shared")
ONE += ("d2o-cached-plain", "d2o-cached-shared")
MANY = ("naive-live", "d2o-live-plain", "d2o-live-shared", "d2o-cached-plain", "d2o-cached-shared")
PLOTTED = ("naive-live", "d2o-cached-plain", "d2o-cached-shared")


def main() -> None:
    """Run it."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=_Raw)
    asked.add_argument("--rounds", type=int, default=11)
    asked.add_argument("--plot-rounds", type=int, default=7)
    asked.add_argument("--no-plot", action="store_true")
    asked.add_argument("--gpu", action="store_true", help="the larger shapes on a GPU instead")
    asked.add_argument("--json", type=Path)
    given = asked.parse_args()
    warnings.simplefilter("ignore", FutureWarning)  # of transformers, about its own names
    one_thread()
    if given.gpu:
        found, text = gpu.run(given.rounds)
        section = "speed on a GPU"
    else:
        found, text = run(given.rounds, 0 if given.no_plot else given.plot_rounds)
        section = "speed"
    print(text)
    record(section, text)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))


class _Raw(argparse.RawDescriptionHelpFormatter):
    pass


def run(rounds: int, plot_rounds: int) -> tuple[dict[str, Any], str]:
    """Return all figures, and their text in Markdown."""
    import torch
    from benchmarks.d2o.sides import SMALL, Weights, build, make_rows

    weights = Weights.of(SMALL, "cpu", torch.float32)
    millions = sum(weight.numel() for weight in weights.policy.parameters()) / 1e6
    sides = {
        f"{name} K={anchors}": build(name, weights, make_rows(anchors, SMALL.vocabulary))
        for anchors, names in ((1, ONE), (K, MANY))
        for name in names
    }
    agreement = check(sides)
    load = os.getloadavg()[0]
    times = take_turns(sides, rounds)
    gates = time_gates(times)
    held = {
        name: peaks.in_fresh_process(name.split(" ")[0], int(name.split("=")[1]))
        for name in sides
        if name.startswith(("trl-live", "naive")) or "cached" in name
    }
    gates += memory_gates(held)
    found: dict[str, Any] = {
        "made": made_with(),
        "load": [load, os.getloadavg()[0]],
        "agreement": agreement,
        "times": {name: asdict(one) for name, one in times.items()},
        "peaks": {name: asdict(one) for name, one in held.items()},
        "gates": [gate.plain() for gate in gates],
    }
    if plot_rounds:
        found["plot"] = plot(weights, SMALL.vocabulary, plot_rounds)
    worst = max(agreement.values())
    rows = [
        [
            name,
            f"{median(times[name].processor):.3f}",
            f"{median(times[name].clock):.3f}",
            *([f"{held[name].step:.0f}", f"{held[name].whole:.0f}"] if name in held else ["", ""]),
        ]
        for name in sides
    ]
    head = ["step of", "s, processor", "s, clock", "MiB, peak of a step", "MiB, whole process"]
    text = "\n\n".join(
        [
            "## Speed",
            f"{found['made']}; when it began {load:.1f}.",
            f"{SMALL.name} of {millions:.1f} M random weights, vocabulary {SMALL.vocabulary}, "
            "single precision, one example a step: prompt 64 tokens, each response 64. Loss, TRL's "
            f"metrics and gradients; medians of {rounds} rounds. `naive` is TRL's way with K "
            "winners (`naive.py`). Relative distance of losses and gradients from TRL's (K = 1) "
            f"and from naive ones (K = {K}): at most {worst:.1e}. The sides of ours keep every "
            "metric that TRL keeps.",
            table(head, rows),
            gate_table(gates, "95 % interval"),
            *(["![time of a step against K](../../docs/img/d2o-speed.png)"] if plot_rounds else []),
        ]
    )
    return found, text


def check(sides: dict[str, Any]) -> dict[str, float]:
    """Return how far losses and gradients are from those of the first side with that K.

    Raises:
        AssertionError: they differ by more than single precision explains, or metrics are missing.
    """
    found: dict[str, float] = {}
    first: dict[str, Any] = {}
    for name, side in sides.items():
        loss, own = side(), side.gradients()
        base = first.setdefault(name.split(" ")[1], (loss, own, side.metrics()))
        far = max(
            abs(loss - base[0]) / abs(base[0]), ((own - base[1]).norm() / base[1].norm()).item()
        )
        missing = base[2] - side.metrics()
        assert far < 1e-4, f"{name}: loss or gradients differ by {far}"
        assert not missing, f"{name}: has no {missing}"
        found[name] = far
    return found


def time_gates(times: dict[str, Times]) -> list[Gate]:
    """Return the gates of time."""
    wanted = [
        *[
            (f"d2o-{refs}-{way} K=1", f"trl-{refs} K=1", "<= 1.05", "K = 1 beside TRL's DPO")
            for refs in ("live", "cached")
            for way in ("plain", "shared")
        ],
        ("naive-live K=11", "d2o-live-plain K=11", "", "head on responses only"),
        ("naive-live K=11", "d2o-live-shared K=11", "", "and shared prompt"),
        ("naive-live K=11", "d2o-cached-plain K=11", ">= 1.7", "fast path without shared prompt"),
        ("naive-live K=11", "d2o-cached-shared K=11", ">= 2.5", "fast path"),
        ("d2o-cached-shared K=11", "trl-live K=1", "", "K = 11 beside DPO's two rows"),
    ]
    return [_gate(times, *one) for one in wanted]


def _gate(times: dict[str, Times], above: str, below: str, wanted: str, note: str) -> Gate:
    found = ratio(times[above].processor, times[below].processor)
    return Gate(f"{above} / {below}", wanted, found.value, found.low, found.high, note)


def memory_gates(held: dict[str, peaks.Peak]) -> list[Gate]:
    """Return the gates of memory; one measurement each, so without an interval."""
    base = held[f"naive-live K={K}"]
    gates = []
    for name in (f"d2o-cached-plain K={K}", f"d2o-cached-shared K={K}"):
        for what in ("step", "whole"):
            value = getattr(held[name], what) / getattr(base, what)
            note = {"step": "peak of a step", "whole": "peak of the process"}[what]
            gates.append(Gate(f"{name} / naive-live K={K}", "<= 1", value, note=note))
    return gates


def plot(weights: Any, vocabulary: int, rounds: int) -> dict[str, Any]:
    """Time the sides for K from 1 to 16, and draw it."""
    from benchmarks.d2o.sides import build, make_rows

    found: dict[str, list[list[float]]] = {name: [] for name in (*PLOTTED, "trl-live")}
    for anchors in range(1, 17):
        rows = make_rows(anchors, vocabulary)
        names = (*PLOTTED, "trl-live") if anchors == 1 else PLOTTED
        sides = {name: build(name, weights, rows) for name in names}
        for name, times in take_turns(sides, rounds).items():
            found[name].append(times.processor)
    draw(found)
    return {"rounds": rounds, "seconds": found}


def draw(found: dict[str, list[list[float]]]) -> None:
    """Draw seconds against K, with the range of the middle half of the rounds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    labels = {
        "naive-live": ("naive: TRL's way with K winners", "#b2182b", "s"),
        "d2o-cached-plain": ("D2OTrainer, share_prefix=False", "#4393c3", "^"),
        "d2o-cached-shared": ("D2OTrainer, share_prefix=True", "#053061", "o"),
    }
    for name, (label, colour, mark) in labels.items():
        rounds = [sorted(one) for one in found[name]]
        middle = [median(one) for one in rounds]
        along = range(1, len(rounds) + 1)
        axes.plot(along, middle, color=colour, marker=mark, label=label)
        low, high = ([one[at] for one in rounds] for at in _quarters(rounds[0]))
        axes.fill_between(along, low, high, color=colour, alpha=0.2, linewidth=0)
        axes.annotate(f"{middle[-1]:.2f} s", (16, middle[-1]), (6, 0), **_BESIDE)
    dpo = median(found["trl-live"][0])
    axes.axhline(dpo, color="0.35", linestyle="--", label=f"TRL DPO, one pair: {dpo:.2f} s")
    axes.set(
        xlabel="K, anchors per prompt",
        ylabel="processor time of a step, s (one thread)",
        title="A training step of D2O: prompt 64 tokens, responses 64, 2-layer Llama",
        xlim=(0.5, 17.5),
        ylim=(0, None),
        xticks=range(1, 17),
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    figure.savefig(PICTURES / "d2o-speed.png", dpi=110)


_BESIDE: dict[str, Any] = {"textcoords": "offset points", "va": "center"}


def _quarters(rounds: Sequence[float]) -> tuple[int, int]:
    return len(rounds) // 4, len(rounds) - 1 - len(rounds) // 4


if __name__ == "__main__":
    main()
