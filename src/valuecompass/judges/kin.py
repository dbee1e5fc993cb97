"""Whether a model is judged by itself or by a model of its own house."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from valuecompass.judges.panel import models_of

HOSTS = (
    *("embedded", "hf", "vllm", "sglang", "ollama", "llama-cpp-python", "openai-api"),
    *("bedrock", "azureai", "vertex", "openrouter", "together", "groq", "fireworks"),
)
"""Providers that run models of many makers: of these, the same provider says nothing."""


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
    if model in judges:
        return f"{one_of} its own model, {model}: models tend to favour their own answers"
    maker = _maker(model)
    same = [judge for judge in judges if maker is not None and _maker(judge) == maker]
    return f"{one_of} a model of the same provider, {same[0]}" if same else None


def _maker(model: str) -> str | None:
    """Return who made a model, as far as its name says: the part before its last slash."""
    *_, maker, _ = ["", *model.split("/")]
    local_path = "//" in model or model.startswith("embedded/")
    if not maker or maker in HOSTS or local_path or model.startswith("openai-api/"):
        return None
    return maker
