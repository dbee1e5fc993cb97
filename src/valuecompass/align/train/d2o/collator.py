# pyright: basic, reportMissingImports=false, reportPrivateImportUsage=false
"""From tokenised examples to one batch: prompts once, then all anchors, then all negatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass
class DataCollatorForDispreference:
    """Collates examples with `prompt_ids`, `rejected_ids`, `anchor_ids` (lists in a list), `row`.

    Of B examples with A anchors in all, a batch has

    - `prompt_ids`, `prompt_mask`: (B, P), padded on the left: responses begin in one column;
    - `response_ids`, `response_mask`: (A + B, R), padded on the right: the anchors of example 0, of
      example 1, ..., then the B rejected responses;
    - `anchor_index`: (A,), example of each anchor;
    - `row`: (B,), where the examples stand in their dataset, for messages;
    - `ref_anchor_logps` (A,) and `ref_rejected_logps` (B,), where the examples have them.

    Args:
        pad_token_id: fills up.
        max_length: tokens of a prompt with a response; what is more is cut off the response's end.
        anchors: whether anchors are used at all; without, A is 0.
        pad_to_multiple_of: both lengths are padded to a multiple of it.
    """

    pad_token_id: int
    max_length: int | None = None
    anchors: bool = True
    pad_to_multiple_of: int | None = None

    def __call__(self, examples: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Return the batch."""
        prompts = [example["prompt_ids"] for example in examples]
        anchors = [example["anchor_ids"] if self.anchors else [] for example in examples]
        index = [at for at, own in enumerate(anchors) for _ in own]
        responses = [self._cut(ids, prompts[at]) for at, own in enumerate(anchors) for ids in own]
        responses += [
            self._cut(example["rejected_ids"], example["prompt_ids"]) for example in examples
        ]
        batch: dict[str, Tensor] = dict(
            zip(
                ("prompt_ids", "prompt_mask", "response_ids", "response_mask"),
                (*self._padded(prompts, left=True), *self._padded(responses)),
                strict=True,
            )
        )
        batch["anchor_index"] = torch.tensor(index, dtype=torch.long)
        batch["row"] = torch.tensor([example["row"] for example in examples], dtype=torch.long)
        if "ref_rejected_logps" in examples[0]:
            rejected = [example["ref_rejected_logps"] for example in examples]
            batch["ref_rejected_logps"] = torch.tensor(rejected, dtype=torch.float32)
            if self.anchors:
                known = [logp for example in examples for logp in example["ref_anchor_logps"]]
                batch["ref_anchor_logps"] = torch.tensor(known, dtype=torch.float32)
        return batch

    def _cut(self, ids: list[int], prompt: list[int]) -> list[int]:
        return ids if self.max_length is None else ids[: self.max_length - len(prompt)]

    def _padded(self, rows: list[list[int]], *, left: bool = False) -> tuple[Tensor, Tensor]:
        longest = max(len(row) for row in rows)
        if self.pad_to_multiple_of:
            longest = -(-longest // self.pad_to_multiple_of) * self.pad_to_multiple_of
        ids = torch.full((len(rows), longest), self.pad_token_id)
        mask = torch.zeros_like(ids)
        for at, row in enumerate(rows):
            place = slice(longest - len(row), longest) if left else slice(len(row))
            ids[at, place] = torch.tensor(row)
            mask[at, place] = 1
        return ids, mask
