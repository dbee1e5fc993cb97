"""What is here: value systems, dates, and how the server is set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlalchemy import select
from starlette.responses import Response

import valuecompass
from valuecompass.board.boards import age
from valuecompass.measure.archive import utc
from valuecompass.store import measurements
from valuecompass.values import ValueSystem
from valuecompass.web.shards import Wanted
from valuecompass.web.site import Here, Site

router = APIRouter()


class DimensionAbout(BaseModel):
    """One axis of a value system, in the system's own words."""

    name: str
    definition: str
    high: str
    low: str


class GroupAbout(BaseModel):
    """A higher-order group."""

    name: str
    dimensions: list[str]
    opposite: str | None


class Dated(BaseModel):
    """One measurement. kind: measured here, or a published table."""

    id: str
    date: str
    kind: str
    respondents: int


class SystemAbout(BaseModel):
    """A value system with the measurements of it that are here, newest first."""

    id: str
    name: str
    scoring: str
    summary: str
    source: str
    circle: list[str]
    groups: list[GroupAbout]
    dimensions: list[DimensionAbout]
    measurements: list[Dated]


class Meta(BaseModel):
    """The server and what it has.

    static: these are files without a server: nothing can be run or labelled.
    """

    version: str
    static: bool
    systems: list[SystemAbout]


@router.get("/meta", response_model=Meta)
async def meta(request: Request, here: Here) -> Response:
    """Return value systems and dates; the first thing a page asks for."""
    return await here.documents.answer(request, lambda: meta_of(here))


async def exported(here: Site) -> AsyncIterator[Wanted]:
    """Yield what an export holds of this subject."""
    yield Wanted("/meta")


async def boards_here(here: Site) -> list[tuple[str, str | None]]:
    """Return each system with each of its days as pages ask for them: the newest has no name."""
    found: list[tuple[str, str | None]] = []
    for system in (await meta_of(here)).systems:
        days = list(dict.fromkeys(m.date for m in system.measurements))
        found += [(system.id, None), *((system.id, day) for day in days[1:])]
    return found


async def meta_of(here: Site) -> Meta:
    """Return what is here, systems in the order of their newest measurement."""
    rows = await here.store.rows(select(measurements))
    heads = sorted(rows, key=age, reverse=True)
    of: dict[str, list[Any]] = {}
    for head in heads:
        of.setdefault(head["system"], []).append(head)
    systems = [_about(found) for found in of.values()]
    # all measured on one day is the usual case: then the order in which theories are known
    order = {name: at for at, name in enumerate(("schwartz", "moral-foundations", "safety"))}
    systems.sort(key=lambda s: order.get(s.id, len(order)))
    return Meta(version=valuecompass.__version__, static=here.settings.static, systems=systems)


def _about(heads: list[Any]) -> SystemAbout:
    system = ValueSystem.model_validate(heads[0]["manifest"]["system"])
    return SystemAbout(
        **system.model_dump(include={"id", "name", "scoring", "summary", "source"}),
        circle=list(system.circle),
        groups=[GroupAbout(**g.model_dump()) for g in system.groups],
        dimensions=[
            DimensionAbout(name=d.name, definition=d.definition, high=d.high, low=d.low)
            for d in system.dimensions
        ],
        measurements=[_dated(head) for head in heads],
    )


def _dated(head: Any) -> Dated:
    manifest = head["manifest"]
    published = head["kind"] == "published"
    many = manifest["source"]["rows"] if published else len(manifest["respondents"])
    return Dated(
        id=head["id"],
        date=utc(head["created"]).date().isoformat(),
        kind=head["kind"],
        respondents=many,
    )
