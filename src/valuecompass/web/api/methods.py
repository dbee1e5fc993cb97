"""Methods: how numbers are made, how good the judges are, and what no number says."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from valuecompass.board.methods import Methods, methods_of
from valuecompass.web.site import Here

router = APIRouter()


class MethodsDocument(BaseModel):
    """What a reader has to know of the numbers."""

    methods: Methods


@router.get("/methods", response_model=MethodsDocument)
async def methods(request: Request, here: Here) -> Response:
    """Return formulas, judge quality, limits, value systems and references."""

    async def make() -> MethodsDocument:
        return MethodsDocument(methods=await methods_of(here.store))

    return await here.documents.answer(request, make)
