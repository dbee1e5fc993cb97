"""A local HTTP server that speaks OpenAI's chat-completions wire format, with faults on order.

Three ways to use it, all through Inspect's ``openai-api/mock/NAME`` models::

    async with MockProvider(Settings(faults=[Rule("rate_limit", first=2)])) as mock: ...
    with in_thread() as mock: ...                          # the fixture `mock_provider`
    with in_process("--fault", "hang:every=5") as mock: ...  # survives the tested process

Each gives ``url``, ``env``, ``stats()``, ``reset()`` and ``faults(...)``. By hand:
``python -m tests.support.mock_provider --port 0 --fault server_error:probability=0.2``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.support.answers import answer, flat
from tests.support.faults import (
    BODIES,
    BROKEN,
    ERRORS,
    Rule,
    error_body,
    parse_rule,
    spoil_body,
    spoil_choice,
)
from tests.support.mock_batches import Batches
from valuecompass.hashing import digest

KEY = "mock-key-not-a-secret"
ROOT = Path(__file__).parents[2]


@dataclass
class Settings:
    """How the server behaves; all of it can be changed while it runs."""

    faults: list[Rule] = field(default_factory=list[Rule])
    """Tried in order; the first that strikes decides."""
    latency_ms: float = 0
    """Waited before every answer and every error."""
    version: str | None = None
    """Appended to the model name that answers return: the dated model behind an alias."""
    fingerprint: str | None = "fp_mock_1"
    """`system_fingerprint` of every answer."""
    seed: int = 0
    """Of faults that strike with a probability."""

    @classmethod
    def parsed(cls, values: dict[str, Any]) -> Settings:
        """Read settings from JSON; a fault is an object or a string as on the command line."""
        rules = [
            parse_rule(f) if isinstance(f, str) else f if isinstance(f, Rule) else Rule(**f)
            for f in values.get("faults", [])
        ]
        settings: dict[str, Any] = {**values, "faults": rules}
        return cls(**settings)


@dataclass
class Tally:
    """What has been asked and answered since the last reset."""

    requests: int = 0
    completed: int = 0
    """Whole answers without a fault; a client killed at that moment may not have read its last."""
    in_flight: int = 0
    peak_in_flight: int = 0
    input_tokens: int = 0
    """Of completed answers, like `output_tokens`."""
    output_tokens: int = 0
    by_status: Counter[str] = field(default_factory=Counter[str])
    """By HTTP status; `hang`, `disconnect`, `cut` and `left` (the client went away) beside."""
    by_fault: Counter[str] = field(default_factory=Counter[str])
    by_model: Counter[str] = field(default_factory=Counter[str])
    by_body: Counter[str] = field(default_factory=Counter[str])
    """By the SHA-256 of the canonical JSON body (first 16 digits)."""
    completed_by_body: Counter[str] = field(default_factory=Counter[str])
    sdk_retries: int = 0
    """Requests that the client's SDK itself marked as a retry."""


class MockProvider:
    """The server; an async context manager that listens on 127.0.0.1."""

    def __init__(self, settings: Settings | None = None, port: int = 0) -> None:
        self.settings = settings or Settings()
        self.tally = Tally()
        self.port = port
        self.batches = Batches(self._answered_in_batch, KEY)

    @property
    def url(self) -> str:
        """Base URL for OpenAI clients."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def env(self) -> dict[str, str]:
        """Environment that makes `openai-api/mock/NAME` reach this server."""
        return {"MOCK_API_KEY": KEY, "MOCK_BASE_URL": self.url}

    @property
    def as_openai(self) -> dict[str, str]:
        """Environment that makes `openai/NAME` reach this server, whose batches it has, too."""
        return {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": self.url}

    def _answered_in_batch(self, body: dict[str, Any], body_hash: str) -> dict[str, Any]:
        completion = self._completion(body, body_hash)
        self._count_completed(completion, body_hash)
        return completion

    def stats(self) -> dict[str, Any]:
        """Return a copy of the tally, ready for JSON."""
        return {k: dict(v) if isinstance(v, Counter) else v for k, v in vars(self.tally).items()}

    def reset(self) -> None:
        """Start counting anew; requests in flight stay counted as such."""
        self.tally = Tally(in_flight=self.tally.in_flight, peak_in_flight=self.tally.in_flight)
        for rule in self.settings.faults:
            rule.seen = 0
            rule.seen_of_each.clear()

    def faults(self, *rules: str | Rule | dict[str, Any], **settings: Any) -> None:
        """Replace the faults, and any other settings given by name; no argument: no faults."""
        kept = {k: v for k, v in vars(self.settings).items() if k != "faults"}
        self.settings = Settings.parsed({**kept, **settings, "faults": rules})

    async def __aenter__(self) -> MockProvider:
        app = web.Application(client_max_size=64 * 2**20)
        app.add_routes(
            [
                web.post("/v1/chat/completions", self._chat),
                web.get("/v1/models", self._models),
                web.get("/_stats", self._get_stats),
                web.post("/_reset", self._post_reset),
                web.post("/_faults", self._post_faults),
                *self.batches.routes(),
            ]
        )
        # cancelled handlers are how a hanging request learns that its client has left
        self._runner = web.AppRunner(
            app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _models(self, _: web.Request) -> web.Response:
        names = sorted(self.tally.by_model) or ["some-model"]
        models = [{"id": n, "object": "model", "created": 0, "owned_by": "mock"} for n in names]
        return web.json_response({"object": "list", "data": models})

    async def _get_stats(self, _: web.Request) -> web.Response:
        return web.json_response(self.stats())

    async def _post_reset(self, _: web.Request) -> web.Response:
        self.reset()
        return web.json_response({})

    async def _post_faults(self, request: web.Request) -> web.Response:
        values = await request.json()
        try:
            self.faults(*values.pop("faults", []), **values)
        except (TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        tally = self.tally
        tally.requests += 1
        tally.in_flight += 1
        tally.peak_in_flight = max(tally.peak_in_flight, tally.in_flight)
        tally.sdk_retries += request.headers.get("x-stainless-retry-count", "0") != "0"
        try:
            return await self._respond(request)
        except asyncio.CancelledError:
            self.tally.by_status["left"] += 1
            raise
        finally:
            self.tally.in_flight -= 1

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        body_hash = digest(body, 16)
        self.tally.by_body[body_hash] += 1
        self.tally.by_model[str(body.get("model"))] += 1
        if problem := _unacceptable(body, request.headers.get("Authorization", "")):
            return self._send(request, *problem)
        # every rule counts every request, so that one rule does not shift another's count
        seed = self.settings.seed
        struck = [r for r in self.settings.faults if r.strikes(body, body_hash, seed)]
        rule = struck[0] if struck else None
        completion = self._completion(body, body_hash)
        if rule is not None:
            self.tally.by_fault[rule.fault] += 1
        if rule is None or rule.fault != "hang":
            await asyncio.sleep(self.settings.latency_ms / 1000)
        if rule is not None:
            return await self._fail(request, rule, body, body_hash, completion)
        self._count_completed(completion, body_hash)
        return self._send(request, 200, completion)

    def _count_completed(self, completion: dict[str, Any], body_hash: str) -> None:
        self.tally.completed += 1
        self.tally.completed_by_body[body_hash] += 1
        self.tally.input_tokens += completion["usage"]["prompt_tokens"]
        self.tally.output_tokens += completion["usage"]["completion_tokens"]

    async def _fail(
        self,
        request: web.Request,
        rule: Rule,
        body: dict[str, Any],
        body_hash: str,
        completion: dict[str, Any],
    ) -> web.StreamResponse:
        if rule.fault in ERRORS:
            status, error = error_body(rule.fault, body["model"])
            headers = {} if rule.retry_after is None else {"Retry-After": f"{rule.retry_after:g}"}
            return self._send(request, status, error, headers)
        if rule.fault in BROKEN:
            return await self._break(request, rule.fault, json.dumps(completion).encode())
        if rule.fault in BODIES:
            self.tally.by_status["200"] += 1
            data, kind = spoil_body(rule.fault, completion)
            return web.Response(body=data, content_type=kind)
        for choice in completion["choices"]:
            spoil_choice(rule.fault, choice, body_hash)
        completion["usage"] = _usage(body, completion["choices"])
        return self._send(request, 200, completion)

    async def _break(self, request: web.Request, how: str, data: bytes) -> web.StreamResponse:
        self.tally.by_status[how] += 1
        if how == "hang":
            await asyncio.Event().wait()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = len(data)
        if how == "cut":
            await response.prepare(request)
            await response.write(data[: len(data) // 2])
        if request.transport is not None:
            request.transport.close()
        return response

    def _send(
        self,
        request: web.Request,
        status: int,
        body: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> web.Response:
        self.tally.by_status[str(status)] += 1
        return web.json_response(body, status=status, headers=headers)

    def _completion(self, body: dict[str, Any], body_hash: str) -> dict[str, Any]:
        choices: list[dict[str, Any]] = []
        for index in range(body.get("n") or 1):
            said: str | dict[str, Any] = answer(body, index)
            # an answer with calls of tools is the message itself
            more = {"content": said} if isinstance(said, str) else said
            choices.append(
                {
                    "index": index,
                    "message": {"role": "assistant", "content": None, "refusal": None, **more},
                    "logprobs": _logprobs(body),
                    "finish_reason": "tool_calls" if "tool_calls" in more else "stop",
                }
            )
        version = self.settings.version
        return {
            "id": f"chatcmpl-{body_hash}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": body["model"] if version is None else f"{body['model']}-{version}",
            "system_fingerprint": self.settings.fingerprint,
            "choices": choices,
            "usage": _usage(body, choices),
        }


LOGPROBS = (("A", -0.7), (" B", -1.5), ("The", -2.0), ("B", -3.0), (" A", -4.0), ("C", -9.0))
"""What every answer's first token could have been."""


def _logprobs(body: dict[str, Any]) -> dict[str, Any] | None:
    if not body.get("logprobs"):
        return None
    tokens = [{"token": t, "logprob": p, "bytes": list(t.encode())} for t, p in LOGPROBS]
    first = tokens[0] | {"top_logprobs": tokens[: body["top_logprobs"]]}
    return {"content": [first], "refusal": None}


def _unacceptable(body: Any, authorization: str) -> tuple[int, dict[str, Any]] | None:
    """Return the error that a real server gives to a request that it cannot serve."""
    if authorization != f"Bearer {KEY}":
        return error_body("invalid_key", "")
    if not isinstance(body.get("model"), str) or not body.get("messages") or body.get("stream"):
        return error_body("bad_request", "")
    return None


def _usage(body: dict[str, Any], choices: list[dict[str, Any]]) -> dict[str, int]:
    """Return token counts: a quarter of the characters, at least one."""
    asked = sum(len(flat(message.get("content"))) for message in body["messages"])
    given = sum(len(choice["message"]["content"] or "") for choice in choices)
    prompt, completion = max(1, asked // 4), max(1, given // 4)
    total = prompt + completion
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}


@contextlib.contextmanager
def in_thread(settings: Settings | None = None) -> Generator[MockProvider]:
    """Serve from a thread with a loop of its own."""
    mock = MockProvider(settings)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(mock.__aenter__(), loop).result(10)
    try:
        yield mock
    finally:
        asyncio.run_coroutine_threadsafe(mock.__aexit__(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


class RemoteMock:
    """A mock provider in another process, with the same interface."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.env = {"MOCK_API_KEY": KEY, "MOCK_BASE_URL": url}
        self.as_openai = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": url}
        # never through a proxy from the environment: the server is on this machine
        self._http = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def stats(self) -> dict[str, Any]:
        """Return the server's tally."""
        return self._call("_stats")

    def reset(self) -> None:
        """Start counting anew."""
        self._call("_reset", {})

    def faults(self, *rules: str | dict[str, Any], **settings: Any) -> None:
        """Replace the faults, and any other settings given by name."""
        self._call("_faults", {"faults": rules, **settings})

    def _call(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        address = f"{self.url.removesuffix('/v1')}/{path}"
        with self._http.open(urllib.request.Request(address, data), timeout=10) as reply:
            return json.load(reply)


@contextlib.contextmanager
def in_process(*arguments: str) -> Generator[RemoteMock]:
    """Serve from a process of its own, started with these command-line arguments."""
    command = [sys.executable, "-m", "tests.support.mock_provider", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield RemoteMock(process.stdout.readline().strip())
        finally:
            process.kill()


async def _serve(settings: Settings, port: int) -> None:
    async with MockProvider(settings, port) as mock:
        print(mock.url, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Serve until interrupted; the first line printed is the base URL."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fault", action="append", default=[], help="NAME[:first=2,every=5,...]")
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--version")
    parser.add_argument("--fingerprint", default="fp_mock_1")
    parser.add_argument("--seed", type=int, default=0)
    arguments = vars(parser.parse_args())
    port, faults = arguments.pop("port"), arguments.pop("fault")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(Settings.parsed({**arguments, "faults": faults}), port))


if __name__ == "__main__":
    main()
