"""Inspect provider `embedded/...`: GGUF models served inside this process by xllamacpp."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    Logprob,
    Logprobs,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    TopLogprob,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from valuecompass.assets import ASSETS, fetch
from valuecompass.errors import InputError
from valuecompass.models.fingerprint import fingerprint
from valuecompass.models.providers.options import one_of, option_logprobs

SLOTS = 8
"""Requests decoded together; on a CPU more slots bring nothing."""
CONTEXT = 2_048
"""Tokens per slot: prompt and answer."""


def threads() -> int:
    """Return how many threads the engine takes.

    llama.cpp spins at barriers: on a machine whose cores are busy two threads are many times
    slower than one. So: all cores when the machine is idle, else one.
    $VALUECOMPASS_THREADS decides when it is set.
    """
    if chosen := os.environ.get("VALUECOMPASS_THREADS"):
        return max(1, int(chosen))
    cores = os.cpu_count() or 1
    return cores if os.getloadavg()[0] < cores / 2 else 1


class Engine:
    """One loaded model; `chat` and `complete` may be called from several threads."""

    def __init__(self, path: Path) -> None:
        try:
            import xllamacpp
        except ImportError:
            raise InputError(
                "embedded models need the package xllamacpp: pip install 'valuecompass[local]'"
            ) from None
        self.path = path
        self._module: Any = xllamacpp
        self._lock = threading.Lock()
        self._server: Any = None

    def chat(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer a chat-completions body; the model is loaded at the first call."""
        return self._answer("handle_chat_completions", body)

    def complete(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer a completions body: the prompt goes to the model as it is, without a template."""
        return self._answer("handle_completions", body)

    def _answer(self, call: str, body: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            if self._server is None:
                self._server = self._load()
        answer: dict[str, Any] = getattr(self._server, call)(body)
        if "error" in answer or "choices" not in answer:
            reason: Any = answer.get("error", answer)
            with contextlib.suppress(KeyError, TypeError):
                reason = reason["message"]
            raise RuntimeError(f"{self.path.name}: {reason}")
        return answer

    def _load(self) -> Any:
        params: Any = self._module.CommonParams()
        params.model.path = str(self.path)
        params.n_parallel = SLOTS
        params.n_ctx = SLOTS * CONTEXT
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads()
        params.verbosity = -1
        params.warmup = False
        # no memory of earlier prompts: gigabytes that would never be read (cache_prompt is off)
        params.cache_ram_mib = 0
        params.cache_idle_slots = False
        params.n_ctx_checkpoints = 0
        params.n_batch = params.n_ubatch = 256
        params.port = 0
        try:
            return self._module.Server(params)
        except Exception as error:
            raise InputError(f"{self.path}: the engine cannot load this model ({error})") from None


_engines: dict[str, tuple[str | None, Engine]] = {}
"""By model name: the fingerprint of what is loaded, and the engine. A replaced one is let go."""


def engine(model_name: str) -> Engine:
    """Return the engine for a known name (fetched on first use) or for a GGUF file's path.

    Each model is loaded once, and again when its file was replaced.
    """
    mark = fingerprint(f"embedded/{model_name}")
    if model_name not in _engines or _engines[model_name][0] != mark:
        _engines[model_name] = mark, Engine(_weights(model_name))
    return _engines[model_name][1]


def _weights(model_name: str) -> Path:
    if model_name in ASSETS:
        return fetch(model_name) / "model.gguf"
    path = Path(model_name)
    if not path.is_file():
        known = ", ".join(f"embedded/{n}" for n in ASSETS if n.startswith("smollm"))
        raise InputError(f"embedded/{model_name}: no such model; known: {known}, or a GGUF file")
    return path


class EmbeddedAPI(ModelAPI):
    """A local GGUF model as an Inspect model."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008  (Inspect's own signature)
        **model_args: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        engine(model_name)  # a wrong name is told before the first request

    def max_connections(self) -> int:
        """As many as there are slots."""
        return SLOTS

    def connection_key(self) -> str:
        """Each model has its own slots."""
        return self.model_name

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Answer in a worker thread."""
        start = time.monotonic()
        # looked up each time: the request's key holds the fingerprint that the file has now
        found = engine(self.model_name)
        choices: list[str] = (config.extra_body or {}).get("choices", [])
        if config.logprobs and choices:
            prompt = "\n\n".join(m.text for m in input)
            work = partial(option_logprobs, found, prompt, choices)
            options, read = await anyio.to_thread.run_sync(work)
            return _probable(self.model_name, options, read, time.monotonic() - start)
        answer = await anyio.to_thread.run_sync(found.chat, _body(input, config))
        return _output(self.model_name, answer, time.monotonic() - start)


def _body(messages: list[ChatMessage], config: GenerateConfig) -> dict[str, Any]:
    body: dict[str, Any] = {
        "messages": [{"role": m.role, "content": m.text} for m in messages],
        "max_tokens": config.max_tokens or 256,
        "cache_prompt": False,  # a cached prefix changes the last digits of logits: not repeatable
    }
    for name in ("temperature", "top_p", "seed"):
        if (value := getattr(config, name)) is not None:
            body[name] = value
    if choices := (config.extra_body or {}).get("choices"):
        body["grammar"] = one_of(choices)
    elif config.response_schema is not None:
        schema = config.response_schema.json_schema.model_dump(exclude_none=True)
        body["response_format"] = {"type": "json_schema", "json_schema": {"schema": schema}}
    return body


def _output(model_name: str, answer: dict[str, Any], seconds: float) -> ModelOutput:
    choice, usage = answer["choices"][0], answer.get("usage", {})
    stopped = "max_tokens" if choice.get("finish_reason") == "length" else "stop"
    text = choice["message"].get("content") or ""
    return ModelOutput(
        model=model_name,
        choices=[
            ChatCompletionChoice(
                message=ChatMessageAssistant(content=text, source="generate"), stop_reason=stopped
            )
        ],
        usage=ModelUsage(
            input_tokens=usage.get("prompt_tokens", 0),
            output_tokens=usage.get("completion_tokens", 0),
            total_tokens=usage.get("total_tokens", 0),
        ),
        time=seconds,
        metadata={"system_fingerprint": answer.get("system_fingerprint")},
    )


def _probable(model_name: str, options: dict[str, float], read: int, seconds: float) -> ModelOutput:
    """Give the options as if each were the first token of an answer."""
    best = max(options, key=lambda option: options[option])
    tops = [TopLogprob(token=option, logprob=value) for option, value in options.items()]
    first = Logprob(token=best, logprob=options[best], top_logprobs=tops)
    choice = ChatCompletionChoice(
        message=ChatMessageAssistant(content=best, source="generate"),
        stop_reason="stop",
        logprobs=Logprobs(content=[first]),
    )
    usage = ModelUsage(input_tokens=read, output_tokens=1, total_tokens=read + 1)
    return ModelOutput(model=model_name, choices=[choice], usage=usage, time=seconds)
