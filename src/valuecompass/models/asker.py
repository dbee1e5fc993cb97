"""`ask`: the only caller of Inspect's models. Looks in the store first, stores before returning."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio
from sqlalchemy import bindparam, select

from valuecompass.errors import ProviderStopped, RequestFailed, ValueCompassError
from valuecompass.hashing import canonical
from valuecompass.models.batching import Tell, hear_of_batches, why_no_batch
from valuecompass.models.budget import Amount, Budget, price_of
from valuecompass.models.refusals import is_refusal
from valuecompass.models.request import (
    LOGPROBS,
    Call,
    Message,
    Outcome,
    Params,
    Patience,
    Reply,
    Request,
    seed_for,
)
from valuecompass.models.spec import ITEM_AWARE, SAMPLING, Price, Respondent
from valuecompass.store import Store, responses

if TYPE_CHECKING:
    # it takes seconds and 100 MB to import: who asks nobody, as a server of pages, goes without
    from valuecompass.models.inspect_bridge import Failure, Models, Output

FAILURES_IN_A_ROW = 12
"""Requests of one model that fail for good, none succeeding in between, before the run stops."""

_STORED = select(responses).where(
    responses.c.key == bindparam("of_key"), responses.c.repeat == bindparam("of_repeat")
)
NOT_STORED = ("outcome", "cached")
"""Fields of a reply that are found anew whenever it is read."""


@dataclass
class Counted:
    """Questions put to askers, stored ones included."""

    n: int = 0


_COUNTED: ContextVar[Counted | None] = ContextVar("counted", default=None)


@contextmanager
def counting() -> Generator[Counted]:
    """Count what is asked inside, also by tasks that are begun there."""
    counted = Counted()
    outside = _COUNTED.set(counted)
    try:
        yield counted
    finally:
        _COUNTED.reset(outside)


def print_nothing(_: str) -> None:
    """Keep what is told to oneself."""


@dataclass
class Asker:
    """Asks models within a budget, each question once.

    `ask` may be called from many tasks; equal requests in flight share one call.
    """

    store: Store
    budget: Budget
    patience: Patience
    batch: bool = False
    """Ask in batches where the provider has them."""
    tell: Tell = print_nothing
    """Told what a person should know while this runs."""
    paid: float = 0.0
    """US dollars of the answers that came now."""
    batched: int = 0
    """Answers that came in batches."""
    saved: float = 0.0
    """US dollars that those would have cost more one by one, from the tokens the provider counted;
    without the models whose price is unknown."""
    calls: int = 0
    """Requests sent by this process (cached replies are not among them)."""
    versions: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """Versions that providers reported, by model."""
    stop: ValueCompassError | None = None
    """Why nothing more is to be sent; what is in flight still finishes and is stored."""
    models: Models = field(init=False)
    _in_flight: dict[tuple[str, int], anyio.Event] = field(
        default_factory=dict[tuple[str, int], anyio.Event]
    )
    _failed: dict[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        from valuecompass.models.inspect_bridge import Models

        self.models = Models(self.patience, batch=self.batch)
        if self.batch:
            hear_of_batches(self.tell)

    def by_batch(self, model: Respondent) -> bool:
        """Say whether a model is asked in batches."""
        return self.batch and why_no_batch(model.model) is None

    def price(self, model: Respondent) -> Price | None:
        """Return what a model costs here: by batch, the price of batches; None when unknown."""
        price = price_of(model)
        return price.in_batch if price is not None and self.by_batch(model) else price

    async def ask(
        self,
        model: Respondent,
        messages: list[Message],
        params: Params,
        repeat: int = 0,
        *,
        item: dict[str, Any] | None = None,
        presentation: int = 0,
    ) -> Reply:
        """Return the reply of a model, from the store when it was asked before.

        Args:
            model: who is asked.
            messages: the conversation without the respondent's own system prompt.
            params: limits and format of the answer; the respondent's own sampling parameters
                override it.
            repeat: index of the sample; part of the key, and of the sampling seed.
            item: the item behind the question (only our own providers see it).
            presentation: order of a trade-off's sides (likewise).

        Raises:
            RequestFailed: no answer after all retries.
            ProviderStopped: the provider refuses everything (key, model name, quota).
            BudgetReached: the request might exceed the budget; it was not sent.
            ValueCompassError: `stop`, when it is set and the reply is not stored.
        """
        if (counted := _COUNTED.get()) is not None:
            counted.n += 1
        request = request_of(model, messages, params, item)
        key = request.key
        while (other := self._in_flight.get((key, repeat))) is not None:
            await other.wait()
        done = self._in_flight[key, repeat] = anyio.Event()
        try:
            # looked up only now: between a look-up and the claim another task may have stored it
            if (reply := await self.stored(key, repeat)) is not None:
                self._saw_version(model.model, reply.version)
            else:
                reply = await self._send(request, key, repeat, presentation)
        finally:
            del self._in_flight[key, repeat]
            done.set()
        if reply.stop_reason == LOGPROBS and not reply.text:
            raise ProviderStopped(
                f"{model.model}: this provider or model gives no log-probabilities; leave "
                "answers = logprobs out"
            )
        return reply

    async def stored(self, key: str, repeat: int) -> Reply | None:
        """Return a reply by its key, if it is in the store."""
        row = await self.store.row(_STORED, {"of_key": key, "of_repeat": repeat})
        return None if row is None else _reply(row)

    async def _send(self, request: Request, key: str, repeat: int, presentation: int) -> Reply:
        if self.stop is not None:
            raise self.stop
        from valuecompass.models.inspect_bridge import classify, generate

        model = request.model
        reserved = await self.budget.reserve(key, repeat, model.model, self._at_most(request))
        if self.stop is not None:  # it may have waited for room in the budget
            await self.budget.release(reserved)
            raise self.stop
        self.calls += 1
        extra = extra_body(request, repeat, presentation)
        start = time.monotonic()
        try:
            output = await generate(
                self.models.get(model.model), request, seed_for(key, repeat), extra
            )
        except ValueCompassError:
            await self.budget.release(reserved)
            raise
        except Exception as error:
            await self._give_up(classify(error, model), reserved, request)
            raise AssertionError("unreachable") from error
        self._failed[model.model] = 0
        return await self._keep(request, key, repeat, output, reserved, time.monotonic() - start)

    async def _give_up(self, failure: Failure, reserved: dict[str, Any], request: Request) -> None:
        model = request.model
        if failure.unbilled:
            await self.budget.release(reserved)
        else:
            self.budget.keep()
        if failure.final:
            raise ProviderStopped(failure.message)
        # a file without this answer says nothing of the next, nor does a model without tools
        if model.provider in ITEM_AWARE or (failure.unfit and request.params.tools):
            raise RequestFailed(failure.message)
        self._failed[model.model] = self._failed.get(model.model, 0) + 1
        if self._failed[model.model] >= FAILURES_IN_A_ROW:
            raise ProviderStopped(
                f"{FAILURES_IN_A_ROW} requests in a row failed, the last one: {failure.message}. "
                "Everything so far is stored: repeat the command to go on"
            )
        raise RequestFailed(failure.message)

    async def _keep(
        self,
        request: Request,
        key: str,
        repeat: int,
        output: Output,
        reserved: dict[str, Any],
        seconds: float,
    ) -> Reply:
        tokens_in, tokens_out = output.usage or (0, 0)
        usd = None
        if (price := self.price(request.model)) is not None and output.usage is not None:
            usd = price.usd(tokens_in, tokens_out)
        self.paid += usd or 0.0
        if self.by_batch(request.model):
            self.batched += 1
            if usd is not None and (single := price_of(request.model)) is not None:
                self.saved += single.usd(tokens_in, tokens_out) - usd
        reply = Reply(
            key=key,
            repeat=repeat,
            text=output.text,
            outcome=outcome_of(output.text, output.stop_reason),
            stop_reason=output.stop_reason,
            calls=output.calls,
            parts=output.parts,
            version=output.version,
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            usd=usd,
            seconds=seconds,
            cached=False,
        )
        row = stored_row(reply, request.model.model, request.canonical())
        used = Amount(tokens_in + tokens_out, usd or 0.0)
        if output.usage is None:  # unknown use counts as the most it can have been
            used = Amount(reserved["tokens"], reserved["usd"])
        settle = self.budget.settle(reserved, used)
        await self.store.write((self.store.insert_new(responses), [row]), settle)
        stored = await self.stored(key, repeat)
        if stored is not None and replace(stored, cached=False) != reply:
            reply = stored  # another process was first: what is scored is what is kept
        self._saw_version(request.model.model, reply.version)
        return reply

    def _at_most(self, request: Request) -> Amount:
        """An upper bound: a token is rarely shorter than three bytes (a letter of many scripts)."""
        size = sum(len(m.content.encode("utf-8", "replace")) for m in request.messages)
        if request.params.tools:  # their descriptions and what was called are sent, too
            size = len(canonical(request.canonical()).encode("utf-8", "replace"))
        prompt, answer = size // 3 + 16 * len(request.messages), request.params.max_tokens
        price = self.price(request.model)
        return Amount(prompt + answer, 0.0 if price is None else price.usd(prompt, answer))

    def _saw_version(self, model: str, version: str) -> None:
        if version:
            self.versions.setdefault(model, set()).add(version)


def request_of(
    model: Respondent,
    messages: list[Message],
    params: Params,
    item: dict[str, Any] | None = None,
) -> Request:
    """Return the request that `ask` makes of its arguments."""
    if model.system is not None:
        # some providers take one system message only
        own, rest = [model.system], messages
        if messages and messages[0].role == "system":
            own, rest = [model.system, messages[0].content], messages[1:]
        messages = [Message("system", "\n\n".join(own)), *rest]
    sampling = {name: value for name in SAMPLING if (value := getattr(model, name)) is not None}
    seen = item if model.provider in ITEM_AWARE else None
    return Request(model, tuple(messages), replace(params, **sampling), seen)


def stored_row(reply: Reply, model: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return a reply that has just come as a row of the table of responses."""
    row = {k: v for k, v in vars(reply).items() if k not in NOT_STORED}
    row["calls"] = [call.json() for call in reply.calls] or None
    return row | {"model": model, "request": request, "created": datetime.now(UTC)}


def extra_body(request: Request, repeat: int, presentation: int) -> dict[str, Any]:
    """What our own providers are told beside the messages; others get nothing."""
    if request.model.provider in ITEM_AWARE:
        return {"item": request.item, "repeat": repeat, "presentation": presentation}
    if request.model.provider == "embedded" and request.params.choices:
        return {"choices": list(request.params.choices)}
    return {}


def _reply(row: Mapping[str, Any]) -> Reply:
    found = {f.name: row[f.name] for f in fields(Reply) if f.name not in NOT_STORED}
    found["calls"] = tuple(Call(**call) for call in row["calls"] or ())
    return Reply(**found, outcome=outcome_of(row["text"], row["stop_reason"]), cached=True)


def outcome_of(text: str, stop_reason: str) -> Outcome:
    """Say what a text is by the rules of this version, which a resumed run must not mix."""
    if is_refusal(text, stop_reason):
        return "refusal"
    return "answer" if any(c.isalnum() for c in text) else "empty"
