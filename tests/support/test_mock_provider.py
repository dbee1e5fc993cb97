"""The mock speaks the wire format, strikes as told, and Inspect reacts as design notes say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from json import JSONDecodeError
from typing import Any, cast

import anyio
import jsonschema
import openai
import pytest
from inspect_ai.model import (
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelCall,
    ModelOutput,
    ResponseSchema,
    get_model,
)
from inspect_ai.model import _retry as inspect_retry
from inspect_ai.model._model import AttemptTimeoutError, ModelGenerateError
from inspect_ai.model._openai import OpenAIResponseError
from inspect_ai.util import JSONSchema
from tenacity import RetryError, wait_fixed

from tests.support.faults import FAULTS, GARBAGE, HUGE
from tests.support.mock_provider import KEY, ROOT, MockProvider, Settings, in_process

pytestmark = pytest.mark.anyio

VERDICT = JSONSchema(
    type="object",
    properties={
        "verdicts": JSONSchema(
            type="array",
            items=JSONSchema(
                type="object",
                properties={
                    "dimension": JSONSchema(type="string", enum=["Power", "Security"]),
                    "expressed": JSONSchema(type="number"),
                    "evidence": JSONSchema(type="string"),
                },
                required=["dimension", "expressed", "evidence"],
                additionalProperties=False,
            ),
        )
    },
    required=["verdicts"],
    additionalProperties=False,
)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The seconds that Inspect would have waited between attempts; nobody waits."""
    seconds: list[float] = []

    async def note(wait: float) -> None:
        seconds.append(wait)

    monkeypatch.setattr(inspect_retry, "_sleep", note)
    yield seconds


def model(name: str = "some-model", sdk_retries: int = 0, **config: Any) -> Model:
    config.setdefault("max_retries", 0)
    return get_model(
        f"openai-api/mock/{name}",
        config=GenerateConfig(**config),
        memoize=False,
        max_retries=sdk_retries,
    )


async def ask(
    prompt: str = "Should towns ban cars?", structured: bool = False, **config: Any
) -> ModelOutput:
    if structured:
        config["response_schema"] = ResponseSchema(name="verdicts", json_schema=VERDICT)
    return await model(**config).generate(prompt)


async def test_an_ordinary_answer(mock_provider: MockProvider) -> None:
    out = await ask()
    lines = out.completion.splitlines()
    assert lines[1] in ("Stance: yes", "Stance: no")
    assert [line[:2] for line in lines[2:]] == ["1.", "2.", "3."]
    assert 2 <= lines[0].count(".") <= 4
    assert out.stop_reason == "stop" and out.model == "some-model"
    assert out.usage is not None and out.usage.output_tokens == len(out.completion) // 4
    assert mock_provider.stats()["completed"] == 1


async def test_an_answer_depends_on_messages_seed_temperature_and_model_only(
    mock_provider: MockProvider,
) -> None:
    first = await ask(seed=1, temperature=0.7)
    assert (await ask(seed=1, temperature=0.7)).completion == first.completion
    changes: list[dict[str, Any]] = [
        {"seed": 2},
        {"temperature": 0.1},
        {"name": "other"},
        {"prompt": "And trams?"},
    ]
    for change in changes:
        other = await ask(**{"seed": 1, "temperature": 0.7, **change})
        assert other.completion != first.completion
    assert sorted(mock_provider.stats()["by_body"].values()) == [1, 1, 1, 1, 2]


@pytest.mark.parametrize(
    ("prompt", "allowed"),
    [
        ("Which one? Answer with A or B only.", {"A", "B"}),
        ("Reply with one letter, 'A' or 'B'.", {"A", "B"}),
        ("Option A: sail. Option B: walk. Answer A or option B.", {"A", "B"}),
        ("Rate it as a number from 1 (never) to 6 (always).", set("123456")),
        ("Give a single number between 0 and 3.", set("0123")),
        ("Your rating on a 1-5 scale:", set("12345")),
    ],
)
async def test_asked_for_a_letter_or_a_number_it_gives_one(
    mock_provider: MockProvider, prompt: str, allowed: set[str]
) -> None:
    asked = model()
    configs = [GenerateConfig(seed=seed) for seed in range(30)]
    seen = {(await asked.generate(prompt, config=config)).completion for config in configs}
    assert len(seen) > 1 and seen <= allowed


async def test_a_structured_answer_satisfies_its_schema(mock_provider: MockProvider) -> None:
    prompt = "Judge this text. Fences keep the town safe. A mayor must decide."
    out = await ask(prompt, structured=True)
    value = json.loads(out.completion)
    jsonschema.validate(value, VERDICT.model_dump(exclude_none=True))
    assert value["verdicts"] and all(v["evidence"] in prompt for v in value["verdicts"])


# Faults as Inspect shows them; design/provider-faults.md is the table in prose.
# fault -> status, the error that Inspect retries, what api.should_retry says of it
RETRIED: dict[str, tuple[int | None, type[Exception], str]] = {
    "rate_limit": (429, openai.RateLimitError, "rate_limit"),
    "insufficient_quota": (429, openai.RateLimitError, "rate_limit"),
    "server_error": (500, openai.InternalServerError, "transient"),
    "unavailable": (503, openai.InternalServerError, "transient"),
    "disconnect": (None, openai.APIConnectionError, "transient"),
    "cut": (None, openai.APIConnectionError, "transient"),
    "not_object": (None, OpenAIResponseError, "transient"),
    "html": (None, OpenAIResponseError, "transient"),
}
RAISED: dict[str, tuple[int | None, type[Exception]]] = {
    "wrong_model": (404, openai.NotFoundError),
    "invalid_key": (401, openai.AuthenticationError),
    "forbidden": (403, ModelGenerateError),
    "bad_request": (400, ModelGenerateError),
    "truncated_json": (None, JSONDecodeError),
    "no_choices": (None, TypeError),
}
RETURNED = {
    "context_length": "model_length",
    "policy": "content_filter",
    "empty": "stop",
    "null_content": "stop",
    "huge": "stop",
    "content_filter": "content_filter",
    "length": "max_tokens",
    "refusal": "stop",
}


def test_every_fault_is_covered() -> None:
    covered = {*RETRIED, *RAISED, *RETURNED, *GARBAGE, "judge_garbage", "hang"}
    assert covered == set(FAULTS)


@pytest.mark.parametrize("fault", RETRIED)
async def test_retried_faults_end_in_a_retry_error(
    mock_provider: MockProvider, waits: list[float], fault: str
) -> None:
    status, kind, decision = RETRIED[fault]
    mock_provider.faults(fault)
    asked = model(max_retries=1)
    with pytest.raises(RetryError) as caught:
        await asked.generate("Why?")
    error = caught.value.last_attempt.exception()
    assert isinstance(error, Exception)
    assert caught.value.__cause__ is error
    assert type(error) is kind
    assert getattr(error, "status_code", None) == status
    judged: Any = asked.api.should_retry(error)
    assert judged and judged.kind == decision
    # the wrapper itself is not recognised: unwrap before asking
    assert not asked.api.should_retry(caught.value)
    assert mock_provider.stats()["requests"] == 2
    assert len(waits) == 1 and 3 <= waits[0] <= 6


@pytest.mark.parametrize("fault", RAISED)
async def test_other_errors_are_raised_at_once(
    mock_provider: MockProvider, waits: list[float], fault: str
) -> None:
    status, kind = RAISED[fault]
    mock_provider.faults(fault)
    asked = model(max_retries=3, sdk_retries=2)
    with pytest.raises(kind) as caught:
        await asked.generate("Why?")
    assert type(caught.value) is kind
    assert getattr(caught.value, "status_code", None) == status
    assert not asked.api.should_retry(caught.value)
    assert asked.api.is_auth_failure(caught.value) == (fault == "invalid_key")
    assert mock_provider.stats()["requests"] == 1 and waits == []


async def test_error_bodies_keep_their_code(mock_provider: MockProvider) -> None:
    mock_provider.faults("wrong_model")
    with pytest.raises(openai.NotFoundError) as not_found:
        await ask(name="gpt-9")
    assert not_found.value.code == "model_not_found" and "gpt-9" in str(not_found.value)
    mock_provider.faults("bad_request")
    with pytest.raises(ModelGenerateError) as refused:
        await ask()
    assert isinstance(refused.value.__cause__, openai.BadRequestError)
    assert refused.value.provider_message == "Error code: 400 - Unsupported value."


@pytest.mark.parametrize("fault", RETURNED)
async def test_some_faults_are_answers_to_inspect(mock_provider: MockProvider, fault: str) -> None:
    mock_provider.faults(fault)
    out = await ask()
    assert out.stop_reason == RETURNED[fault]
    assert (out.usage is None) == (fault in ("context_length", "policy"))
    assert (out.completion == "") == (fault in ("empty", "null_content", "content_filter"))
    refused = out.choices[0].stop_details
    assert (refused is not None and refused.type == "refusal") == (fault in ("policy", "refusal"))
    if fault == "huge":
        assert len(out.completion) == HUGE


@pytest.mark.parametrize("fault", GARBAGE)
async def test_garbage_breaks_the_schema_but_not_inspect(
    mock_provider: MockProvider, fault: str
) -> None:
    mock_provider.faults(fault)
    assert "Stance" in (await ask()).completion
    out = await ask(structured=True)
    assert out.stop_reason == "stop"
    with pytest.raises((JSONDecodeError, RecursionError, AssertionError)):
        value = json.loads(out.completion)
        try:
            jsonschema.validate(value, VERDICT.model_dump(exclude_none=True))
        except jsonschema.ValidationError as error:
            raise AssertionError from error
        numbers = [verdict["expressed"] for verdict in value["verdicts"]]
        assert all(0 <= number <= 1 for number in numbers)


async def test_the_sdk_retries_by_itself_unless_told_not_to(
    mock_provider: MockProvider, waits: list[float]
) -> None:
    mock_provider.faults("server_error")
    for sdk, inspect, requests in [(0, 0, 1), (0, 2, 3), (1, 0, 2), (1, 1, 4)]:
        mock_provider.reset()
        with pytest.raises(RetryError):
            await ask(sdk_retries=sdk, max_retries=inspect)
        assert mock_provider.stats()["requests"] == requests
        assert mock_provider.stats()["sdk_retries"] == sdk * (inspect + 1)


async def test_inspect_reads_retry_after_but_does_not_obey_it(
    mock_provider: MockProvider, waits: list[float]
) -> None:
    for header, told in [("retry_after=1", 1.0), ("retry_after=0", None)]:
        mock_provider.faults(f"rate_limit:{header}")
        asked = model(max_retries=1)
        with pytest.raises(RetryError) as caught:
            await asked.generate("Why?")
        decision: Any = asked.api.should_retry(caught.value.last_attempt.exception())
        assert decision.retry_after == told
    assert all(3 <= wait <= 6 for wait in waits)


async def test_a_hanging_request_ends_only_by_a_timeout_of_the_attempt(
    mock_provider: MockProvider, waits: list[float]
) -> None:
    mock_provider.faults("hang")
    with anyio.move_on_after(1.5) as scope:
        await ask(timeout=1)
    assert scope.cancelled_caught, "`timeout` does not interrupt an attempt"
    asked = model(attempt_timeout=1)
    with pytest.raises(RetryError) as caught:
        await asked.generate("Why?")
    error = caught.value.last_attempt.exception()
    assert type(error) is AttemptTimeoutError
    assert asked.should_retry(error) and not asked.api.should_retry(error)
    await anyio.sleep(0.05)
    stats = mock_provider.stats()
    assert stats["by_status"] == {"hang": 2, "left": 2} and stats["in_flight"] == 0


async def test_a_request_keeps_its_connection_slot_while_it_waits_to_retry(
    mock_provider: MockProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock_provider.faults("server_error:contains=first")
    waiting = anyio.Event()

    async def wait_for_good(_: float) -> None:
        waiting.set()
        await anyio.sleep_forever()

    monkeypatch.setattr(inspect_retry, "_sleep", wait_for_good)
    asked = model("one-slot", max_connections=1, max_retries=1)
    async with anyio.create_task_group() as group:
        group.start_soon(asked.generate, "the first")
        await waiting.wait()
        with anyio.move_on_after(0.3) as scope:
            await asked.generate("the second")
        group.cancel_scope.cancel()
    assert scope.cancelled_caught and mock_provider.stats()["requests"] == 1


async def test_retry_wait_can_be_replaced(mock_provider: MockProvider, waits: list[float]) -> None:
    mock_provider.faults("server_error:first=2")
    asked = model(max_retries=2)
    api: Any = asked.api
    api.retry_wait = lambda: wait_fixed(0.25)
    assert (await asked.generate("Why?")).completion
    assert waits == [0.25, 0.25]


async def test_the_fingerprint_is_in_the_call_not_in_the_output(
    mock_provider: MockProvider,
) -> None:
    asked = model()
    out, call = cast(
        tuple[ModelOutput, ModelCall],
        await asked.api.generate([ChatMessageUser(content="Why?")], [], "none", GenerateConfig()),
    )
    assert "fp_mock_1" not in out.model_dump_json()
    assert cast(dict[str, Any], call.response)["system_fingerprint"] == "fp_mock_1"


async def test_concurrency_is_bounded_by_max_connections(mock_provider: MockProvider) -> None:
    mock_provider.faults(latency_ms=20)
    asked = model("bounded", max_connections=3)
    async with anyio.create_task_group() as group:
        for number in range(12):
            group.start_soon(asked.generate, f"Question {number}?")
    assert mock_provider.stats()["peak_in_flight"] == 3


async def test_a_key_expires_and_a_wrong_key_never_works(mock_provider: MockProvider) -> None:
    mock_provider.faults("invalid_key:after=2")
    await ask("One?")
    await ask("Two?")
    with pytest.raises(openai.AuthenticationError):
        await ask("Three?")
    mock_provider.faults()
    await ask("Four?")
    os.environ["MOCK_API_KEY"] = "another"
    with pytest.raises(openai.AuthenticationError):
        await ask("Five?")


async def test_an_alias_drifts(mock_provider: MockProvider) -> None:
    asked = model("alias")
    mock_provider.faults(version="2026-05-01", fingerprint="fp_a")
    assert (await asked.generate("Why?")).model == "alias-2026-05-01"
    mock_provider.faults(version="2026-11-01", fingerprint="fp_b")
    assert (await asked.generate("Why?")).model == "alias-2026-11-01"
    async with openai.AsyncOpenAI(api_key=KEY, base_url=mock_provider.url) as client:
        answer = await client.chat.completions.create(
            model="alias", messages=[{"role": "user", "content": "Why?"}]
        )
        assert answer.system_fingerprint == "fp_b"
        assert [listed.id async for listed in client.models.list()] == ["alias"]


async def test_the_async_context_manager_serves_in_the_same_loop() -> None:
    async with MockProvider(Settings(latency_ms=1)) as mock:
        asked = get_model("openai-api/mock/inline", base_url=mock.url, api_key=KEY, memoize=False)
        assert (await asked.generate("Why?")).completion
        assert mock.stats()["completed"] == 1


def test_a_process_of_its_own_survives_its_client() -> None:
    with in_process("--fault", "server_error:first=1", "--latency-ms", "1") as mock:
        script = (
            "import openai;"
            f"openai.OpenAI(api_key={KEY!r}, base_url={mock.url!r}, max_retries=1)"
            ".chat.completions.create(model='m', messages=[{'role':'user','content':'Why?'}])"
        )
        subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
        stats = mock.stats()
        assert stats["by_status"] == {"500": 1, "200": 1} and stats["sdk_retries"] == 1
        mock.faults("hang", {"fault": "server_error", "first": 1}, latency_ms=2)
        mock.reset()
        assert mock.stats()["requests"] == 0
