"""Train the heads of the local judge: `make train-judge HUMAN=folder`.

Deterministic: one thread, fixed seeds; on one kind of machine the files come out bit for bit.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import time
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from data import Example, conduct_corpus, held_out, human_values, outputs_of, schwartz_corpus
from network import Encoder, Heads, Weights, arrays, mixing, padded
from torch import Tensor

from valuecompass.assets import ASSETS, fetch
from valuecompass.cli.app import guarded
from valuecompass.errors import InputError
from valuecompass.judges.local.recogniser import WINDOW, context_of, sequence
from valuecompass.text.encoder import NAME, TokenEncoder

OUT = Path(__file__).parents[2] / "src/valuecompass/judges/local/heads"


@dataclass(frozen=True)
class Settings:
    """Of one training; chosen on held-out conclusions, groups and the development labels."""

    seed: int = 0
    epochs: int = 4
    rank: int = 16
    rate: float = 1e-3
    head_rate: float = 3e-3
    dropout: float = 0.1
    batch: int = 32
    decay: float = 0.01
    rank_weight: float = 0.5
    """Of the loss that compares texts of one group: which of the two takes the side."""
    cut: float = 0.0
    """Share of the texts that lose some of their last words: models stop in mid-sentence."""
    smoothing: float = 0.05
    """Of targets: without it conduct's logits grow until nothing but the training set is told."""
    human_share: float = 1.0
    """Of the human labels that an epoch takes."""


class Trainer:
    """Trains an adapted encoder with heads on examples."""

    def __init__(self, examples: list[Example], settings: Settings, folder: Path) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(settings.seed)
        torch.use_deterministic_algorithms(True)
        self.settings = settings
        self.examples = examples
        self.outputs = outputs_of(examples)
        self.tokens = TokenEncoder(folder)
        self.encoder = Encoder(Weights(folder), settings.rank, settings.dropout)
        self.heads = Heads(mixing(self.outputs), settings.dropout)
        self.rng = np.random.default_rng(settings.seed)

    def fit(self) -> None:
        """Train; print the loss of each epoch."""
        s = self.settings
        optimiser = torch.optim.AdamW(
            [
                {"params": self.encoder.parameters(), "lr": s.rate},
                {"params": self.heads.parameters(), "lr": s.head_rate},
            ],
            weight_decay=s.decay,
        )
        start = time.monotonic()
        total = s.epochs * len(self._batches())
        self.rng = np.random.default_rng(s.seed)
        step = 0
        for epoch in range(s.epochs):
            losses: list[float] = []
            for batch in self._batches():
                warm, left = (step + 1) / (0.06 * total), 1 - step / total
                for group, rate in zip(optimiser.param_groups, (s.rate, s.head_rate), strict=True):
                    group["lr"] = rate * max(0.0, min(1.0, warm, left))
                loss = self._loss(batch)
                optimiser.zero_grad()
                loss.backward()
                parameters = [*self.encoder.parameters(), *self.heads.parameters()]
                torch.nn.utils.clip_grad_norm_(parameters, 1.0)
                optimiser.step()
                losses.append(float(loss.detach()))
                step += 1
            taken = time.monotonic() - start
            print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, {taken:.0f} s", flush=True)

    def _batches(self) -> list[list[Example]]:
        """Return the examples of an epoch in batches of similar length, groups kept together."""
        s = self.settings
        groups: dict[str, list[Example]] = {}
        for number, e in enumerate(self.examples):
            if not e.human or self.rng.random() < s.human_share:
                groups.setdefault(e.group or str(number), []).append(e)
        units = list(groups.values())
        order = self.rng.permutation(len(units))
        found: list[list[Example]] = []
        for start in range(0, len(order), 8 * s.batch):
            near = [units[i] for i in order[start : start + 8 * s.batch]]
            near.sort(key=lambda unit: max(len(e.text) for e in unit))
            batch: list[Example] = []
            for unit in near:
                batch += unit
                if len(batch) >= s.batch:
                    found.append(batch)
                    batch = []
            if batch:
                found.append(batch)
        return [found[i] for i in self.rng.permutation(len(found))]

    def _loss(self, batch: list[Example]) -> Tensor:
        targets = torch.zeros(len(batch), len(self.outputs))
        known = torch.zeros_like(targets)
        rows: list[list[int]] = []
        for place, e in enumerate(batch):
            head = e.heads[int(self.rng.integers(len(e.heads)))]
            rows.append(self._row(e, head))
            for name, label in e.targets.items():
                targets[place, self.outputs.index(name)] = label
                known[place, self.outputs.index(name)] = 1
        logits = self.logits(rows)
        smooth = targets + self.settings.smoothing * (1 - 2 * targets)
        each = F.binary_cross_entropy_with_logits(logits, smooth, reduction="none") * known
        loss = (each.sum(1) / known.sum(1).clamp(min=1).sqrt()).mean()
        return loss + self.settings.rank_weight * _sides(batch, logits, targets, known)

    def _row(self, e: Example, head: str) -> list[int]:
        words = e.text.split(" ")
        if self.rng.random() < self.settings.cut:
            words = words[: max(8, int(len(words) * self.rng.uniform(0.6, 1)))]
        context = context_of(self.tokens, head, e.opening)
        return sequence(context, self.tokens.tokens(" ".join(words))[0][:WINDOW])

    def logits(self, rows: list[list[int]]) -> Tensor:
        """Return logits (n, outputs) of token sequences."""
        ids, mask = padded(rows)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.encoder.training):
            states = self.encoder(ids, mask)
        return self.heads(states.float(), mask)


def _sides(batch: list[Example], logits: Tensor, targets: Tensor, known: Tensor) -> Tensor:
    """Loss of the comparisons inside groups (Burges et al. 2005, RankNet, equation 3)."""
    losses: list[Tensor] = []
    groups: dict[str, list[int]] = {}
    for place, e in enumerate(batch):
        if e.group:
            groups.setdefault(e.group, []).append(place)
    for places in groups.values():
        for i in places:
            for j in places:
                use = (targets[i] > targets[j]) & (known[i] * known[j] > 0)
                if use.any():
                    losses.append(F.softplus(logits[j][use] - logits[i][use]).mean())
    return torch.stack(losses).mean() if losses else logits.sum() * 0


def save(trainer: Trainer, name: str, keep: list[str], out: Path) -> str:
    """Write trained heads; the same weights make the same bytes."""
    found = arrays(trainer.encoder, trainer.heads, trainer.outputs, keep)
    digest = hashlib.sha256(b"".join(found[k].tobytes() for k in sorted(found))).hexdigest()
    offsets = {k[2:]: trainer.encoder.weights.offsets[k[2:]] for k in found if k.startswith("a ")}
    meta: dict[str, Any] = {"outputs": keep, "offsets": offsets, "digest": digest}
    meta["encoder"] = ASSETS[NAME].sha256
    found["meta"] = np.array(json.dumps(meta, sort_keys=True))
    out.mkdir(exist_ok=True)
    # numpy's own writer puts the time of writing into the archive
    with zipfile.ZipFile(out / f"{name}.npz", "w") as archive:
        for entry in sorted(found):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asarray(found[entry]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{entry}.npy"), buffer.getvalue())
    return digest


SCHWARTZ = Settings(epochs=6)
CONDUCT = Settings(epochs=4, cut=0.3, batch=24, dropout=0.2)


def main() -> None:
    """Train both files of heads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--human", type=Path, required=True, help="folder of the Touché23 arguments"
    )
    parser.add_argument("--only", choices=("schwartz", "conduct"))
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    try:  # told before the training, not after it
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"--out {options.out}: cannot be made a folder ({error.strerror})"
        ) from None
    folder = fetch(NAME)
    for name, settings in (("schwartz", SCHWARTZ), ("conduct", CONDUCT)):
        if options.only not in (None, name):
            continue
        if name == "schwartz":
            human, _ = held_out(human_values(options.human), "human")
            examples = [*human, *schwartz_corpus()]
        else:
            examples, _ = held_out(conduct_corpus(), "conduct")
        print(f"{name}: {len(examples)} texts, {asdict(settings)}", flush=True)
        trainer = Trainer(examples, settings, folder)
        trainer.fit()
        keep = [o for o in trainer.outputs if not o.startswith("category ")]
        print(name, save(trainer, name, keep, options.out))


if __name__ == "__main__":
    guarded(main)
