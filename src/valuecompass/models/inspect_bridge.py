"""The one place that calls Inspect: from our request to its model and back, errors classified."""

from __future__ import annotations

import asyncio
import contextvars
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelOutput,
    ResponseSchema,
    get_model,
)
from inspect_ai.util import JSONSchema
from tenacity import RetryCallState, RetryError, wait_exponential_jitter
from tenacity.wait import wait_base

from valuecompass.errors import InputError, ProviderStopped
from valuecompass.models import _registry
from valuecompass.models.request import Request
from valuecompass.models.spec import Respondent

OURS = (_registry.embedded, _registry.simulated, _registry.recorded)
"""Importing them has registered our providers with Inspect."""


@dataclass(frozen=True)
class Patience:
    """How long and how often a request is tried."""

    retries: int = 6
    attempt_timeout: int = 300
    """Seconds for one attempt; reasoning models think long."""
    timeout: int = 1_800
    """Seconds for all attempts."""
    first_wait: float = 1.0
    """Seconds before the second attempt; doubles, with jitter, up to a minute. A provider's
    Retry-After is honoured instead."""


@dataclass(frozen=True)
class Output:
    """What came back."""

    text: str
    stop_reason: str
    version: str
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Failure:
    """Why a request failed for good."""

    message: str
    final: bool = False
    """Further requests to this model are useless."""
    unbilled: bool = False
    """The provider turned it away before doing any work."""


class NoOutput(Exception):
    """The model returned an error instead of an answer."""


class _Wait(wait_base):
    """Retry-After when the provider sends it, else exponential with jitter."""

    def __init__(self, model: Model, patience: Patience) -> None:
        self._api = model.api
        self._otherwise = wait_exponential_jitter(patience.first_wait, 60)

    def __call__(self, retry_state: RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        if isinstance(error, Exception):
            asked = getattr(self._api.should_retry(error), "retry_after", None)
            if asked is not None:
                return min(float(asked), 300.0)
        return self._otherwise(retry_state)


@cache
def inspect_model(name: str, patience: Patience) -> Model:
    """Return Inspect's model, with bounded retries and adaptive concurrency.

    Raises:
        InputError: unknown provider, missing key or package (the message is Inspect's).
    """
    config = GenerateConfig(
        max_retries=patience.retries,
        attempt_timeout=patience.attempt_timeout,
        timeout=patience.timeout,
    )
    provider, _, rest = name.partition("/")
    try:
        if provider == "hf" and Path(rest).is_dir():
            model = get_model(
                "hf/local", config=config, model_path=rest, tokenizer_path=rest, device="cpu"
            )
        else:
            model = get_model(name, config=config)
    except InputError:
        raise
    except Exception as error:  # Inspect raises many kinds here; all mean "not usable"
        # Inspect writes for a terminal: [bold]..[/bold]
        reason = re.sub(r"\[/?(?:bold|blue)\]", "", " ".join(str(error).split()))
        reason = reason.removeprefix("ERROR: ").removeprefix("ERROR ")
        raise InputError(f"{name}: {reason[:400] or type(error).__name__}") from None
    wait = _Wait(model, patience)
    model.api.retry_wait = lambda: wait
    return model


async def generate(
    request: Request, seed: int, extra: dict[str, Any], patience: Patience
) -> Output:
    """Send a request and return its output.

    Runs in an asyncio task and context of its own: Inspect keeps every event of a context.
    """
    model = inspect_model(request.model.model, patience)
    call = model.generate(_messages(request), config=_config(request, seed, extra))
    task = asyncio.create_task(call, context=contextvars.Context())
    try:
        output = await task
    except asyncio.CancelledError:
        task.cancel()
        raise
    return _output(output)


def _messages(request: Request) -> list[ChatMessage]:
    kinds = {
        "system": ChatMessageSystem,
        "user": ChatMessageUser,
        "assistant": ChatMessageAssistant,
    }
    return [kinds[m.role](content=m.content) for m in request.messages]


def _config(request: Request, seed: int, extra: dict[str, Any]) -> GenerateConfig:
    params = request.params
    config = GenerateConfig(
        max_tokens=params.max_tokens,
        temperature=params.temperature,
        top_p=params.top_p,
        reasoning_effort=params.reasoning_effort,  # pyright: ignore[reportArgumentType]
        seed=seed,
        extra_body=extra or None,
    )
    if params.schema is not None:
        schema = JSONSchema.model_validate(params.schema)
        config.response_schema = ResponseSchema(
            name=params.schema_name, json_schema=schema, strict=True
        )
    return config


def _output(output: ModelOutput) -> Output:
    if output.error or not output.choices:
        raise NoOutput(output.error or "the provider returned no choice")
    usage, marks = output.usage, output.metadata or {}
    version = [output.model, str(marks.get("system_fingerprint") or "")]
    tokens_in = tokens_out = 0
    if usage is not None:
        cached = (usage.input_tokens_cache_read or 0) + (usage.input_tokens_cache_write or 0)
        tokens_in, tokens_out = usage.input_tokens + cached, usage.output_tokens
    return Output(
        text=output.completion,
        stop_reason=output.stop_reason,
        version=" ".join(v for v in version if v)[:256],
        input_tokens=tokens_in,
        output_tokens=tokens_out,
    )


def classify(error: BaseException, model: Respondent) -> Failure:
    """Say what an error of a request means.

    Args:
        error: what `generate` raised after all retries.
        model: who was asked.
    """
    while isinstance(error, RetryError):
        inner = error.last_attempt.exception()
        if inner is None:
            break
        error = inner
    if isinstance(error, ProviderStopped):
        return Failure(str(error), final=True)
    status = getattr(error, "status_code", None)
    detail = _first_line(error)
    if status in (401, 403):
        return Failure(
            f"{model.model}: the provider refuses the key ({status}: {detail}). Set a valid key in "
            "the environment and repeat the command; everything so far is stored",
            final=True,
            unbilled=True,
        )
    if status == 404:
        return Failure(
            f"{model.model}: the provider does not know this model (404: {detail})",
            final=True,
            unbilled=True,
        )
    if status == 429 and "insufficient_quota" in str(error):
        return Failure(f"{model.model}: the account's quota is used up ({detail})", True, True)
    if status in (400, 413, 422, 429):
        return Failure(f"{model.model}: {status}: {detail}", unbilled=True)
    return Failure(f"{model.model}: {detail}")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]
