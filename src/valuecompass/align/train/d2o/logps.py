# pyright: basic, reportMissingImports=false, reportPrivateImportUsage=false
"""Log-probabilities of responses: the LM head on their tokens only, each prompt computed once.

Of a prompt of P tokens and N responses of R tokens, a plain forward runs N (P + R) tokens through
the layers and as many through the head. Here the head sees N R of them, and with a shared prefix
the layers see P + N R. Both are exact.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear
from transformers.utils import ModelOutput

from valuecompass.errors import ValueCompassError

LOGITS = 2**25
"""Logits in memory at a time: 128 MB in single precision."""


@dataclass
class Scored(ModelOutput):
    """Scores of N responses.

    logps: (N,) log-probability of each, summed over its tokens, in nats, single precision.
    entropy, mean_logits: (N,) sums over tokens, without gradient; entropy in nats.
    is_top1: (N,) tokens that the model would have chosen itself.
    tokens: (N,) tokens of each.
    """

    logps: Any = None
    entropy: Any = None
    mean_logits: Any = None
    is_top1: Any = None
    tokens: Any = None


def sequence_logps(model: nn.Module, batch: Mapping[str, Tensor], *, share_prefix: bool) -> Scored:
    """Return the scores of the responses of a batch of `DataCollatorForDispreference`.

    Args:
        model: a causal language model, perhaps with an adapter or wrapped for several processes;
            `add_scoring` was called on it.
        batch: `prompt_ids`, `prompt_mask`, `response_ids`, `response_mask`, `anchor_index`.
        share_prefix: compute each prompt once, through the KV cache.

    Raises:
        ValueCompassError: the prefix cannot be shared.
    """
    index = batch["anchor_index"]
    rejected = torch.arange(len(batch["prompt_ids"]), device=index.device)
    names = ("prompt_ids", "prompt_mask", "response_ids", "response_mask")
    score = {name: batch[name] for name in names}
    # through the model itself: what wraps it has hooks on its forward
    return model(score={**score, "example": torch.cat([index, rejected]), "share": share_prefix})


def add_scoring(model: Any) -> None:
    """Let the forward of a causal language model score responses; all else goes on as before."""
    if getattr(model, "scores_responses", False):
        return
    forward = model.forward

    @functools.wraps(type(model).forward)  # `generate` looks at the names of its arguments
    def scoring(self: Any, *args: Any, score: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        return forward(*args, **kwargs) if score is None else _score(self, **score)

    model.forward = types.MethodType(scoring, model)
    model.scores_responses = True


def check_scoring(model: Any) -> None:
    """Compare the scores of a few tokens with the model's own logits.

    Families scale or bend their logits by settings of many names (`_scale`); one that is not known
    here would be trained on numbers that are not its own.

    Raises:
        ValueCompassError: they differ.
    """
    device = model.get_input_embeddings().weight.device
    ids = torch.arange(16, device=device)[None] % model.config.get_text_config().vocab_size
    ones = torch.ones_like(ids)
    batch = {"prompt_ids": ids[:, :8], "prompt_mask": ones[:, :8]}
    batch |= {"response_ids": ids[:, 8:], "response_mask": ones[:, 8:]}
    batch |= {"anchor_index": ids.new_zeros(0)}
    was = model.training
    model.eval()
    with torch.no_grad():
        logits = model(ids, use_cache=False).logits[0, 7:-1].float()
        own = logits.log_softmax(-1).gather(1, ids[0, 8:, None]).sum().item()
        ours = sequence_logps(model, batch, share_prefix=False).logps.item()
    model.train(was)
    if abs(ours - own) > 0.05 + 0.01 * abs(own):  # half precision rounds
        raise ValueCompassError(
            f"{type(model).__name__}: a response scores {ours:.3f} here and {own:.3f} by the "
            "model's own logits, which its family bends in a way not known here; please report it"
        )


def _score(
    model: Any,
    prompt_ids: Tensor,
    prompt_mask: Tensor,
    response_ids: Tensor,
    response_mask: Tensor,
    example: Tensor,
    share: bool,
) -> Scored:
    states = _shared if share else _plain
    hidden = states(model.base_model, prompt_ids, prompt_mask, response_ids, response_mask, example)
    head = model.get_output_embeddings()
    valid = response_mask.bool()
    config = model.config.get_text_config()
    logps, entropy, mean_logits, is_top1 = _ResponseLogps.apply(
        hidden[valid].to(head.weight.device),
        head.weight,
        head.bias,
        response_ids[valid].to(head.weight.device),
        _scale(config),
        getattr(config, "final_logit_softcapping", None),
    )
    tokens = response_mask.sum(1)
    rows = torch.arange(len(tokens), device=tokens.device).repeat_interleave(tokens)
    sums = (
        values.new_zeros(len(tokens)).index_add(0, rows.to(values.device), values)
        for values in (logps, entropy, mean_logits, is_top1)
    )
    return Scored(*sums, tokens=tokens)


def _scale(config: Any) -> float:
    """Return what a model multiplies its logits by, by whichever name its family has for it."""
    for name in ("logit_scale", "output_multiplier", "lm_head_multiplier"):
        if (scale := getattr(config, name, None)) is not None:
            return float(scale)
    if (divisor := getattr(config, "logits_scaling", None)) is not None:
        return float(divisor) if config.model_type == "hyperclovax" else 1 / float(divisor)
    return 1.0


def _plain(
    backbone: Any,
    prompt_ids: Tensor,
    prompt_mask: Tensor,
    response_ids: Tensor,
    response_mask: Tensor,
    example: Tensor,
) -> Tensor:
    """Return the states that predict each token of the responses, (N, R, hidden)."""
    # nothing is predicted from the last token
    ids = torch.cat([prompt_ids[example], response_ids[:, :-1]], 1)
    mask = torch.cat([prompt_mask[example], response_mask[:, :-1]], 1)
    made = backbone(ids, attention_mask=mask, use_cache=False, **_places(backbone, mask))
    return made.last_hidden_state[:, prompt_ids.shape[1] - 1 :]


def _shared(
    backbone: Any,
    prompt_ids: Tensor,
    prompt_mask: Tensor,
    response_ids: Tensor,
    response_mask: Tensor,
    example: Tensor,
) -> Tensor:
    """As `_plain`, with the keys and values of each prompt computed once."""
    if backbone.training and getattr(backbone, "is_activation_checkpointing", False):
        raise ValueCompassError(
            "share_prefix: gradient checkpointing is on and turns the KV cache off; set "
            "share_prefix=False, or gradient_checkpointing=False"
        )
    made = backbone(
        prompt_ids, attention_mask=prompt_mask, use_cache=True, **_places(backbone, prompt_mask)
    )
    first = made.last_hidden_state[:, -1:].index_select(0, example)
    if response_ids.shape[1] == 1:
        return first
    cache = getattr(made, "past_key_values", None)
    for layer in getattr(cache, "layers", [None]):
        if type(layer).__name__ not in ("DynamicLayer", "DynamicSlidingWindowLayer"):
            raise ValueCompassError(
                f"share_prefix: {type(backbone).__name__} has no plain KV cache "
                f"({type(layer).__name__}); set share_prefix=False"
            )
        layer.keys = layer.keys.index_select(0, example)
        layer.values = layer.values.index_select(0, example)
    mask = torch.cat([prompt_mask[example], response_mask[:, :-1]], 1)
    places = {
        name: all_[:, prompt_ids.shape[1] :] for name, all_ in _places(backbone, mask).items()
    }
    rest = backbone(
        response_ids[:, :-1], attention_mask=mask, past_key_values=cache, use_cache=True, **places
    )
    return torch.cat([first, rest.last_hidden_state], 1)


def _places(backbone: Any, mask: Tensor) -> dict[str, Tensor]:
    """Return the places of tokens that padding on the left has moved, where a model takes them."""
    if "position_ids" not in inspect.signature(backbone.forward).parameters:
        return {}
    return {"position_ids": (mask.cumsum(1) - 1).clamp(min=0)}


class _ResponseLogps(torch.autograd.Function):
    """Log-probabilities of tokens, without the logits of all of them at once.

    The gradient of log p(y) by the state h is W^T (e_y - p): one vector a token, whatever it is
    multiplied by later. It is made in the forward, chunk by chunk, so that the backward of a
    frozen head needs no logits at all; that of a trained head makes them anew, but where they are
    few enough to be kept.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        ids: Tensor,
        scale: float,
        cap: float | None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        if torch.is_autocast_enabled(hidden.device.type):
            hidden = hidden.to(torch.get_autocast_dtype(hidden.device.type))
        head = weight.to(hidden.dtype)
        with torch.autocast(hidden.device.type, enabled=False):
            found = [hidden.new_empty(len(ids), dtype=torch.float32) for _ in range(5)]
            chunks = _chunks(len(ids), len(head))
            # e_y - p itself is kept instead
            kept = None
            keep = ctx.needs_input_grad[1] and len(chunks) == 1
            of_states = ctx.needs_input_grad[0] and not keep
            slopes = torch.empty_like(hidden) if of_states else None
            for at in chunks:
                logits, capped = _logits(hidden[at], head, bias, scale, cap)
                top = logits.amax(1, keepdim=True)
                own = logits.gather(1, ids[at, None])
                p = (logits - top).exp_()
                whole = p.sum(1, keepdim=True)
                p /= whole
                log_whole = top + whole.log()
                numbers = (own - log_whole, log_whole, own >= top, logits.mean(1, keepdim=True))
                for place, values in zip(found, numbers, strict=False):
                    place[at] = values[:, 0].float()
                found[4][at] = log_whole[:, 0] - torch.linalg.vecdot(p, logits)
                if keep:
                    kept = _slope(p, ids[at], scale, capped)
                elif slopes is not None:
                    slopes[at] = _slope(p, ids[at], scale, capped).to(head.dtype) @ head
        logps, log_whole, is_top1, mean_logits, entropy = found
        ctx.mark_non_differentiable(entropy, mean_logits, is_top1)
        ctx.save_for_backward(hidden, weight, bias, ids, log_whole, slopes, kept)
        ctx.scale, ctx.cap = scale, cap
        return logps, entropy, mean_logits, is_top1

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        hidden, weight, bias, ids, log_whole, slopes, kept = ctx.saved_tensors
        head = weight.to(hidden.dtype)
        of_hidden = None if slopes is None else slopes * grad[:, None].to(slopes.dtype)
        if kept is not None and ctx.needs_input_grad[0]:
            of_hidden = (kept * grad[:, None]).to(head.dtype) @ head
        of_weight = torch.zeros_like(weight) if ctx.needs_input_grad[1] else None
        of_bias = None
        if bias is not None and ctx.needs_input_grad[2]:
            of_bias = torch.zeros_like(bias)
        if of_weight is not None or of_bias is not None:
            for at in _chunks(len(ids), len(head)):
                slope = kept
                if slope is None:
                    logits, capped = _logits(hidden[at], head, bias, ctx.scale, ctx.cap)
                    p = logits.sub_(log_whole[at, None]).exp_()
                    slope = _slope(p, ids[at], ctx.scale, capped)
                slope = slope * grad[at, None]
                if of_weight is not None:
                    of_weight += (slope.to(head.dtype).T @ hidden[at]).to(of_weight.dtype)
                if of_bias is not None:
                    of_bias += slope.sum(0).to(of_bias.dtype)
        return of_hidden, of_weight, of_bias, None, None, None


def _chunks(tokens: int, vocabulary: int) -> list[slice]:
    size = max(1, LOGITS // vocabulary)
    return [slice(begin, begin + size) for begin in range(0, tokens, size)]


def _logits(
    hidden: Tensor, head: Tensor, bias: Tensor | None, scale: float, cap: float | None
) -> tuple[Tensor, Tensor | None]:
    """Return logits in single precision, and how steep the cap is at each of them."""
    logits = linear(hidden, head, None if bias is None else bias.to(head.dtype)).float()
    if scale != 1:
        logits *= scale
    if cap is None:
        return logits, None
    bent = torch.tanh(logits / cap)
    return bent * cap, 1 - bent**2


def _slope(p: Tensor, ids: Tensor, scale: float, capped: Tensor | None) -> Tensor:
    """Return d log p(ids) / d head's output, in the memory of p."""
    slope = p.neg_()
    slope.scatter_add_(1, ids[:, None], torch.ones_like(slope[:, :1]))
    if capped is not None:
        slope *= capped
    return slope if scale == 1 else slope.mul_(scale)
