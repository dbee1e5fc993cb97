"""The one place that calls Inspect: from our request to its model and back, errors classified."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import json
import math
import os
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspect_ai.model import (
    GenerateConfig,
    Model,
    ModelOutput,
    ResponseSchema,
    get_model,
)
from inspect_ai.util import JSONSchema
from pydantic import ValidationError
from tenacity import RetryCallState, RetryError, wait_exponential_jitter
from tenacity.wait import wait_base

from valuecompass.errors import InputError, ProviderStopped
from valuecompass.models import _registry
from valuecompass.models.batching import batch_settings, hear_no_more, why_no_batch
from valuecompass.models.direct import DirectModel, direct
from valuecompass.models.messages import calls_of, chat_messages, tool_infos
from valuecompass.models.request import LOGPROBS, Call, Patience, Request
from valuecompass.models.spec import FREE, Respondent
from valuecompass.store import storable

OURS = (_registry.embedded, _registry.simulated, _registry.recorded)
"""Importing them has registered our providers with Inspect."""
TOP = 20
"""Most probable tokens that are asked for; no provider gives more."""


@dataclass(frozen=True)
class Output:
    """What came back."""

    text: str
    stop_reason: str
    version: str
    usage: tuple[int, int] | None
    """Tokens in and out; None when the provider does not say."""
    calls: tuple[Call, ...] = ()
    parts: list[dict[str, Any]] | None = None
    """As of a `Message`."""


@dataclass(frozen=True)
class Failure:
    """Why a request failed for good."""

    message: str
    final: bool = False
    """Further requests to this model are useless."""
    unbilled: bool = False
    """The provider turned it away before doing any work."""
    unfit: bool = False
    """It was turned away for what it asks; that says nothing of other requests."""


UNREADABLE = (json.JSONDecodeError, TypeError, AttributeError, ValidationError)
"""What providers' libraries raise when a reply with status 200 is cut, or has no choices, or calls
of tools without a name."""


_LACKS = re.compile(r"\b([A-Z][A-Z0-9_]*_(?:KEY|TOKEN))\b|pip install ([\w.-]+)")
"""What Inspect says of a provider that it cannot use yet: a variable, or a package to install."""


class NoOutput(Exception):
    """The provider returned a complaint instead of an answer, and bills nothing for it."""


class _Wait(wait_base):
    """Retry-After when the provider sends it, else exponential with jitter."""

    def __init__(self, model: Model, patience: Patience) -> None:
        self._api = model.api
        self._otherwise = wait_exponential_jitter(
            multiplier=patience.first_wait, max=60, jitter=patience.first_wait
        )

    def __call__(self, retry_state: RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        if isinstance(error, Exception):
            asked = getattr(self._api.should_retry(error), "retry_after", None)
            if asked is not None:
                # all were told the same moment: spread them over the time after it
                return min(float(asked), 300.0) * random.uniform(1, 1.25)
        return self._otherwise(retry_state)


class Models:
    """Inspect's models of one run, each made once.

    Not shared between runs: a client belongs to its event loop, and to the key and address that
    the environment had when it was made.
    """

    def __init__(self, patience: Patience, *, batch: bool = False) -> None:
        self._patience = patience
        self._batch = batch
        self._made: dict[str, Model] = {}

    def get(self, name: str) -> Model:
        """Return a model by Inspect's name.

        Raises:
            InputError: unknown provider, missing key or package (the message is Inspect's).
        """
        if name not in self._made:
            made = _inspect_model(name, self._patience, self._batch)
            self._made[name] = direct(name, _patient(made, self._patience), self._patience)
        return self._made[name]

    def lacks(self, name: str) -> str | None:
        """Return the key or package without which a model cannot be asked here; None: nothing.

        Raises:
            InputError: no such provider, or another reason that no key and no package mends.
        """
        try:
            self.get(name)
        except InputError as error:
            if found := _LACKS.search(str(error)):
                return found[1] or found[2]
            raise
        return None

    async def close(self) -> None:
        """Close the connections."""
        if self._batch:
            hear_no_more()
        while self._made:
            _, model = self._made.popitem()
            if isinstance(model, DirectModel):
                await model.close()
            await model.api.aclose()


def _inspect_model(name: str, patience: Patience, batch: bool) -> Model:
    config = GenerateConfig(
        max_retries=patience.retries,
        attempt_timeout=patience.attempt_timeout,
        timeout=patience.timeout,
    )
    if batch and why_no_batch(name) is None:
        config = GenerateConfig.model_validate(batch_settings(patience))
    provider, _, rest = name.partition("/")
    if provider == "embedded":
        from valuecompass.models.providers.embedded import SLOTS

        # an adaptive limit grows while nothing fails, and waiting for a slot of the engine would
        # count as time of the attempt
        config.max_connections = SLOTS
    try:
        if provider == "hf" and Path(rest).is_dir():
            return get_model(
                "hf/local",
                config=config,
                memoize=False,
                model_path=rest,
                tokenizer_path=rest,
                device="cpu",
            )
        return get_model(name, config=config, memoize=False)
    except InputError:
        raise
    except Exception as error:  # Inspect raises many kinds here; all mean "not usable"
        # Inspect writes for a terminal: [bold]..[/bold]
        reason = re.sub(r"\[/?(?:bold|blue)\]", "", " ".join(str(error).split()))
        reason = reason.removeprefix("ERROR: ").removeprefix("ERROR ")
        if reason.endswith("not recognized."):
            reason = (
                f"there is no provider {provider!r}; a model's name begins with one: openai/, "
                "anthropic/, google/, openai-api/, hf/, vllm/, or embedded/, simulated/, recorded/"
            )
        raise InputError(f"{name}: {reason[:400] or type(error).__name__}") from None


def _patient(model: Model, patience: Patience) -> Model:
    """Make a model retry as we want it, and nobody below it."""
    api: Any = model.api
    providers_own = api.should_retry

    def should_retry(error: Exception) -> Any:
        if _used_up(error):
            return False  # it comes as a rate limit, but no waiting helps
        return providers_own(error) or isinstance(error, UNREADABLE)

    providers_generate = api.generate

    @functools.wraps(providers_generate)
    async def generate(*args: Any, **named: Any) -> Any:
        try:
            found = await providers_generate(*args, **named)
        except Exception as error:
            _drop_frames(error)
            raise
        if isinstance(found, tuple) and isinstance(found[0], Exception):
            _drop_frames(found[0])
        return found  # pyright: ignore[reportUnknownVariableType]

    api.generate, api.should_retry = generate, should_retry
    wait = _Wait(model, patience)
    api.retry_wait = lambda: wait
    client: Any = getattr(api, "client", None)
    if hasattr(client, "max_retries"):
        client.max_retries = 0  # else each of our attempts is three of the SDK's
    return model


def _drop_frames(error: BaseException | None) -> None:
    """Drop the stacks of an error and of its causes.

    Inspect draws them for its log, which takes half a second of our event loop for each error.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


async def generate(model: Model, request: Request, seed: int, extra: dict[str, Any]) -> Output:
    """Send a request and return its output.

    Runs in an asyncio task and context of its own: Inspect keeps every event of a context.
    """
    call = model.generate(
        chat_messages(request.messages),
        tools=tool_infos(request.params.tools),
        config=_config(request, seed, extra),
    )
    task = asyncio.create_task(call, context=contextvars.Context())
    try:
        output = await task
    except asyncio.CancelledError:
        task.cancel()
        raise
    return _output(output, request)


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
    if params.logprobs:
        config.logprobs, config.top_logprobs = True, TOP
    if params.schema is not None:
        schema = JSONSchema.model_validate(params.schema)
        config.response_schema = ResponseSchema(
            name=params.schema_name, json_schema=schema, strict=True
        )
    return config


def _output(output: ModelOutput, request: Request) -> Output:
    if output.error or not output.choices:
        raise NoOutput(output.error or "the provider returned no choice")
    usage, marks = output.usage, output.metadata or {}
    if output.stop_reason == "model_length" and usage is None:
        # Inspect gives the provider's complaint that the prompt is too long as if it were a text
        raise NoOutput(output.completion)
    details = output.choices[0].stop_details
    refused = details is not None and details.type == "refusal"
    version = [output.model, str(marks.get("system_fingerprint") or "")]
    used = None
    if usage is not None:
        cached = (usage.input_tokens_cache_read or 0) + (usage.input_tokens_cache_write or 0)
        used = usage.input_tokens + cached, usage.output_tokens
    if used is None or not all(0 <= n < 2**31 for n in used) or used == (0, 0):
        used = None  # a provider that does not say, or says nonsense
    text, stop_reason = storable(output.completion), str(output.stop_reason)
    if refused:  # a provider's own refusal field comes with "stop"; here one word says it
        stop_reason = "content_filter"
    elif request.params.logprobs:
        text, stop_reason = _options_text(output, request), LOGPROBS
    calls, parts = calls_of(output.choices[0].message)
    return Output(
        text=text,
        stop_reason=stop_reason,
        version=storable(" ".join(v for v in version if v))[:256],
        usage=used,
        calls=calls,
        parts=parts,
    )


def _options_text(output: ModelOutput, request: Request) -> str:
    """Return the log-probabilities of the options at the first place of the answer, as JSON.

    Tokens that differ in white space alone ("A", " A") are one option; an option that is not
    among the provider's most probable tokens is left out. Nothing: the provider tells none.
    """
    told = output.choices[0].logprobs
    if told is None or not told.content:
        return ""
    first = told.content[0]
    found: dict[str, float] = {}
    for one in first.top_logprobs or [first]:
        option = one.token.strip()
        if option in request.params.choices and math.isfinite(one.logprob):
            found[option] = _log_sum(found.get(option, -math.inf), one.logprob)
    # by option, not by probability: how the answers compare shall not depend on their order
    return json.dumps({c: round(found[c], 6) for c in request.params.choices if c in found})


def _log_sum(a: float, b: float) -> float:
    """Return log(exp(a) + exp(b)) for a finite b."""
    high = max(a, b)
    return high + math.log(math.exp(a - high) + math.exp(b - high))


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
            f"{model.model}: the provider refuses {'the key' if status == 401 else 'access'} "
            f"({status}: {detail}). Set a valid key in the environment and repeat the command; "
            "everything so far is stored",
            final=True,
            unbilled=True,
        )
    if status is not None and 300 <= status < 400:
        return Failure(
            f"{model.model}: the server sends on what it is asked ({status}: {detail}). Correct "
            "the address and repeat the command; everything so far is stored",
            final=True,
            unbilled=True,
        )
    if status == 404 and "tool" not in detail.lower():  # routers say so of models without tools
        return Failure(
            f"{model.model}: the provider does not know this model (404: {detail}). Correct the "
            "name and repeat the command; everything so far is stored",
            final=True,
            unbilled=True,
        )
    if status == 402 or _used_up(error):
        return Failure(
            f"{model.model}: the account's quota is used up ({detail}). Raise it and repeat the "
            "command; everything so far is stored",
            final=True,
            unbilled=True,
        )
    if status in (400, 404, 413, 422, 429):
        return Failure(f"{model.model}: {status}: {detail}", unbilled=True, unfit=status != 429)
    if isinstance(error, UNREADABLE):
        detail = f"the provider's reply cannot be read ({detail})"
    unbilled = model.provider in FREE or isinstance(error, NoOutput)
    return Failure(f"{model.model}: {detail}", unbilled=unbilled)


def _used_up(error: BaseException) -> bool:
    """Say whether an account has no money left; most providers call that a rate limit."""
    signs = ("insufficient_quota", "credit balance is too low")
    return any(sign in f"{getattr(error, 'code', '')} {error}" for sign in signs)


def _first_line(error: BaseException) -> str:
    # Inspect's own error begins with the whole request
    text = getattr(error, "provider_message", None) or str(error)
    line = next(iter(text.strip().splitlines()), type(error).__name__)
    line = re.sub(r"^Error code: \d+ - ", "", line)
    if line == "Connection error." and error.__cause__ is not None:
        line += f" {error.__cause__}"
    for name, value in os.environ.items():  # some providers repeat the key they refuse
        if len(value) > 7 and name.endswith(("_KEY", "_TOKEN")):
            line = line.replace(value, f"${name}")
    return line[:300].rstrip(". ")
