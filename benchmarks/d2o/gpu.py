# pyright: basic, reportMissingImports=false
"""The steps of `benchmarks.d2o.speed` on a GPU: larger shapes, half precision, Triton."""

from __future__ import annotations

import gc
from dataclasses import asdict
from statistics import median
from typing import Any

from benchmarks.d2o.parts import made_with, table
from benchmarks.d2o.timing import ratio, take_turns

ANCHORS = (1, 4, 11)
NONE = (
    "No GPU is here (`torch.cuda.is_available()` is false): nothing was measured on one. With a "
    "GPU, `python -m benchmarks.d2o.speed --gpu` puts its table here."
)


def run(rounds: int) -> tuple[dict[str, Any], str]:
    """Return all figures, and their text in Markdown; both say so where there is no GPU."""
    import torch

    if not torch.cuda.is_available():
        return {"gpu": None}, f"## Speed on a GPU\n\n{NONE}"
    from benchmarks.d2o.sides import LARGE

    name = torch.cuda.get_device_name()
    found: dict[str, Any] = {"gpu": name, "made": made_with()}
    for shape in LARGE:
        found[shape.name] = of_shape(shape, "cuda", torch.bfloat16, rounds)
    head = ["step of", "ms", "base / this (95 % interval)", "GiB, peak", "GiB, peak of a step"]
    text = "\n\n".join(
        [
            "## Speed on a GPU",
            f"{found['made']}; {name}. bfloat16 weights and sums, one example a step, prompt 64 "
            "tokens, each response 64; clock time with the device waited for; the base of K = 1 "
            "is `trl-live`, that of the others `naive-live`.",
            *(f"### {shape.name}\n\n{table(head, _rows(found[shape.name]))}" for shape in LARGE),
        ]
    )
    return found, text


def of_shape(shape: Any, device: str, dtype: Any, rounds: int) -> dict[str, Any]:
    """Return times and peaks of one shape, by side and K."""
    import torch
    from benchmarks.d2o.sides import Weights, build, make_rows

    weights = Weights.of(shape, device, dtype)
    on_gpu = device == "cuda"
    found: dict[str, Any] = {}
    for anchors in ANCHORS:
        names = ("trl-live", "trl-cached") if anchors == 1 else ("naive-live",)
        rows = make_rows(anchors, shape.vocabulary)
        sides = {
            name: build(name, weights, rows)
            for name in (*names, "d2o-live-plain", "d2o-cached-plain", "d2o-cached-shared")
        }
        times = take_turns(sides, rounds, torch.cuda.synchronize if on_gpu else lambda: None)
        base = times[names[0]].clock
        for name, side in sides.items():
            found[f"{name} K={anchors}"] = {
                "seconds": times[name].clock,
                "speed_up": asdict(ratio(base, times[name].clock)),
                **(_peak(side) if on_gpu else {}),
            }
        del sides, side
        gc.collect()
    return found


def _peak(side: Any) -> dict[str, float]:
    import torch

    side.trainer.model.zero_grad()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    standing = torch.cuda.memory_allocated()
    side()
    whole = torch.cuda.max_memory_allocated()
    return {"peak": whole / 2**30, "peak_of_step": (whole - standing) / 2**30}


def _rows(found: dict[str, Any]) -> list[list[str]]:
    rows = []
    for name, one in found.items():
        of = one["speed_up"]
        speed_up = f"{of['value']:.2f} ({of['low']:.2f} to {of['high']:.2f})"
        own = [f"{one['peak']:.2f}", f"{one['peak_of_step']:.2f}"]
        rows.append([name, f"{1000 * median(one['seconds']):.1f}", speed_up, *own])
    return rows
