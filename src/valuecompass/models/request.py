"""Requests and replies, and the key under which a reply is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from valuecompass.hashing import digest
from valuecompass.items import ToolSpec
from valuecompass.models.fingerprint import fingerprint
from valuecompass.models.spec import Respondent

Outcome = Literal["answer", "refusal", "empty"]
"""What a provider gave: an answer, a refusal to answer, or a text without a word in it.
A request that failed for good has no reply at all: it is missing."""


LOGPROBS = "logprobs"
"""Stop reason of an answer whose text is a JSON object: each option's log-probability.
No provider has this reason: a model that writes such an object has not given probabilities."""


@dataclass(frozen=True)
class Call:
    """A model's call of a tool."""

    id: str
    """The provider's."""
    name: str
    arguments: dict[str, Any]
    error: str | None = None
    """Why the arguments could not be read; then there are none."""

    def json(self) -> dict[str, Any]:
        """Return it as a JSON object, without an empty field."""
        return {k: v for k, v in vars(self).items() if v is not None}


@dataclass(frozen=True)
class Message:
    """One chat message.

    A message without calls is, in a request's key, what it was before there were any.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    calls: tuple[Call, ...] = ()
    """assistant: the tools it calls, if any."""
    parts: list[dict[str, Any]] | None = None
    """assistant, with calls: the content as Inspect writes it, where it holds more than text:
    reasoning, which providers want back with the results."""
    of: Call | None = None
    """tool: the call whose result this is."""

    def json(self) -> dict[str, Any]:
        """Return it as a JSON object, without empty fields."""
        found: dict[str, Any] = {"role": self.role, "content": self.content}
        if self.calls:
            found["calls"] = [call.json() for call in self.calls]
        if self.parts is not None:
            found["parts"] = self.parts
        if self.of is not None:
            found["of"] = self.of.json()
        return found

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Message:
        """Return the message of a `json`."""
        of = told.get("of")
        return cls(
            told["role"],
            told["content"],
            tuple(Call(**call) for call in told.get("calls", ())),
            told.get("parts"),
            None if of is None else Call(**of),
        )


@dataclass(frozen=True)
class Params:
    """What a request asks for beyond its messages."""

    max_tokens: int
    temperature: float | None = None
    top_p: float | None = None
    reasoning_effort: str | None = None
    choices: tuple[str, ...] = ()
    """The only answers wanted; the local engine is held to them by a grammar."""
    logprobs: bool = False
    """The answer is how probable each of the choices is, not a text that was sampled."""
    schema: dict[str, Any] | None = None
    """JSON schema of the answer, for providers with structured output."""
    schema_name: str = "answer"
    tools: tuple[ToolSpec, ...] = ()
    """Offered to the model, which may call them or not."""


@dataclass(frozen=True)
class Patience:
    """How long and how often a request is tried."""

    retries: int = 6
    attempt_timeout: int = 300
    """Seconds for one attempt; reasoning models think long."""
    timeout: int = 1_800
    """Seconds after which no further attempt begins."""
    first_wait: float = 1.0
    """Seconds before the second attempt; doubles, with jitter, up to a minute. A provider's
    Retry-After is honoured instead."""
    batch_tick: float = 15.0
    """Seconds between two looks at a provider's batches."""


@dataclass(frozen=True)
class Reply:
    """A stored reply."""

    key: str
    repeat: int
    text: str
    outcome: Outcome
    stop_reason: str
    version: str
    """What the provider says it ran: model version and fingerprint."""
    input_tokens: int
    output_tokens: int
    usd: float | None
    seconds: float
    cached: bool
    """True when it came from the store: no request was made now."""
    calls: tuple[Call, ...] = ()
    parts: list[dict[str, Any]] | None = None
    """As of a `Message`."""

    @property
    def message(self) -> Message:
        """The reply as a message of the conversation that goes on."""
        return Message("assistant", self.text, self.calls, self.parts)


@dataclass(frozen=True)
class Request:
    """One question to one model; equal content has an equal key."""

    model: Respondent
    messages: tuple[Message, ...]
    params: Params
    item: dict[str, Any] | None = field(default=None)
    """The item behind the question, for providers of ours that do not read (simulated,
    recorded); it enters the key for them alone."""

    @cached_property
    def key(self) -> str:
        """SHA-256 of the canonical request."""
        return digest(self.canonical())

    def canonical(self) -> dict[str, Any]:
        """Return everything that decides the answer as a JSON object."""
        params = {
            "max_tokens": self.params.max_tokens,
            "temperature": self.params.temperature,
            "top_p": self.params.top_p,
            "reasoning_effort": self.params.reasoning_effort,
            "choices": list(self.params.choices) or None,
            "logprobs": self.params.logprobs or None,
            "schema": self.params.schema,
            # what a tool returns is no part of what it is offered as
            "tools": [
                {"name": t.name, "description": t.description, "parameters": t.parameters}
                for t in self.params.tools
            ]
            or None,
        }
        body: dict[str, Any] = {
            "model": self.model.model,
            "messages": [m.json() for m in self.messages],
            "params": {k: v for k, v in params.items() if v is not None},
        }
        if self.model.occasion is not None:
            body["occasion"] = self.model.occasion
        if self.item is not None:
            body["item"] = self.item["id"]
        if (local := fingerprint(self.model.model)) is not None:
            body["file"] = local
        return body


def seed_for(key: str, repeat: int) -> int:
    """Return the sampling seed of a repeat: different for each, the same on every machine."""
    return int(digest([key, repeat], 8), 16) & 0x7FFFFFFF
