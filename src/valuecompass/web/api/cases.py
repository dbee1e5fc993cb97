"""Cases: search in what was asked, answered and judged, and every case at an address of its own."""

from __future__ import annotations

from typing import Annotated, Literal

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from valuecompass.board.cases import Address, Case, Found, Search, read_case, read_cases, search
from valuecompass.board.cases import side_by_side as answers_beside
from valuecompass.board.cases.search import MOST_SHOWN, FacetCount, Order, Side
from valuecompass.board.cases.shelf import Indexing
from valuecompass.board.cases.words import MOST_CHARACTERS, parse_words
from valuecompass.errors import InputError
from valuecompass.items.schema import Kind as ItemKind
from valuecompass.measure.measurement import Measurement
from valuecompass.web.api.shared import Day, SystemId
from valuecompass.web.documents import document, sent
from valuecompass.web.errors import NotFound, or_absent
from valuecompass.web.site import Here

router = APIRouter()
MOST_BESIDE = 8


class CaseRespondent(BaseModel):
    """Who answered."""

    name: str
    simulated: bool


class CaseMeasurement(BaseModel):
    """The measurement that cases belong to.

    dims: of its value system. scoring: how responses become a score in it.
    """

    id: str
    system: str
    date: str
    judge: str
    scoring: str
    dims: list[str]
    respondents: list[CaseRespondent]


class CaseIndexing(BaseModel):
    """Cases that can be searched by now, and all of them."""

    done: int
    total: int


class CaseFacets(BaseModel):
    """How many cases there would be with each value, the other filters staying as they are."""

    respondent: list[FacetCount]
    dimension: list[FacetCount]
    outcome: list[FacetCount]
    kind: list[FacetCount]
    language: list[FacetCount]


class CasesDocument(BaseModel):
    """A page of the cases that were found.

    indexing: the index of this measurement is being made, nothing is found yet: ask again.
    total: of all pages. cursor: of the next page; null: this is the last.
    wanted, unwanted: the words as they were understood, phrases as several words.
    """

    measurement: CaseMeasurement
    indexing: CaseIndexing | None
    total: int
    cursor: str | None
    wanted: list[list[str]]
    unwanted: list[list[str]]
    facets: CaseFacets
    cases: list[Case]


class CaseDocument(BaseModel):
    """One case with everything about it."""

    measurement: CaseMeasurement
    case: Case


class Beside(BaseModel):
    """One respondent's answers to an item."""

    respondent: str
    cases: list[Case]


class BesideDocument(BaseModel):
    """Answers of several respondents to one item."""

    measurement: CaseMeasurement
    answers: list[Beside]


Words = Annotated[
    str,
    Query(
        max_length=MOST_CHARACTERS,
        description='Words in item or answer; "in quotes": in a row; -word: not there.',
    ),
]
Degree = Annotated[
    float | None, Query(ge=0, le=1, description="Limit of how strongly the judge found it.")
]
MeasurementId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="Of a measurement.")]
ItemId = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$", description="Id of an item.")]
Number = Annotated[int, Path(ge=0, le=100_000)]


@router.get("/cases/{system}", response_model=CasesDocument)
async def cases(
    request: Request,
    here: Here,
    system: SystemId,
    date: Day = None,
    q: Words = "",
    respondent: Annotated[list[str], Query(max_length=500, description="Names; none: all.")] = [],  # noqa: B006
    dimension: Annotated[
        str | None, Query(max_length=80, description="Asked for, or judged.")
    ] = None,
    low: Degree = None,
    high: Degree = None,
    side: Side | None = None,
    outcome: Literal["answer", "refusal", "empty", "missing"] | None = None,
    kind: ItemKind | None = None,
    language: Annotated[str | None, Query(max_length=20)] = None,
    order: Order = "item",
    cursor: Annotated[
        str | None, Query(max_length=40, description="`cursor` of the page before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_SHOWN)] = 20,
) -> Response:
    """Search the cases of a measurement; filters hold together, counts are exact."""
    meant, place = _begun(cursor)
    wanted = Search(
        words=q,
        respondents=tuple(respondent),
        dimension=dimension,
        low=low,
        high=high,
        side=side,
        outcome=outcome,
        kind=kind,
        language=language,
        order=order,
        cursor=place,
        limit=limit,
    )
    try:
        measurement = await here.cases.named(here.store, system, meant or date)
    except InputError as error:
        raise NotFound("cursor: its measurement is not here" if meant else str(error)) from None
    index = await here.cases.index(measurement)
    if isinstance(index, Indexing):
        # of this moment alone: not a document that is kept
        made = _page(measurement, index, None, [])
        return sent(request, document(made.model_dump_json().encode()), "no-store")

    async def make() -> CasesDocument:
        found = await anyio.to_thread.run_sync(search, index, wanted)
        read = await read_cases(here.store, measurement, found.addresses, found.words)
        return _page(measurement, None, found, read)

    return await here.documents.answer(request, make)


@router.get(
    "/cases/{measurement}/{position}/{item}/{presentation}/{repeat}", response_model=CaseDocument
)
async def case(
    request: Request,
    here: Here,
    measurement: MeasurementId,
    position: Number,
    item: ItemId,
    presentation: Number,
    repeat: Number,
    q: Words = "",
) -> Response:
    """Return one case: item, answer, every verdict, and how the answer was got."""

    async def make() -> CaseDocument:
        own = await or_absent(here.cases.measurement(here.store, measurement))
        address = Address(measurement, position, item, presentation, repeat)
        found = await or_absent(read_case(here.store, own, address, parse_words(q)))
        return CaseDocument(measurement=about_measurement(own), case=found)

    return await here.documents.answer(request, make)


@router.get("/beside/{measurement}/{item}", response_model=BesideDocument)
async def beside(
    request: Request,
    here: Here,
    measurement: MeasurementId,
    item: ItemId,
    respondent: Annotated[list[str], Query(min_length=1, max_length=MOST_BESIDE)],
) -> Response:
    """Return the answers of some respondents to the same item, to be read side by side."""

    async def make() -> BesideDocument:
        own = await or_absent(here.cases.measurement(here.store, measurement))
        names = list(dict.fromkeys(respondent))
        found = await or_absent(answers_beside(here.store, own, item, names))
        answers = [Beside(respondent=name, cases=read) for name, read in found.items()]
        return BesideDocument(measurement=about_measurement(own), answers=answers)

    return await here.documents.answer(request, make)


def _begun(cursor: str | None) -> tuple[str | None, str | None]:
    """Return measurement and place of a cursor: another one may be the newest by now."""
    if cursor is None:
        return None, None
    meant, dot, place = cursor.partition(".")
    if not dot:
        raise InputError("cursor: give that of the page before, or none")
    return meant, place


def _page(
    measurement: Measurement, making: Indexing | None, found: Found | None, read: list[Case]
) -> CasesDocument:
    nothing: dict[str, tuple[FacetCount, ...]] = {}
    facets = nothing if found is None else found.facets
    return CasesDocument(
        measurement=about_measurement(measurement),
        indexing=None if making is None else CaseIndexing(done=making.done, total=making.total),
        total=0 if found is None else found.total,
        cursor=found and found.cursor and f"{measurement.id}.{found.cursor}",
        wanted=[] if found is None else [list(p) for p in found.words.wanted],
        unwanted=[] if found is None else [list(p) for p in found.words.unwanted],
        facets=CaseFacets(**{name: list(facets.get(name, ())) for name in CaseFacets.model_fields}),
        cases=read,
    )


def about_measurement(measurement: Measurement) -> CaseMeasurement:
    """Return what is said of a measurement with its cases."""
    manifest = measurement.manifest
    people = [CaseRespondent(name=r.respondent, simulated=r.simulated) for r in measurement.rows]
    return CaseMeasurement(
        id=measurement.id,
        system=measurement.system,
        date=measurement.created.date().isoformat(),
        judge=manifest["judge_name"],
        scoring=manifest["system"]["scoring"],
        dims=[d["name"] for d in manifest["system"]["dimensions"]],
        respondents=people,
    )
