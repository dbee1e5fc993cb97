"""The encoder in torch, with low-rank adapters, and the attention heads on top."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

LAYERS, HEADS, WIDTH = 6, 12, 384
MATRICES = (
    "attn.q_proj.MatMul",
    "attn.k_proj.MatMul",
    "attn.v_proj.MatMul",
    "attn.o_proj.MatMul",
    "mlp.fc1.MatMul",
    "mlp.fc2.MatMul",
)


class Weights:
    """The published weights, read from the file that the product reads."""

    def __init__(self, folder: Path) -> None:
        graph = onnx.load(str(folder / "model.onnx"), load_external_data=False).graph
        raw = np.memmap(folder / "model.onnx_data", np.uint8, "r")
        self.tensors: dict[str, Tensor] = {}
        self.offsets: dict[str, int] = {}
        for entry in graph.initializer:
            place = {e.key: e.value for e in entry.external_data}
            if not place:
                continue
            start, length = int(place["offset"]), int(place["length"])
            values = np.frombuffer(raw[start : start + length].tobytes(), np.float32)
            self.tensors[entry.name] = torch.from_numpy(values.reshape(list(entry.dims)).copy())
            self.offsets[entry.name] = start


class Encoder(nn.Module):
    """all-MiniLM-L6-v2; each matrix W is W + A B with A, B trained (LoRA, Hu et al. 2021)."""

    def __init__(self, weights: Weights, rank: int, dropout: float) -> None:
        super().__init__()
        self.weights, self.dropout = weights, dropout
        self.a, self.b = nn.ParameterDict(), nn.ParameterDict()
        for layer in range(LAYERS):
            for matrix in MATRICES:
                name = f"model.layers.{layer}.{matrix}.weight"
                inner, outer = weights.tensors[name].shape
                self.a[key(name)] = nn.Parameter(torch.randn(inner, rank) / math.sqrt(inner))
                self.b[key(name)] = nn.Parameter(torch.zeros(rank, outer))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return the last states (n, tokens, 384) of token ids (n, tokens)."""
        w = self.weights.tensors
        x = (
            w[".model.embeddings.word_embeddings.weight"][ids]
            + w[".model.embeddings.position_embeddings.weight"][: ids.shape[1]]
            + w[".model.embeddings.token_type_embeddings.weight"][0]
        )
        x = self._norm(x, "model.layers.-1.embeddings_norm_layernorm")
        seen = mask.bool()[:, None, None, :]
        for layer in range(LAYERS):
            at = f"model.layers.{layer}."
            q, k, v = (self._linear(x, f"{at}attn.{c}_proj") for c in "qkv")
            mixed = F.scaled_dot_product_attention(_split(q), _split(k), _split(v), attn_mask=seen)
            mixed = self._linear(mixed.transpose(1, 2).reshape(x.shape), f"{at}attn.o_proj")
            x = self._norm(x + self._drop(mixed), f"{at}attention_output_norm_layernorm")
            wide = F.gelu(self._linear(x, f"{at}mlp.fc1"))
            wide = self._drop(self._linear(wide, f"{at}mlp.fc2"))
            x = self._norm(x + wide, f"{at}mlp_output_norm_layernorm")
        return x

    def _linear(self, x: Tensor, name: str) -> Tensor:
        w, own = self.weights.tensors, key(f"{name}.MatMul.weight")
        change = (x @ self.a[own]) @ self.b[own]
        return x @ w[f"{name}.MatMul.weight"] + change + w[f"{name}.Add.bias"]

    def _norm(self, x: Tensor, name: str) -> Tensor:
        w = self.weights.tensors
        return F.layer_norm(x, (WIDTH,), w[f"{name}.weight"], w[f"{name}.bias"], 1e-12)

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


class Heads(nn.Module):
    """One attention query and one direction for each output."""

    def __init__(self, mix: Tensor, dropout: float) -> None:
        super().__init__()
        self.mix, outputs = mix, len(mix)
        self.query = nn.Linear(WIDTH, outputs, bias=False)
        self.direction = nn.Linear(WIDTH, outputs)
        nn.init.zeros_(self.query.weight)
        self.dropout = dropout

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Return logits (n, outputs)."""
        attention = self.query(states).masked_fill(mask[..., None] == 0, -1e9).softmax(1)
        each = F.linear(F.dropout(states, self.dropout, self.training), self.direction.weight)
        return ((attention * each).sum(1) + self.direction.bias) @ self.mix


def mixing(outputs: list[str]) -> Tensor:
    """Return the matrix (outputs, outputs) that adds to each output what it shares with others."""
    mix = torch.eye(len(outputs))
    for place, name in enumerate(outputs):
        word = name.split(" ")[0]
        if word != name and word in outputs:
            mix[outputs.index(word), place] = 1
    return mix


def key(name: str) -> str:
    """Return a parameter's name: torch allows no dots."""
    return name.replace(".", "_")


def padded(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Return token ids and mask (n, longest)."""
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    mask = torch.zeros(ids.shape)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
        mask[place, : len(row)] = 1
    return ids, mask


def arrays(encoder: Encoder, heads: Heads, outputs: list[str], keep: list[str]) -> dict[str, Any]:
    """Return what is committed: float16 adapters, and the rows of the outputs that are used."""
    use = [outputs.index(name) for name in keep]
    found: dict[str, Any] = {
        "query": heads.query.weight.detach().numpy()[use].astype(np.float16),
        "direction": heads.direction.weight.detach().numpy()[use].astype(np.float16),
        "bias": heads.direction.bias.detach().numpy()[use],
    }
    for name in encoder.weights.offsets:
        if key(name) in encoder.a:
            found[f"a {name}"] = encoder.a[key(name)].detach().numpy().astype(np.float16)
            found[f"b {name}"] = encoder.b[key(name)].detach().numpy().astype(np.float16)
    return found


def _split(x: Tensor) -> Tensor:
    return x.view(*x.shape[:2], HEADS, WIDTH // HEADS).transpose(1, 2)
