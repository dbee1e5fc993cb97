"""The short way to OpenAI-compatible servers: on the wire and after it, the same as Inspect's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.mock_provider import KEY, MockProvider
from valuecompass.errors import InputError
from valuecompass.models import Message, Params, Patience, Respondent
from valuecompass.models import inspect_bridge as bridge
from valuecompass.models.direct import DirectModel, Pace, proxy_of
from valuecompass.models.request import Request

PATIENCE = Patience(retries=1, attempt_timeout=5, timeout=20, first_wait=0.02)
SCHEMA = {
    "type": "object",
    "properties": {"degree": {"type": "integer", "minimum": 0, "description": "how much"}},
    "required": ["degree"],
    "additionalProperties": False,
}
Json = dict[str, Any]


def asked(model: str = "openai-api/mock/some-model", **params: Any) -> Request:
    messages = (Message("system", "Answer as a judge."), Message("user", "Wozu ein Museum? 😀"))
    return Request(Respondent(name=model, model=model), messages, Params(64, **params))


class Server:
    """Answers as told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str], Json]] = []
        self.reply: Json = completion("Because.")
        self.status = 200
        self.headers: dict[str, str] = {}
        self.url = ""
        self.raw: list[bytes] = []
        """Bodies sent before the reply."""

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append((str(request.url), dict(request.headers), await request.json()))
        if self.raw:
            return web.Response(body=self.raw.pop(), content_type="application/json")
        return web.json_response(self.reply, status=self.status, headers=self.headers)


def completion(text: str | None, finish: str = "stop", **message: Any) -> Json:
    told = {"role": "assistant", "content": text, **message}
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "some-model-2026-01",
        "choices": [{"index": 0, "message": told, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": 30,
            "completion_tokens": 12,
            "total_tokens": 42,
            "prompt_tokens_details": {"cached_tokens": 8},
        },
    }


@asynccontextmanager
async def serving(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_post("/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    monkeypatch.setenv("MOCK_API_KEY", KEY)
    monkeypatch.setenv("MOCK_BASE_URL", server.url)
    try:
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def both_ways() -> AsyncGenerator[tuple[bridge.Models, bridge.Models]]:
    short, inspects = bridge.Models(PATIENCE), bridge.Models(PATIENCE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bridge, "direct", lambda name, model, patience: model)
        for name in ("some-model", "gpt-5-nano", "o3-mini", "deepseek-r1"):
            inspects.get(f"openai-api/mock/{name}")
    try:
        yield short, inspects
    finally:
        await short.close()
        await inspects.close()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("model", "params"),
    [
        ("some-model", {}),
        ("some-model", {"temperature": 0.0, "top_p": 0.9}),
        ("some-model", {"schema": SCHEMA}),
        ("gpt-5-nano", {"reasoning_effort": "low"}),
        ("o3-mini", {"reasoning_effort": "high", "schema": SCHEMA}),
    ],
)
async def test_the_server_is_asked_what_inspect_would_ask(
    monkeypatch: pytest.MonkeyPatch, model: str, params: Json
) -> None:
    request = asked(f"openai-api/mock/{model}", **params)
    async with serving(monkeypatch) as server, both_ways() as ways:
        for models in ways:
            await bridge.generate(models.get(request.model.model), request, 7, {})
    (url, headers, body), (its_url, its_headers, its_body) = server.seen
    assert (url, body) == (its_url, its_body)
    for name in ("Authorization", "Content-Type"):
        assert headers[name] == its_headers[name]
    assert headers["User-Agent"].startswith("valuecompass/")
    assert its_headers["User-Agent"] != headers["User-Agent"]  # they were two ways


@pytest.mark.anyio
@pytest.mark.parametrize(
    "reply",
    [
        completion("Because."),
        completion("", "length"),
        completion(None, "content_filter"),
        completion(None, refusal="I would rather not."),
        completion("<think>a museum?</think>Because."),
        completion("Because.", reasoning_content="a museum?"),
        completion("half a text", "length"),
        {**completion("no usage"), "usage": None},
        {k: v for k, v in completion("bare").items() if k in ("model", "choices")},
        {**completion("x"), "choices": []},
        {**completion("x"), "choices": None},
        {**completion("x"), "choices": [{"index": 0}]},
        {"error": {"message": "overloaded", "code": 503}},
    ],
)
async def test_an_answer_is_read_as_inspect_reads_it(
    monkeypatch: pytest.MonkeyPatch, reply: Json
) -> None:
    request = asked()
    found: list[Any] = []
    async with serving(monkeypatch) as server, both_ways() as ways:
        server.reply = reply
        for models in ways:
            try:
                found.append(await bridge.generate(models.get(request.model.model), request, 7, {}))
            except Exception as error:
                found.append(bridge.classify(error, request.model).unbilled)
    assert found[0] == found[1]


@pytest.mark.anyio
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422, 429, 500, 503])
@pytest.mark.parametrize(
    "error",
    [
        {"message": "no such thing", "code": "some_code", "type": "some_type"},
        {"message": "too long", "code": "context_length_exceeded"},
        {"message": "not this", "code": "content_policy_violation"},
        "only a text",
    ],
)
async def test_a_fault_means_what_it_means_on_inspects_way(
    monkeypatch: pytest.MonkeyPatch, status: int, error: Any
) -> None:
    request = asked()
    found: list[Any] = []
    counts: list[int] = []
    async with serving(monkeypatch) as server, both_ways() as ways:
        server.status, server.reply = status, {"error": error}
        for models in ways:
            before = len(server.seen)
            try:
                found.append(await bridge.generate(models.get(request.model.model), request, 7, {}))
            except Exception as fault:
                told = bridge.classify(fault, request.model)
                found.append((told.final, told.unbilled))
            counts.append(len(server.seen) - before)
    assert found[0] == found[1] and counts[0] == counts[1]


@pytest.mark.anyio
async def test_the_key_does_not_follow_a_redirect(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as server, both_ways() as (short, _):
        server.status, server.headers = 307, {"Location": "http://elsewhere.example/v1"}
        request = asked()
        with pytest.raises(Exception, match="leads on to http://elsewhere") as caught:
            await bridge.generate(short.get(request.model.model), request, 7, {})
        assert len(server.seen) == 1
        failure = bridge.classify(caught.value, request.model)
        assert failure.final and failure.unbilled and "307" in failure.message


@pytest.mark.anyio
@pytest.mark.parametrize("status", [400, 402, 429])
async def test_an_account_without_money_stops_at_once(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    async with serving(monkeypatch) as server, both_ways() as (short, _):
        server.status = status
        server.reply = {"error": {"message": "pay first", "code": "insufficient_quota"}}
        request = asked()
        with pytest.raises(Exception, match="pay first") as caught:
            await bridge.generate(short.get(request.model.model), request, 7, {})
        assert len(server.seen) == 1
        assert bridge.classify(caught.value, request.model).final


@pytest.mark.anyio
async def test_a_proxy_of_the_environment_is_used_and_its_exceptions_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = asked()
    async with serving(monkeypatch) as server, both_ways() as (short, _):
        model = short.get(request.model.model)
        proxy = server.url.removesuffix("/v1")
        monkeypatch.setenv("MOCK_BASE_URL", "http://models.example/v1")
        async with both_ways() as (through, _):
            for name in ("http_proxy", "HTTP_PROXY"):
                monkeypatch.setenv(name, proxy)
            await bridge.generate(through.get(request.model.model), request, 7, {})
            (url, headers, _) = server.seen[-1]
            assert url == "http://models.example/v1/chat/completions"
            assert headers["Authorization"] == f"Bearer {KEY}"
        await bridge.generate(model, request, 7, {})  # 127.0.0.1 is an exception
        assert server.seen[-1][0].startswith(server.url)


def test_what_a_proxy_is_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert proxy_of("https://models.example/v1") is None
    monkeypatch.setenv("all_proxy", "http://one.example:3128")
    assert proxy_of("https://models.example/v1") == "http://one.example:3128"
    monkeypatch.setenv("https_proxy", "http://two.example:3128")
    assert proxy_of("https://models.example/v1") == "http://two.example:3128"
    monkeypatch.setenv("no_proxy", "models.example")
    assert proxy_of("https://models.example/v1") is None


def test_what_the_short_way_cannot_do_takes_inspects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCK_API_KEY", KEY)
    monkeypatch.setenv("MOCK_BASE_URL", "http://models.example/v1")
    assert isinstance(bridge.Models(PATIENCE).get("openai-api/mock/some-model"), DirectModel)
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:9")
    assert not isinstance(bridge.Models(PATIENCE).get("openai-api/mock/some-model"), DirectModel)
    assert not isinstance(bridge.Models(PATIENCE).get("simulated/schwartz"), DirectModel)
    monkeypatch.delenv("MOCK_BASE_URL")
    with pytest.raises(InputError, match="MOCK_BASE_URL"):
        bridge.Models(PATIENCE).get("openai-api/mock/some-model")


@pytest.mark.anyio
async def test_a_password_file_does_not_replace_the_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login me password secret\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    request = asked()
    async with serving(monkeypatch) as server, both_ways() as (short, _):
        await bridge.generate(short.get(request.model.model), request, 7, {})
        assert server.seen[0][1]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.anyio
async def test_a_request_that_waits_for_its_next_attempt_holds_no_place(
    mock_provider: MockProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "START", 1)
    monkeypatch.setattr(Pace, "MOST", 1)
    mock_provider.faults("rate_limit:contains=first,first_of_each=1,retry_after=1")
    models = bridge.Models(PATIENCE)
    name = "openai-api/mock/some-model"
    respondent = Respondent(name=name, model=name)
    took: dict[str, float] = {}

    async def ask(text: str) -> None:
        start = time.monotonic()
        request = Request(respondent, (Message("user", text),), Params(64))
        await bridge.generate(models.get(name), request, 7, {})
        took[text] = time.monotonic() - start

    await asyncio.gather(ask("first"), *(ask(f"other {n}") for n in range(5)))
    await models.close()
    assert took["first"] >= 1 and max(took[f"other {n}"] for n in range(5)) < 1
    assert mock_provider.stats()["peak_in_flight"] == 1


@pytest.mark.anyio
async def test_the_pace_grows_while_it_binds_and_shrinks_when_told_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pace = Pace()

    async def round_of(borrowed: int) -> int:
        tokens = [object() for _ in range(borrowed)]
        for token in tokens:
            await pace.places.acquire_on_behalf_of(token)
        for _ in range(int(pace.places.total_tokens)):
            pace.worked()
        for token in tokens:
            pace.places.release_on_behalf_of(token)
        return int(pace.places.total_tokens)

    assert await round_of(10) == 20  # nobody needs more
    assert [await round_of(20), await round_of(40), await round_of(80)] == [40, 80, 100]
    for _ in range(30):
        pace.refused()  # of one moment
    assert pace.places.total_tokens == 80
    assert await round_of(80) == 81
    monkeypatch.setattr(Pace, "REST", 0.0)
    for _ in range(60):
        pace.refused()
    assert pace.places.total_tokens == 1
    assert await round_of(1) == 2


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("MOCK_BASE_URL", "127.0.0.1:99/v1", "MOCK_BASE_URL: give an address"),
        ("MOCK_BASE_URL", "ftp://models.example/v1", "MOCK_BASE_URL: give an address"),
        ("MOCK_BASE_URL", "http://me:secret@models.example/v1", "MOCK_BASE_URL: give an address"),
        ("MOCK_API_KEY", "key\n", "MOCK_API_KEY: there is a sign"),
    ],
)
def test_an_address_or_key_that_cannot_be_sent_is_told_before_the_first_request(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, complaint: str
) -> None:
    monkeypatch.setenv("MOCK_API_KEY", KEY)
    monkeypatch.setenv("MOCK_BASE_URL", "http://models.example/v1")
    monkeypatch.setenv(variable, value)
    with pytest.raises(InputError, match=complaint) as caught:
        bridge.Models(PATIENCE).get("openai-api/mock/some-model")
    assert "secret" not in str(caught.value)


@pytest.mark.anyio
@pytest.mark.parametrize("raw", [b'{"choices": [\xff]}', b'{"n": ' + b"9" * 5_000 + b"}"])
async def test_a_body_that_cannot_be_read_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, raw: bytes
) -> None:
    async with serving(monkeypatch) as server, both_ways() as (short, _):
        server.raw = [raw]
        request = asked()
        found = await bridge.generate(short.get(request.model.model), request, 7, {})
        assert found.text == "Because." and len(server.seen) == 2
