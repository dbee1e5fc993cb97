"""The budget of a command: reserved before a request leaves, settled when its answer is stored.

What an interrupted request had reserved counts as spent, because the provider may bill it; a
person who has looked at the bill can release it (`valuecompass spending --release-interrupted`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import anyio
from sqlalchemy import Update, bindparam, func, select

from valuecompass.errors import BudgetReached, InputError
from valuecompass.models.spec import FREE, Price, Respondent, listed_price
from valuecompass.store import Store, ledger


@dataclass(frozen=True)
class Limits:
    """Upper bounds for one command over all its runs; None: no bound."""

    calls: int | None = None
    tokens: int | None = None
    usd: float | None = None


@dataclass(frozen=True)
class Amount:
    """What a request may use at most, or has used."""

    tokens: int
    usd: float


def price_of(model: Respondent) -> Price | None:
    """Return a model's price; None when it is unknown.

    Its own, zero for what runs here, what Inspect was told, the roster of current models.
    """
    if model.price is not None:
        return model.price
    if model.provider in FREE:
        return Price(input=0, output=0)
    from inspect_ai.model import get_model_info

    info = get_model_info(model.model)
    if info is None or info.cost is None:
        return listed_price(model.model)
    return Price(input=info.cost.input, output=info.cost.output)


def check_priced(models: list[Respondent], limits: Limits) -> None:
    """Refuse a money budget when a model has no known price: it would not be a limit.

    Raises:
        InputError: naming the models.
    """
    if limits.usd is None:
        return
    unpriced = [m.name for m in models if price_of(m) is None]
    if unpriced:
        raise InputError(
            f"a budget in dollars needs the price of every model; unknown: {', '.join(unpriced)}. "
            "Give it in a roster or file: price = { input = 0.25, output = 2.0 }  "
            "# US dollars per million tokens"
        )


@dataclass
class Budget:
    """The running account of one command (`plan`: the hash of its plans)."""

    store: Store
    plan: str
    limits: Limits = Limits()
    calls: int = 0
    tokens: int = 0
    usd: float = 0.0
    _open: int = 0
    """Reservations whose requests are in flight."""
    _closed: anyio.Event = field(default_factory=anyio.Event)

    async def load(self) -> None:
        """Take in what earlier runs of this plan have spent or reserved."""
        rows = await self.store.rows(
            select(
                func.count().label("calls"),
                func.coalesce(func.sum(ledger.c.tokens), 0).label("tokens"),
                func.coalesce(func.sum(ledger.c.usd), 0.0).label("usd"),
            ).where(ledger.c.plan == self.plan, ledger.c.state != "released")
        )
        self.calls, self.tokens = int(rows[0]["calls"]), int(rows[0]["tokens"])
        self.usd = float(rows[0]["usd"])

    async def reserve(self, key: str, repeat: int, model: str, most: Amount) -> dict[str, Any]:
        """Set aside what a request may use; return the ledger row that says so.

        A request mostly uses much less than it may. So one that does not fit waits while others
        are in flight, and is refused when none is left that could make room.

        Raises:
            BudgetReached: the request might exceed a limit.
        """
        while (reached := self._reached(most)) is not None:
            if self._open == 0:
                raise BudgetReached(reached)
            await self._closed.wait()
        # the sums change before the next await, so parallel requests cannot overdraw together
        self._open += 1
        self.calls += 1
        self.tokens += most.tokens
        self.usd += most.usd
        row = {
            "plan": self.plan,
            "key": key,
            "repeat": repeat,
            "model": model,
            "state": "reserved",
            "tokens": most.tokens,
            "usd": most.usd,
            "created": datetime.now(UTC),
        }
        await self.store.write((_RESERVE, [row]))
        return row

    def _reached(self, most: Amount) -> str | None:
        """Say which limit a request might exceed, if one."""
        for name, used, extra, limit in (
            ("calls", self.calls, 1, self.limits.calls),
            ("tokens", self.tokens, most.tokens, self.limits.tokens),
            ("US dollars", self.usd, most.usd, self.limits.usd),
        ):
            if limit is not None and used + extra > limit:
                spent, all_of_it, more = (
                    f"{n:,}" if isinstance(n, int) else f"{n:,.6g}" for n in (used, limit, extra)
                )
                return (
                    f"budget reached: {spent} of {all_of_it} {name} spent or reserved, the "
                    f"next request may need {more}. Everything so far is stored: repeat the "
                    "command with a higher limit to go on"
                )
        return None

    def settle(self, reserved: dict[str, Any], used: Amount) -> tuple[Update, list[dict[str, Any]]]:
        """Replace a reservation by what was used; return the statement for the answer's commit.

        An answer settles even what somebody has released meanwhile: it is spent.
        """
        self.tokens += used.tokens - reserved["tokens"]
        self.usd += used.usd - reserved["usd"]
        self.keep()
        return _change(reserved, "settled", used)

    async def release(self, reserved: dict[str, Any]) -> None:
        """Give a reservation back: the provider refused the request without doing any work."""
        self.calls -= 1
        self.tokens -= reserved["tokens"]
        self.usd -= reserved["usd"]
        self.keep()
        most = Amount(reserved["tokens"], reserved["usd"])
        await self.store.write(_change(reserved, "released", most))

    def keep(self) -> None:
        """Let a reservation stand: its request is over, and the provider may bill it."""
        self._open -= 1
        self._closed.set()
        self._closed = anyio.Event()


# one object each, so that the store writes what many requests change as one statement
_RESERVE = ledger.insert()
_CHANGE = (
    ledger.update()
    .where(*(ledger.c[k] == bindparam(f"of_{k}") for k in ("plan", "key", "repeat", "created")))
    .values({k: bindparam(f"new_{k}") for k in ("state", "tokens", "usd")})
)


def _change(
    reserved: dict[str, Any], state: str, used: Amount
) -> tuple[Update, list[dict[str, Any]]]:
    same = {f"of_{k}": reserved[k] for k in ("plan", "key", "repeat", "created")}
    return _CHANGE, [same | {"new_state": state, "new_tokens": used.tokens, "new_usd": used.usd}]


async def spending_by_model(store: Store) -> list[dict[str, Any]]:
    """Return calls, tokens and dollars by model and state (settled, reserved, released)."""
    rows = await store.rows(
        select(
            ledger.c.model,
            ledger.c.state,
            func.count().label("calls"),
            func.sum(ledger.c.tokens).label("tokens"),
            func.sum(ledger.c.usd).label("usd"),
        )
        .group_by(ledger.c.model, ledger.c.state)
        .order_by(ledger.c.model, ledger.c.state)
    )
    return [dict(row) for row in rows]


async def release_interrupted(store: Store) -> None:
    """Stop counting reservations whose requests never came back.

    Only for when no run is in progress: a person has compared with the provider's bill.
    """
    open_ones = ledger.update().where(ledger.c.state == "reserved").values(state="released")
    await store.write((open_ones, []))
