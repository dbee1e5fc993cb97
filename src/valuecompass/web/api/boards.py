"""Boards: ranks with ties and intervals, weights to try, and the same as a file."""

from __future__ import annotations

import csv
import io
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from importlib import import_module
from typing import Annotated, Any, Literal

import anyio
import numpy as np
from fastapi import APIRouter, Path, Request
from numpy.typing import NDArray
from pydantic import BaseModel
from starlette.responses import Response

from valuecompass.board.alignment import align, stability
from valuecompass.board.boards import Board
from valuecompass.board.cultures.profiles import demonstration_profiles
from valuecompass.board.document import board_document
from valuecompass.board.health.discriminant import marks
from valuecompass.board.stated import gaps_of, modes_of, told
from valuecompass.board.weights import parse_weights
from valuecompass.errors import InputError
from valuecompass.measure.study.tables import csv_cell
from valuecompass.web.api.meta import boards_here
from valuecompass.web.api.shared import Day, Estimate, Notices, SystemId
from valuecompass.web.documents import Document, document
from valuecompass.web.shards import Wanted
from valuecompass.web.site import Here, Site

router = APIRouter()
DRAWS = 400
"""Joint draws that a page gets: enough for limits of 95 % while somebody moves a slider."""
LEVELS = 65_535
"""Steps of a draw: 0.0015 points of 100."""


class BoardRow(BaseModel):
    """A respondent under equal weights; ranks are sets that hold for all together."""

    rank: int | None
    rank_low: int | None
    rank_high: int | None
    respondent: str
    simulated: bool
    about: dict[str, str]
    score: float | None
    low: float | None
    high: float | None
    dimensions: dict[str, Estimate]


class Range(BaseModel):
    """Lowest and highest score possible; null where a published table does not say."""

    low: float | None
    high: float | None


class Preset(BaseModel):
    """Weights to start from, by dimension; they sum to one."""

    name: str
    values: dict[str, float]
    notices: Notices


class Stability(BaseModel):
    """How often other weights, drawn by chance, would order the respondents otherwise.

    weights: drawn. same_first: share of them with the same one (or one of a tie) in front.
    same_order: share in which nobody passes anybody of a better rank.
    pairs_turned: mean share of the pairs that change sides.
    first: by respondent in which share it leads.
    """

    weights: int
    same_first: float
    same_order: float
    pairs_turned: float
    first: dict[str, float]


class BoardDocument(BaseModel):
    """The newest comparable scores of one value system, best first."""

    system: str
    date: str
    measurements: list[str]
    imported: bool
    observational: bool
    scale: Range
    covers: list[str] | None
    dims: list[str]
    rows: list[BoardRow]
    stability: Stability | None
    notices: Notices
    discriminant: dict[str, Any]
    presets: list[Preset]
    has_draws: bool


class Draws(BaseModel):
    """Joint draws of the scores, so that a page can weigh them anew.

    respondents, dims: names of the axes.
    count: draws.
    low, high: scores are ``low + (high - low) * value / 65535``.
    data: base64 of unsigned 16-bit numbers, little endian, (count, respondents, dims).
    missing: [respondent, dim] places without a score; their numbers mean nothing.
    items: (respondents, dims) items behind a score; null: none.
    """

    respondents: list[str]
    dims: list[str]
    count: int
    low: float
    high: float
    data: str
    missing: list[list[int]]
    items: list[list[int | None]]


@router.get("/boards/{system}", response_model=BoardDocument)
async def board(request: Request, here: Here, system: SystemId, date: Day = None) -> Response:
    """Return a board: ranks under equal weights, every score, notices, presets of weights."""
    return await here.documents.answer(request, lambda: board_of(here, system, date))


@router.get("/boards/{system}/draws", response_model=Draws)
async def draws(request: Request, here: Here, system: SystemId, date: Day = None) -> Response:
    """Return joint draws of a board's scores, to weigh it otherwise with intervals and ties."""
    return await here.documents.answer(request, lambda: draws_of(here, system, date))


Kind = Annotated[Literal["csv", "parquet"], Path(description="csv or parquet.")]


@router.get("/boards/{system}/scores.{kind}", response_class=Response)
async def scores(
    request: Request, here: Here, system: SystemId, kind: Kind, date: Day = None
) -> Response:
    """Return all scores of a board as a table, one row for each respondent and dimension."""

    async def make() -> Document:
        return _file(_flat(await board_of(here, system, date)), kind)

    return await here.documents.answer(request, make)


async def exported(here: Site) -> AsyncIterator[Wanted]:
    """Yield what an export holds of this subject: every board of every day, whole."""
    for system, date in await boards_here(here):
        params = {"system": system, "date": date}
        yield Wanted("/boards/{system}", params)
        yield Wanted("/boards/{system}/draws", params)
        for kind in ("csv", "parquet"):
            yield Wanted("/boards/{system}/scores.{kind}", params | {"kind": kind})


async def board_of(here: Site, system: str, date: str | None) -> BoardDocument:
    """Return a board as a document."""
    found = await here.board(system, date)
    more = told(gaps_of(await modes_of(here.store, found)))
    found = replace(found, notices=(*found.notices, *more))
    return await anyio.to_thread.run_sync(_document, found)


def _document(found: Board) -> BoardDocument:
    used = parse_weights("equal", found)
    ranked = align(found, used.values)
    turned = stability(ranked, np.random.default_rng(0))
    marked = marks(found)
    whole = board_document(ranked, used, turned)
    return BoardDocument.model_validate(
        whole
        | {
            "notices": [*whole["notices"], *marked.sentences],
            "discriminant": marked.json(),
            "presets": _presets(found),
            "has_draws": found.draws is not None,
            "observational": any(m.observational for m in found.measurements),
        }
    )


def _presets(found: Board) -> list[Preset]:
    try:
        known = demonstration_profiles(found.system)
    except InputError:  # no cultures come with this system
        return []
    presets: list[Preset] = []
    for culture in known.cultures:
        try:
            used = parse_weights(f"culture:{culture}", found, known)
        except InputError:  # the board lacks what the profile weighs
            return []
        values = used.by_name(found.names)
        presets.append(Preset(name=used.name, values=values, notices=list(used.notices)))
    return presets


async def draws_of(here: Site, system: str, date: str | None) -> Draws:
    """Return a board's draws, the first `DRAWS` of those its intervals rest on."""
    found = await here.board(system, date)
    return await anyio.to_thread.run_sync(_draws, found)


def packed(draws: NDArray[np.float64], low: float, high: float) -> tuple[str, NDArray[np.float64]]:
    """Pack draws as base64 of 16-bit steps from low to high; the steps come along."""
    steps = (np.nan_to_num((draws - low) / ((high - low) or 1)).clip(0, 1) * LEVELS).round()
    return b64encode(steps.astype("<u2").tobytes()).decode(), steps


def _draws(found: Board) -> Draws:
    low, high = found.scale
    some = np.zeros((0, *found.scores.shape)) if found.draws is None else found.draws[:DRAWS]
    return Draws(
        respondents=list(found.respondents),
        dims=list(found.names),
        count=len(some),
        low=low,
        high=high,
        data=packed(some, low, high)[0],
        missing=np.argwhere(np.isnan(found.scores)).tolist(),
        items=[[None if np.isnan(i) else int(i) for i in row] for row in found.items],
    )


def _flat(whole: BoardDocument) -> list[dict[str, Any]]:
    return [
        {
            "system": whole.system,
            "date": whole.date,
            "respondent": row.respondent,
            "simulated": row.simulated,
            **{key: row.about.get(key) for key in ("developer", "openness", "release")},
            "rank": row.rank,
            "rank_low": row.rank_low,
            "rank_high": row.rank_high,
            "dimension": name,
            **cell.model_dump(),
        }
        for row in whole.rows
        for name, cell in row.dimensions.items()
    ]


def _file(rows: list[dict[str, Any]], kind: str) -> Document:
    out = io.BytesIO()
    if kind == "parquet":
        pa: Any = import_module("pyarrow")  # it has no types, and takes long to import
        table = pa.Table.from_pylist(rows)
        import_module("pyarrow.parquet").write_table(table, out)
        return document(out.getvalue(), "application/vnd.apache.parquet")
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(rows[0])
    writer.writerows([csv_cell(value) for value in row.values()] for row in rows)
    return document(text.getvalue().encode(), "text/csv; charset=utf-8")
