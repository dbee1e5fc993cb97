"""Persons: the value space, the questionnaire, and whom somebody's values are like."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Literal

import anyio
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field, model_validator
from starlette.responses import Response

from valuecompass.board.boards import Board
from valuecompass.board.cultures.profiles import Profiles, demonstration_profiles
from valuecompass.board.persons.match import Person, person_of, person_of_scores
from valuecompass.board.persons.questionnaire import (
    Questionnaire,
    checked_answers,
    own_questionnaire,
)
from valuecompass.board.persons.report import person_report
from valuecompass.board.persons.space import value_space
from valuecompass.errors import InputError
from valuecompass.measure.run import resolve_system
from valuecompass.values import ValueSystem
from valuecompass.web import shards
from valuecompass.web.access import comparing
from valuecompass.web.api.meta import boards_here
from valuecompass.web.api.shared import Day, Notices, SystemId
from valuecompass.web.errors import NotFound
from valuecompass.web.site import Here, Site

router = APIRouter()


class Neighbour(BaseModel):
    """Somebody near, with Spearman's correlation of the two orders."""

    name: str
    rho: float


class SpacePoint(BaseModel):
    """A place on the map; nearest: by rho, which the flat map cannot bend."""

    name: str
    kind: Literal["respondent", "culture", "person"]
    simulated: bool
    x: float
    y: float
    nearest: list[Neighbour]


class SpaceDocument(BaseModel):
    """A map of who orders values like whom.

    stress: Kruskal's stress-1, with what it means in `stress_means`.
    directions: by dimension, where on the map it is put before others: correlations of its ranks
        with x and y; the sum of their squares is the share of its variance that the map shows.
    """

    system: str
    date: str
    points: list[SpacePoint]
    stress: float | None
    stress_means: str
    directions: dict[str, tuple[float, float]]
    compared_on: str
    notices: Notices


class Question(BaseModel):
    """A statement to rate; keying: -1 where agreeing speaks against the dimension."""

    id: str
    dimension: str
    text: str
    keying: int


class QuestionnaireDocument(BaseModel):
    """Statements to rate from `low` (not like me at all) to `high` (very much like me)."""

    system: str
    low: float
    high: float
    dims: list[str]
    circle: list[str]
    items: list[Question]


class Matching(BaseModel):
    """A person's answers by question, or, instead, scores by dimension known from before.

    Both on the scale of the questionnaire. They are compared and not stored.
    """

    system: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    date: str | None = Field(None, max_length=32)
    answers: dict[str, float] | None = Field(None, max_length=200)
    scores: dict[str, float] | None = Field(None, max_length=200)

    @model_validator(mode="after")
    def _one(self) -> Matching:
        if (self.answers is None) == (self.scores is None):
            raise ValueError("give either answers or scores")
        return self


class RespondentMatch(BaseModel):
    """A respondent beside the person.

    match: 100 (rho + 1) / 2, with the limits that the respondent's scores leave.
    beats: share of shuffled profiles that are less alike.
    reason: why there is no match.
    """

    respondent: str
    simulated: bool
    match: float | None
    rho: float | None
    beats: float | None
    low: float | None
    high: float | None
    reason: str | None


class CultureMatch(BaseModel):
    """A culture beside the person; its profile is taken as exact."""

    culture: str
    match: float
    rho: float


class CultureMatches(BaseModel):
    """Cultures, most alike first.

    fits: whether the nearest is nearer than chance; null: that cannot be tested.
    """

    file: str
    matches: list[CultureMatch]
    nearest: list[str]
    fits: bool | None
    p: float | None
    notices: Notices


class Orders(BaseModel):
    """Ranks over the dimensions, 1 = least, for everybody who has a match."""

    respondents: dict[str, list[float | None]]
    cultures: dict[str, list[float | None]]


class MatchDocument(BaseModel):
    """A person beside every respondent and culture.

    fits: whether the best match is better than chance; null: nobody can be ranked.
    winners: the best match, or several exactly level; empty unless somebody fits.
    person: mean answer by dimension.
    order: the person's ranks over `dimensions`, 1 = least, ties averaged.
    """

    system: str
    date: str
    dimensions: list[str]
    matches: list[RespondentMatch]
    fits: bool | None
    p: float | None
    winner: str | None
    winners: list[str]
    person: dict[str, float]
    order: list[float | None]
    orders: Orders
    cultures: CultureMatches | None
    compared_on: str
    notices: Notices


Cultures = Annotated[bool, Query(description="Show the cultures of the demonstration set, too.")]


async def exported(here: Site) -> AsyncIterator[shards.Wanted]:
    """Yield what an export holds of this subject."""
    for system, date in await boards_here(here):
        for cultures in (None, False):
            params = {"system": system, "date": date, "cultures": cultures}
            yield shards.Wanted("/space/{system}", params, maybe=True)
        if date is None:
            yield shards.Wanted("/questionnaires/{system}", {"system": system}, maybe=True)


@router.get("/space/{system}", response_model=SpaceDocument)
async def space(
    request: Request, here: Here, system: SystemId, date: Day = None, cultures: Cultures = True
) -> Response:
    """Return a map of respondents and cultures: near means values in a similar order."""

    async def make() -> SpaceDocument:
        board = await here.board(system, date, samples=0)
        return await anyio.to_thread.run_sync(space_of, board, cultures)

    return await here.documents.answer(request, make)


@router.get("/questionnaires/{system}", response_model=QuestionnaireDocument)
async def questionnaire(request: Request, here: Here, system: SystemId) -> Response:
    """Return the statements that a person rates."""

    async def make() -> QuestionnaireDocument:
        return questionnaire_of(system)

    return await here.documents.answer(request, make)


@router.post("/match", response_model=MatchDocument, dependencies=[Depends(comparing)])
async def match(here: Here, given: Matching) -> MatchDocument:
    """Compare a person with respondents and cultures; nothing is stored."""
    return await match_of(here, given)


def space_of(board: Board, cultures: bool) -> SpaceDocument:
    """Return the map of a board.

    Raises:
        NotFound: there are too few complete profiles for one.
    """
    try:
        found = value_space(board, known_cultures(board.system) if cultures else None)
    except InputError as error:
        raise NotFound(str(error)) from None
    whole = found.json() | {"system": board.system.id, "date": board.created.date().isoformat()}
    return SpaceDocument.model_validate(whole)


def known_cultures(system: ValueSystem) -> Profiles | None:
    """Return the demonstration set, or None where there is none for the system."""
    try:
        return demonstration_profiles(system)
    except InputError:
        return None


def asked(system: ValueSystem) -> Questionnaire:
    """Return the questionnaire of a system.

    Raises:
        NotFound: there is none.
    """
    try:
        return own_questionnaire(system)
    except InputError:
        raise NotFound(f"There is no questionnaire for {system.name}.") from None


def questionnaire_of(system: str) -> QuestionnaireDocument:
    """Return a questionnaire as a document.

    Raises:
        NotFound: there is none.
    """
    try:
        known = resolve_system(system)
    except InputError:
        raise NotFound(f"There is no questionnaire for {system!r}.") from None
    found = asked(known)
    return QuestionnaireDocument(
        system=known.id,
        low=found.low,
        high=found.high,
        dims=list(known.names),
        circle=list(known.circle),
        items=[
            Question(id=one.id, dimension=one.dimension, text=one.text or "", keying=one.keying)
            for one in found.items
        ],
    )


async def match_of(here: Site, given: Matching) -> MatchDocument:
    """Return a person's match.

    Raises:
        InputError: an answer is missing or off the scale.
        NotFound: no such board or questionnaire.
    """
    board = await here.board(given.system, given.date)
    person = _person(asked(board.system), given)
    cultures = known_cultures(board.system)
    found = await anyio.to_thread.run_sync(
        person_report, board, person, cultures, limiter=here.limits.comparing
    )
    return MatchDocument.model_validate(found)


def _person(asked: Questionnaire, given: Matching) -> Person:
    if given.scores is not None:
        return person_of_scores(asked, given.scores)
    return person_of(asked, checked_answers(given.answers or {}, asked, "answers"))
