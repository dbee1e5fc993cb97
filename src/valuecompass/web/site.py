"""What one server holds, and how a route gets at it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, cast

import anyio
from fastapi import Depends, Request

from valuecompass.board.boards import Board, read_board
from valuecompass.board.cases.shelf import Shelf
from valuecompass.store import Store
from valuecompass.web.documents import Documents
from valuecompass.web.errors import or_absent
from valuecompass.web.jobs import Supervisor
from valuecompass.web.settings import Settings

if TYPE_CHECKING:
    from valuecompass.web.access import Limits


@dataclass(frozen=True)
class Site:
    """An open server."""

    settings: Settings
    store: Store
    documents: Documents
    supervisor: Supervisor
    limits: Limits

    @cached_property
    def aside(self) -> anyio.CapacityLimiter:
        """Lets one at a time do what takes much memory; an export answers nobody meanwhile."""
        return anyio.CapacityLimiter(2 if self.settings.static else 1)

    @cached_property
    def cases(self) -> Shelf:
        """Measurements and indexes that searches go through."""
        return Shelf(self.settings.workspace, self.settings.db)

    async def board(self, system: str, date: str | None, *, samples: int = 2_000) -> Board:
        """Read a board.

        Raises:
            NotFound: there is none of this system or day.
        """
        if not self.settings.static:
            return await self._read(system, date, samples)
        # an export asks for all documents of a board in a row
        wanted = system, date, samples
        async with self._reading:
            if wanted not in self._boards:
                found = await self._read(system, date, samples)
                self._boards.clear()
                self._boards[wanted] = found
            return self._boards[wanted]

    async def _read(self, system: str, date: str | None, samples: int) -> Board:
        return await or_absent(read_board(self.store, system, date=date, samples=samples))

    @cached_property
    def _boards(self) -> dict[tuple[str, str | None, int], Board]:
        return {}

    @cached_property
    def _reading(self) -> anyio.Lock:
        return anyio.Lock()


def _site(request: Request) -> Site:
    return cast("Site", request.app.state.site)


Here = Annotated[Site, Depends(_site)]
"""Parameter of a route: the server it runs in."""
