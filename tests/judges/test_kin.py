from typing import Any

import pytest

from valuecompass.judges.kin import kin_note


def llm(model: str) -> dict[str, Any]:
    return {"kind": "llm", "model": {"model": model}, "mode": "one-call"}


def panel(*models: str, strong: str | None = None) -> dict[str, Any]:
    members: list[dict[str, Any]] = [{"kind": "local"}, *map(llm, models)]
    return {"kind": "panel", "members": members, "strong": llm(strong) if strong else None}


@pytest.mark.parametrize(
    ("model", "judge", "says"),
    [
        ("openai/a", llm("openai/a"), "judged by its own model, openai/a: models tend to favour"),
        ("openai/a", llm("openai/b"), "judged by a model of the same provider, openai/b"),
        ("openai/a", panel("openai/a"), "one of its judges is its own model, openai/a"),
        ("openai/a", panel("openai/b", "openai/a"), "one of its judges is its own model"),
        ("openai/a", panel("x/b", strong="openai/a"), "one of its judges is its own model"),
        ("openai/a", panel("x/b", strong="openai/c"), "one of its judges is a model of the same"),
        ("openrouter/openai/a", llm("openai/b"), "same provider"),
        ("embedded/small", llm("embedded/small"), "its own model"),
        ("ollama/x", llm("ollama/x"), "its own model"),
        # the same model by another host's name
        ("openai/a", llm("openai/azure/a"), "judged by its own model, openai/azure/a:"),
        ("openai/a", llm("azureai/a"), "its own model"),
        ("openai/a", llm("openrouter/openai/a"), "its own model"),
        ("anthropic/a-3", llm("anthropic/bedrock/anthropic.a-3"), "its own model"),
        ("bedrock/us.anthropic.a-3", llm("anthropic/vertex/a-3"), "its own model"),
        ("google/vertex/a", llm("vertex/a"), "its own model"),
        ("hf/Qwen/A-8B", llm("vllm/qwen/A-8B"), "its own model"),
        ("grok/grok-4", llm("openrouter/x-ai/grok-4"), "its own model"),
        ("openai-api/deepseek/a", llm("openrouter/deepseek/a"), "its own model"),
        # another one of the same house
        ("openai/a", llm("openai/azure/b"), "same provider, openai/azure/b"),
        ("anthropic/a-3", llm("bedrock/eu.anthropic.a-4"), "same provider"),
        ("openai-api/deepseek/a", llm("openai-api/deepseek/b"), "same provider"),
        ("ollama/llama3", llm("ollama/llama3:70b"), "same provider"),
        ("cf/meta/a", llm("hf/meta-llama/b"), "same provider"),
    ],
)
def test_relatives_are_told(model: str, judge: dict[str, Any], says: str) -> None:
    note = kin_note(model, judge)
    assert note is not None and says in note


@pytest.mark.parametrize(
    ("model", "judge"),
    [
        ("openai/a", llm("anthropic/a")),
        ("openai/a", {"kind": "local"}),
        ("openai/a", panel("anthropic/a", strong="google/a")),
        # a host of many makers' models, or a folder, makes no family
        ("ollama/a", llm("ollama/b")),
        ("embedded//models/a.gguf", llm("embedded//models/b.gguf")),
        ("hf//models/a", llm("hf//models/b")),
        ("vllm//models/a", llm("vllm//models/b")),
        ("embedded/C:/a.gguf", llm("embedded/C:/b.gguf")),
        ("openai-api/together/a", llm("openai-api/together/b")),
        ("fireworks/accounts/fireworks/models/a", llm("fireworks/accounts/fireworks/models/b")),
        ("nnterp/a", llm("nnterp/b")),
        ("bedrock/anthropic.a", llm("bedrock/meta.a")),
        ("together/meta-llama/a.1", llm("openai/a.1")),
        ("hf/meta-llama/a", llm("hf/google/b")),
    ],
)
def test_strangers_get_no_note(model: str, judge: dict[str, Any]) -> None:
    assert kin_note(model, judge) is None
