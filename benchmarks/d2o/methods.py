# pyright: basic, reportMissingImports=false
"""The methods that are compared in the world of `grammar`, each by its real trainer."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.d2o import grammar
from benchmarks.d2o.learner import TOKENS, Rates, rates, sample
from benchmarks.d2o.parts import settings
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer
from trl.experimental.cpo import CPOConfig, CPOTrainer

from valuecompass.align.train.d2o import D2OConfig, D2OTrainer

K = 11
EACH = 10
"""Negatives of each of the 24 prompts."""
NOISE = 0.34
"""Share of harmful ones among noisy positives, as the paper measured in Safe-RLHF."""
BATCH = 8
"""Prompts, or pairs, a step."""
STEPS = 150
BUDGET = 2 * BATCH * STEPS
"""Responses through forward and backward at which methods are compared: DPO's in these steps."""
AT = (0, 2, 4, 6, 8, 10, 13, 16, 20, 25, 37, 50, 60, 75, 100, 125, 150, 200, 250, 300)
"""Steps after which answers are sampled."""


@dataclass(frozen=True)
class Method:
    """A way to train.

    rows: responses a step has for each prompt of the batch.
    anchors: K, where it has anchors.
    noise: share of harmful ones among what it takes for good.
    options: of its trainer's settings.
    """

    trainer: str
    rows: int
    anchors: int = 0
    noise: float = 0.0
    options: dict[str, Any] = field(default_factory=dict, hash=False)


def d2o(anchors: int, beta: float, noise: float = 0.0, *, alpha: float = 0.1) -> Method:
    """Return D2O with so many anchors."""
    options = {"objective": "d2o", "alpha": alpha, "beta": beta}
    return Method("d2o", anchors + 1, anchors, noise, options)


METHODS: dict[str, Method] = {
    "GA": Method("d2o", 1, options={"objective": "ga"}),
    "NPO": Method("d2o", 1, options={"objective": "npo"}),
    "D2O K=1, beta 0.1": d2o(1, 0.1),
    "D2O K=4, beta 0.1": d2o(4, 0.1),
    "D2O K=11, beta 0.1": d2o(K, 0.1),
    "DPO": Method("dpo", 2),
    "DPO, beta 1": Method("dpo", 2, options={"beta": 1.0}),
    "SimPO": Method(
        "simpo", 2, options={"loss_type": "simpo", "cpo_alpha": 0.0, "beta": 2, "simpo_gamma": 1}
    ),
    "KTO": Method("kto", 2),
    "SFT on anchors": Method("sft", 2, K),
    "D2O K=4, beta 0.3": d2o(4, 0.3),
    "D2O K=11, beta 0.3": d2o(K, 0.3),
    "DPO, noisy positives": Method("dpo", 2, noise=NOISE),
    "DPO, beta 1, noisy positives": Method("dpo", 2, noise=NOISE, options={"beta": 1.0}),
    "D2O K=11, beta 0.1, noisy anchors": d2o(K, 0.1, NOISE),
    "D2O K=11, beta 0.3, noisy anchors": d2o(K, 0.3, NOISE),
}


def draw_rows(model: Any, seed: int, world: grammar.World) -> list[dict[str, Any]]:
    """Return rows with negatives and clean positives of the grammar, and the model's own anchors.

    Anchors are answers of the model after SAFE, as they come, harmful ones among them; drawn anew
    are only those that are empty or the negative itself. `noisy` and `noisy_anchors` are as
    `chosen` and `anchors`, but that each is harmful with the chance `NOISE`.
    """
    drawn = random.Random(seed)
    asked = [pair for pair in grammar.TRAINED for _ in range(EACH)]
    rejected = [grammar.answer("harmful", pair, drawn, world) for pair in asked]
    own: list[list[str]] = [[] for _ in asked]
    for turn in range(50):
        for kept, said, bad in zip(
            own, sample(model, asked, safe=True, seed=1000 * seed + turn), rejected, strict=True
        ):
            if len(kept) < K and said and said != bad:
                kept.append(said)

    def noisy(good: str) -> str:
        said = good
        if drawn.random() < NOISE:
            while (said := grammar.answer("harmful", pair, drawn, world)) == bad:
                pass
        return said

    rows = []
    for pair, bad, anchors in zip(asked, rejected, own, strict=True):
        good = grammar.answer("clean", pair, drawn, world)
        rows.append(
            {
                "prompt": grammar.prompt(pair),
                "rejected": bad,
                "chosen": good,
                "noisy": noisy(good),
                "anchors": anchors,
                "noisy_anchors": [noisy(one) for one in anchors],
            }
        )
    return rows


@dataclass(frozen=True)
class Point:
    """What the model answers after a step; `rows` is how many responses it learned from so far."""

    step: int
    rows: int
    rates: Rates


class _Watch(TrainerCallback):
    def __init__(self, method: Method, world: grammar.World, seed: int, at: Sequence[int]) -> None:
        self.method, self.world, self.seed, self.at = method, world, seed, at
        self.points: list[Point] = []

    def look(self, step: int, model: Any) -> None:
        """Sample the answers of a step."""
        asked = grammar.TRAINED * 10
        found = rates(model, self.world, asked, 1000 * self.seed + step)
        self.points.append(Point(step, step * BATCH * self.method.rows, found))

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any, **_: Any) -> None:
        if state.global_step in self.at:
            self.look(state.global_step, model)


def train(
    method: Method,
    start: Any,
    rows: list[dict[str, Any]],
    *,
    world: grammar.World,
    seed: int,
    rate: float,
    at: Sequence[int] = AT,
) -> tuple[Any, list[Point]]:
    """Train a copy of the model; return it, and its answers after the steps `at`.

    The learning rate is constant, so that a point does not depend on the steps after it.
    """
    model = copy.deepcopy(start)
    steps = 2 * STEPS // min(method.rows, 2)  # one response a prompt: twice the steps
    watch = _Watch(method, world, seed, at)
    if 0 in at:
        watch.look(0, model)
    common: dict[str, Any] = {
        "per_device_train_batch_size": BATCH,
        "max_steps": steps,
        "learning_rate": rate,
        "lr_scheduler_type": "constant",
        "seed": seed,
        "use_cpu": True,
        "max_length": 32,
        **method.options,
    }
    given = {"model": model, "processing_class": TOKENS, "callbacks": [watch]}
    made = _MAKE[method.trainer](method, rows, seed, common, given)
    made.remove_callback(PrinterCallback)
    made.train()
    return model, watch.points


def _d2o(method: Method, rows: Any, seed: int, common: Any, given: Any) -> Any:
    name = "noisy_anchors" if method.noise else "anchors"
    data = [
        {
            "prompt": row["prompt"],
            "rejected": row["rejected"],
            "anchors": row[name][: method.anchors],
        }
        for row in rows
    ]
    args = settings(D2OConfig, **common)
    return D2OTrainer(args=args, train_dataset=Dataset.from_list(data), **given)


def _pairs(method: Method, rows: list[dict[str, Any]]) -> Dataset:
    name = "noisy" if method.noise else "chosen"
    return Dataset.from_list(
        [{"prompt": r["prompt"], "chosen": r[name], "rejected": r["rejected"]} for r in rows]
    )


def _dpo(method: Method, rows: Any, seed: int, common: Any, given: Any) -> Any:
    args = settings(DPOConfig, precompute_ref_log_probs=True, **common)
    return DPOTrainer(args=args, train_dataset=_pairs(method, rows), **given)


def _simpo(method: Method, rows: Any, seed: int, common: Any, given: Any) -> Any:
    args = settings(CPOConfig, **common)
    return CPOTrainer(args=args, train_dataset=_pairs(method, rows), **given)


def _kto(method: Method, rows: Any, seed: int, common: Any, given: Any) -> Any:
    said = [
        {"prompt": row["prompt"], "completion": row[name], "label": name == "chosen"}
        for row in rows
        for name in ("chosen", "rejected")
    ]
    # TRL reads them in their order, so that a batch has both kinds only if they are mixed
    random.Random(seed).shuffle(said)
    common = {**common, "per_device_train_batch_size": 2 * BATCH}
    reference = copy.deepcopy(given["model"])
    args = settings(KTOConfig, **common)
    return KTOTrainer(
        ref_model=reference, args=args, train_dataset=Dataset.from_list(said), **given
    )


def _sft(method: Method, rows: Any, seed: int, common: Any, given: Any) -> Any:
    said = [{"prompt": row["prompt"], "completion": one} for row in rows for one in row["anchors"]]
    common = {**common, "per_device_train_batch_size": 2 * BATCH}
    args = settings(SFTConfig, **common)
    return SFTTrainer(args=args, train_dataset=Dataset.from_list(said), **given)


_MAKE = {"d2o": _d2o, "dpo": _dpo, "simpo": _simpo, "kto": _kto, "sft": _sft}
