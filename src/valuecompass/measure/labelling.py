"""Draws responses of a measurement for people to label."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import tuple_

from valuecompass.errors import InputError
from valuecompass.hashing import digest
from valuecompass.items import Item
from valuecompass.judges import subject_of
from valuecompass.judges.labels.labelling import Task, Unit
from valuecompass.judges.protocol import THRESHOLD
from valuecompass.measure.archive import found_answers, items_query, verdicts_of
from valuecompass.measure.asking import READ_OFF
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.scoring import findings_of
from valuecompass.stats import aggregate
from valuecompass.stats.sampling import balanced_sample
from valuecompass.store import Store, answers, responses, verdicts
from valuecompass.values import ValueSystem

MOST = 10_000
"""Cards among which the spread is sought; of more, so many are taken by lot first."""
TOGETHER = 2
"""Dimensions on which an answer is labelled: who has read it for one has read it for the other."""
Vector = NDArray[np.float64]
_Place = tuple[int, str, int, int]
_PLACE = tuple(answers.c[name] for name in ("position", "item", "presentation", "repeat"))
_AT_ONCE = 200


@dataclass(frozen=True)
class Drawn:
    """A task, and what the one who draws should know of where it comes from."""

    task: Task
    judged: int
    """Units with a verdict, from which the task was drawn."""
    unread: int
    """Answers that the judge gave no verdict on; none of them is in the task."""
    high: int
    """Units of the task on which the verdict is .5 or more."""


@dataclass
class _Pool:
    """Different judged responses."""

    items: dict[str, Item]
    places: list[_Place]
    values: list[Vector]
    """Of each response (D,): the joined verdicts, NaN where there is none."""
    unread: int = 0


async def draw(store: Store, measurement: Measurement, n: int, rng: np.random.Generator) -> Drawn:
    """Draw units of a measurement, each different one with the same chance.

    The task is spread over dimensions, respondents and, within these, over the judge's verdicts
    from lowest to highest. An answer that was judged on several dimensions comes with `TOGETHER`
    of them. A text that several respondents gave to one item is one response.

    Args:
        store: the open store.
        measurement: whose responses.
        n: units wanted; all if there are fewer.
        rng: generator of the draw.

    Raises:
        InputError: nothing in this measurement was judged.
    """
    system = ValueSystem.model_validate(measurement.manifest["system"])
    if system.scoring == "keyed-scale":
        raise InputError(f"{system.id}: it is scored from ratings; there is nothing to label")
    pool = await _pool(store, measurement, system)
    values = np.array(pool.values).reshape(-1, len(system.names))
    judged = int((~np.isnan(values)).sum())
    if not judged:
        raise InputError(
            f"{store.name}: measurement {measurement.id} has no answer with a verdict to label"
        )
    who = np.array([place[0] for place in pool.places])
    picked = _pick(values, who, n, rng)
    high = sum(values[unit] >= THRESHOLD for unit in picked)
    task = await _task(store, measurement, system, pool, picked)
    return Drawn(task, judged, pool.unread, int(high))


def _pick(
    values: Vector, who: NDArray[np.intp], n: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Return n pairs of response and dimension of values (R, D), or all if there are fewer.

    Dimensions are put together by lot; a response with its dimensions of one lot is a card, and
    cards are drawn. Where verdicts are missing, cards differ in size, and those drawn may hold more
    or fewer than n: what is too much or too little is cut or added by lot.
    """
    seen = ~np.isnan(values)
    lot = rng.permutation(values.shape[1]) // TOGETHER
    member = lot[:, None] == np.unique(lot)
    cards = np.argwhere(seen.astype(int) @ member > 0)
    if len(cards) > MOST:
        cards = cards[np.sort(rng.choice(len(cards), MOST, replace=False))]
    # (cards, D): the units of each card
    units = seen[cards[:, 0]] & member.T[cards[:, 1]]
    # another respondent is as far as the other end of the verdicts
    places = [
        np.where(units, _levels(values)[cards[:, 0]], 0.0),
        (who[cards[:, 0], None] == np.unique(who)) / np.sqrt(2),
    ]
    _, groups = np.unique(units, axis=0, return_inverse=True)
    wanted = int(np.ceil(n * len(cards) / units.sum()))
    drawn = balanced_sample(np.column_stack(places), groups.ravel(), wanted, rng)
    picked = np.zeros_like(seen)
    for card in drawn:
        picked[cards[card, 0]] |= units[card]
    by_lot = [rng.permutation(np.argwhere(of)) for of in (picked, seen & ~picked)]
    return [(int(response), int(d)) for response, d in np.concatenate(by_lot)[:n]]


def _levels(values: Vector) -> Vector:
    """Return the rank of each verdict within its dimension, 0..1, NaN where there is none."""
    levels = np.full(values.shape, np.nan)
    for dimension in range(values.shape[1]):
        column: Vector = values[:, dimension]
        verdicts = np.sort(column[~np.isnan(column)])
        ends = np.searchsorted(verdicts, column), np.searchsorted(verdicts, column, "right")
        levels[:, dimension] = (ends[0] + ends[1]) / (2 * max(len(verdicts), 1))
    return np.where(np.isnan(values), np.nan, levels)


async def _pool(store: Store, measurement: Measurement, system: ValueSystem) -> _Pool:
    """Collect the different responses that a judge has read."""
    items = {
        row["id"]: Item.from_row(row["body"]) for row in await store.rows(items_query(measurement))
    }
    # a task has no place for the course of a scenario beside what is to be labelled in it
    left_out = (*READ_OFF, "scenario")
    pool = _Pool({i: item for i, item in items.items() if item.kind not in left_out}, [], [])
    columns = (
        *(*_PLACE, answers.c.outcome, answers.c.reading, responses.c.text),
        verdicts.c.body.label("verdicts"),
    )
    seen: set[str] = set()
    # texts are long and many: they are fetched again for the few that are drawn
    async with contextlib.aclosing(store.stream(found_answers(measurement, columns))) as blocks:
        async for rows in blocks:
            for row in rows:
                if row["item"] not in pool.items or row["text"] is None:
                    continue
                found = findings_of(verdicts_of(row), system.names).expressed
                joined = aggregate(found, measurement.manifest["opinions"])
                text = digest([row["item"], row["text"]], 32)
                if np.isnan(joined).all():
                    pool.unread += row["outcome"] == "answer"
                elif text not in seen:
                    seen.add(text)
                    pool.places.append(_place(row))
                    pool.values.append(joined)
    return pool


async def _task(
    store: Store,
    measurement: Measurement,
    system: ValueSystem,
    pool: _Pool,
    picked: Sequence[tuple[int, int]],
) -> Task:
    """Fetch the texts of what was drawn; the order of the task says nothing of the draw."""
    texts = await _texts(store, measurement, [pool.places[r] for r, _ in picked])
    units: list[Unit] = []
    for r, d in picked:
        place = pool.places[r]
        item = pool.items[place[1]]
        subject = subject_of(system, item, texts[place])
        units.append(Unit(system.names[d], subject, item.principle))
    return Task(tuple(sorted(units, key=lambda unit: unit.id)))


async def _texts(
    store: Store, measurement: Measurement, places: Sequence[_Place]
) -> dict[_Place, str]:
    found: dict[_Place, str] = {}
    wanted = sorted(set(places))
    for start in range(0, len(wanted), _AT_ONCE):
        where = [tuple_(*_PLACE).in_(wanted[start : start + _AT_ONCE])]
        query = found_answers(measurement, (*_PLACE, responses.c.text), where)
        found |= {_place(row): row["text"] for row in await store.rows(query)}
    return found


def _place(row: Mapping[str, Any]) -> _Place:
    return row["position"], row["item"], row["presentation"], row["repeat"]
