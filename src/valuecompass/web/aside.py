"""Work that takes seconds, beside the loop that answers everybody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from valuecompass.store import Store, open_store
from valuecompass.web.site import Site

T = TypeVar("T")


async def aside(here: Site, work: Callable[[Store], Awaitable[T]]) -> T:
    """Run work in a thread with a loop and a connection of its own.

    What reads each answer of a large board in Python would hold up every other request.
    """

    async def run() -> T:
        async with open_store(here.settings.workspace, here.settings.db, create=False) as store:
            return await work(store)

    return await anyio.to_thread.run_sync(anyio.run, run)
