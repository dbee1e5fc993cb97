"""Jobs of operators: price, start, watch, stop, take up again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator, Generator
from datetime import datetime
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

import anyio
from fastapi import APIRouter, Body, Header, Path
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from valuecompass.items import SIZES, Size
from valuecompass.models import parse_roster
from valuecompass.models.spec import ROSTERS
from valuecompass.store import Store
from valuecompass.values import BUILTIN, builtin_system
from valuecompass.web.access import Operator, OperatorWrites
from valuecompass.web.errors import TURNED, NotFound, Refused
from valuecompass.web.jobs import (
    Conflict,
    Job,
    State,
    Unknown,
    add_job,
    events_after,
    find_job,
    list_jobs,
    resume_job,
    stop_job,
)
from valuecompass.web.pricing import Price
from valuecompass.web.secrets import covered_in
from valuecompass.web.site import Here
from valuecompass.web.specs import EMBEDDED, BudgetSpec, Spec
from valuecompass.web.tokens import still_valid

router = APIRouter(responses=TURNED)
POLL = 0.5
"""Seconds between two looks at a job that is watched."""
QUIET = 15.0
"""Seconds after which a silent stream says that it lives: proxies cut silent ones."""
JobId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="Id of a job.")]


class JobDocument(BaseModel):
    """A job as it stands; `progress` and `result` as `web.following` describes them."""

    id: str
    kind: Literal["run", "evolve"]
    spec: dict[str, Any]
    by: str
    state: State
    created: datetime
    started: datetime | None
    finished: datetime | None
    heartbeat: datetime | None
    message: str | None
    progress: dict[str, Any] | None
    result: dict[str, Any] | None


class JobList(BaseModel):
    """The newest jobs, the newest first. workers: that work at a time."""

    jobs: list[JobDocument]
    workers: int


class SystemChoice(BaseModel):
    """A value system that can be measured."""

    id: str
    name: str


class ModelChoice(BaseModel):
    """A model that comes to mind. usd_in, usd_out: for a million tokens; null: not known."""

    model: str
    developer: str | None
    usd_in: float | None
    usd_out: float | None


class Choices(BaseModel):
    """What a specification can name; models beside these can be named, too."""

    systems: list[SystemChoice]
    forms: list[Size]
    models: list[ModelChoice]
    allow_private: bool


class Again(BaseModel):
    """How a job is taken up. budget: in place of the one it had."""

    budget: BudgetSpec | None = None


@router.get("/jobs", response_model=JobList)
async def jobs(here: Here, _: Operator) -> JobList:
    """Return the newest jobs."""
    found = await list_jobs(here.store)
    return JobList(jobs=[_document(job) for job in found], workers=here.settings.workers)


@router.get("/jobs/choices", response_model=Choices)
async def choices(here: Here, _: Operator) -> Choices:
    """Return what a form offers: value systems, forms, current models."""
    roster = parse_roster(FilePath(ROSTERS[0]))
    known = [
        ModelChoice(
            model=one.model,
            developer=one.developer,
            usd_in=one.price and one.price.input,
            usd_out=one.price and one.price.output,
        )
        for one in roster
    ]
    local = [
        ModelChoice(model=f"embedded/{name}", developer=None, usd_in=0, usd_out=0)
        for name in EMBEDDED
    ]
    systems = [SystemChoice(id=name, name=builtin_system(name).name) for name in BUILTIN]
    private = here.settings.allow_private
    return Choices(
        systems=systems, forms=list(SIZES), models=[*local, *known], allow_private=private
    )


@router.post("/jobs", response_model=JobDocument, status_code=201)
async def start(here: Here, token: OperatorWrites, spec: Annotated[Spec, Body()]) -> JobDocument:
    """Put a job into the queue; it begins as soon as a place is free."""
    with _told():
        job = await add_job(here.store, spec, token.name)
    here.supervisor.wake()
    return _document(job)


@router.post("/jobs/price", response_model=Price)
async def price(here: Here, _: OperatorWrites, spec: Annotated[Spec, Body()]) -> Price:
    """Return what a job would take, without asking any model."""
    return await here.supervisor.price(spec)


@router.get("/jobs/{job}", response_model=JobDocument)
async def one(here: Here, _: Operator, job: JobId) -> JobDocument:
    """Return a job."""
    with _told():
        return _document(await find_job(here.store, job))


@router.post("/jobs/{job}/stop", response_model=JobDocument)
async def stop(here: Here, _: OperatorWrites, job: JobId) -> JobDocument:
    """Stop a job after what is in flight; it can be taken up again."""
    with _told():
        return _document(await stop_job(here.store, job))


@router.post("/jobs/{job}/resume", response_model=JobDocument)
async def resume(here: Here, _: OperatorWrites, job: JobId, again: Again) -> JobDocument:
    """Take a job up that did not come to its end; nothing that is stored is asked again."""
    with _told():
        found = await resume_job(here.store, job, again.budget)
    here.supervisor.wake()
    return _document(found)


@router.get(
    "/jobs/{job}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events"}},
)
async def events(
    here: Here,
    token: Operator,
    job: JobId,
    last_event_id: Annotated[str, Header(pattern=r"^\d{0,9}$")] = "",
) -> StreamingResponse:
    """Stream what happens in a job until it ends, from the event after ``Last-Event-ID`` on.

    Messages of type ``event`` have a number as id; those of type ``job`` hold the job as it stands,
    have none, and only the last one counts. After ``end`` nothing more comes.
    """
    with _told():
        await find_job(here.store, job)
    stream = _stream(here.store, token.id, job, int(last_event_id or 0))
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _stream(store: Store, token: str, id: str, number: int) -> AsyncGenerator[str]:
    before, silent = "", 0.0
    # a token that ends or is revoked shows nothing more; who comes again is told why
    while await still_valid(store, token):
        # the job first: whatever it said before it ended is then among the events
        job = _document(await find_job(store, id))
        new = await events_after(store, id, number)
        for event in new:
            number = event.number
            body = {"number": number, "created": event.created.isoformat(), **event.body}
            yield f"id: {number}\nevent: event\ndata: {json.dumps(body)}\n\n"
        now = job.model_dump_json(exclude={"heartbeat"})
        if now != before:
            yield f"event: job\ndata: {job.model_dump_json()}\n\n"
            before = now
        elif not new:
            silent += POLL
        if job.state not in ("queued", "running", "stopping") and not new:
            yield "event: end\ndata: {}\n\n"
            return
        if silent >= QUIET:
            yield ": still here\n\n"
            silent = 0.0
        if not new:
            await anyio.sleep(POLL)


@contextlib.contextmanager
def _told() -> Generator[None]:
    try:
        yield
    except Unknown as error:
        raise NotFound(str(error)) from None
    except Conflict as error:
        raise Refused(409, str(error)) from None


def _document(job: Job) -> JobDocument:
    # what went in was looked through; what models and providers said was covered as it came
    return JobDocument(**{**vars(job), "message": covered_in(job.message)})
