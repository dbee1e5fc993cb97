"""The sample of cases that exports hold: one list a measurement, one file a respondent.

Some ten thousand cases must fit an export, so a value that is usual is left out of these documents:
each field of theirs names its usual value as its default.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlalchemy import select
from starlette.responses import Response

from valuecompass.board.cases import Case
from valuecompass.board.cases.reading import Asked, SideShown, VerdictShown
from valuecompass.board.cases.sampled import Listed, Sample, listed, sample_of, sampled
from valuecompass.measure.measurement import Measurement
from valuecompass.store import measurements
from valuecompass.web.api.cases import (
    CaseMeasurement,
    MeasurementId,
    Number,
    about_measurement,
)
from valuecompass.web.aside import aside
from valuecompass.web.documents import Document, lean
from valuecompass.web.errors import NotFound, or_absent
from valuecompass.web.shards import Wanted
from valuecompass.web.site import Here, Site

router = APIRouter()


class SampleLine(BaseModel):
    """A case of the list. dims: places of the dimensions that it expresses, from 0."""

    position: int
    item: str
    presentation: int = 0
    repeat: int = 0
    dims: tuple[int, ...] = ()
    outcome: str = "answer"
    kind: str = "question"
    asked: str
    said: str = ""


class SampleDocument(BaseModel):
    """The sample of a measurement: how it was drawn, and what is in it.

    most: cases for a respondent and dimension. of: cases of the measurement.
    """

    measurement: CaseMeasurement
    rule: str = ""
    seed: int = 0
    most: int = 0
    of: int = 0
    lines: list[SampleLine] = []


class SampledSide(BaseModel):
    """One option of a trade-off."""

    dimension: str
    text: str


class SampledVerdict(BaseModel):
    """A verdict of one opinion, as `VerdictShown`."""

    part: int = 0
    dimension: str
    expressed: float | None = None
    valence: float | None = None
    confidence: float | None = None
    start: int | None = None
    end: int | None = None
    missing: str | None = None
    votes: tuple[float | None, ...] | None = None
    note: str | None = None


class SampledAsking(BaseModel):
    """What many answers of a respondent were got with."""

    model: str
    system_prompt: str | None = None
    parameters: dict[str, Any] = {}
    stop_reason: str = ""
    version: str = ""


class SampledHow(BaseModel):
    """How one answer was got. asking: place in `askings`. prompt: None: the text of the item."""

    asking: int = 0
    prompt: str | None = None
    input_tokens: int
    output_tokens: int
    usd: float | None = None
    seconds: float = 0.0
    created: str


class SampledCase(BaseModel):
    """A case, as `Case`; absent: places of dimensions, from 0, that the judge found not at all."""

    item: str
    presentation: int = 0
    repeat: int = 0
    kind: str = "question"
    language: str = "en"
    topic: str | None = None
    dimensions: tuple[str, ...]
    text: str
    principle: str | None = None
    sides: tuple[SampledSide, ...] = ()
    scale: tuple[int, int] | None = None
    turns: tuple[str, ...] = ()
    response: str = ""
    outcome: str = "answer"
    reading: dict[str, Any] | None = None
    verdicts: tuple[SampledVerdict, ...] = ()
    absent: tuple[int, ...] = ()
    unjudged: bool = False
    how: SampledHow | None = None


class SampledDocument(BaseModel):
    """The cases of the sample that are of one respondent."""

    measurement: CaseMeasurement
    position: int
    askings: list[SampledAsking]
    cases: list[SampledCase]


async def exported(here: Site) -> AsyncIterator[Wanted]:
    """Yield what an export holds of this subject."""
    rows = await here.store.rows(select(measurements.c.id).where(measurements.c.kind == "measured"))
    for row in rows:  # all are begun before the first is awaited
        yield Wanted("/samples/{measurement}", {"measurement": row["id"]})
    for row in rows:
        own = await here.cases.measurement(here.store, row["id"])
        sample = await _sample(here, own)
        for position in sorted({a.position for a in sample.addresses}):
            at: dict[str, Any] = {"measurement": own.id, "position": position}
            yield Wanted("/samples/{measurement}/{position}", at)


@router.get("/samples/{measurement}", response_model=SampleDocument)
async def sample(request: Request, here: Here, measurement: MeasurementId) -> Response:
    """Return the sample of a measurement's cases that stands for all where there is no search."""
    own = await or_absent(here.cases.measurement(here.store, measurement))

    async def make() -> Document:
        drawn = await _sample(here, own)
        lines = [_line(one) for one in await listed(here.store, own, drawn)]
        found = {name: getattr(drawn, name) for name in ("rule", "seed", "most", "of")}
        return lean(SampleDocument(measurement=about_measurement(own), lines=lines, **found))

    return await here.documents.answer(request, make)


@router.get("/samples/{measurement}/{position}", response_model=SampledDocument)
async def sample_of_respondent(
    request: Request, here: Here, measurement: MeasurementId, position: Number
) -> Response:
    """Return the cases of a sample that are of one respondent, whole."""

    async def make() -> Document:
        own = await or_absent(here.cases.measurement(here.store, measurement))
        if position >= len(own.rows):
            raise NotFound(f"position: {measurement} has respondents 0 to {len(own.rows) - 1}")
        found = await sampled(here.store, own, await _sample(here, own), position)
        return lean(_shard(own, position, found))

    return await here.documents.answer(request, make)


async def _sample(here: Site, own: Measurement) -> Sample:
    return await here.documents.kept(f"sample {own.id}", lambda: aside(here, sample_of, own=own))


def _line(of: Listed) -> SampleLine:
    a = of.address
    texts = {"outcome": of.outcome, "kind": of.kind, "asked": of.asked, "said": of.said}
    return SampleLine(
        position=a.position,
        item=a.item,
        presentation=a.presentation,
        repeat=a.repeat,
        dims=of.shown,
        **texts,
    )


def _shard(own: Measurement, position: int, found: Any) -> SampledDocument:
    about = about_measurement(own)
    at = {name: place for place, name in enumerate(about.dims)}
    askings: dict[str, tuple[int, SampledAsking]] = {}
    cases = [_case(one, at, askings) for one in found]
    return SampledDocument(
        measurement=about,
        position=position,
        askings=[asking for _, asking in askings.values()],
        cases=cases,
    )


def _case(
    of: Case, at: Mapping[str, int], askings: dict[str, tuple[int, SampledAsking]]
) -> SampledCase:
    item = of.item
    same = {n: getattr(item, n) for n in ("kind", "language", "topic", "dimensions", "scale")}
    return SampledCase(
        item=item.id,
        presentation=of.address.presentation,
        repeat=of.address.repeat,
        text=item.text.text,
        principle=None if item.principle is None else item.principle.text,
        sides=tuple(_side(side) for side in item.sides),
        turns=tuple(turn.text for turn in item.turns),
        response=of.response.text,
        outcome=of.outcome,
        reading=None if of.reading is None else dict(of.reading),
        verdicts=tuple(SampledVerdict(**vars(v)) for v in of.verdicts if not _absent(v, at)),
        absent=tuple(at[v.dimension] for v in of.verdicts if _absent(v, at)),
        unjudged=of.unjudged,
        how=None if of.asked is None else _how(of.asked, item.text.text, askings),
        **same,
    )


def _side(side: SideShown) -> SampledSide:
    return SampledSide(dimension=side.dimension, text=side.text.text)


def _absent(v: VerdictShown, at: Mapping[str, int]) -> bool:
    """Return whether a verdict says no more than that a dimension is not there."""
    plain = VerdictShown(0, v.dimension, v.expressed, *(None,) * 7)
    return v.dimension in at and v.expressed == 0 and v == plain


def _how(asked: Asked, text: str, askings: dict[str, tuple[int, SampledAsking]]) -> SampledHow:
    shared = SampledAsking(
        model=asked.model,
        system_prompt=asked.system_prompt,
        parameters=dict(asked.parameters),
        stop_reason=asked.stop_reason,
        version=asked.version,
    )
    place, _ = askings.setdefault(shared.model_dump_json(), (len(askings), shared))
    own = {n: getattr(asked, n) for n in ("input_tokens", "output_tokens", "usd", "seconds")}
    prompt = None if asked.prompt == text else asked.prompt
    return SampledHow(asking=place, prompt=prompt, created=asked.created, **own)
