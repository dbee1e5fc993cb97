"""Methods: how numbers are made, how good the judges are, and what no number says."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from valuecompass.board.methods import Methods, methods_of
from valuecompass.web import shards
from valuecompass.web.site import Here, Site

router = APIRouter()


class MethodsDocument(BaseModel):
    """What a reader has to know of the numbers."""

    methods: Methods


async def exported(here: Site) -> AsyncIterator[shards.Wanted]:
    """Yield what an export holds of this subject."""
    yield shards.Wanted("/methods")


@router.get("/methods", response_model=MethodsDocument)
async def methods(request: Request, here: Here) -> Response:
    """Return formulas, judge quality, limits, value systems and references."""

    async def make() -> MethodsDocument:
        return MethodsDocument(methods=await methods_of(here.store))

    return await here.documents.answer(request, make)
