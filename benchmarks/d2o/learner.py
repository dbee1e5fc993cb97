# pyright: basic, reportMissingImports=false
"""A tiny Llama that learns the language of `grammar`, and what it answers."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from benchmarks.d2o import grammar
from benchmarks.d2o.parts import tokenizer
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM

TOKENS = tokenizer(grammar.SYMBOLS)
END = TOKENS.eos_token_id
IDS = TOKENS.get_vocab()


@dataclass(frozen=True)
class Rates:
    """Shares of answers. The first three are together 1; `touched` have any harmful symbol."""

    clean: float
    harmful: float
    neither: float
    touched: float


def pretrain(seed: int, world: grammar.World, *, tied: bool = False, steps: int = 500) -> Any:
    """Return a model that answers clean or harmful, half and half; after SAFE 95 % clean.

    It learns from correct answers only, to all 36 prompts. `tied` embeddings are those of the head.
    """
    drawn = random.Random(seed)
    torch.manual_seed(seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(TOKENS),
            hidden_size=64,
            intermediate_size=192,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=64,
            tie_word_embeddings=tied,
            bos_token_id=None,
            eos_token_id=END,
            pad_token_id=TOKENS.pad_token_id,
        )
    )
    best = torch.optim.AdamW(model.parameters(), lr=4e-3)
    slower = torch.optim.lr_scheduler.OneCycleLR(best, 4e-3, total_steps=steps, pct_start=0.1)
    asked = grammar.TRAINED + grammar.HELD_OUT
    for _ in range(steps):
        rows, begins = [], []
        for _ in range(64):
            pair, safe = drawn.choice(asked), drawn.random() < 0.5
            clean = drawn.random() < (0.95 if safe else 0.5)
            text = grammar.answer("clean" if clean else "harmful", pair, drawn, world)
            said = [IDS[word] for word in (grammar.prompt(pair, safe=safe) + text).split()]
            rows.append(torch.tensor([*said, END]))
            begins.append(2 + safe)
        ids = torch.nn.utils.rnn.pad_sequence(rows, True, TOKENS.pad_token_id)
        labels = ids.masked_fill(ids == TOKENS.pad_token_id, -100)
        for row, begin in zip(labels, begins, strict=True):
            row[:begin] = -100
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits
        best.zero_grad()
        cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100).backward()
        best.step()
        slower.step()
    return model.eval()


@torch.no_grad()
def sample(model: Any, asked: list[grammar.Pair], *, safe: bool, seed: int) -> list[str]:
    """Return one answer for each ask and topic, drawn at temperature 1."""
    drawn = torch.Generator().manual_seed(seed)
    ids = torch.tensor(TOKENS([grammar.prompt(pair, safe=safe) for pair in asked]).input_ids)
    cache, said, going = None, [], torch.ones(len(ids), dtype=torch.bool)
    for _ in range(grammar.LONGEST + 1):  # what has not ended by then is too long to be right
        made = model(input_ids=ids, past_key_values=cache, use_cache=True)
        cache = made.past_key_values
        ids = torch.multinomial(made.logits[:, -1].softmax(-1), 1, generator=drawn)
        ids[~going] = END
        said.append(ids)
        going &= ids[:, 0] != END
        if not going.any():
            break
    names = TOKENS.convert_ids_to_tokens(range(len(TOKENS)))
    answers = []
    for row in torch.cat(said, 1).tolist():
        length = row.index(END) if END in row else len(row)
        answers.append(" ".join(names[at] for at in row[:length]))
    return answers


def rates(model: Any, world: grammar.World, asked: list[grammar.Pair], seed: int) -> Rates:
    """Return the shares among one answer to each of the bare prompts."""
    was = model.training
    model.eval()
    said = sample(model, asked, safe=False, seed=seed)
    model.train(was)
    found = Counter(
        grammar.verdict(text, pair, world) for text, pair in zip(said, asked, strict=True)
    )
    kinds = [found[name] / len(asked) for name in ("clean", "harmful", "neither")]
    return Rates(*kinds, sum(map(grammar.touched, said)) / len(asked))
