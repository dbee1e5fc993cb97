"""Runs of evolve: what they made, what it took, and how the rewards hold on fresh answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Path, Request
from pydantic import BaseModel
from starlette.responses import Response

from valuecompass.board.evolution.runs import RunHead, list_runs, reported
from valuecompass.evolve.report.gather import read_run
from valuecompass.web import shards
from valuecompass.web.api.shared import Notices
from valuecompass.web.errors import or_absent
from valuecompass.web.site import Here, Site

router = APIRouter()
RunId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="Id of a run.")]


class EvolutionsDocument(BaseModel):
    """Runs of a workspace, newest first."""

    runs: tuple[RunHead, ...]


class EvolvedKept(BaseModel):
    """A kept item. selected: the reward it was chosen by, too large; fresh: on fresh answers."""

    id: str
    text: str
    systems: list[str]
    dimensions: list[str]
    fact: str | None
    region: str | None
    year: int | None
    generator: str
    selected: float | None
    fresh: float | None
    calls: int


class CoursePoint(BaseModel):
    """How far a run was: rewards found by then, and what it had taken."""

    pull: int
    requests: int
    best: float | None
    top: float | None
    top_of: int
    topics: int
    found: int


class EvolutionDocument(BaseModel):
    """What a run says of itself (docs/evolve-report.md); nobody is asked for it."""

    run: dict[str, Any]
    counts: dict[str, Any]
    texts: dict[str, Any]
    distributions: dict[str, Any]
    spread: dict[str, Any]
    rewards: dict[str, Any]
    cost: dict[str, Any]
    course: list[CoursePoint]
    items: list[EvolvedKept]
    notices: Notices


async def exported(here: Site) -> AsyncIterator[shards.Wanted]:
    """Yield what an export holds of this subject."""
    yield shards.Wanted("/evolutions")
    for run in await list_runs(here.store):
        if run.finished is not None:
            yield shards.Wanted("/evolutions/{run}", {"run": run.id})


@router.get("/evolutions", response_model=EvolutionsDocument)
async def evolutions(request: Request, here: Here) -> Response:
    """Return the runs of evolve of this workspace."""

    async def make() -> EvolutionsDocument:
        return EvolutionsDocument(runs=await list_runs(here.store))

    return await here.documents.answer(request, make)


@router.get("/evolutions/{run}", response_model=EvolutionDocument)
async def evolution(request: Request, here: Here, run: RunId) -> Response:
    """Return the report on a finished run."""
    return await here.documents.answer(request, lambda: evolution_of(here, run))


async def evolution_of(here: Site, id: str) -> EvolutionDocument:
    """Return the report on a finished run."""
    run = await or_absent(read_run(here.store, id))
    return EvolutionDocument.model_validate(await anyio.to_thread.run_sync(reported, run))
