# pyright: basic, reportMissingImports=false
"""The trainers that are timed against each other, on the same weights and rows.

Names: `trl` is TRL's DPO trainer as it is, `naive` is `NaiveD2OTrainer`, `d2o` is ours. `-live` has
the reference model run at every step, `-cached` before training. `-shared` computes a prompt once
for all its responses, `-plain` once for each.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from benchmarks.d2o.naive import NaiveCollator, NaiveD2OTrainer
from benchmarks.d2o.parts import settings, tokenizer
from datasets import Dataset
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config
from trl import DPOConfig, DPOTrainer

from valuecompass.align.train.d2o import D2OConfig, D2OTrainer
from valuecompass.align.train.d2o.tokens import tokenise

PROMPT = RESPONSE = 64
SIDES = ("trl-live", "trl-cached", "naive-live", "d2o-live-plain", "d2o-live-shared")
SIDES += ("d2o-cached-plain", "d2o-cached-shared")


@dataclass(frozen=True)
class Shape:
    """A model with random weights."""

    name: str
    family: str
    vocabulary: int
    hidden: int
    inner: int
    layers: int
    heads: int
    key_heads: int
    tied: bool

    def build(self, device: str, dtype: torch.dtype) -> Any:
        """Return the model; the same at every call."""
        kind = {"llama": LlamaConfig, "qwen2": Qwen2Config}[self.family]
        config = kind(
            vocab_size=self.vocabulary,
            hidden_size=self.hidden,
            intermediate_size=self.inner,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.key_heads,
            max_position_embeddings=2048,
            tie_word_embeddings=self.tied,
            bos_token_id=None,
            eos_token_id=1,
            pad_token_id=0,
        )
        torch.manual_seed(0)
        with torch.device(device):
            return AutoModelForCausalLM.from_config(config, dtype=dtype)


SMALL = Shape("2-layer Llama", "llama", 8192, 512, 1024, 2, 8, 2, False)
LARGE = (
    Shape("Llama, 0.13 B (SmolLM2's shape)", "llama", 49152, 576, 1536, 30, 9, 3, True),
    Shape("Qwen2, 0.49 B", "qwen2", 151936, 896, 4864, 24, 14, 2, True),
    Shape("Qwen2, 1.5 B", "qwen2", 151936, 1536, 8960, 28, 12, 2, True),
)
"""Shapes of the path for GPUs, with the vocabularies of the models they are named after."""


@dataclass(frozen=True)
class Weights:
    """A policy and the reference it has left a little behind."""

    policy: Any
    reference: Any | None
    device: str

    @staticmethod
    def of(shape: Shape, device: str, dtype: torch.dtype) -> Weights:
        """Return the weights of a shape."""
        reference = shape.build(device, dtype)
        policy = copy.deepcopy(reference)
        torch.manual_seed(1)
        with torch.no_grad():
            for weight in policy.parameters():
                weight.add_(torch.randn_like(weight), alpha=1e-3)
        return Weights(policy, reference, device)


def make_rows(anchors: int, vocabulary: int, examples: int = 1) -> list[dict[str, Any]]:
    """Return rows of random words: 64 tokens of prompt, 64 of each response with its end."""
    drawn = torch.Generator().manual_seed(anchors)

    def words(count: int) -> str:
        return " ".join(f"w{at}" for at in torch.randint(3, vocabulary, (count,), generator=drawn))

    rows = []
    for _ in range(examples):
        own = [words(RESPONSE - 1) for _ in range(anchors)]
        row = {"prompt": words(PROMPT) + " ", "rejected": words(RESPONSE - 1), "anchors": own}
        rows.append(row)
    return rows


@dataclass(frozen=True)
class Side:
    """A trainer with one batch."""

    trainer: Any
    batch: dict[str, Any]

    def __call__(self) -> float:
        """Make loss, metrics and gradients of the batch, as at a step of training.

        The optimizer's own step is not in it: it is the same for all.
        """
        self.trainer.model.zero_grad()
        return self.trainer.training_step(self.trainer.model, dict(self.batch)).item()

    def gradients(self) -> torch.Tensor:
        """Return those of all weights, in one row."""
        self()
        given = self.trainer.model.parameters()
        return torch.cat([p.grad.flatten().float() for p in given if p.grad is not None])

    def metrics(self) -> set[str]:
        """Return the names of the metrics that a step keeps."""
        return set(self.trainer._metrics["train"])


def build(side: str, weights: Weights, rows: list[dict[str, Any]]) -> Side:
    """Return one of `SIDES`; all of them share the weights."""
    trainer = _trainer(side, weights, rows)
    trainer.current_gradient_accumulation_steps = 1  # else set when `train` begins
    return Side(
        trainer, trainer._prepare_inputs(trainer.data_collator(list(trainer.train_dataset)))
    )


def _trainer(side: str, weights: Weights, rows: list[dict[str, Any]]) -> Any:
    vocabulary = weights.policy.config.vocab_size
    cached = "cached" in side
    common: dict[str, Any] = {
        "per_device_train_batch_size": len(rows),
        "precompute_ref_log_probs": cached,
        "max_length": None,
        "use_cpu": weights.device == "cpu",
    }
    models = {
        "model": weights.policy,
        "ref_model": weights.reference,
        "processing_class": tokenizer([f"w{at}" for at in range(3, vocabulary)]),
    }
    if side.startswith("trl"):
        pairs = [{**row, "chosen": row["anchors"][0]} for row in rows]
        data = Dataset.from_list(pairs).remove_columns("anchors")
        return DPOTrainer(args=settings(DPOConfig, **common), train_dataset=data, **models)
    data = Dataset.from_list(rows)
    if side.startswith("d2o"):
        args = settings(D2OConfig, **common, beta=0.1, share_prefix="shared" in side)
        return D2OTrainer(args=args, train_dataset=data, **models)
    tokenised = data.map(
        tokenise,
        with_indices=True,
        fn_kwargs={
            "tokenizer": models["processing_class"],
            "name": "train",
            "anchors": True,
            "max_length": None,
        },
        remove_columns=data.column_names,
    )
    return NaiveD2OTrainer(
        args=settings(DPOConfig, **common),
        data_collator=NaiveCollator(0),
        train_dataset=tokenised,
        **models,
    )
