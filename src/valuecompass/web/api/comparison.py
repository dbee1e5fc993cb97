"""Comparison of up to eight respondents: all pairs, with false discoveries under control."""

from __future__ import annotations

import csv
import io
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from valuecompass.board.comparison import MOST, compare_on
from valuecompass.measure.study.tables import csv_cell
from valuecompass.web.api.shared import Day, Notices, SystemId
from valuecompass.web.documents import Document, document
from valuecompass.web.site import Here, Site

router = APIRouter()
With = Annotated[
    list[str],
    Query(
        alias="with", min_length=2, max_length=MOST, description="Names, two to eight different."
    ),
]


class Difference(BaseModel):
    """The first less the second; discovered: at the false discovery rate over all of them."""

    a: float | None
    b: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    q: float | None
    discovered: bool | None
    n: int | None


class Separating(BaseModel):
    """An item that the two differ on, and by how many points on a dimension."""

    item: str
    text: str
    dimension: str
    difference: float | None


class Pair(BaseModel):
    """Two respondents, on the items that both answered."""

    a: str
    b: str
    dimensions: dict[str, Difference]
    items: list[Separating]


class ComparisonDocument(BaseModel):
    """All pairs of some respondents. An imported table has bare differences."""

    system: str
    date: str
    measurements: list[str]
    imported: bool
    fdr: float
    pairs: list[Pair]
    notices: Notices


@router.get("/boards/{system}/comparison", response_model=ComparisonDocument)
async def comparison(
    request: Request, here: Here, system: SystemId, names: With, date: Day = None
) -> Response:
    """Return all pairs of some respondents: difference, interval, q-value, separating items."""
    return await here.documents.answer(request, lambda: comparison_of(here, system, names, date))


@router.get("/boards/{system}/comparison.csv", response_class=Response)
async def comparison_table(
    request: Request, here: Here, system: SystemId, names: With, date: Day = None
) -> Response:
    """Return the same as a table, one row for each pair and dimension."""

    async def make() -> Document:
        return _table(await comparison_of(here, system, names, date))

    return await here.documents.answer(request, make)


async def comparison_of(
    here: Site, system: str, names: list[str], date: str | None
) -> ComparisonDocument:
    """Return a comparison as a document."""
    board = await here.board(system, date, samples=0)
    return ComparisonDocument.model_validate(await compare_on(here.store, board, names))


def _table(found: ComparisonDocument) -> Document:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["system", "date", "first", "second", "dimension", *Difference.model_fields])
    for pair in found.pairs:
        for name, cell in pair.dimensions.items():
            row = [found.system, found.date, pair.a, pair.b, name, *cell.model_dump().values()]
            writer.writerow([csv_cell(value) for value in row])
    return document(text.getvalue().encode(), "text/csv; charset=utf-8")
