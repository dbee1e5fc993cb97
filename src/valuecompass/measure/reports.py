"""Wrong verdicts that readers report.

A report is a label by a person, but one that was given because of the verdict. It shows what errors
there are and must not be counted for how many: rates from reports would say that the judge is
always wrong. So reports are labels of a kind of their own and never mixed with those of rounds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select

from valuecompass.errors import InputError
from valuecompass.items import Item
from valuecompass.judges import subject_of
from valuecompass.judges.labels.labelling import Label, Unit
from valuecompass.measure.archive import found_answers, utc, verdicts_of
from valuecompass.measure.asking import READ_OFF
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.rounds import (
    Absent,
    check_label,
    final_labels,
    find_measured,
    keep_label,
)
from valuecompass.store import Store, answers, labels, responses, verdicts
from valuecompass.store import items as item_table
from valuecompass.values import ValueSystem

MOST_COMMENT = 1_000
"""Signs of a comment."""


@dataclass(frozen=True)
class Place:
    """The address of an answer in a measurement."""

    measurement: str
    position: int
    item: str
    presentation: int
    repeat: int


async def report_verdict(
    store: Store, place: Place, dimension: str, label: Label, name: str, comment: str = ""
) -> Unit:
    """Keep what a reader says of an answer whose verdict they find wrong.

    Args:
        store: the open store.
        place: of the answer.
        dimension: that the verdict is about, by name.
        label: what the reader says.
        name: of the reader.
        comment: why, up to `MOST_COMMENT` signs.

    Raises:
        Absent: no such answer, or nothing of it was judged.
        InputError: a wrong dimension, label or comment.
    """
    if len(comment) > MOST_COMMENT:
        raise InputError(f"comment: give up to {MOST_COMMENT:,} signs")
    found = await find_measured(store, place.measurement)
    system = ValueSystem.model_validate(found.manifest["system"])
    own = system.canonical(dimension)
    if own is None:
        raise InputError(f"dimension: {dimension[:80]!r} is none of {', '.join(system.names)}")
    check_label(system, label)
    unit, said = await _judged(store, found, system, place, own)
    detail = {
        "unit": unit.row(),
        "place": {k: v for k, v in vars(place).items() if k != "measurement"},
        "verdict": said,
        "comment": comment or None,
    }
    await keep_label(store, "report", place.measurement, unit.id, name, label, detail)
    return unit


async def list_reports(store: Store, measurement: str | None = None) -> list[dict[str, Any]]:
    """Return reports of wrong verdicts, the newest first: rows of the table of labels."""
    query = select(labels).where(labels.c.kind == "report")
    if measurement is not None:
        query = query.where(labels.c.round == measurement)
    rows = await store.rows(query.order_by(labels.c.created.desc(), labels.c.unit))
    return [{**row, "created": utc(row["created"])} for row in rows]


async def _judged(
    store: Store, found: Measurement, system: ValueSystem, place: Place, dimension: str
) -> tuple[Unit, list[dict[str, Any]]]:
    where = [
        answers.c[name] == getattr(place, name)
        for name in ("position", "item", "presentation", "repeat")
    ]
    columns = (answers.c.reading, responses.c.text, item_table.c.body.label("body"))
    query = found_answers(found, (*columns, verdicts.c.body.label("verdicts")), where)
    rows = await store.rows(query)
    if not rows or rows[0]["text"] is None:
        raise Absent(f"measurement {found.id} has no answer at this place")
    item = Item.from_row(rows[0]["body"])
    said = [dict(v) for v in verdicts_of(rows[0]) if v["dimension"] == dimension]
    if item.kind in (*READ_OFF, "scenario", "conversation") or not said:
        raise Absent(f"no judge has said anything of {dimension} in this answer")
    subject = subject_of(system, item, rows[0]["text"])
    names = ("part", "expressed", "valence", "missing")
    return Unit(dimension, subject, item.principle), [{n: v.get(n) for n in names} for v in said]


async def export_labels(
    store: Store, kind: Literal["rounds", "reports"], measurement: str | None = None
) -> str:
    """Return labels as the JSON lines that `judge evaluate` and `judge calibrate` read.

    Args:
        store: the open store.
        kind: rounds (agreed and decided labels) or reports: to look at errors, not to count them.
        measurement: of this one only.
    """
    if kind == "rounds":
        rows = await final_labels(store, measurement)
    else:
        rows = [
            {**row["detail"]["unit"], **Label(row["expressed"], row["valence"]).row()}
            | {"annotator": row["annotator"], "source": "report", "measurement": row["round"]}
            for row in await list_reports(store, measurement)
        ]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
