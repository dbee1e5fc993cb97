"""Cultures: whose order of values is like that of people somewhere, and how sure that is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any, Literal

import anyio
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from valuecompass.board.boards import Board
from valuecompass.board.cultures.countries import countries_of
from valuecompass.board.cultures.profiles import (
    Profiles,
    demonstration_profiles,
    parse_profiles,
)
from valuecompass.board.cultures.report import ALPHA, culture_curve, culture_report
from valuecompass.board.cultures.similarity import Method
from valuecompass.errors import InputError
from valuecompass.values import ValueSystem
from valuecompass.web import shards
from valuecompass.web.access import comparing
from valuecompass.web.api.meta import boards_here
from valuecompass.web.api.shared import Day, Notices, SystemId
from valuecompass.web.errors import NotFound
from valuecompass.web.site import Here, Site

router = APIRouter()
MOST_CULTURES = 120
"""In a set that somebody sends: bounds the time that one request takes."""
WEAKEST = 12
"""Claims about pairs of cultures that are shown: those that the fewest choices support."""

MethodName = Annotated[Method, Query(description="The correlation.")]
TreatmentText = Annotated[
    str,
    Query(
        pattern=r"^(as-is|(last|without):.{1,80})$",
        description="as-is, last:NAME (a dimension put last on both sides) or without:NAME.",
    ),
]
Respondent = Annotated[str, Query(max_length=400, description="A respondent of the board.")]


class Cell(BaseModel):
    """A similarity in [-1, 1] with its 95 % limits; null: cannot be compared, or no limits."""

    value: float | None
    low: float | None
    high: float | None


class Support(BaseModel):
    """A claim, and in which share of all defensible choices it holds.

    of: choices that could be tried.
    hangs_on: dimensions whose single treatment turns a claim round that most choices support.
    """

    claim: str
    share: float
    of: int
    supported: bool
    hangs_on: list[str]


class CultureRow(BaseModel):
    """A respondent beside every culture.

    cells: in the order of the document's cultures.
    nearest: several when they tie, none where nothing can be compared.
    fits: whether the nearest is nearer than the respondent's values in random order would come;
        null: that cannot be tested.
    p: of that test.
    claims: one for each culture in `nearest`.
    """

    respondent: str
    simulated: bool
    cells: list[Cell]
    nearest: list[str]
    fits: bool | None
    p: float | None
    claims: list[Support]


class PairClaims(BaseModel):
    """Claims that one of two cultures is nearer on average over the respondents."""

    of: int
    supported: int
    weakest: list[Support]


class ProfileSet(BaseModel):
    """Where the cultures' profiles come from."""

    name: str
    source: str | None
    cultures: list[str]


class CulturesDocument(BaseModel):
    """Respondents beside cultures.

    countries: by culture that goes by a country's name, its numeric code of ISO 3166-1.
    alpha: level of the test of fit.
    threshold: share of choices from which on a claim counts as supported.
    treatments: those that can be asked for.
    """

    system: str
    date: str
    dims: list[str]
    method: Method
    treatment: str
    treatments: list[str]
    compared_on: str
    profiles: ProfileSet
    countries: dict[str, str]
    rows: list[CultureRow]
    alpha: float
    threshold: float | None
    pairs: PairClaims | None
    notices: Notices


class Specification(BaseModel):
    """One defensible choice; estimates in the order of the cultures."""

    profiles: str
    method: Method
    treatment: str
    estimates: list[float | None]
    nearest: list[str]


class CultureSupport(BaseModel):
    """In which share of the choices a culture alone is the nearest."""

    culture: str
    share: float
    of: int
    supported: bool
    hangs_on: list[str]


class CurveDocument(BaseModel):
    """One respondent under every defensible choice; claims best supported first."""

    respondent: str
    threshold: float
    cultures: list[str]
    specifications: list[Specification]
    claims: list[CultureSupport]


class Comparison(BaseModel):
    """A set of profiles to compare with; it is not stored.

    name: what messages call it.
    kind: how `text` is written: JSON ``{"China": {"Benevolence": 9, ...}, ...}``, or a table with a
        column `culture` and one for each dimension; larger = more important.
    respondent: whose specification curve is wanted; the first real one if left out.
    """

    system: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    date: str | None = Field(None, max_length=32)
    method: Method = "spearman"
    treatment: str = Field("as-is", pattern=r"^(as-is|(last|without):.{1,80})$")
    respondent: str | None = Field(None, max_length=400)
    name: str = Field("your profiles", min_length=1, max_length=120)
    kind: Literal["json", "csv", "tsv"] = "json"
    text: str = Field(max_length=1_000_000)


class Compared(BaseModel):
    """What came of a comparison; curve: null where the set has one culture."""

    report: CulturesDocument
    curve: CurveDocument | None


async def exported(here: Site) -> AsyncIterator[shards.Wanted]:
    """Yield what an export holds of this subject."""
    for system, date in await boards_here(here):
        for method in (None, "kendall", "pearson"):  # None: the usual one
            params = {"system": system, "date": date, "method": method}
            yield shards.Wanted("/cultures/{system}", params, maybe=True)


@router.get("/cultures/{system}", response_model=CulturesDocument)
async def cultures(
    request: Request,
    here: Here,
    system: SystemId,
    date: Day = None,
    method: MethodName = "spearman",
    treatment: TreatmentText = "as-is",
) -> Response:
    """Return how alike respondents and the cultures of the demonstration set are."""

    async def make() -> CulturesDocument:
        board = await here.board(system, date)
        known = shipped(board.system)
        return await anyio.to_thread.run_sync(document_of, board, known, method, treatment)

    return await here.documents.answer(request, make)


@router.get("/cultures/{system}/curve", response_model=CurveDocument)
async def curve(
    request: Request, here: Here, system: SystemId, respondent: Respondent, date: Day = None
) -> Response:
    """Return one respondent's specification curve over the demonstration set."""

    async def make() -> CurveDocument:
        board = await here.board(system, date)
        known = shipped(board.system)
        return await anyio.to_thread.run_sync(curve_of, board, known, respondent)

    return await here.documents.answer(request, make)


@router.post("/cultures/compare", response_model=Compared, dependencies=[Depends(comparing)])
async def compare(here: Here, given: Comparison) -> Compared:
    """Compare with profiles that are sent along; nothing of them is stored."""
    return await compared(here, given)


async def compared(here: Site, given: Comparison) -> Compared:
    """Return a comparison with a set that was sent.

    Raises:
        InputError: the set is not readable; the message names culture or line, and field.
        NotFound: no such board or respondent.
    """
    board = await here.board(given.system, given.date)

    def made() -> Compared:
        sent = parse_profiles(given.text, given.name, given.kind, board.system)
        if len(sent.cultures) > MOST_CULTURES:
            raise InputError(
                f"{given.name}: {len(sent.cultures)} cultures; send at most {MOST_CULTURES}"
            )
        report = document_of(board, sent, given.method, given.treatment)
        several = len(sent.cultures) > 1
        curve = curve_of(board, sent, given.respondent or _first(board)) if several else None
        return Compared(report=report, curve=curve)

    return await anyio.to_thread.run_sync(made, limiter=here.limits.comparing)


def _first(board: Board) -> str:
    real = (who for who, yes in zip(board.respondents, board.simulated, strict=True) if not yes)
    return next(real, board.respondents[0])


def shipped(system: ValueSystem) -> Profiles:
    """Return the profiles that come with the package.

    Raises:
        NotFound: none do for this system.
    """
    try:
        return demonstration_profiles(system)
    except InputError:
        raise NotFound(
            f"No profiles of cultures come with {system.name}. Compare with profiles of your own."
        ) from None


def document_of(
    board: Board, profiles: Profiles, method: Method, treatment: str
) -> CulturesDocument:
    """Return the comparison of a board with a set of profiles."""
    several = len(profiles.cultures) > 1
    found = culture_report(board, [profiles], method=method, treatment=treatment, curve=several)
    curve = found.pop("specification_curve", None)
    names = list(profiles.cultures)
    return CulturesDocument(
        **{key: found[key] for key in ("system", "date", "method", "treatment", "compared_on")},
        dims=found["dimensions"],
        treatments=[
            "as-is",
            *(f"without:{name}" for name in board.names),
            *(f"last:{name}" for name in board.names),
        ],
        profiles=ProfileSet(name=profiles.name, source=profiles.source, cultures=names),
        countries=countries_of(names),
        rows=list(map(partial(_row, found, curve, names), board.respondents)),
        alpha=ALPHA,
        threshold=curve and curve["threshold"],
        pairs=curve and _pairs(curve["claims"]),
        notices=found["notices"],
    )


def _row(
    found: dict[str, Any], curve: dict[str, Any] | None, cultures: list[str], who: str
) -> CultureRow:
    cells, limits = found["cells"][who], found["intervals"][who]
    claims: list[dict[str, Any]] = curve["claims"] if curve else []
    return CultureRow(
        respondent=who,
        simulated=who in found["simulated"],
        cells=[
            Cell(value=cells[one], **(limits[one] or {"low": None, "high": None}))
            for one in cultures
        ],
        nearest=found["nearest"][who],
        fits=found["fits"][who],
        p=found["p"][who],
        claims=[Support.model_validate(one) for one in claims if one.get("respondent") == who],
    )


def _pairs(claims: list[dict[str, Any]]) -> PairClaims:
    pairs = sorted((one for one in claims if one["kind"] == "order"), key=lambda one: one["share"])
    return PairClaims(
        of=len(pairs),
        supported=sum(one["supported"] for one in pairs),
        weakest=[Support.model_validate(one) for one in pairs[:WEAKEST]],
    )


def curve_of(board: Board, profiles: Profiles, respondent: str) -> CurveDocument:
    """Return a respondent's specification curve.

    Raises:
        NotFound: nobody on the board goes by the name.
    """
    if respondent not in board.respondents:
        raise NotFound(f"{respondent!r} is not on this board.")
    found = culture_curve(board, [profiles], respondent)
    return CurveDocument(respondent=respondent, **found)
