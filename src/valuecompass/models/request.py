"""Requests and replies, and the key under which a reply is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from valuecompass.hashing import digest
from valuecompass.models.fingerprint import fingerprint
from valuecompass.models.spec import Respondent

Outcome = Literal["answer", "refusal", "empty"]
"""What a provider gave: an answer, a refusal to answer, or a text without a word in it.
A request that failed for good has no reply at all: it is missing."""


@dataclass(frozen=True)
class Message:
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Params:
    """What a request asks for beyond its messages."""

    max_tokens: int
    temperature: float | None = None
    top_p: float | None = None
    reasoning_effort: str | None = None
    choices: tuple[str, ...] = ()
    """The only answers wanted; the local engine is held to them by a grammar."""
    schema: dict[str, Any] | None = None
    """JSON schema of the answer, for providers with structured output."""
    schema_name: str = "answer"


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
            "schema": self.params.schema,
        }
        body: dict[str, Any] = {
            "model": self.model.model,
            "messages": [{"role": m.role, "content": m.content} for m in self.messages],
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
