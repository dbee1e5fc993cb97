"""Tokens, jobs, labels and cases in a PostgreSQL database."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from starlette.testclient import TestClient

from tests.measure.helpers import MODEL, judging, measure, write_items
from tests.support import mock_provider as mock_module
from tests.support.mock_provider import MockProvider
from tests.support.postgresql import programs, server
from tests.web.conftest import in_state, until
from valuecompass.judges.labels.labelling import Label
from valuecompass.measure.archive import load_cases
from valuecompass.measure.reports import Place, export_labels, report_verdict
from valuecompass.measure.rounds import find_round, give_label, open_round, units_for
from valuecompass.store import answers, jobs, open_store
from valuecompass.web.app import make_app
from valuecompass.web.jobs import (
    STALE,
    Conflict,
    Job,
    Supervisor,
    add_job,
    events_after,
    find_job,
    resume_job,
    stop_job,
)
from valuecompass.web.settings import Settings
from valuecompass.web.specs import RunSpec, parse_spec
from valuecompass.web.tokens import create_token, revoke_token, token_of

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        programs() is None, reason="no PostgreSQL server here: install one (Debian: postgresql)"
    ),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with server() as found:
        yield found


def spec(*models: str) -> RunSpec:
    named = [{"model": f"openai-api/mock/{m}"} for m in models]
    given = {"kind": "run", "respondents": named, "systems": ["big-five"], "form": "tiny"}
    found = parse_spec(given)
    assert isinstance(found, RunSpec)
    return found


async def test_a_job_runs_to_its_end(
    workspace: Path, url: str, mock_provider: MockProvider
) -> None:
    async with open_store(workspace, url) as store, anyio.create_task_group() as tasks:
        supervisor = Supervisor(store, workspace, url)
        tasks.start_soon(supervisor.run)
        job = await add_job(store, spec("one"), "olga")
        with pytest.raises(Conflict, match=job.id):
            await add_job(store, spec("one"), "otto")
        supervisor.wake()
        job = await until(store, job.id, lambda job: job.ended)
        assert job.state == "done" and job.result, job.message
        assert [e.number for e in await events_after(store, job.id, 1)][:1] == [2]
        tasks.cancel_scope.cancel()


async def test_what_asks_at_once_is_queued_once(workspace: Path, url: str) -> None:
    async with open_store(workspace, url) as store:
        made: list[Job] = []

        async def add() -> None:
            with contextlib.suppress(Conflict):
                made.append(await add_job(store, spec("at-once"), "olga"))

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(add)
        assert len(made) == 1
        await stop_job(store, made[0].id)
        other = await add_job(store, spec("at-once"), "otto")
        with pytest.raises(Conflict, match=other.id):
            await resume_job(store, made[0].id)
        await stop_job(store, other.id)


async def test_a_job_at_work_on_another_machine_is_not_taken_for_lost(
    workspace: Path, url: str
) -> None:
    async with open_store(workspace, url) as store:
        job = await add_job(store, spec("elsewhere"), "olga")
        now = datetime.now(UTC)
        of = jobs.update().where(jobs.c.id == job.id)
        there = {"state": "running", "pid": 1, "heartbeat": now}
        await store.write((of.values(**there), []))
        supervisor = Supervisor(store, workspace, url)
        await supervisor.look()
        assert (await find_job(store, job.id)).state == "running"
        await store.write((of.values(heartbeat=now - STALE - timedelta(seconds=1)), []))
        await supervisor.look()
        assert (await until(store, job.id, in_state("lost"))).message


async def test_tokens_labels_reports_and_cases(
    workspace: Path,
    url: str,
    tmp_path: Path,
    mock_provider: MockProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mock_module, "answer", judging)
    items = write_items(tmp_path)
    found = await anyio.to_thread.run_sync(
        lambda: measure(workspace, items, models=[MODEL], db=url)
    )
    async with open_store(workspace, url) as store:
        _, text = await create_token(store, "olga", "operator", 3)
        assert (token := await token_of(store, text)) and token.name == "olga"
        round = await open_round(store, found.id, 4, 0, "olga")
        for name in ("ada", "ben"):
            for unit, _, _ in await units_for(store, await find_round(store, round.id), name):
                again = await find_round(store, round.id)
                await give_label(store, again, name, unit.id, Label(1, 1))
            text_so_far = await export_labels(store, "rounds")
            assert (text_so_far != "") == (name == "ben")
        cases = await load_cases(store, found)
        case = next(c for c in cases if c.item.kind == "question" and c.marks)
        of_case = (answers.c.measurement == found.id) & (answers.c.item == case.item.id)
        (row,) = await store.rows(answers.select().where(of_case, answers.c.position == 0))
        place = Place(found.id, 0, row["item"], row["presentation"], row["repeat"])
        await report_verdict(
            store, place, case.marks[0].dimension, Label(0, 0), "ada", "no \U0001f600"
        )
        assert '"source": "report"' in await export_labels(store, "reports")

    settings = Settings(workspace, url)

    def asked() -> None:
        with TestClient(make_app(settings), base_url="http://localhost") as client:
            cases = client.get("/api/v1/cases/schwartz").json()
            for _ in range(600):
                if cases["indexing"] is None:
                    break
                cases = client.get("/api/v1/cases/schwartz").json()
            assert cases["total"] > 0 and cases["cases"]
            me = client.get("/api/v1/me", headers={"authorization": f"Bearer {text}"})
            assert me.json()["name"] == "olga"

    await anyio.to_thread.run_sync(asked)
    async with open_store(workspace, url) as store:
        await revoke_token(store, "olga")
        assert await token_of(store, text) is None
