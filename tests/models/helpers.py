"""An asker over a real store, for the tests of this room."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from valuecompass.models import Budget, Limits, Patience
from valuecompass.models.asker import Asker
from valuecompass.store import open_store


@asynccontextmanager
async def open_asker(
    workspace: Path, limits: Limits | None = None, patience: Patience | None = None
) -> AsyncGenerator[Asker]:
    """Open a workspace and yield an asker that has taken in what was spent before."""
    async with open_store(workspace) as store:
        budget = Budget(store, "plan", limits or Limits())
        await budget.load()
        asker = Asker(store, budget, patience or Patience(retries=0))
        try:
            yield asker
        finally:
            await asker.models.close()
