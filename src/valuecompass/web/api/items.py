"""The item bank: items with what they tell, lineages, forms and their health."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from valuecompass.board.bank.forms import UsedForm, used_forms
from valuecompass.board.bank.known import Known, known_of
from valuecompass.board.bank.lineage import evolved_items
from valuecompass.board.bank.listing import (
    ItemLine,
    ItemPage,
    Sort,
    Wanted,
    facets_of,
    page_of,
    sampled_ids,
    systems_of,
    whole_bank,
)
from valuecompass.board.bank.whole import WholeItem, around, find_item, whole_item
from valuecompass.board.health.form import health_in
from valuecompass.items import Item
from valuecompass.web import shards
from valuecompass.web.api.meta import boards_here
from valuecompass.web.api.shared import Day, Notices, SystemId
from valuecompass.web.aside import aside
from valuecompass.web.documents import Document, lean
from valuecompass.web.errors import NotFound, or_absent
from valuecompass.web.site import Here, Site

router = APIRouter()
PARAMETERS = ("information", "high", "discrimination", "difficulty")
MOST_PAGES, PAGES_SEED = 100, 1
"""Of a system's items that have a page in an export: some 10 kB each with 33 respondents.

What runs of evolve kept has one besides: their pages lead to it.
"""
System = Annotated[
    str, Query(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="Id of a value system.")
]
Short = Annotated[str, Query(max_length=120)]
ItemId = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$", description="Id of an item.")]
Words = Annotated[str, Query(max_length=200, description="Words that the text must all hold.")]
After = Annotated[
    str,
    Query(pattern=r"^([0-9a-f]{12})?$", description="`next` of the page before; empty: the first."),
]


class ItemsDocument(BaseModel):
    """A page of the items of a value system.

    why: why no parameters are known; null where they are.
    """

    system: str
    sort: str
    page: ItemPage
    why: str | None


class ItemDocument(BaseModel):
    """One item with all that is known of it."""

    item: WholeItem
    why: str | None


class FormsDocument(BaseModel):
    """Forms that were measured here, newest first."""

    forms: tuple[UsedForm, ...]


class FormHealth(BaseModel):
    """How reliably the form of a board measures, and how far it is used up.

    As `valuecompass health --json`; what cannot be estimated is null, and `notices` say why.
    """

    system: str
    date: str
    measurements: list[str]
    form: dict[str, Any]
    respondents: list[str]
    reliability: dict[str, Any] | None
    generalisability: dict[str, Any] | None
    saturation: dict[str, Any]
    exposure: dict[str, Any]
    contamination: dict[str, Any]
    discriminant: dict[str, Any]
    circle: dict[str, Any]
    notices: Notices


class BankLine(BaseModel):
    """An item of the bank; what is usual is left out. page: an export has a page of it, too."""

    id: str
    text: str
    kind: str = "question"
    dimensions: tuple[str, ...]
    topic: str | None = None
    language: str = "en"
    origin: str = "seed"
    status: str = "in form"
    retired: dict[str, Any] | None = None
    information: float | None = None
    high: float | None = None
    discrimination: float | None = None
    difficulty: float | None = None
    uses: int = 0
    page: bool = False


class BankDocument(BaseModel):
    """All items of a value system, for an export.

    why: why no parameters are known. rule: which items have a page in an export.
    """

    system: str
    why: str | None
    rule: str
    facets: dict[str, dict[str, int]]
    lines: list[BankLine]


async def exported(here: Site) -> AsyncIterator[shards.Wanted]:
    """Yield what an export holds of this subject."""
    yield shards.Wanted("/forms")
    pages = set(await evolved(here))
    for system in sorted(await systems_of(here.store)):
        yield shards.Wanted("/banks/{system}", {"system": system})
        pages |= await pages_of(here, system)
    for one in sorted(pages):
        yield shards.Wanted("/items/{item}", {"item": one})
    for system, date in await boards_here(here):
        yield shards.Wanted("/health/{system}", {"system": system, "date": date}, maybe=True)


@router.get("/items", response_model=ItemsDocument)
async def items(
    request: Request,
    here: Here,
    system: System,
    q: Words = "",
    kind: Short = "",
    status: Literal["", "in form", "active", "retired"] = "",
    topic: Short = "",
    language: Short = "",
    dimension: Short = "",
    origin: Short = "",
    sort: Sort = "id",
    after: After = "",
) -> Response:
    """Return a page of the items of a value system that stand in this workspace."""
    wanted = Wanted(q, kind, status, topic, language, dimension, origin, sort, after)
    return await here.documents.answer(request, lambda: items_of(here, system, wanted))


@router.get("/banks/{system}", response_model=BankDocument)
async def bank(request: Request, here: Here, system: SystemId) -> Response:
    """Return all items of a value system at once, as an export holds them."""

    async def make() -> Document:
        return lean(await bank_of(here, system))

    return await here.documents.answer(request, make)


@router.get("/items/{item}", response_model=ItemDocument)
async def item(request: Request, here: Here, item: ItemId) -> Response:
    """Return an item with lineage, answers by respondent, forms and retirements."""
    return await here.documents.answer(request, lambda: item_of(here, item))


@router.get("/forms", response_model=FormsDocument)
async def forms(request: Request, here: Here) -> Response:
    """Return the forms that were measured here."""

    async def make() -> FormsDocument:
        return FormsDocument(forms=await used_forms(here.store))

    return await here.documents.answer(request, make)


@router.get("/health/{system}", response_model=FormHealth)
async def health(request: Request, here: Here, system: SystemId, date: Day = None) -> Response:
    """Return how healthy the form of a board is."""
    return await here.documents.answer(request, lambda: health_of(here, system, date))


async def known(here: Site, system: str) -> Known:
    """Return what is known of the items of a system, read once for a state of the workspace."""
    if system not in await here.documents.kept("systems", lambda: systems_of(here.store)):
        return await known_of(
            here.store, system
        )  # nothing was measured, so there is little to read
    return await here.documents.kept(
        f"known {system}", lambda: aside(here, known_of, system=system)
    )


async def items_of(here: Site, system: str, wanted: Wanted) -> ItemsDocument:
    """Return a page of items."""
    if system not in await here.documents.kept("systems", lambda: systems_of(here.store)):
        raise NotFound(f"system: no items of {system} in this workspace")
    of = await known(here, system)
    facets = await here.documents.kept(
        f"facets {system}", lambda: facets_of(here.store, system, of)
    )
    page = await page_of(here.store, system, of, wanted, facets)
    return ItemsDocument(system=system, sort=wanted.sort, page=page, why=of.why)


async def bank_of(here: Site, system: str) -> BankDocument:
    """Return all items of a system."""
    if system not in await here.documents.kept("systems", lambda: systems_of(here.store)):
        raise NotFound(f"system: no items of {system} in this workspace")
    of = await known(here, system)
    facets = await here.documents.kept(
        f"facets {system}", lambda: facets_of(here.store, system, of)
    )
    lines = await whole_bank(here.store, system, of)
    pages = await pages_of(here, system)
    count = sum(line.id in pages for line in lines)
    rule = "Every item has a page of its own."
    if count < len(lines):
        rule = (
            f"{count:,} of {len(lines):,} items have a page of their own: {MOST_PAGES} drawn by "
            f"chance (seed {PAGES_SEED}), and those that runs of evolve kept. A server has one "
            "of each."
        )
    rows = [_bank_line(line, line.id in pages) for line in lines]
    return BankDocument(system=system, why=of.why, rule=rule, facets=facets, lines=rows)


async def pages_of(here: Site, system: str) -> frozenset[str]:
    """Return ids of the items of a system that have a page in an export."""
    drawn = await sampled_ids(here.store, system, MOST_PAGES, PAGES_SEED)
    kept = await evolved(here)
    return frozenset(drawn) | {id for id, item in kept.items() if item.system == system}


async def evolved(here: Site) -> dict[str, Item]:
    """Return the items that runs of evolve kept, read once for a state of the workspace."""
    return await here.documents.kept("evolved", lambda: evolved_items(here.store))


def _bank_line(line: ItemLine, page: bool) -> BankLine:
    item, found = line.item, line.parameters
    numbers = {} if found is None else {n: getattr(found, n) for n in PARAMETERS}
    return BankLine(
        id=line.id,
        text=item.text,
        kind=item.kind,
        dimensions=item.dimensions,
        topic=item.topic,
        language=item.language,
        origin=item.lineage.origin,
        status=line.status,
        retired=line.retired,
        uses=line.uses,
        page=page,
        **numbers,
    )


async def item_of(here: Site, id: str) -> ItemDocument:
    """Return an item with all that is known of it."""
    found = await or_absent(find_item(here.store, id, await evolved(here)))
    own = await known(here, found.system)
    of = await here.documents.kept(
        f"around {found.system}", lambda: around(here.store, found.system, own)
    )
    whole = await whole_item(
        here.store, found, of, lambda one: here.cases.measurement(here.store, one)
    )
    return ItemDocument(item=whole, why=own.why)


async def health_of(here: Site, system: str, date: str | None) -> FormHealth:
    """Return the health of a form."""
    await here.board(system, date, samples=0)  # absent: 404
    return FormHealth.model_validate(await aside(here, health_in, system=system, date=date))
