"""Budgets stop a run before they are exceeded; what was spent is what the provider counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.measure.helpers import (
    HASTY,
    JUDGE,
    MODEL,
    Command,
    comparable,
    count,
    once_each,
    rows,
)
from tests.support.mock_provider import MockProvider
from valuecompass.errors import Interrupted
from valuecompass.measure.measurement import Measurement
from valuecompass.models import Budget, Limits, Message, Params, Respondent
from valuecompass.models.asker import Asker
from valuecompass.store import open_store

SOME = Respondent(name=MODEL, model=MODEL)

ROSTER = f"""
[[respondents]]
model = "{MODEL}"
price = {{ input = 10.0, output = 30.0 }}
"""
JUDGE_FILE = "price = { input = 5.0, output = 15.0 }\n"


@pytest.fixture
def priced(tmp_path: Path, items: Path, workspace: Path) -> tuple[Any, ...]:
    """A command whose models have prices."""
    (tmp_path / "roster.toml").write_text(ROSTER)
    (tmp_path / "judge.toml").write_text(JUDGE_FILE)
    judge = f"{JUDGE}@file={tmp_path / 'judge.toml'}"
    named = ("run", "--roster", tmp_path / "roster.toml", "--judge", judge)
    return (*named, "--items", items, "--form", "tiny", "-w", workspace, "--json")


@pytest.mark.usefixtures("able_judge")
@pytest.mark.parametrize(
    ("option", "limits", "unit"),
    [
        ("--max-calls", (4, 13, 21), "calls"),
        ("--max-tokens", (5_000, 12_000, 30_000), "tokens"),
        ("--max-usd", (0.135, 0.18, 0.5), "US dollars"),
    ],
)
def test_each_kind_of_budget_stops_with_3_and_a_higher_one_goes_on(
    mock_provider: MockProvider,
    workspace: Path,
    priced: tuple[Any, ...],
    undisturbed: tuple[Measurement, int],
    option: str,
    limits: tuple[float, ...],
    unit: str,
    cli: Command,
) -> None:
    answered = [0]
    for limit in limits[:-1]:
        said = cli(*priced, option, limit)
        assert said.code == 3 and said.out == ""
        assert said.err.count("budget reached") == 1 and unit in said.err
        assert "higher limit" in said.err
        answered.append(count(workspace, "responses"))
        assert answered[-1] > answered[-2]
        (calls, tokens, usd) = rows(
            workspace,
            "select count(*), sum(tokens), sum(usd) from ledger where state != 'released'",
        )[0]
        assert {"calls": calls, "tokens": tokens, "US dollars": usd}[unit] <= limit
    said = cli(*priced, option, limits[-1])
    assert said.code == 0
    assert json.loads(said.out)["rows"] == comparable(undisturbed[0])
    assert once_each(mock_provider) and mock_provider.stats()["requests"] == undisturbed[1]


@pytest.mark.anyio
async def test_a_stop_lets_nothing_new_leave_and_what_is_in_flight_arrive(
    mock_provider: MockProvider, workspace: Path
) -> None:
    mock_provider.faults(latency_ms=500)
    outcomes: list[object] = []
    async with open_store(workspace) as store:
        # room for one request at a time
        asker = Asker(store, Budget(store, "plan", Limits(tokens=5_000)), HASTY)

        async def ask(text: str) -> None:
            try:
                await asker.ask(SOME, [Message("user", text)], Params(max_tokens=4_096))
                outcomes.append(text)
            except Interrupted as stop:
                outcomes.append(stop)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, "the first")
            while mock_provider.tally.in_flight == 0:
                await anyio.sleep(0.01)
            tasks.start_soon(ask, "waits for room")
            await anyio.sleep(0.1)
            asker.stop = Interrupted("enough")
        await ask("comes after")
        await ask("the first")
        await asker.models.close()
    assert outcomes == ["the first", asker.stop, asker.stop, "the first"]
    assert mock_provider.stats()["requests"] == 1
    states = rows(workspace, "select state from ledger order by id")
    assert states == [("settled",), ("released",)]


@pytest.mark.usefixtures("able_judge")
def test_what_was_spent_is_what_the_provider_counted(
    mock_provider: MockProvider, workspace: Path, priced: tuple[Any, ...], cli: Command
) -> None:
    mock_provider.faults("server_error:first_of_each=1,contains=museum,only=plain")
    assert cli(*priced).code == 0
    spent = json.loads(cli("spending", "-w", workspace, "--json").out)["spending"]
    assert {row["state"] for row in spent} == {"settled"}
    stats = mock_provider.stats()
    tokens = stats["input_tokens"] + stats["output_tokens"]
    assert sum(row["tokens"] for row in spent) == tokens
    assert sum(row["calls"] for row in spent) == 21
    of_responses = rows(
        workspace,
        "select sum(input_tokens * 10.0 + output_tokens * 30.0) / 1e6 from responses "
        "where model like '%some-model'",
    )[0][0]
    (respondents,) = [row for row in spent if row["model"] == MODEL]
    assert respondents["usd"] == pytest.approx(of_responses)


def test_a_money_budget_needs_a_price_for_every_model(
    mock_provider: MockProvider, workspace: Path, items: Path, cli: Command
) -> None:
    said = cli("run", "-m", MODEL, "--items", items, "-w", workspace, "--max-usd", 5)
    assert said.code == 2 and MODEL in said.err and "price" in said.err
    assert mock_provider.stats()["requests"] == 0
