"""A short way to OpenAI-compatible servers: Inspect's translation at both ends, aiohttp between.

What Inspect and the SDK do between writing a request and reading its reply (events for a log,
copies of the configuration, transforms of types, another HTTP client) takes nine tenths of the
processor time of a call (design/engine.md). Faults are raised as the SDK raises them, so that the
same rules say what is tried again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import anyio
import httpx2
import openai
from inspect_ai.model import (
    ChatMessage,
    GenerateConfig,
    Model,
    ModelAPI,
    ModelOutput,
)
from inspect_ai.model._openai import model_output_from_openai
from openai.types.chat import ChatCompletion
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, stop_after_delay

import valuecompass
from valuecompass.errors import InputError
from valuecompass.models.request import Patience

PROVIDER = "openai-api/"
RETURNED = (400, 403, 413, 422)
"""Statuses that Inspect looks into: a filter's refusal comes as one of them."""


class DirectModel(Model):
    """A model of Inspect whose plain requests take the short way.

    Requests with tools, and what else `Model.generate` can be told, take Inspect's own.
    """

    def __init__(self, model: Model, patience: Patience) -> None:
        super().__init__(model.api, model.config, model.model_args)
        self._line = _Line(model.api)
        self._patience = patience

    async def generate(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        input: list[ChatMessage],
        tools: Sequence[Any] = (),
        config: GenerateConfig | None = None,
        **more: Any,
    ) -> ModelOutput:
        """Send a request, repeating it as its patience allows.

        Raises:
            openai.APIError: the last fault.
        """
        config = config or GenerateConfig()
        if tools or more:
            return await super().generate(input, list(tools), config=config, **more)
        api: Any = self.api
        body = api.completion_params(config=config, tools=False)
        body |= body.pop("extra_body", {})
        body["messages"] = await api.messages_to_openai(input)
        data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        tries = AsyncRetrying(
            retry=retry_if_exception(lambda error: bool(api.should_retry(error))),
            wait=api.retry_wait(),
            stop=stop_after_attempt(self._patience.retries + 1)
            | stop_after_delay(self._patience.timeout),
            reraise=True,
        )
        return await tries(self._line.attempt, data, self._patience.attempt_timeout)

    async def close(self) -> None:
        """Close the connections."""
        await self._line.close()


class Pace:
    """How many requests are out at once: grows while none is turned away, shrinks at a 429.

    Doubles from round to round until a provider first complains, then grows by one; the figures are
    those of Inspect's own controller. A request that waits for its next attempt holds no place.
    """

    START, MOST, LESS, REST = 20, 100, 0.8, 15.0

    def __init__(self) -> None:
        self.places = anyio.CapacityLimiter(self.START)
        self._good = 0
        self._cut = float("-inf")

    def worked(self) -> None:
        """Hear of an answer."""
        self._good += 1
        limit = int(self.places.total_tokens)
        if self._good < limit:
            return
        self._good = 0
        # a limit that nobody comes near says nothing of the provider's
        if self.places.borrowed_tokens >= 0.8 * limit:
            more = limit if self._cut == float("-inf") else 1
            self.places.total_tokens = min(self.MOST, limit + more)

    def refused(self) -> None:
        """Hear of a 429; those of one moment count once."""
        self._good = 0
        if (now := time.monotonic()) - self._cut >= self.REST:
            self._cut = now
            self.places.total_tokens = max(1, int(self.LESS * self.places.total_tokens))


class _Line:
    """The connections to one server for one model."""

    def __init__(self, api: ModelAPI) -> None:
        self._api: Any = api
        self._url = f"{str(api.base_url).rstrip('/')}/chat/completions"
        self._proxy = proxy_of(self._url)
        self._pace: Pace | None = None
        self._session: aiohttp.ClientSession | None = None

    async def attempt(self, data: bytes, seconds: float) -> ModelOutput:
        """Send a request once.

        Args:
            data: its body.
            seconds: after which the attempt is given up.

        Raises:
            openai.APIError: a fault of the server or on the way to it.
            TypeError, ValueError: the reply cannot be read.
        """
        pace = self._pace = self._pace or Pace()  # it belongs to the loop that runs now
        async with pace.places:
            status, headers, raw = await self._post(data, seconds)
        if status == 429:
            pace.refused()
        else:
            pace.worked()
        return self._read(status, headers, raw)

    async def _post(self, data: bytes, seconds: float) -> tuple[int, list[Any], bytes]:
        try:
            async with self._opened().post(
                self._url,
                data=data,
                headers={"Authorization": f"Bearer {self._api.api_key}"},
                timeout=aiohttp.ClientTimeout(total=seconds),
                allow_redirects=False,  # the key goes to the address that was named, to no other
                proxy=self._proxy,
            ) as response:
                return response.status, list(response.headers.items()), await response.read()
        except TimeoutError as error:
            raise openai.APITimeoutError(self._request()) from error
        except (aiohttp.ClientError, OSError) as error:
            raise openai.APIConnectionError(request=self._request()) from error

    def _request(self) -> httpx2.Request:
        return httpx2.Request("POST", self._url)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # the limit is the pace; certificates are trusted as on Inspect's own way
            connector = aiohttp.TCPConnector(limit=0, ssl=httpx2.create_ssl_context())
            headers = {
                "Content-Type": "application/json",
                "User-Agent": f"valuecompass/{valuecompass.__version__}",
            }
            self._session = aiohttp.ClientSession(connector=connector, headers=headers)
        return self._session

    def _read(self, status: int, headers: list[Any], raw: bytes) -> ModelOutput:
        if status >= 300:
            error = self._fault(status, headers, raw)
            found = self._api.handle_bad_request(error) if status in RETURNED else error
            if isinstance(found, Exception):
                raise found
            return found
        try:
            body = json.loads(raw)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:  # no UTF-8, or a number without end
            raise TypeError(str(error)) from None
        if not isinstance(body, dict):
            raise TypeError("it is no JSON object")
        try:
            # as the SDK reads it: servers leave out what the standard demands
            completion = ChatCompletion.construct(**cast(Any, body))
            choices = self._api.chat_choices_from_completion(completion, [])
            return model_output_from_openai(completion, choices)
        except (AttributeError, KeyError, ValueError) as error:
            raise TypeError(f"{type(error).__name__}: {error}") from None

    def _fault(self, status: int, headers: list[Any], raw: bytes) -> openai.APIStatusError:
        response = httpx2.Response(status, headers=headers, request=self._request())
        text = raw.decode("utf-8", "replace").strip()
        body: object = _error_of(raw)
        if isinstance(body, dict):
            text = str(cast(dict[str, Any], body).get("message", text))
        if 300 <= status < 400:
            text = f"it leads on to {response.headers.get('Location')}"
        return openai.APIStatusError(
            f"Error code: {status} - {text[:1_000]}", response=response, body=cast(object, body)
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _error_of(raw: bytes) -> Any:
    """Return what a server says of a fault; most put it into a field of its own."""
    try:
        body: Any = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return body.get("error", body) if isinstance(body, dict) else body  # pyright: ignore


def proxy_of(url: str) -> str | None:
    """Return the proxy that the environment names for an address.

    Not left to aiohttp, which would also look for a password of the server in a file of the user's
    and send it in place of the key.
    """
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def direct(name: str, model: Model, patience: Patience) -> Model:
    """Return a model that takes the short way where there is one, else the model itself.

    Raises:
        InputError: the environment's address or key cannot be used.
    """
    if not name.startswith(PROVIDER):
        return model
    api: Any = model.api
    variable = f"{api.service.upper().replace('-', '_')}"
    address = urlsplit(str(api.base_url))
    if address.scheme not in ("http", "https") or not address.hostname or address.username:
        raise InputError(
            f"{name}: {variable}_BASE_URL: give an address such as https://host/v1, without a "
            "name or password in it"
        )
    if not str(api.api_key).isprintable() or not str(api.api_key).isascii():
        raise InputError(f"{name}: {variable}_API_KEY: there is a sign in it that no key has")
    proxy = proxy_of(str(model.api.base_url))
    if proxy is not None and not proxy.startswith(("http://", "https://")):
        return model  # SOCKS, that aiohttp does not speak
    return DirectModel(model, patience)
