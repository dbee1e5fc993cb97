"""Jobs in processes of their own: to the end, stopped, killed, out of money, two at once."""

from __future__ import annotations

import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.evolve.served import JUDGE, POOL, WRITER, written
from tests.measure.helpers import count, once_each, rows
from tests.support import mock_provider as mock_module
from tests.support.mock_provider import KEY, MockProvider
from tests.web.conftest import answered, in_state, supervised, until
from valuecompass.errors import InputError
from valuecompass.store import DATABASE
from valuecompass.web.jobs import (
    LOST,
    Conflict,
    Supervisor,
    Unknown,
    add_job,
    events_after,
    find_job,
    list_jobs,
    log_of,
    resume_job,
    stop_job,
)
from valuecompass.web.specs import BudgetSpec, EvolveSpec, RunSpec, parse_spec
from valuecompass.web.worker import STOPPED

pytestmark = pytest.mark.anyio

SLOW = 300
"""Milliseconds of an answer, where a test has to come in between."""
ITEMS = 10
"""Of the form tiny of big-five."""


def run_of(*models: str, **fields: Any) -> RunSpec:
    named = [{"model": f"openai-api/mock/{m}"} for m in models or ("some-model",)]
    given = {"kind": "run", "respondents": named, "systems": ["big-five"], "form": "tiny"}
    spec = parse_spec(given | fields)
    assert isinstance(spec, RunSpec)
    return spec


async def test_a_job_comes_to_its_end_and_says_so(
    workspace: Path, mock_provider: MockProvider
) -> None:
    async with supervised(workspace) as (store, supervisor):
        job = await add_job(store, run_of("some-model", "other-model"), "ada")
        assert (job.state, job.by, job.progress) == ("queued", "ada", None)
        supervisor.wake()
        job = await until(store, job.id, lambda job: job.ended)
        assert (job.state, job.message) == ("done", None)
        assert job.result is not None and job.progress is not None
        (made,) = job.result["measurements"]
        assert rows(workspace, "select id from measurements") == [(made["id"],)]
        assert job.progress["done"] == job.progress["total"] == 2 * ITEMS
        assert [row["done"] for row in job.progress["rows"]] == [ITEMS, ITEMS]
        assert job.progress["spent"]["calls"] == 2 * ITEMS
        events = await events_after(store, job.id, 0)
        assert [e.number for e in events] == list(range(1, len(events) + 1))
        said = [e.body["event"] for e in events]
        assert said[0] == said[-1] == "state" and {"outlook", "measurement"} <= set(said)
        assert [e.body.get("state") for e in (events[0], events[-1])] == ["running", "done"]
        assert await events_after(store, job.id, events[-2].number) == events[-1:]
        assert job.started and job.finished and job.heartbeat and job.started < job.finished


async def test_a_stopped_job_goes_on_and_asks_nothing_twice(
    workspace: Path, mock_provider: MockProvider
) -> None:
    mock_provider.faults("hang:after=4", latency_ms=SLOW)
    async with supervised(workspace) as (store, supervisor):
        job = await add_job(store, run_of(), "ada")
        await until(store, job.id, answered(3))
        assert (await stop_job(store, job.id)).state == "stopping"
        job = await until(store, job.id, lambda job: job.ended)
        assert (job.state, job.message) == ("stopped", STOPPED)
        stored = count(workspace, "responses")
        assert 3 <= stored < ITEMS and count(workspace, "measurements") == 0
        mock_provider.faults()
        job = await resume_job(store, job.id)
        assert (job.state, job.message, job.finished) == ("queued", None, None)
        supervisor.wake()
        job = await until(store, job.id, lambda job: job.ended)
        assert job.state == "done", job.message
        numbers = [e.number for e in await events_after(store, job.id, 0)]
        assert numbers == list(range(1, len(numbers) + 1))
    assert once_each(mock_provider) and count(workspace, "responses") == ITEMS


async def test_a_killed_process_is_noticed_and_its_job_goes_on(
    workspace: Path, mock_provider: MockProvider
) -> None:
    mock_provider.faults("hang:after=4", latency_ms=SLOW)
    async with supervised(workspace) as (store, supervisor):
        job = await add_job(store, run_of(), "ada")
        await until(store, job.id, answered(3))
        ((pid,),) = rows(workspace, "select pid from jobs")
        os.kill(pid, signal.SIGKILL)
        job = await until(store, job.id, lambda job: job.ended)
        assert job.state == "lost" and job.message is not None and job.message.startswith(LOST)
        assert (await events_after(store, job.id, 0))[-1].body["state"] == "lost"
        mock_provider.faults()
        await resume_job(store, job.id)
        supervisor.wake()
        job = await until(store, job.id, lambda job: job.ended)
        assert job.state == "done", job.message
    assert once_each(mock_provider)


async def test_a_server_that_starts_again_finds_what_runs_and_what_was_lost(
    workspace: Path, mock_provider: MockProvider
) -> None:
    mock_provider.faults(latency_ms=SLOW)
    async with supervised(workspace) as (store, _):
        lives = await add_job(store, run_of(), "ada")
        await until(store, lives.id, answered(1))
    # the server is gone; the process works on
    async with supervised(workspace) as (store, _):
        assert (await find_job(store, lives.id)).state in ("running", "done")
        assert (await until(store, lives.id, lambda job: job.ended)).state == "done"
        mock_provider.faults("hang")
        killed = await add_job(store, run_of("other-model"), "ada")
        await until(store, killed.id, in_state("running"))
    ((pid,),) = rows(workspace, f"select pid from jobs where id = '{killed.id}'")
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    async with supervised(workspace) as (store, _):
        assert (await until(store, killed.id, lambda job: job.ended)).state == "lost"


async def test_two_operators_share_the_places(workspace: Path, mock_provider: MockProvider) -> None:
    mock_provider.faults("hang:after=4", latency_ms=SLOW)
    async with supervised(workspace, workers=2) as (store, supervisor):
        names = ("first-model", "second-model", "third-model")
        each = [await add_job(store, run_of(m), by) for m, by in zip(names, "aba", strict=True)]
        with pytest.raises(Conflict, match=f"job {each[0].id} already does this"):
            await add_job(store, run_of(names[0], budget={"calls": 5}), "ben")
        supervisor.wake()
        for job in each[:2]:
            await until(store, job.id, lambda job: job.progress is not None)
        states = [(await find_job(store, job.id)).state for job in each]
        assert states == ["running", "running", "queued"]
        stopped = await stop_job(store, each[2].id)
        assert stopped.state == "stopped" and "before it began" in str(stopped.message)
        for job in each[:2]:
            await stop_job(store, job.id)
            assert (await until(store, job.id, lambda job: job.ended)).state == "stopped"
        mock_provider.faults()
        for job in each:
            await resume_job(store, job.id)
        for job in each:
            assert (await until(store, job.id, lambda job: job.ended)).state == "done"
        assert [job.id for job in await list_jobs(store)] == [job.id for job in each[::-1]]
    assert count(workspace, "measurements") == 3


async def test_a_budget_ends_a_job_that_a_higher_one_takes_up(
    workspace: Path, mock_provider: MockProvider
) -> None:
    async with supervised(workspace) as (store, _):
        job = await add_job(store, run_of(budget={"calls": 4}), "ada")
        job = await until(store, job.id, lambda job: job.ended)
        assert job.state == "budget" and "resume the job with a higher limit" in str(job.message)
        assert count(workspace, "responses") == 4
        await resume_job(store, job.id, BudgetSpec(calls=50))
        job = await until(store, job.id, lambda job: job.ended)
        assert (job.state, job.spec["budget"]) == ("done", {"calls": 50})
        with pytest.raises(Conflict, match="is done; only"):
            await resume_job(store, job.id)
        with pytest.raises(Conflict, match="is done already"):
            await stop_job(store, job.id)
        with pytest.raises(Unknown):
            await stop_job(store, "0" * 16)
    assert once_each(mock_provider)


async def test_a_missing_key_an_unknown_model_and_a_refused_one_are_told(
    workspace: Path, mock_provider: MockProvider
) -> None:
    async with supervised(workspace) as (store, _):
        for model, says in (
            ("anthropic/claude-haiku-4-5", "ANTHROPIC_API_KEY"),
            ("nobody/model", "there is no provider 'nobody'"),
            ("openai-api/elsewhere/model", "ELSEWHERE_API_KEY"),
        ):
            job = await add_job(store, run_of(respondents=[{"model": model}]), "ada")
            job = await until(store, job.id, lambda job: job.ended)
            assert job.state == "failed" and says in str(job.message), job.message
        mock_provider.faults("wrong_model")
        job = await add_job(store, run_of(), "ada")
        job = await until(store, job.id, lambda job: job.ended)
        assert job.state == "failed" and "Correct the name and resume the job" in str(job.message)


async def test_no_key_is_in_database_log_or_message(
    workspace: Path, mock_provider: MockProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "9f8e7d6c5b4a-not-told"
    monkeypatch.setenv("MOCK_API_KEY", secret)  # the provider repeats part of what it refuses
    mock_provider.faults("invalid_key")
    async with supervised(workspace) as (store, _):
        job = await add_job(store, run_of(), "ada")
        job = await until(store, job.id, lambda job: job.ended)
        assert job.state == "failed" and "refuses the key" in str(job.message)
        monkeypatch.setenv("MOCK_API_KEY", KEY)
        mock_provider.faults()
        await resume_job(store, job.id)
        assert (await until(store, job.id, lambda job: job.ended)).state == "done"
    for path in workspace.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert secret.encode() not in data and KEY.encode() not in data, path


async def test_a_price_asks_nobody(workspace: Path, mock_provider: MockProvider) -> None:
    async with supervised(workspace) as (_, supervisor):
        price = await supervisor.price(run_of())
        (line,) = price.lines
        assert (line.requests, line.stored, line.role) == (ITEMS, 0, "answers")
        assert (price.kind, line.usd, price.usd) == ("run", None, None)
        evolve = parse_spec(
            {
                "kind": "evolve",
                "pool": [{"model": f"openai-api/mock/{m}"} for m in "ab"],
                "budget": {"calls": 100},
            }
        )
        price = await supervisor.price(evolve)
        assert {line.role for line in price.lines} == {"answers", "explorer"}
        assert sum(line.requests for line in price.lines) <= 100
        with pytest.raises(InputError, match="there is no provider 'nobody'"):
            await supervisor.price(run_of(respondents=[{"model": "nobody/model"}]))
    assert mock_provider.stats()["requests"] == 0


async def test_an_endpoint_of_an_operator(workspace: Path, mock_provider: MockProvider) -> None:
    named = [{"model": "some-model", "base_url": mock_provider.url}]
    spec = run_of(respondents=named)
    async with supervised(workspace) as (store, _):
        job = await add_job(store, spec, "ada")
        job = await until(store, job.id, lambda job: job.ended)
        assert job.state == "failed" and "base_url: " in str(job.message)
    async with supervised(workspace, allow_private=True) as (store, _):
        await resume_job(store, job.id)
        job = await until(store, job.id, lambda job: job.ended)
        # the mock wants its own key; the one of the environment is not sent to an address typed in
        assert job.state == "failed" and "refuses the key" in str(job.message), job.message
    assert not mock_provider.stats()["completed"]


async def test_a_database_that_is_locked_for_long(
    workspace: Path, mock_provider: MockProvider
) -> None:
    mock_provider.faults(latency_ms=4 * SLOW)
    async with supervised(workspace) as (store, _):
        job = await add_job(store, run_of(form="short"), "ada")
        await until(store, job.id, answered(1))
        other = sqlite3.connect(workspace / DATABASE, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await anyio.sleep(25)  # longer than a write waits
        other.execute("COMMIT")
        other.close()
        job = await until(store, job.id, lambda job: job.ended)
        assert job.state == "failed" and "another process holds it" in str(job.message)
        await resume_job(store, job.id)
        assert (await until(store, job.id, lambda job: job.ended)).state == "done"


async def test_a_full_disk(workspace: Path, mock_provider: MockProvider) -> None:
    """The process cannot even say how it ended; who watches does, when there is room again."""
    import resource

    mock_provider.faults(latency_ms=4 * SLOW)
    async with supervised(workspace) as (store, _):
        job = await add_job(store, run_of(form="short"), "ada")
        await until(store, job.id, answered(1))
        ((pid,),) = rows(workspace, "select pid from jobs")
        size = max(p.stat().st_size for p in workspace.glob(f"{DATABASE}*"))
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, size))
        job = await until(store, job.id, lambda job: job.ended)
        assert job.state in ("lost", "failed"), job
        assert "disk" in str(job.message), job.message
        await resume_job(store, job.id)
        job = await until(store, job.id, lambda job: job.ended)
        assert job.state == "done", job.message


async def test_a_process_that_cannot_begin(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = ["python", "-c", "raise SystemExit('no such module')"]
    monkeypatch.setattr(Supervisor, "command", lambda *_: wrong)
    async with supervised(workspace) as (store, _):
        job = await add_job(store, run_of(), "ada")
        job = await until(store, job.id, lambda job: job.ended)
        assert job.state == "failed" and "could not begin: no such module" in str(job.message)
        assert log_of(workspace, job.id).read_text().strip() == "no such module"


async def test_an_evolving_run_comes_to_its_end(
    workspace: Path, mock_provider: MockProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mock_module, "answer", written)
    given = {
        "kind": "evolve",
        "pool": [{"model": name} for name in POOL],
        "explorers": [{"model": WRITER}],
        "judge": JUDGE,
        "budget": {"calls": 150},
    }
    spec = parse_spec(given)
    assert isinstance(spec, EvolveSpec)
    async with supervised(workspace) as (store, _):
        job = await add_job(store, spec, "ada")
        job = await until(store, job.id, lambda job: job.ended)
        assert job.state == "done" and job.result and job.progress, job.message
        assert rows(workspace, "select id from evolutions") == [(job.result["evolution"],)]
        assert job.result["items"] > 0 and not job.result["replayed"]
        assert sum(job.progress["requests"].values()) <= 150
        assert job.progress["found"] >= job.result["items"] and job.progress["best_topics"]
