"""A read that is cancelled half-way must not keep the process from ending."""

from __future__ import annotations

import asyncio

import anyio
import pytest
from sqlalchemy import select

from valuecompass.store import open_store, responses


@pytest.mark.anyio
async def test_cancelled_reads_leave_no_task_behind(workspace):
    async with open_store(workspace) as store:
        before = asyncio.all_tasks()
        for attempt in range(40):
            with anyio.move_on_after(attempt / 4000):
                async with anyio.create_task_group() as readers:
                    for _ in range(24):
                        readers.start_soon(store.rows, select(responses))
        await anyio.sleep(0.1)
        assert asyncio.all_tasks() <= before
        assert await store.rows(select(responses)) == []
