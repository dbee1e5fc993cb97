"""Findings: sentences made from the data, each with the numbers and the query behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from valuecompass.board.findings.all import Findings, findings_of
from valuecompass.web import shards
from valuecompass.web.api.meta import boards_here
from valuecompass.web.api.shared import Day, SystemId
from valuecompass.web.aside import aside
from valuecompass.web.site import Here, Site

router = APIRouter()


class FindingsDocument(BaseModel):
    """What a board shows, in sentences."""

    found: Findings


async def exported(here: Site) -> AsyncIterator[shards.Wanted]:
    """Yield what an export holds of this subject."""
    for system, date in await boards_here(here):
        if date is None:  # they take long; older ones need a server, and the page says so
            yield shards.Wanted("/findings/{system}", {"system": system, "date": date}, maybe=True)


@router.get("/findings/{system}", response_model=FindingsDocument)
async def findings(request: Request, here: Here, system: SystemId, date: Day = None) -> Response:
    """Return the findings of a board: what survives when everything is looked at together."""
    return await here.documents.answer(request, lambda: document_of(here, system, date))


async def document_of(here: Site, system: str, date: str | None) -> FindingsDocument:
    """Return the findings of a board."""
    await here.board(system, date, samples=0)  # absent: 404
    return FindingsDocument(found=await aside(here, findings_of, system=system, date=date))
