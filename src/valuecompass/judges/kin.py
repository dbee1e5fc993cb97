"""Whether a model is judged by itself or by a model of its own house."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from valuecompass.judges.panel import models_of

HOSTS = (
    *("embedded", "hf", "hf-inference-providers", "vllm", "vllm-completions", "sglang", "ollama"),
    *("llama-cpp-python", "transformer_lens", "nnterp", "openai-api", "openai-api-completions"),
    *("bedrock", "sagemaker", "azure", "azureai", "vertex", "openrouter", "litellm-proxy"),
    *("together", "groq", "fireworks", "sambanova", "cloudflare", "cf", "@cf", "perplexity"),
)
"""Providers that run models of many makers: their names say nothing of who made a model."""
FOLDERS = ("accounts", "models", "fireworks")
"""Parts of hosts' paths that are no makers."""
SAME_MAKER = {"grok": "x-ai", "xai": "x-ai", "meta": "meta-llama", "mistralai": "mistral"} | {
    "deepseek-ai": "deepseek",
    "moonshotai": "moonshot",
}
"""Makers that go by several names."""
VENDOR = re.compile(r"(?:(?:us|eu|apac|jp|au|ca|us-gov|global)\.)?([a-z][a-z0-9-]*)\.(?=[a-z])")
"""Begins Bedrock's names of models: perhaps a region, then the maker."""
TAG = re.compile(r":[\w.-]+$")
"""Ends the name of another size of the same model."""


def kin_note(model: str, judge: Mapping[str, Any]) -> str | None:
    """Return what a reader must know of a respondent whose judge is no stranger, or None.

    Models are known to favour their own answers when they judge; for models of the same maker
    this is less clear.

    Args:
        model: the respondent's model name.
        judge: the judge's identity; of a panel every member and the strong judge counts.
    """
    judges = models_of(judge)
    one_of = "one of its judges is" if len(judges) > 1 or judge["kind"] == "panel" else "judged by"
    if same := [name for name in judges if _same_model(model, name)]:
        return f"{one_of} its own model, {same[0]}: models tend to favour their own answers"
    kin = [name for name in judges if _same_house(model, name)]
    return f"{one_of} a model of the same provider, {kin[0]}" if kin else None


def _same_model(one: str, other: str) -> bool:
    (maker, name), (of_other, name_of_other) = _parts(one), _parts(other)
    # a host does not always say who made a model: then the name decides
    return name == name_of_other and (maker == of_other or None in (maker, of_other))


def _same_house(one: str, other: str) -> bool:
    (maker, name), (of_other, name_of_other) = _parts(one), _parts(other)
    if maker is not None and of_other is not None:
        return maker == of_other
    return TAG.sub("", name) == TAG.sub("", name_of_other)


def _parts(model: str) -> tuple[str | None, str]:
    """Return who made a model, as far as its name says, and the model's own name."""
    if "//" in model or model.startswith("embedded/"):  # a file on this machine
        return None, model
    *places, name = model.lower().split("/")
    if "bedrock" in places and (vendor := VENDOR.match(name)):
        places, name = [*places, vendor[1]], name[vendor.end() :]
    makers = [place for place in places if place not in (*HOSTS, *FOLDERS)]
    return (SAME_MAKER.get(makers[0], makers[0]) if makers else None), name
