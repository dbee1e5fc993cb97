"""Whose token a page holds."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from valuecompass.web.access import Annotator
from valuecompass.web.tokens import Scope

router = APIRouter()


class Me(BaseModel):
    """Who a token belongs to. An operator may do what an annotator may, too."""

    name: str
    scope: Scope
    expires: datetime | None


@router.get("/me", response_model=Me)
async def me(token: Annotator) -> Me:
    """Return whose token this is; the page asks when somebody has typed one."""
    return Me(name=token.name, scope=token.scope, expires=token.expires)
