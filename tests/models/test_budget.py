import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from sqlalchemy import event

from tests.models.helpers import open_asker
from valuecompass.errors import BudgetReached, InputError
from valuecompass.models import (
    Budget,
    Limits,
    Message,
    Params,
    Price,
    Respondent,
    check_priced,
    parse_respondent,
    price_of,
)
from valuecompass.models.budget import Amount, release_interrupted, spending_by_model
from valuecompass.store import DATABASE, ledger, open_store

pytestmark = pytest.mark.anyio


async def states(budget: Budget) -> list[str]:
    return [row["state"] for row in await budget.store.rows(ledger.select().order_by(ledger.c.id))]


@pytest.mark.parametrize(
    ("limits", "fit", "unit"),
    [
        (Limits(calls=3), 3, "calls"),
        (Limits(tokens=250), 2, "tokens"),
        (Limits(usd=0.45), 4, "US dollars"),
        (Limits(calls=9, tokens=250, usd=9.0), 2, "tokens"),
    ],
)
async def test_a_request_that_might_exceed_a_limit_is_not_sent(
    workspace: Path, limits: Limits, fit: int, unit: str
) -> None:
    async with open_store(workspace) as store:
        budget = Budget(store, "plan", limits)
        for i in range(fit):
            await budget.reserve(f"k{i}", 0, "a/b", Amount(100, 0.1))
            budget.keep()  # over, without an answer
        with pytest.raises(BudgetReached, match=rf"budget reached: .* {unit} spent") as error:
            await budget.reserve("more", 0, "a/b", Amount(100, 0.1))
        assert "repeat the command with a higher limit" in str(error.value)
        assert error.value.exit_code == 3
        assert await states(budget) == ["reserved"] * fit
        assert (budget.calls, budget.tokens) == (fit, 100 * fit)


async def test_a_limit_may_be_used_to_the_full(workspace: Path) -> None:
    async with open_store(workspace) as store:
        budget = Budget(store, "plan", Limits(calls=1, tokens=100, usd=0.5))
        await budget.reserve("k", 0, "a/b", Amount(100, 0.5))


@pytest.mark.parametrize("limits", [Limits(calls=37), Limits(tokens=1_000), Limits(usd=2.0)])
async def test_parallel_requests_never_overdraw(workspace: Path, limits: Limits) -> None:
    refused = 0

    async def one(budget: Budget, number: int) -> None:
        nonlocal refused
        most = Amount(20 + number % 7, 0.03 + number % 3 / 100)
        try:
            row = await budget.reserve(f"k{number}", 0, "a/b", most)
        except BudgetReached:
            refused += 1
            return
        await anyio.sleep(0.001 * (number % 5))
        if number % 4 == 0:
            await budget.release(row)
        elif number % 2:
            used = budget.settle(row, Amount(most.tokens // 2, most.usd / 2))
            await store.write(used)
        else:
            budget.keep()

    async with open_store(workspace) as store:
        budget = Budget(store, "plan", limits)
        async with anyio.create_task_group() as tasks:
            for number in range(200):
                tasks.start_soon(one, budget, number)
        again = Budget(store, "plan", limits)
        await again.load()
    assert refused > 0
    for name in ("calls", "tokens", "usd"):
        spent, limit = getattr(again, name), getattr(limits, name)
        assert spent == pytest.approx(getattr(budget, name))  # the books agree
        assert limit is None or spent <= limit


async def test_what_was_used_replaces_what_was_reserved(workspace: Path) -> None:
    async with open_store(workspace) as store:
        budget = Budget(store, "plan", Limits(tokens=150))
        row = await budget.reserve("a", 0, "a/b", Amount(100, 0.1))
        await store.write(budget.settle(row, Amount(30, 0.03)))
        assert (budget.calls, budget.tokens, budget.usd) == (1, 30, pytest.approx(0.03))
        await budget.reserve("b", 0, "a/b", Amount(120, 0.1))
        assert await states(budget) == ["settled", "reserved"]


async def test_a_request_waits_for_those_in_flight_to_make_room(workspace: Path) -> None:
    events: list[str] = []

    async def second(budget: Budget) -> None:
        await budget.reserve("b", 0, "a/b", Amount(100, 0.1))
        events.append("second reserved")

    async with open_store(workspace) as store:
        budget = Budget(store, "plan", Limits(tokens=150))
        row = await budget.reserve("a", 0, "a/b", Amount(100, 0.1))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(second, budget)
            await anyio.sleep(0.05)
            events.append("first settled")
            await store.write(budget.settle(row, Amount(30, 0.1)))
        assert events == ["first settled", "second reserved"]
        assert budget.tokens == 130


async def test_a_request_the_provider_turned_away_is_given_back(workspace: Path) -> None:
    async with open_store(workspace) as store:
        budget = Budget(store, "plan", Limits(calls=1))
        row = await budget.reserve("a", 0, "a/b", Amount(100, 0.1))
        await budget.release(row)
        assert (budget.calls, budget.tokens, budget.usd) == (0, 0, 0)
        await budget.reserve("a", 0, "a/b", Amount(100, 0.1))
        assert await states(budget) == ["released", "reserved"]


async def test_interrupted_requests_count_until_a_person_releases_them(workspace: Path) -> None:
    async with open_store(workspace) as store:
        budget = Budget(store, "plan", Limits())
        await budget.reserve("a", 0, "a/b", Amount(100, 0.1))  # and the process dies
        row = await budget.reserve("b", 0, "a/b", Amount(50, 0.1))
        await store.write(budget.settle(row, Amount(40, 0.05)))
    async with open_store(workspace) as store:
        next_run = Budget(store, "plan", Limits(calls=2))
        await next_run.load()
        assert (next_run.calls, next_run.tokens) == (2, 140)
        with pytest.raises(BudgetReached):
            await next_run.reserve("a", 0, "a/b", Amount(100, 0.1))
        other = Budget(store, "another plan", Limits(calls=2))
        await other.load()
        assert other.calls == 0
        await release_interrupted(store)
        next_run = Budget(store, "plan", Limits(calls=2))
        await next_run.load()
        assert (next_run.calls, next_run.tokens, next_run.usd) == (1, 40, pytest.approx(0.05))
        await next_run.reserve("a", 0, "a/b", Amount(100, 0.1))
        assert await spending_by_model(store) == [
            {"model": "a/b", "state": s, "calls": 1, "tokens": t, "usd": pytest.approx(u)}
            for s, t, u in (("released", 100, 0.1), ("reserved", 100, 0.1), ("settled", 40, 0.05))
        ]


async def test_only_the_reservation_of_this_attempt_is_settled(workspace: Path) -> None:
    async with open_store(workspace) as store:
        budget = Budget(store, "plan", Limits())
        await budget.reserve("a", 0, "a/b", Amount(100, 0.1))  # an attempt that was interrupted
        row = await budget.reserve("a", 0, "a/b", Amount(100, 0.1))
        await store.write(budget.settle(row, Amount(40, 0.05)))
        assert await states(budget) == ["reserved", "settled"]


async def test_the_account_is_found_by_an_index(workspace: Path) -> None:
    statements: list[tuple[str, object]] = []

    def note(_: object, __: object, statement: str, values: object, *___: object) -> None:
        if "ledger" in statement and not statement.startswith("INSERT"):
            statements.append((statement, values))

    async with open_store(workspace) as store:
        event.listen(store.engine.sync_engine, "before_cursor_execute", note)
        budget = Budget(store, "plan", Limits())
        await budget.load()
        row = await budget.reserve("a", 0, "a/b", Amount(100, 0.1))
        await store.write(budget.settle(row, Amount(40, 0.05)))
    connection = sqlite3.connect(workspace / DATABASE)
    steps = [
        connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()[0][3]
        for statement, values in statements
    ]
    connection.close()
    assert steps == [
        "SEARCH ledger USING INDEX ledger_by_request (plan=?)",
        "SEARCH ledger USING INDEX ledger_by_request (plan=? AND key=? AND repeat=?)",
    ]


async def test_a_plan_goes_on_where_its_budget_ended(workspace: Path) -> None:
    model = parse_respondent("simulated/schwartz?Power=1")
    stored: list[int] = []
    for limit in (10, 10, 25):
        reached = 0

        async def one(number: int) -> None:
            nonlocal reached
            try:
                await asker.ask(model, [Message("user", f"Question {number}?")], Params(50))
            except BudgetReached:
                reached += 1

        async with open_asker(workspace, Limits(calls=limit)) as asker:  # noqa: SIM117
            async with anyio.create_task_group() as tasks:
                for number in range(40):
                    tasks.start_soon(one, number)
        stored.append(asker.calls)
        assert reached == 40 - limit
    assert stored == [10, 0, 15]


# --- prices

UNKNOWN = Respondent(name="mine", model="openai-api/here/unheard-of")


async def test_a_budget_in_dollars_needs_every_price() -> None:
    free = parse_respondent("simulated/schwartz")
    with pytest.raises(InputError, match=r"price of every model; unknown: mine\. Give it in"):
        check_priced([free, UNKNOWN], Limits(usd=5))
    check_priced([free, UNKNOWN], Limits(calls=5, tokens=100))
    priced = UNKNOWN.model_copy(update={"price": Price(input=1, output=2)})
    check_priced([free, priced], Limits(usd=5))


@pytest.mark.parametrize(
    "model", ["embedded/smollm2-135m-instruct", "simulated/schwartz", "recorded/x", "hf/local"]
)
async def test_what_runs_here_costs_nothing(model: str) -> None:
    assert price_of(Respondent(name=model, model=model)) == Price(input=0, output=0)


async def test_prices_come_from_the_respondent_then_from_inspect() -> None:
    script = (
        "from inspect_ai.model import ModelCost, set_model_cost\n"
        "from valuecompass.models import Respondent, price_of\n"
        "model = Respondent(name='x', model='openai/gpt-4o')\n"
        "print(price_of(model))\n"
        "set_model_cost('openai/gpt-4o', ModelCost("
        "input=2.5, output=10, input_cache_write=0, input_cache_read=1))\n"
        "print(price_of(model))\n"
    )
    # in a process of its own: what Inspect is told of prices stays for good
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == ["None", "input=2.5 output=10.0 batch=None"]
    own = Price(input=9, output=9)
    assert price_of(Respondent(name="x", model="openai/gpt-4o", price=own)) == own
    assert price_of(UNKNOWN) is None


async def test_a_reply_is_priced_and_its_price_settled(workspace: Path) -> None:
    model = Respondent(
        name="s", model="simulated/schwartz?seed=2", price=Price(input=1e4, output=2e4)
    )
    async with open_asker(workspace, Limits(usd=1_000)) as asker:
        reply = await asker.ask(model, [Message("user", "Should bells ring?")], Params(400))
        expected = (reply.input_tokens * 1e4 + reply.output_tokens * 2e4) / 1e6
        assert reply.usd == pytest.approx(expected)
        assert expected > 0
        [row] = await asker.store.rows(ledger.select())
        assert row["usd"] == pytest.approx(expected) == pytest.approx(asker.budget.usd)
        assert row["tokens"] == reply.input_tokens + reply.output_tokens
        assert row["created"].replace(tzinfo=UTC) <= datetime.now(UTC)
