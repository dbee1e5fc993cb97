"""Rounds of labelling kept in the store: several people label one task, wherever they sit.

A round is a task drawn from a measurement (`measure.labelling.draw`). The first two people who give
a label are its pair; each sees the units in an order of their own and nothing of judge, respondent
or the other. When both have labelled all, or somebody has closed the round, a third decides where
they differ. What both say alike and what the third decided are the labels that
``valuecompass judge evaluate`` and ``judge calibrate`` read.

What readers report of wrong verdicts is kept beside, in `measure.reports`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sqlalchemy import func, select

from valuecompass.errors import InputError
from valuecompass.judges.labels.adjudication import Both, Pair, agreement, final_rows, pair_up
from valuecompass.judges.labels.labelling import Label, Labels, Task, Unit, has_sides
from valuecompass.judges.quality.labelled import read_row
from valuecompass.measure.archive import find_measurement, utc
from valuecompass.measure.labelling import Drawn, draw
from valuecompass.measure.measurement import Measurement
from valuecompass.store import Store, label_rounds, labels, measurements
from valuecompass.values import ValueSystem

MOST_UNITS = 2_000
"""Of a round: weeks of work."""
Role = Literal["first", "second", "third"]
Step = Literal["label", "decide", "wait", "done"]


class Absent(InputError):
    """There is no such round, measurement or answer."""


class Turned(InputError):
    """This label is not this person's to give, or not now."""


@dataclass(frozen=True)
class Round:
    """A round as it stands.

    id: the hash of its task.
    draw: n and seed that were asked for, and what the draw found.
    first, second, third: names of the pair and of who decides; None: nobody yet.
    closed: when labels of the pair ended before all were given; None: not.
    """

    id: str
    measurement: str
    system: ValueSystem
    by: str
    created: datetime
    draw: dict[str, Any]
    task: Task
    first: str | None
    second: str | None
    third: str | None
    closed: datetime | None

    @cached_property
    def units(self) -> dict[str, Unit]:
        """The units by their ids."""
        return {unit.id: unit for unit in self.task.units}

    def role_of(self, name: str) -> Role | None:
        """Return what somebody is in this round; None: nothing yet."""
        names: tuple[Role, ...] = ("first", "second", "third")
        return next((role for role in names if getattr(self, role) == name), None)


@dataclass(frozen=True)
class Standing:
    """How far a round is, seen by one person.

    step: what this person can do now: label, decide, wait (for others), or nothing more.
    labelled: units with a label of the first and of the second.
    disputed, decided: units on which the pair differs, and third decisions; None while the pair is
        at work, because it would tell each of the other.
    """

    round: Round
    role: Role | None
    step: Step
    labelled: tuple[int, int]
    mine: int
    disputed: int | None
    decided: int | None

    @property
    def annotated(self) -> bool:
        """Whether the pair has done what it does."""
        return self.disputed is not None


async def open_round(store: Store, measurement: str, n: int, seed: int, by: str) -> Round:
    """Draw a round from a measurement; the same draw again is the round that is there.

    Args:
        store: the open store.
        measurement: its id.
        n: units wanted, 1 to `MOST_UNITS`; all if there are fewer.
        seed: of the draw, 0 or more.
        by: name of who asks for it.

    Raises:
        Absent: there is no such measurement.
        InputError: a number out of range, or nothing to label.
    """
    if not 1 <= n <= MOST_UNITS:
        raise InputError(f"n: give 1 to {MOST_UNITS:,} units")
    if seed < 0:
        raise InputError("seed: give 0 or more")
    found = await find_measured(store, measurement)
    drawn = await draw(store, found, n, np.random.default_rng(seed))
    row = {
        "id": drawn.task.hash,
        "measurement": measurement,
        "by": by,
        "created": datetime.now(UTC),
        "draw": {"n": n, "seed": seed, **_drawn(drawn)},
        "units": [unit.row() for unit in drawn.task.units],
    }
    await store.write((store.insert_new(label_rounds), [row]))
    return await find_round(store, drawn.task.hash)


async def find_round(store: Store, id: str) -> Round:
    """Return a round.

    Raises:
        Absent: there is none of this id.
    """
    row = await store.row(select(label_rounds).where(label_rounds.c.id == id), {})
    if row is None:
        raise Absent(f"round {id[:40]}: there is none of this id")
    return await _round(store, row)


async def list_rounds(store: Store) -> list[Round]:
    """Return all rounds, the newest first."""
    query = select(label_rounds).order_by(label_rounds.c.created.desc())
    return [await _round(store, row) for row in await store.rows(query)]


async def standing(store: Store, round: Round, name: str) -> Standing:
    """Return how far a round is, and what somebody can do in it now."""
    counts = await _counts(store, round)
    first, second = (counts.get(("label", who), 0) for who in (round.first, round.second))
    role = round.role_of(name)
    done = round.closed is not None or first == second == len(round.units)
    disputed = decided = None
    if done:
        both = await _both(store, round)
        disputed = 0 if both is None else len(both.disputed)
        decided = counts.get(("decision", round.third), 0)
    mine = {"first": first, "second": second, "third": decided or 0, None: 0}[role]
    step = _step(round, role, mine, done, disputed, decided)
    return Standing(round, role, step, (first, second), mine, disputed, decided)


def _step(
    round: Round,
    role: Role | None,
    mine: int,
    done: bool,
    disputed: int | None,
    decided: int | None,
) -> Step:
    if not done:
        if role in ("first", "second"):
            return "label" if mine < len(round.units) else "wait"
        return "label" if role is None and round.second is None else "wait"
    if decided == disputed:
        return "done"
    may_decide = role == "third" or (role is None and round.third is None)
    return "decide" if may_decide else "wait"


async def units_for(
    store: Store, round: Round, name: str
) -> list[tuple[Unit, Label | None, tuple[Label, Label] | None]]:
    """Return what somebody is to label or decide, in the order of their own.

    Returns:
        Units with this person's own label so far; where they are to be decided with both labels of
        the pair, in an order by lot that says nothing of whose they are.

    Raises:
        Turned: there is nothing for this person now.
    """
    here = await standing(store, round, name)
    if here.step == "label" or (here.role in ("first", "second") and not here.annotated):
        given = await _labels(store, round, "label", name)
        return [(unit, given.get(unit.id), None) for unit in round.task.ordered_for(name)]
    if here.annotated and (here.role == "third" or here.step == "decide"):
        decided = await _labels(store, round, "decision", name)
        pairs = await _disputed(store, round)
        order = [unit for unit in round.task.ordered_for(name) if unit.id in pairs]
        return [(unit, decided.get(unit.id), pairs[unit.id].unnamed) for unit in order]
    raise Turned(_why_not(here))


async def give_label(store: Store, round: Round, name: str, unit: str, label: Label) -> Standing:
    """Keep a label of the pair or a third decision; an earlier one of this person gives way.

    Who gives the first label of a round takes a place in it.

    Args:
        store: the open store.
        round: as found.
        name: of who labels.
        unit: id of the unit.
        label: with a side where the value system knows sides.

    Raises:
        Absent: no such unit.
        InputError: the label lacks a side, or has one too many.
        Turned: this is not this person's to label, or not now.
    """
    found = round.units.get(unit)
    if found is None:
        raise Absent(f"unit {unit[:40]}: it is not in round {round.id}")
    check_label(round.system, label)
    here = await standing(store, round, name)
    if not here.annotated:
        taken = await _take(store, round, name, ("first", "second"))
        await keep_label(store, "label", taken.id, unit, name, label)
        return await standing(store, taken, name)
    if here.role not in (None, "third") or not here.disputed:
        raise Turned(_why_not(here))
    if unit not in await _disputed(store, round):
        raise Turned(f"unit {unit}: both say the same; there is nothing to decide")
    taken = await _take(store, round, name, ("third",))
    await keep_label(store, "decision", taken.id, unit, name, label)
    return await standing(store, taken, name)


async def close_round(store: Store, round: Round) -> Round:
    """End the labelling of the pair; what both have labelled goes on to be decided."""
    now = datetime.now(UTC)
    close = label_rounds.update().where(
        label_rounds.c.id == round.id, label_rounds.c.closed.is_(None)
    )
    await store.write((close.values(closed=now), []))
    return await find_round(store, round.id)


async def round_agreement(store: Store, round: Round, seed: int = 0) -> dict[str, Any]:
    """Return how far the pair agrees, as `judges.labels.adjudication.agreement` has it.

    Raises:
        Turned: the pair is still at work: it would be told what the other says.
    """
    here = await standing(store, round, "")
    if not here.annotated:
        raise Turned(f"round {round.id}: agreement is shown when both have labelled all")
    both = await _both(store, round)
    if both is None:
        raise Turned(f"round {round.id}: no unit has the labels of two people")
    return agreement(both, np.random.default_rng(seed))


async def final_labels(store: Store, measurement: str | None = None) -> list[dict[str, Any]]:
    """Return agreed and decided labels of all rounds, or of one measurement's.

    Nothing comes of a round whose pair is at work: what both say alike would tell each of the
    other. Each is a row that `judges.quality.labelled.read_labels` reads, with ``source`` = round.
    """
    rows: list[dict[str, Any]] = []
    for one in await list_rounds(store):
        if measurement not in (None, one.measurement):
            continue
        if not (await standing(store, one, "")).annotated:
            continue
        both = await _both(store, one)
        if both is not None:
            decided = await _labels(store, one, "decision", one.third)
            rows += [{**row, "source": "round"} for row in final_rows(both, decided).values()]
    return rows


def check_label(system: ValueSystem, label: Label) -> None:
    """Refuse a label that a value system's units cannot have.

    Raises:
        InputError: naming the number.
    """
    if label.expressed not in (0, 1):
        raise InputError("expressed: give 0 or 1")
    sides = has_sides(system)
    if sides and label.valence not in (-1, 0, 1):
        raise InputError(f"valence: labels of {system.id} take a side: give -1, 0 or 1")
    if not sides and label.valence is not None:
        raise InputError(f"valence: labels of {system.id} know no sides; leave it out")


async def find_measured(store: Store, id: str) -> Measurement:
    """Return a measurement.

    Raises:
        Absent: there is none of this id.
    """
    found = await find_measurement(store, id)
    if found is None:
        raise Absent(f"measurement {id[:40]}: there is none of this id")
    return found


def _drawn(drawn: Drawn) -> dict[str, int]:
    return {name: getattr(drawn, name) for name in ("judged", "unread", "high")}


async def _round(store: Store, row: Mapping[str, Any]) -> Round:
    query = select(measurements.c.manifest).where(measurements.c.id == row["measurement"])
    (head,) = await store.rows(query)
    system = ValueSystem.model_validate(head["manifest"]["system"])
    where = f"round {row['id']}"
    units: list[Unit] = []
    for one in row["units"]:
        dimension, subject = read_row(one, where, {system.id: system})
        units.append(Unit(dimension, subject, one.get("principle")))
    return Round(
        id=row["id"],
        measurement=row["measurement"],
        system=system,
        by=row["by"],
        created=utc(row["created"]),
        draw=row["draw"],
        task=Task(tuple(units)),
        first=row["first"],
        second=row["second"],
        third=row["third"],
        closed=None if row["closed"] is None else utc(row["closed"]),
    )


async def _counts(store: Store, round: Round) -> dict[tuple[str, str | None], int]:
    query = (
        select(labels.c.kind, labels.c.annotator, func.count().label("n"))
        .where(labels.c.round == round.id, labels.c.kind.in_(("label", "decision")))
        .group_by(labels.c.kind, labels.c.annotator)
    )
    return {(row["kind"], row["annotator"]): int(row["n"]) for row in await store.rows(query)}


async def _labels(store: Store, round: Round, kind: str, annotator: str | None) -> dict[str, Label]:
    query = select(labels).where(
        labels.c.kind == kind, labels.c.round == round.id, labels.c.annotator == annotator
    )
    return {row["unit"]: _label(row) for row in await store.rows(query)}


def _label(row: Mapping[str, Any]) -> Label:
    return Label(row["expressed"], row["valence"])


async def _both(store: Store, round: Round) -> Both | None:
    given: list[Labels] = []
    for name in (round.first, round.second):
        own = await _labels(store, round, "label", name)
        units = {id: round.units[id] for id in own}
        about = Path(f"round-{round.id}"), round.id, len(round.units), name or ""
        given.append(Labels(*about, units, own))
    first, second = given
    return pair_up(first, second) if first.labels.keys() & second.labels.keys() else None


async def _disputed(store: Store, round: Round) -> dict[str, Pair]:
    both = await _both(store, round)
    return {} if both is None else {pair.unit.id: pair for pair in both.disputed}


async def _take(store: Store, round: Round, name: str, places: Sequence[Role]) -> Round:
    """Give somebody the first free place of some; each is a change that one alone can make."""
    for place in places:
        if round.role_of(name) in places:
            return round
        if round.role_of(name) is not None:
            break
        column = label_rounds.c[place]
        # together with the next line: nobody has two places
        free = label_rounds.update().where(label_rounds.c.id == round.id, column.is_(None))
        await store.write((free.values({place: name}), []))
        row = await store.row(select(label_rounds).where(label_rounds.c.id == round.id), {})
        assert row is not None
        round = replace(round, first=row["first"], second=row["second"], third=row["third"])
    if round.role_of(name) in places:
        return round
    raise Turned(
        f"round {round.id}: its places are taken by others; it is done without you, or you can "
        "decide where they differ when both are through"
    )


async def keep_label(
    store: Store,
    kind: str,
    round: str,
    unit: str,
    annotator: str,
    label: Label,
    detail: dict[str, Any] | None = None,
) -> None:
    """Keep a label; an earlier one of this kind, round, unit and person gives way."""
    key = {"kind": kind, "round": round, "unit": unit, "annotator": annotator}
    told = {"expressed": label.expressed, "valence": label.valence}
    new = {**told, "detail": detail, "created": datetime.now(UTC)}
    same = [labels.c[name] == value for name, value in key.items()]
    await store.write(
        (store.insert_new(labels), [key | new]),
        (labels.update().where(*same).values(**new), []),
    )


def _why_not(here: Standing) -> str:
    round = here.round
    if here.step == "done":
        return f"round {round.id} is done"
    if here.role in ("first", "second"):
        return (
            f"round {round.id}: who has labelled does not decide; a third person does"
            if here.annotated
            else f"round {round.id}: you have labelled all; the other has not"
        )
    if not here.annotated:
        return (
            f"round {round.id}: two people label it now; you can decide where they differ when "
            "both are through"
        )
    return f"round {round.id}: {round.third} decides where the two differ"
