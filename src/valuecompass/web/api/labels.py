"""Labels by people: rounds of two annotators and a third, and reports of wrong verdicts."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from valuecompass.judges.labels.labelling import Label, Unit, has_sides
from valuecompass.judges.labels.walk import SIDES_ASK, WORDINGS, judged_part
from valuecompass.measure.reports import (
    MOST_COMMENT,
    Place,
    export_labels,
    list_reports,
    report_verdict,
)
from valuecompass.measure.rounds import (
    MOST_UNITS,
    Absent,
    Role,
    Round,
    Standing,
    Step,
    Turned,
    close_round,
    find_round,
    give_label,
    list_rounds,
    open_round,
    round_agreement,
    standing,
    units_for,
)
from valuecompass.web.access import Annotator, AnnotatorWrites, Operator, OperatorWrites
from valuecompass.web.errors import TURNED, NotFound, Refused
from valuecompass.web.site import Here

router = APIRouter(responses=TURNED)
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
MeasurementId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class RoundDocument(BaseModel):
    """A round as one person sees it.

    draw: n and seed asked for, and what was drawn from.
    role, step: what this person is in it, and can do now.
    labelled: by the first and the second.
    mine: labels or decisions of this person.
    disputed, decided: null while the pair is at work.
    """

    id: str
    measurement: str
    system: str
    system_name: str
    created: datetime
    by: str
    draw: dict[str, int]
    units: int
    closed: bool
    role: Role | None
    step: Step
    labelled: tuple[int, int]
    mine: int
    disputed: int | None
    decided: int | None


class Rounds(BaseModel):
    """All rounds, the newest first."""

    rounds: list[RoundDocument]


class Draw(BaseModel):
    """What a round is drawn from."""

    model_config = ConfigDict(extra="forbid")

    measurement: MeasurementId
    n: int = Field(default=100, ge=1, le=MOST_UNITS)
    seed: int = Field(default=0, ge=0, le=2**31 - 1)


class LabelBody(BaseModel):
    """What a person says. valence: null where the value system knows no sides."""

    model_config = ConfigDict(extra="forbid")

    expressed: Literal[0, 1]
    valence: Literal[-1, 0, 1] | None = None


class UnitDocument(BaseModel):
    """One response and one dimension.

    judged, beyond: the part that a judge reads, and what stands after it.
    mine: this person's label so far. both: the two to decide between, in an order by lot.
    """

    id: str
    dimension: str
    item: str
    judged: str
    beyond: str
    principle: str | None
    mine: LabelBody | None
    both: tuple[LabelBody, LabelBody] | None


class DimensionMeaning(BaseModel):
    """What a dimension is, for who labels."""

    name: str
    definition: str
    high: str
    low: str


class Wording(BaseModel):
    """What is asked of each unit; ``{name}`` is its dimension. ask_side: null without sides."""

    given: str
    response: str
    ask: str
    yes: str
    no: str
    means: str
    ask_side: str | None


class Units(BaseModel):
    """What one person is to label or decide, in an order of their own."""

    round: RoundDocument
    wording: Wording
    dimensions: list[DimensionMeaning]
    units: list[UnitDocument]


class Agreement(BaseModel):
    """How far the pair agrees, as ``valuecompass judge label adjudicate --json`` has it."""

    task: str
    annotators: list[str]
    n: int
    single: int
    unlabelled: int
    disputed: int
    systems: dict[str, Any]


class Report(BaseModel):
    """A verdict that a reader finds wrong: the answer's place, and what the reader says of it."""

    model_config = ConfigDict(extra="forbid")

    measurement: MeasurementId
    position: int = Field(ge=0, le=2**31 - 1)
    item: str = Field(pattern=r"^[0-9a-f]{12}$")
    presentation: int = Field(default=0, ge=0, le=1)
    repeat: int = Field(default=0, ge=0, le=2**31 - 1)
    dimension: str = Field(min_length=1, max_length=80)
    expressed: Literal[0, 1]
    valence: Literal[-1, 0, 1] | None = None
    comment: str = Field(default="", max_length=MOST_COMMENT)


class Reported(BaseModel):
    """A report as it is kept. verdict: what the judge had said, part by part."""

    measurement: str
    position: int
    item: str
    presentation: int
    repeat: int
    unit: str
    dimension: str
    response: str
    expressed: int
    valence: int | None
    comment: str | None
    verdict: list[dict[str, Any]]
    annotator: str
    created: datetime


class Reports(BaseModel):
    """Reports of wrong verdicts, the newest first."""

    reports: list[Reported]


@router.get("/labels/rounds", response_model=Rounds)
async def rounds(here: Here, token: Annotator) -> Rounds:
    """Return all rounds and what this person can do in each."""
    found = [await standing(here.store, r, token.name) for r in await list_rounds(here.store)]
    return Rounds(rounds=[_round(one) for one in found])


@router.post("/labels/rounds", response_model=RoundDocument, status_code=201)
async def begin(here: Here, token: OperatorWrites, draw: Draw) -> RoundDocument:
    """Draw a round from a measurement; the same draw again gives the round that is there."""
    with _told():
        found = await open_round(here.store, draw.measurement, draw.n, draw.seed, token.name)
        return _round(await standing(here.store, found, token.name))


@router.get("/labels/rounds/{round}/units", response_model=Units)
async def units(here: Here, token: Annotator, round: Id) -> Units:
    """Return what this person is to label or decide: nothing of judge, respondent or the other."""
    with _told():
        found = await find_round(here.store, round)
        mine = await units_for(here.store, found, token.name)
        at = await standing(here.store, found, token.name)
    names = {unit.dimension for unit, _, _ in mine}
    about = [found.system.dimension(name) for name in found.system.names if name in names]
    return Units(
        round=_round(at),
        wording=_wording(found),
        dimensions=[
            DimensionMeaning(name=d.name, definition=d.definition, high=d.high, low=d.low)
            for d in about
        ],
        units=[_unit(*one) for one in mine],
    )


@router.put("/labels/rounds/{round}/units/{unit}", response_model=RoundDocument)
async def label(
    here: Here, token: AnnotatorWrites, round: Id, unit: Id, body: LabelBody
) -> RoundDocument:
    """Keep a label or a decision; an earlier one of this person gives way."""
    with _told():
        found = await find_round(here.store, round)
        said = Label(body.expressed, body.valence)
        return _round(await give_label(here.store, found, token.name, unit, said))


@router.post("/labels/rounds/{round}/close", response_model=RoundDocument)
async def close(here: Here, token: OperatorWrites, round: Id) -> RoundDocument:
    """End the labelling of the pair before all is labelled; what both have goes on."""
    with _told():
        found = await close_round(here.store, await find_round(here.store, round))
        return _round(await standing(here.store, found, token.name))


@router.get("/labels/rounds/{round}/agreement", response_model=Agreement)
async def agreement(here: Here, _: Annotator, round: Id) -> Agreement:
    """Return how far the pair agrees, once both are through."""
    with _told():
        found = await find_round(here.store, round)
        return Agreement(**await round_agreement(here.store, found))


Kind = Annotated[Literal["rounds", "reports"], Query(description="Which labels.")]


@router.get("/labels/export.jsonl", response_class=Response)
async def export(
    here: Here,
    token: Annotator,
    kind: Kind = "rounds",
    measurement: Annotated[str | None, Query(pattern=r"^[0-9a-f]{16}$")] = None,
) -> Response:
    """Return labels as the JSON lines that ``judge evaluate`` and ``judge calibrate`` read.

    Reports show errors; they must not be counted for how many there are, and operators alone get
    them: who labels the same answers must not know what others say of them.
    """
    if kind == "reports" and not token.may("operator"):
        raise Refused(403, "Reports need a token of an operator; yours is of an annotator.")
    text = await export_labels(here.store, kind, measurement)
    headers = {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="labels-{kind}.jsonl"',
    }
    return Response(text, media_type="application/jsonl", headers=headers)


@router.get("/labels/reports", response_model=Reports)
async def reports(
    here: Here,
    _: Operator,
    measurement: Annotated[str | None, Query(pattern=r"^[0-9a-f]{16}$")] = None,
) -> Reports:
    """Return reports of wrong verdicts."""
    return Reports(reports=[_reported(r) for r in await list_reports(here.store, measurement)])


@router.post("/labels/reports", response_model=UnitDocument, status_code=201)
async def report(here: Here, token: AnnotatorWrites, given: Report) -> UnitDocument:
    """Report a wrong verdict; a second report of the same person on the same gives way."""
    said = Label(given.expressed, given.valence)
    names = ("measurement", "position", "item", "presentation", "repeat")
    place = Place(**{name: getattr(given, name) for name in names})
    with _told():
        unit = await report_verdict(
            here.store, place, given.dimension, said, token.name, given.comment
        )
    return _unit(unit, said, None)


@contextlib.contextmanager
def _told() -> Generator[None]:
    try:
        yield
    except Absent as error:
        raise NotFound(str(error)) from None
    except Turned as error:
        raise Refused(409, str(error)) from None


def _round(at: Standing) -> RoundDocument:
    round = at.round
    return RoundDocument(
        id=round.id,
        measurement=round.measurement,
        system=round.system.id,
        system_name=round.system.name,
        created=round.created,
        by=round.by,
        draw=round.draw,
        units=len(round.units),
        closed=round.closed is not None,
        role=at.role,
        step=at.step,
        labelled=at.labelled,
        mine=at.mine,
        disputed=at.disputed,
        decided=at.decided,
    )


def _wording(round: Round) -> Wording:
    found = WORDINGS[round.system.scoring]
    sides = SIDES_ASK if has_sides(round.system) else None
    return Wording(**vars(found), ask_side=sides)


def _unit(unit: Unit, mine: Label | None, both: tuple[Label, Label] | None) -> UnitDocument:
    judged, beyond = judged_part(unit)
    return UnitDocument(
        id=unit.id,
        dimension=unit.dimension,
        item=unit.subject.item.text,
        judged=judged,
        beyond=beyond,
        principle=unit.principle,
        mine=None if mine is None else _label(mine),
        both=None if both is None else (_label(both[0]), _label(both[1])),
    )


def _label(label: Label) -> LabelBody:
    return LabelBody(**vars(label))


def _reported(row: dict[str, Any]) -> Reported:
    detail = row["detail"]
    return Reported(
        measurement=row["round"],
        **detail["place"],
        unit=row["unit"],
        dimension=detail["unit"]["dimension"],
        response=detail["unit"]["response"],
        expressed=row["expressed"],
        valence=row["valence"],
        comment=detail["comment"],
        verdict=detail["verdict"],
        annotator=row["annotator"],
        created=row["created"],
    )
