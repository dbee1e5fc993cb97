"""Scores of responses: exact against the plain forward, however they are computed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.train.d2o import tiny

pytestmark = pytest.mark.train

SHAPE = dict(
    vocab_size=263,
    hidden_size=64,
    intermediate_size=128,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    pad_token_id=0,
)
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {"tie_word_embeddings": True},
    "qwen2": {"tie_word_embeddings": False},
    "gemma2": {"head_dim": 16, "final_logit_softcapping": 2.0, "sliding_window": 16},
    "granite": {"logits_scaling": 3.0},
    "cohere": {"logit_scale": 0.3},
    "gpt2": {"n_embd": 64, "n_layer": 2, "n_head": 4},
    "phi": {"num_key_value_heads": 4},
}


def made(family: str) -> Any:
    """A small random model of a family, weights large enough to say something."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = AutoConfig.for_model(family, **(SHAPE | FAMILIES[family]))
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


def batch(k: int = 0, n: int = 4) -> dict[str, Any]:
    from valuecompass.align.train.d2o.collator import DataCollatorForDispreference
    from valuecompass.align.train.d2o.tokens import tokenise

    given = dict(tokenizer=tiny.tokenizer(), name="test", anchors=True, max_length=None)
    examples = [tokenise(row, at, **given) for at, row in enumerate(tiny.rows(n, k))]
    return DataCollatorForDispreference(pad_token_id=0)(examples)


def plainly(model: Any, given: dict[str, Any]) -> Any:
    """Each response alone, without padding, from the logits of everything."""
    import torch

    found = []
    examples = [*given["anchor_index"].tolist(), *range(len(given["prompt_ids"]))]
    for row, example in enumerate(examples):
        prompt = given["prompt_ids"][example][given["prompt_mask"][example].bool()]
        response = given["response_ids"][row][given["response_mask"][row].bool()]
        ids = torch.cat([prompt, response])
        logps = model(ids[None]).logits[0, :-1].float().log_softmax(-1)
        own = logps.gather(1, ids[1:, None])[:, 0]
        found.append(own[len(prompt) - 1 :].sum())
    return torch.stack(found)


def gradients(model: Any, value: Any) -> list[Any]:
    import torch

    names = [p for p in model.parameters() if p.requires_grad]
    return [
        torch.zeros_like(p) if g is None else g
        for p, g in zip(names, torch.autograd.grad(value, names, allow_unused=True), strict=True)
    ]


def apart(one: list[Any], other: list[Any]) -> float:
    """The relative difference of two gradients."""
    gap = sum(float(((a - b) ** 2).sum()) for a, b in zip(one, other, strict=True))
    return (gap / sum(float((b**2).sum()) for b in other)) ** 0.5


@pytest.mark.parametrize("share", [False, True], ids=["each row whole", "shared prefix"])
@pytest.mark.parametrize("family", FAMILIES)
def test_values_and_gradients_are_those_of_the_plain_forward(family: str, share: bool) -> None:
    import torch

    from valuecompass.align.train.d2o.logps import add_scoring, sequence_logps

    model, given = made(family), batch()
    weights = torch.randn(len(given["response_ids"]), generator=torch.Generator().manual_seed(1))
    truth = plainly(model, given)
    slope = gradients(model, (weights * truth).sum())
    add_scoring(model)
    scored = sequence_logps(model, given, share_prefix=share)
    torch.testing.assert_close(scored.logps, truth, rtol=0, atol=1e-4)
    assert apart(gradients(model, (weights * scored.logps).sum()), slope) < 1e-5


@pytest.mark.parametrize("frozen", [False, True])
def test_many_chunks_are_one(frozen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from valuecompass.align.train.d2o import logps

    model, given = made("qwen2"), batch()
    logps.add_scoring(model)
    model.lm_head.weight.requires_grad_(not frozen)
    whole = logps.sequence_logps(model, given, share_prefix=False)
    slope = gradients(model, whole.logps.sum())
    monkeypatch.setattr(logps, "LOGITS", 7 * 263)
    parts = logps.sequence_logps(model, given, share_prefix=False)
    for name in ("logps", "entropy", "mean_logits", "is_top1", "tokens"):
        torch.testing.assert_close(getattr(parts, name), getattr(whole, name), rtol=1e-5, atol=1e-4)
    assert apart(gradients(model, parts.logps.sum()), slope) < 1e-5


def test_what_is_told_beside_the_log_probabilities() -> None:
    import torch

    from valuecompass.align.train.d2o.logps import add_scoring, sequence_logps

    model, given = made("llama"), batch()
    examples = [*given["anchor_index"].tolist(), *range(len(given["prompt_ids"]))]
    add_scoring(model)
    scored = sequence_logps(model, given, share_prefix=True)
    for row in (0, 3, len(examples) - 1):
        example = examples[row]
        prompt = given["prompt_ids"][example][given["prompt_mask"][example].bool()]
        response = given["response_ids"][row][given["response_mask"][row].bool()]
        logits = model(torch.cat([prompt, response])[None]).logits[0, len(prompt) - 1 : -1]
        spread = torch.distributions.Categorical(logits=logits)
        assert scored.entropy[row].item() == pytest.approx(spread.entropy().sum().item(), rel=1e-4)
        mean = logits.mean(1).sum().item()
        assert scored.mean_logits[row].item() == pytest.approx(mean, rel=1e-3, abs=1e-4)
        assert scored.is_top1[row] == (logits.argmax(1) == response).sum()
        assert scored.tokens[row] == len(response)


def test_padding_and_company_change_nothing() -> None:
    import torch

    from valuecompass.align.train.d2o.logps import add_scoring, sequence_logps

    model = made("llama")
    add_scoring(model)
    alone = sequence_logps(model, batch(2, 1), share_prefix=True).logps
    among = sequence_logps(model, batch(2, 8), share_prefix=True).logps
    torch.testing.assert_close(alone[:2], among[:2], rtol=0, atol=1e-4)


def test_a_model_generates_as_before() -> None:
    import torch

    from valuecompass.align.train.d2o.logps import add_scoring

    model, ids = made("llama"), torch.tensor([[40, 41, 42]])
    before = model.generate(ids, max_new_tokens=8, do_sample=False)
    add_scoring(model)
    add_scoring(model)  # once is enough
    assert torch.equal(model.generate(ids, max_new_tokens=8, do_sample=False), before)


def test_checkpointing_by_hand_refuses_a_shared_prefix() -> None:
    from valuecompass.align.train.d2o.logps import add_scoring, sequence_logps
    from valuecompass.errors import ValueCompassError

    model = made("llama").train()
    model.gradient_checkpointing_enable()
    add_scoring(model)
    with pytest.raises(ValueCompassError, match="gradient_checkpointing=False"):
        sequence_logps(model, batch(), share_prefix=True)


def test_a_model_without_a_plain_cache_is_refused() -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from valuecompass.align.train.d2o.logps import add_scoring, sequence_logps
    from valuecompass.errors import ValueCompassError

    torch.manual_seed(0)
    config = AutoConfig.for_model("mamba", vocab_size=263, hidden_size=32, num_hidden_layers=2)
    model = AutoModelForCausalLM.from_config(config)
    add_scoring(model)
    with pytest.raises(ValueCompassError, match="share_prefix=False"):
        sequence_logps(model, batch(), share_prefix=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_with_unknown_logits_is_refused(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from valuecompass.align.train.d2o import logps
    from valuecompass.errors import ValueCompassError

    model = made(family)
    logps.add_scoring(model)
    logps.check_scoring(model)
    assert not model.training
    monkeypatch.setattr(logps, "_scale", lambda config: 2.0)
    with pytest.raises(ValueCompassError, match="own logits"):
        logps.check_scoring(model)
