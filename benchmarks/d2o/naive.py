# pyright: basic, reportMissingImports=false
"""D2O as one would write it first: TRL's DPO trainer with K winners, row for row.

Every prompt is repeated before each of its K + 1 responses, rows are padded on the right, TRL's
fused head scores them, and the reference model runs at every step, as in `trl.DPOTrainer`. The loss
is eq. 3 of arXiv 2403.03419, as in `D2OTrainer`; `benchmarks.d2o.speed` checks that they agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid
from trl import DPOTrainer
from trl.trainer.utils import pad


@dataclass
class NaiveCollator:
    """Prompt and response in one row: all anchors first, then the rejected responses."""

    pad_token_id: int

    def __call__(self, examples: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Return `input_ids`, `attention_mask`, `completion_mask` (A + B, L), `anchor_index`."""
        pairs = [(e["prompt_ids"], ids) for e in examples for ids in e["anchor_ids"]]
        pairs += [(e["prompt_ids"], e["rejected_ids"]) for e in examples]
        made = {
            "input_ids": [torch.tensor(prompt + ids) for prompt, ids in pairs],
            "attention_mask": [torch.ones(len(prompt + ids)).long() for prompt, ids in pairs],
            "completion_mask": [
                torch.tensor([0] * len(prompt) + [1] * len(ids)) for prompt, ids in pairs
            ],
        }
        fill = {"input_ids": self.pad_token_id}
        batch = {
            name: pad(rows, padding_value=fill.get(name, 0), padding_side="right")
            for name, rows in made.items()
        }
        index = [at for at, e in enumerate(examples) for _ in e["anchor_ids"]]
        return {**batch, "anchor_index": torch.tensor(index)}


class NaiveD2OTrainer(DPOTrainer):
    """Takes rows of token ids (`prompt_ids`, `anchor_ids`, `rejected_ids`); alpha is beta."""

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset

    def _set_signature_columns_if_needed(self) -> None:
        self._signature_columns = ["prompt_ids", "anchor_ids", "rejected_ids"]

    def _compute_loss(self, model: Any, inputs: Any, return_outputs: bool) -> Any:
        index = inputs["anchor_index"]
        rows = {key: inputs[key] for key in ("input_ids", "attention_mask")}
        rows["labels"] = inputs["input_ids"].masked_fill(inputs["completion_mask"] == 0, -100)
        outputs = model(**rows, use_cache=False, fused_lm_head=True)
        logps = outputs.log_probs.sum(1)
        with torch.no_grad():
            ref_logps = self.ref_model(**rows, use_cache=False, fused_lm_head=True).log_probs.sum(1)
        n = len(index)
        examples = len(logps) - n
        chosen, rejected = (self.beta * (logps - ref_logps)).tensor_split([n])
        count = torch.bincount(index, minlength=examples)
        mean = torch.zeros_like(rejected).index_add(0, index, chosen) / count
        loss = -logsigmoid(mean - rejected).mean()
        self._note(outputs, logps, mean.detach(), rejected.detach(), inputs)
        return (loss, outputs) if return_outputs else loss

    def _note(
        self, outputs: Any, logps: Tensor, chosen: Tensor, rejected: Tensor, inputs: Any
    ) -> None:
        """Keep TRL's metrics as TRL makes them."""
        mask, mode = inputs["completion_mask"][:, 1:], "train"
        n, gather = len(inputs["anchor_index"]), self.accelerator.gather_for_metrics
        of = {"chosen": slice(n), "rejected": slice(n, None)}
        noted = self._metrics[mode]

        def ratio(total: Tensor, count: Tensor) -> float:
            whole = gather(count).sum()
            return (gather(total).sum() / whole).item() if whole > 0 else 0.0

        noted["entropy"].append(ratio((outputs.entropy.detach() * mask).sum(), mask.sum()))
        self._total_train_tokens += gather(inputs["attention_mask"].sum()).sum().item()
        noted["num_tokens"] = [self._total_train_tokens]
        for name, rows in of.items():
            own = mask[rows].bool()
            logits = outputs.mean_logits[rows].detach()
            noted[f"logits/{name}"].append(ratio(logits[own].sum(), own.sum()))
            noted[f"logps/{name}"].append(gather(logps[rows].detach()).mean().item())
        right = outputs.is_top1[:n] & mask[:n].bool()
        noted["mean_token_accuracy"].append(ratio(right.sum(), mask[:n].sum()))
        for name, values in (
            ("rewards/chosen", chosen),
            ("rewards/rejected", rejected),
            ("rewards/accuracies", (chosen > rejected).float()),
            ("rewards/margins", chosen - rejected),
        ):
            noted[name].append(gather(values).mean().item())
