"""Respondents: profile, what a score was made of, drift, manifest."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel
from sqlalchemy import select
from starlette.responses import Response

from valuecompass.board.behind import MOST, Answer, Verdict, behind
from valuecompass.board.boards import Board
from valuecompass.board.drift import read_drifts
from valuecompass.board.folders import without_folders
from valuecompass.board.page.evidence import cut, seen, unjudged, weak
from valuecompass.board.respondents import (
    Profile,
    about,
    cost_of,
    everybody,
    manifest_of,
    profile_on,
    profile_rows,
)
from valuecompass.errors import InputError
from valuecompass.store import measurements
from valuecompass.values import Scoring
from valuecompass.web import shards
from valuecompass.web.api.boards import Range
from valuecompass.web.api.meta import boards_here
from valuecompass.web.api.shared import Day, Estimate, Notices, SystemId
from valuecompass.web.aside import aside
from valuecompass.web.errors import NotFound, or_absent
from valuecompass.web.site import Here, Site

router = APIRouter()
TEXT = 6_000
"""Characters of an answer that are sent; three pages, as in the report."""
Name = Annotated[str, Query(min_length=1, max_length=1_024, description="Of a respondent.")]
Dimension = Annotated[str, Query(min_length=1, max_length=80, description="Of the value system.")]


class InSystem(BaseModel):
    """Measurements of one respondent in a value system."""

    system: str
    date: str
    measurements: int


class Known(BaseModel):
    """Somebody who has scores here."""

    name: str
    simulated: bool
    systems: list[InSystem]


class Everybody(BaseModel):
    """All who have scores here, by name."""

    respondents: list[Known]


class Fact(BaseModel):
    """A name and what it stands for."""

    name: str
    value: str


class Further(Estimate):
    """A further score of a dimension; `within` compares dimensions of one respondent."""

    key: str
    label: str


class Dimensioned(Estimate):
    """A score; refused and missing answers beside its n."""

    name: str
    refused: int | None
    missing: int | None
    details: list[Further]


class GateOf(BaseModel):
    """Whether the judge may be relied on: passed, failed, undecided or unmeasured."""

    status: str
    reason: str


class Cost(BaseModel):
    """What the answers took, without the judge. usd: of those with a price."""

    responses: int
    input_tokens: int
    output_tokens: int
    usd: float | None
    unpriced: int
    seconds: float


class ProfileDocument(BaseModel):
    """One respondent in one value system, dimensions in the order of the theory's circle.

    axis: ends of the scale; of a table that does not declare one, of its numbers.
    """

    system: str
    date: str
    measurement: str
    imported: bool
    observational: bool
    respondent: str
    simulated: bool
    facts: list[Fact]
    scale: Range
    axis: Range
    dims: list[Dimensioned]
    gate: GateOf | None
    cost: Cost | None
    notes: Notices
    notices: Notices


class Span(BaseModel):
    """A stretch of an answer. stance: of the evidence in it; null: none is."""

    text: str
    stance: str | None


class Ruling(BaseModel):
    """What the judge said of one part of an answer.

    word: the verdict in a word; null: there is none, or too little of the dimension is there.
    """

    part: int
    word: str | None
    stance: str | None
    expressed: float | None
    valence: float | None
    confidence: float | None
    missing: str | None
    note: str | None


class AnswerBehind(BaseModel):
    """An answer behind a score. value: what it counts, in [0, 1]; null: nothing.

    omitted: characters left out at the end.
    """

    item: str
    kind: str
    text: str
    presentation: int
    repeat: int
    outcome: str
    reading: dict[str, Any] | None
    spans: list[Span]
    omitted: int
    verdicts: list[Ruling]
    value: float | None


class BehindDocument(BaseModel):
    """Answers behind a score, in the order of their items; next: give it as `after`."""

    system: str
    respondent: str
    dimension: str
    measurement: str
    answers: list[AnswerBehind]
    next: str | None


class Occasion(BaseModel):
    """A respondent's scores on one date."""

    measurement: str
    date: str
    imported: bool
    occasion: str | None
    dimensions: dict[str, Estimate]


class Moved(BaseModel):
    """A change of one dimension; discovered: at the false discovery rate over all changes."""

    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    q: float | None
    discovered: bool | None
    n: int | None


class Change(BaseModel):
    """A later measurement less the first."""

    since: str
    until: str
    measurements: list[str]
    dimensions: dict[str, Moved]
    notes: Notices


class DriftDocument(BaseModel):
    """How a respondent's scores moved, oldest first."""

    respondent: str
    system: str
    fdr: float
    series: list[Occasion]
    changes: list[Change]
    notices: Notices


class FactGroup(BaseModel):
    """One entry of a manifest."""

    heading: str
    rows: list[tuple[str, str]]
    omitted: int


class ManifestDocument(BaseModel):
    """What a measurement was made of: for reading, and whole."""

    id: str
    system: str
    date: str
    groups: list[FactGroup]
    manifest: dict[str, Any]


async def exported(here: Site) -> AsyncIterator[shards.Wanted]:
    """Yield what an export holds of this subject."""
    yield shards.Wanted("/respondents")
    for system, date in await boards_here(here):
        found = await here.board(system, date)
        for name in found.respondents:
            who = {"system": system, "name": name}
            yield shards.Wanted("/boards/{system}/respondent", who | {"date": date})
            if date is None:
                yield shards.Wanted("/boards/{system}/respondent/drift", who, maybe=True)
    for head in await here.store.rows(select(measurements.c.id)):
        yield shards.Wanted("/measurements/{id}/manifest", {"id": head["id"]})


@router.get("/respondents", response_model=Everybody)
async def respondents(request: Request, here: Here) -> Response:
    """Return all who have scores here, with systems and dates."""

    async def make() -> Everybody:
        return Everybody.model_validate({"respondents": await everybody(here.store)})

    return await here.documents.answer(request, make)


@router.get("/boards/{system}/respondent", response_model=ProfileDocument)
async def respondent(
    request: Request, here: Here, system: SystemId, name: Name, date: Day = None
) -> Response:
    """Return a respondent's profile: scores with all that is known of them, facts, cost."""
    return await here.documents.answer(request, lambda: profile_of(here, system, name, date))


@router.get("/boards/{system}/respondent/drift", response_model=DriftDocument)
async def drift(request: Request, here: Here, system: SystemId, name: Name) -> Response:
    """Return how a respondent's scores moved between dates."""

    async def make() -> DriftDocument:
        # resampling thousands of items takes seconds, and everybody shares the draws
        everybodys = await here.documents.kept(
            f"drift {system}", lambda: aside(here, read_drifts, system=system)
        )
        if name not in everybodys:
            raise NotFound(f"{name} has no measurement of {system}; the board lists who has")
        found = everybodys[name]
        # `from` is no name in Python
        changes = [c | {"since": c["from"], "until": c["to"]} for c in found["changes"]]
        return DriftDocument.model_validate(found | {"changes": changes})

    return await here.documents.answer(request, make)


@router.get("/boards/{system}/respondent/behind", response_model=BehindDocument)
async def answers_behind(
    request: Request,
    here: Here,
    system: SystemId,
    name: Name,
    dimension: Dimension,
    date: Day = None,
    item: Annotated[str | None, Query(max_length=12, description="Only this item.")] = None,
    after: Annotated[str | None, Query(max_length=60, description="`next` of a page.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Answers of a page.")] = 10,
) -> Response:
    """Return the answers that a score was made of, each with its verdicts and what it counts."""
    # a page goes on in the measurement of the one before: another may be the newest by now
    begun = None if after is None else _BEGUN.fullmatch(after)
    if after is not None and begun is None:
        raise InputError(f"after: {after[:40]!r} is no place; give `next` of the page before")

    async def make() -> BehindDocument:
        board = await here.board(system, begun[1] if begun else date, samples=0)
        own = _known(board, name)
        if own.row is None:
            raise NotFound("The scores were published elsewhere: their answers are not here.")
        page = await behind(
            here.store,
            own.measurement,
            name,
            dimension,
            item=item,
            after=begun and begun[2],
            limit=limit,
        )
        return BehindDocument(
            system=system,
            respondent=name,
            dimension=dimension,
            measurement=own.measurement.id,
            answers=[_answer(one, board) for one in page.answers],
            next=page.next and f"{own.measurement.id}.{page.next}",
        )

    return await here.documents.answer(request, make)


_BEGUN = re.compile(r"([0-9a-f]{16})\.(.+)")
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="Of a measurement.")]


@router.get("/measurements/{id}/manifest", response_model=ManifestDocument)
async def manifest(request: Request, here: Here, id: Id) -> Response:
    """Return what a measurement was made of."""

    async def make() -> ManifestDocument:
        return ManifestDocument.model_validate(await or_absent(manifest_of(here.store, id)))

    return await here.documents.answer(request, make)


async def profile_of(here: Site, system: str, name: str, date: str | None) -> ProfileDocument:
    """Return a respondent's profile as a document."""
    board = await here.board(system, date, samples=0)
    own = _known(board, name)
    low, high = board.scale
    declared = not board.imported or board.measurements[0].manifest["scale"]["declared"]
    gate = None if own.row is None else own.measurement.gate
    return ProfileDocument.model_validate(
        {
            "system": system,
            "date": own.measurement.created.date().isoformat(),
            "measurement": own.measurement.id,
            "imported": board.imported,
            "observational": own.measurement.observational,
            "respondent": name,
            "simulated": board.simulated[own.position],
            "facts": [
                {"name": fact, "value": without_folders(value)} for fact, value in about(own)
            ],
            "scale": {"low": low, "high": high} if declared else {"low": None, "high": None},
            "axis": {"low": low if declared else min(0.0, low), "high": high},
            "dims": profile_rows(own),
            "gate": gate and {"status": gate.status, "reason": gate.reason},
            "cost": await cost_of(here.store, own),
            "notes": list(own.row.notes) if own.row else [],
            "notices": list(board.notices),
        }
    )


def _known(board: Board, name: str) -> Profile:
    try:
        return profile_on(board, name)
    except InputError as error:
        raise NotFound(str(error)) from None


def _answer(one: Answer, board: Board) -> AnswerBehind:
    scoring = board.system.scoring
    marks = [verdict.mark for verdict in one.verdicts]
    pieces = cut(one.response, marks, scoring, TEXT)
    return AnswerBehind(
        item=one.item.id,
        kind=one.item.kind,
        text=one.item.text,
        presentation=one.presentation,
        repeat=one.repeat,
        outcome=one.outcome,
        reading=dict(one.reading) if one.reading else None,
        spans=[Span(text=p.text, stance=p.stance if p.under else None) for p in pieces],
        omitted=max(0, len(one.response) - TEXT),
        verdicts=[_ruling(verdict, scoring) for verdict in one.verdicts],
        value=one.value,
    )


def _ruling(verdict: Verdict, scoring: Scoring) -> Ruling:
    mark = verdict.mark
    told = None if unjudged(mark) or weak(mark, scoring) else seen(mark, scoring)
    return Ruling(
        part=verdict.part,
        word=told and told.word,
        stance=told and told.stance,
        expressed=mark.expressed,
        valence=mark.valence,
        confidence=mark.confidence,
        missing=verdict.missing,
        note=verdict.note,
    )
