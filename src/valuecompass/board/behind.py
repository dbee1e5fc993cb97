"""How a score was made: the answers behind it, each with its verdicts and what it counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, tuple_

from valuecompass.errors import InputError
from valuecompass.items import Item
from valuecompass.judges.protocol import judged_dimensions
from valuecompass.measure.archive import found_answers, verdicts_of
from valuecompass.measure.item_table import item_values, result_of
from valuecompass.measure.measurement import Mark, Measurement
from valuecompass.measure.scoring import FREE, RATED
from valuecompass.store import Store, answers, responses, verdicts
from valuecompass.store import items as item_rows
from valuecompass.values import ValueSystem

MOST = 50
"""Answers of one page: texts may be long."""
_AT_ONCE = 500
"""Places looked at in one query, without their texts."""
_PLACE = (answers.c.item, answers.c.presentation, answers.c.repeat)
Place = tuple[str, int, int]


@dataclass(frozen=True)
class Verdict:
    """What the judge said of one dimension in one part of an answer.

    part: number of the opinion in the answer, from 0.
    missing: why there is no verdict.
    note: what must be known of it.
    """

    part: int
    mark: Mark
    missing: str | None
    note: str | None


@dataclass(frozen=True)
class Answer:
    """One answer behind a score.

    outcome: answer, refusal, empty or missing.
    value: what it counts, in [0, 1]: a score is 100 times the mean of these; None: it counts
        nothing, as refusals and missing answers do.
    """

    item: Item
    presentation: int
    repeat: int
    outcome: str
    response: str
    reading: Mapping[str, Any] | None
    verdicts: tuple[Verdict, ...]
    value: float | None


@dataclass(frozen=True)
class Page:
    """Some answers in the order of their items, and where the next ones begin; None: no more."""

    answers: tuple[Answer, ...]
    next: str | None


async def behind(
    store: Store,
    measurement: Measurement,
    respondent: str,
    dimension: str,
    *,
    item: str | None = None,
    after: str | None = None,
    limit: int = 20,
) -> Page:
    """Return answers that a score rests on, or would if they could be used, a page at a time.

    Args:
        store: the open store.
        measurement: one of our own.
        respondent: its name in it.
        dimension: whose score.
        item: id of the only item wanted; None: all.
        after: `Page.next` of the page before; None: from the beginning.
        limit: answers of a page, 1 to `MOST`.

    Raises:
        InputError: the respondent or dimension is not of this measurement, or a wrong `after`.
    """
    system = ValueSystem.model_validate(measurement.manifest["system"])
    if dimension not in system.names:
        known = ", ".join(system.names)
        raise InputError(f"dimension: {dimension} is not of {system.id}; there are: {known}")
    names = [row.respondent for row in measurement.rows]
    if respondent not in names:
        raise InputError(f"{respondent} is not in the measurement {measurement.id}")
    own = [answers.c.position == names.index(respondent)]
    if item is not None:
        own.append(answers.c.item == item)
    limit = min(max(limit, 1), MOST)
    # one more than wanted tells whether there is a next page
    places = await _places(store, measurement, own, system, dimension, _after(after), limit + 1)
    if not places:
        return Page((), None)
    shown = places[:limit]
    columns = (
        *(answers.c[n] for n in ("item", "presentation", "repeat", "outcome", "reading")),
        *(responses.c.text, item_rows.c.body.label("body"), verdicts.c.body.label("verdicts")),
    )
    rows = await store.rows(found_answers(measurement, columns, [*own, tuple_(*_PLACE).in_(shown)]))
    found = tuple(_answer(row, measurement, system, dimension) for row in rows)
    return Page(found, ".".join(map(str, shown[-1])) if len(places) > limit else None)


def _after(text: str | None) -> Place | None:
    if text is None:
        return None
    item, _, rest = text.partition(".")
    presentation, _, repeat = rest.partition(".")
    # ten digits are more than any run asks for, and less than databases hold in a number
    numbers = [n for n in (presentation, repeat) if n.isascii() and n.isdigit() and len(n) < 10]
    if len(numbers) < 2 or not item.isalnum():
        raise InputError(f"after: {text[:40]!r} is no place; give `next` of the page before")
    return item, int(presentation), int(repeat)


async def _places(
    store: Store,
    measurement: Measurement,
    own: Sequence[Any],
    system: ValueSystem,
    dimension: str,
    after: Place | None,
    wanted: int,
) -> list[Place]:
    """Return the next places of answers to items that bear on a dimension, in their order."""
    found: list[Place] = []
    while True:
        query = (
            select(*_PLACE, item_rows.c.body)
            .join_from(answers, item_rows, answers.c.item == item_rows.c.id)
            .where(answers.c.measurement == measurement.id, *own)
            .order_by(*_PLACE)
            .limit(_AT_ONCE)
        )
        if after is not None:
            query = query.where(tuple_(*_PLACE) > tuple_(*after))
        rows = await store.rows(query)
        places = [(row["item"], row["presentation"], row["repeat"]) for row in rows]
        for place, row in zip(places, rows, strict=True):
            if _bears(row["body"], system, dimension):
                found.append(place)
        if len(found) >= wanted or len(rows) < _AT_ONCE:
            return found[:wanted]
        after = places[-1]


def _bears(body: Mapping[str, Any], system: ValueSystem, dimension: str) -> bool:
    """Say whether an item's answers carry the score of a dimension."""
    kind, named = body["kind"], body["dimensions"]
    if system.scoring == "keyed-scale":
        return kind in RATED and named[0] == dimension
    return kind in FREE and dimension in judged_dimensions(kind, named, system.names)


def _answer(
    row: Mapping[str, Any], measurement: Measurement, system: ValueSystem, dimension: str
) -> Answer:
    item = Item.from_row(row["body"])
    result = result_of(row, item, system)
    values = item_values(system, measurement.manifest["opinions"], [result])
    at = system.names.index(dimension)
    keys = ("dimension", "expressed", "valence", "confidence", "start", "end")
    return Answer(
        item=item,
        presentation=row["presentation"],
        repeat=row["repeat"],
        outcome=row["outcome"],
        response=row["text"] or "",
        reading=row["reading"],
        verdicts=tuple(
            Verdict(v["part"], Mark(**{k: v.get(k) for k in keys}), v.get("missing"), v.get("note"))
            for v in verdicts_of(row)
            if v["dimension"] == dimension
        ),
        value=next((value for of, _, value in values if of == at), None),
    )
