"""What the tests of the web share."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from tests.web.fixtures import busy, server, world
from valuecompass.store import Store, open_store
from valuecompass.web.jobs import Job, Supervisor, find_job

__all__ = ["busy", "server", "world"]

PATIENCE = 120
"""Seconds that a test waits for another process on a busy machine."""


@asynccontextmanager
async def supervised(
    workspace: Path, *, workers: int = 1, allow_private: bool = False
) -> AsyncGenerator[tuple[Store, Supervisor]]:
    """A server's supervisor at work on a workspace, without its HTTP."""
    async with open_store(workspace) as store:
        found = Supervisor(store, workspace, workers=workers, allow_private=allow_private)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(found.run)
            yield store, found
            tasks.cancel_scope.cancel()


async def until(store: Store, id: str, done: Callable[[Job], bool]) -> Job:
    """Wait until a job is as wanted."""
    with anyio.fail_after(PATIENCE):
        while not done(job := await find_job(store, id)):
            await anyio.sleep(0.1)
    return job


def in_state(*states: str) -> Callable[[Job], bool]:
    return lambda job: job.state in states


def answered(least: int) -> Callable[[Job], bool]:
    return lambda job: job.ended or ((job.progress or {}).get("done") or 0) >= least
