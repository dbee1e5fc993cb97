"""What can go wrong with a provider: which requests a fault strikes, and what it does to them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from tests.support.answers import REASONS, pick
from valuecompass.hashing import digest

ERRORS: dict[str, tuple[int, str, str | None, str]] = {
    # fault: status, type, code, message ({model} is filled in)
    "rate_limit": (429, "requests", "rate_limit_exceeded", "Rate limit reached for {model}."),
    "insufficient_quota": (
        429,
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "server_error": (500, "server_error", None, "The server had an error."),
    "unavailable": (503, "server_error", None, "The engine is currently overloaded."),
    "wrong_model": (
        404,
        "invalid_request_error",
        "model_not_found",
        "The model `{model}` does not exist or you do not have access to it.",
    ),
    "invalid_key": (
        401,
        "invalid_request_error",
        "invalid_api_key",
        "Incorrect API key provided: mock****key.",
    ),
    "forbidden": (403, "permission_error", "unsupported_country", "Country not supported."),
    "bad_request": (400, "invalid_request_error", "unsupported_value", "Unsupported value."),
    "context_length": (
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "This model's maximum context length is 4096 tokens.",
    ),
    "policy": (
        400,
        "invalid_request_error",
        "content_policy_violation",
        "Your request was rejected by our safety system.",
    ),
}
BROKEN = ("hang", "disconnect", "cut")
"""No whole HTTP response: no answer until the client leaves, closed at once, closed half-way."""
BODIES = ("truncated_json", "not_object", "html", "no_choices")
"""Status 200 with a body that is not a chat completion."""
CONTENTS = ("empty", "null_content", "huge", "content_filter", "length", "refusal")
"""A well-formed chat completion whose content is unusual."""
GARBAGE = (
    "judge_prose",
    "judge_fenced",
    "judge_extra_keys",
    "judge_wrong_dimension",
    "judge_nan",
    "judge_out_of_range",
    "judge_deep",
    "judge_truncated",
)
"""A structured answer that breaks its schema; strikes only requests with a response_format."""
FAULTS = (*ERRORS, *BROKEN, *BODIES, *CONTENTS, *GARBAGE, "judge_garbage")
HUGE = 1_000_000


@dataclass
class Rule:
    """One fault and the requests it strikes: those that meet every condition given.

    Counting conditions count the requests that the rule could strike (`only`, `model`,
    `contains`, `turns`), not all requests.
    """

    fault: str
    first: int | None = None
    """Strike the first n requests."""
    first_of_each: int | None = None
    """Strike the first n times each request body comes."""
    every: int | None = None
    """Strike every k-th request."""
    after: int | None = None
    """Strike every request after the first n."""
    probability: float | None = None
    """Strike at random; drawn from the body and how often it came, whatever the order."""
    only: Literal["plain", "structured", "tools"] | None = None
    """Strike requests without, or with, a response_format; or with tools."""
    model: str | None = None
    contains: str | None = None
    """Strike requests whose messages contain this text."""
    turns: int | None = None
    """Strike requests of so many messages."""
    retry_after: float | None = None
    """Retry-After header in seconds, on error statuses."""
    seen: int = 0
    seen_of_each: Counter[str] = field(default_factory=Counter[str])

    def __post_init__(self) -> None:
        if self.fault not in FAULTS:
            raise ValueError(f"unknown fault {self.fault!r}; known: {', '.join(FAULTS)}")
        if self.fault in (*GARBAGE, "judge_garbage"):
            self.only = "structured"

    def strikes(self, body: dict[str, Any], body_hash: str, seed: int) -> bool:
        """Count a request and say whether this rule strikes it."""
        structured = "response_format" in body
        if self.only == "tools" and not body.get("tools"):
            return False
        if self.only in ("plain", "structured") and structured != (self.only == "structured"):
            return False
        if self.model is not None and body["model"] != self.model:
            return False
        if self.contains is not None and self.contains not in json.dumps(
            body["messages"], ensure_ascii=False
        ):
            return False
        if self.turns is not None and self.turns != len(body["messages"]):
            return False
        self.seen += 1
        self.seen_of_each[body_hash] += 1
        times = self.seen_of_each[body_hash]
        draw = int(digest([seed, self.fault, body_hash, times], 12), 16) / 16**12
        return (
            (self.first is None or self.seen <= self.first)
            and (self.first_of_each is None or times <= self.first_of_each)
            and (self.every is None or self.seen % self.every == 0)
            and (self.after is None or self.seen > self.after)
            and (self.probability is None or draw < self.probability)
        )


def parse_rule(text: str) -> Rule:
    """Read ``NAME`` or ``NAME:first=2,retry_after=1`` as written on the command line."""
    name, _, conditions = text.partition(":")
    values: dict[str, Any] = {}
    for condition in filter(None, conditions.split(",")):
        key, _, value = condition.partition("=")
        if key not in {f.name for f in fields(Rule)} - {"fault", "seen", "seen_of_each"}:
            raise ValueError(f"unknown condition {key!r} in {text!r}")
        try:
            values[key] = json.loads(value)
        except json.JSONDecodeError:
            values[key] = value
    return Rule(name, **values)


def error_body(fault: str, model: str) -> tuple[int, dict[str, Any]]:
    """Return the status and the OpenAI error body of a fault."""
    status, kind, code, message = ERRORS[fault]
    text = message.format(model=model)
    return status, {"error": {"message": text, "type": kind, "param": None, "code": code}}


def spoil_body(fault: str, completion: dict[str, Any]) -> tuple[bytes, str]:
    """Return body and content type of a 200 response that is not a chat completion."""
    whole = json.dumps(completion).encode()
    match fault:
        case "truncated_json":
            return whole[: len(whole) // 2], "application/json"
        case "not_object":
            return json.dumps("overloaded, come back later").encode(), "application/json"
        case "html":
            return b"<html><body>Please log in to the network.</body></html>", "text/html"
        case _:
            return json.dumps(completion | {"choices": None}).encode(), "application/json"


def spoil_choice(fault: str, choice: dict[str, Any], body_hash: str) -> None:
    """Change one choice of a completion in place."""
    message = choice["message"]
    match fault:
        case "empty":
            message["content"] = ""
        case "null_content":
            message["content"] = None
        case "huge":
            message["content"] = (" ".join(REASONS) * (HUGE // 500))[:HUGE]
        case "content_filter":
            message["content"], choice["finish_reason"] = "", "content_filter"
        case "length":
            message["content"] = message["content"][: len(message["content"]) // 2]
            choice["finish_reason"] = "length"
        case "refusal":
            message["content"], message["refusal"] = None, "I'm sorry, I can't help with that."
        case _:
            kind = pick(GARBAGE, body_hash, "garbage") if fault == "judge_garbage" else fault
            message["content"] = garbage(kind, json.loads(message["content"]))


def garbage(kind: str, value: Any) -> str:
    """Return a structured answer broken in one way."""
    match kind:
        case "judge_prose":
            return "I would say the text mostly expresses care for others, perhaps some power."
        case "judge_fenced":
            return f"Here is the verdict:\n```json\n{json.dumps(value, indent=1)}\n```"
        case "judge_extra_keys":
            return json.dumps(_mapped(value, objects=lambda o: o | {"mood": "sunny"}))
        case "judge_wrong_dimension":
            return json.dumps(_renamed(value))
        case "judge_nan":
            return json.dumps(_mapped(value, numbers=lambda _: float("nan")))
        case "judge_out_of_range":
            return json.dumps(_mapped(value, numbers=lambda n: 1e9 if n > 0.5 else -7))
        case "judge_deep":
            return "[" * 50_000 + "]" * 50_000
        case _:
            text = json.dumps(value)
            return text[: max(1, len(text) * 2 // 3)]


def _mapped(value: Any, objects: Any = None, numbers: Any = None) -> Any:
    """Return a copy with every object and every number changed."""
    if isinstance(value, dict):
        inner = {k: _mapped(v, objects, numbers) for k, v in value.items()}
        return objects(inner) if objects else inner
    if isinstance(value, list):
        return [_mapped(v, objects, numbers) for v in value]
    if numbers and isinstance(value, int | float) and not isinstance(value, bool):
        return numbers(value)
    return value


def _renamed(value: Any) -> Any:
    """Return a copy in which whatever can name a dimension names an unknown one.

    A name is the key of an object inside an object, or a short string (one or two words).
    """
    if isinstance(value, dict):
        return {f"Un{k}" if isinstance(v, dict) else k: _renamed(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_renamed(v) for v in value]
    if isinstance(value, str) and value and len(value.split()) <= 2:
        return f"Un{value}"
    return value
