"""Measurements in the store: written once, read back whole."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import anyio
import numpy as np
from sqlalchemy import Executable, select, tuple_

from valuecompass.errors import InputError
from valuecompass.items import Item
from valuecompass.measure.measurement import Case, Mark, Measurement, Row, Score
from valuecompass.measure.scoring import FREE, Result
from valuecompass.store import Store, answers, blocks, measurements, responses, scores, verdicts
from valuecompass.store import items as item_table

UNJUDGED = {"verdict": None}
"""In place of a reading: the judge gave no verdict on the answer for this measurement."""
_CASES_AT_ONCE = 200
_ROWS_AT_ONCE = 1_000
_PLACE = tuple(answers.c[name] for name in ("position", "item", "presentation", "repeat"))


async def save_measurement(
    store: Store,
    measurement: Measurement,
    items: Sequence[Item],
    results: Sequence[Sequence[Result]],
) -> None:
    """Write a measurement with its answers in one transaction; an equal one is left as it is.

    Args:
        store: the open store.
        measurement: what to write.
        items: its items.
        results: per respondent, in the order of the measurement's rows.
    """
    head = {
        "id": measurement.id,
        "created": measurement.created,
        "system": measurement.system,
        "manifest": measurement.manifest,
    }
    score_rows = [
        {
            "measurement": measurement.id,
            "position": position,
            "dimension": name,
            "respondent": row.respondent,
            **{k: getattr(s, k) for k in ("score", "low", "high", "n", "refused", "missing")},
            "detail": s.detail,
        }
        for position, row in enumerate(measurement.rows)
        for name, s in row.dimensions.items()
    ]
    answer_rows = (
        {
            "measurement": measurement.id,
            "position": position,
            "item": r.item.id,
            "presentation": r.presentation,
            "repeat": r.repeat,
            "key": r.key,
            "outcome": r.outcome,
            "reading": UNJUDGED if _unjudged(r) else r.reading,
        }
        for position, of_one in enumerate(results)
        for r in of_one
    )
    item_rows = ({"id": i.id, "system": i.system, "body": i.row()} for i in items)
    writes = (
        (store.insert_new(item_table), item_rows),
        (store.insert_new(measurements), [head]),
        (store.insert_new(scores), score_rows),
        (store.insert_new(answers), answer_rows),
    )
    with anyio.CancelScope(shield=True):
        await store.load(
            (statement, block)
            for statement, rows in writes
            for block in blocks(rows, _ROWS_AT_ONCE)
        )


def _unjudged(result: Result) -> bool:
    found = result.findings
    return found is not None and bool(np.isnan(found.expressed).all())


async def find_measurement(store: Store, measurement_id: str) -> Measurement | None:
    """Return a measurement by id, or None; imported tables are none."""
    own = (measurements.c.id == measurement_id) & (measurements.c.kind == "measured")
    rows = await store.rows(select(measurements).where(own))
    return await load_measurement(store, rows[0]) if rows else None


async def latest_measurements(store: Store, system: str | None = None) -> list[Measurement]:
    """Return the newest measurement of each value system, in the order of the systems' first.

    Imported tables are left out: they have neither items nor answers.

    Raises:
        InputError: there is none.
    """
    query = select(measurements).where(measurements.c.kind == "measured")
    query = query.order_by(measurements.c.created)
    if system is not None:
        query = query.where(measurements.c.system == system)
    newest: dict[str, Mapping[str, Any]] = {}
    for row in await store.rows(query):
        newest[row["system"]] = row
    if not newest:
        wanted = system or "SYSTEM"
        raise InputError(
            f"{store.name}: no measurement {f'of {system} ' if system else ''}yet; make one with: "
            f"valuecompass run -m MODEL -s {wanted}"
        )
    return [await load_measurement(store, row) for row in newest.values()]


async def load_measurement(store: Store, head: Mapping[str, Any]) -> Measurement:
    """Return the measurement of a row of the table of measurements."""
    found = await store.rows(
        select(scores).where(scores.c.measurement == head["id"]).order_by(scores.c.position)
    )
    manifest = head["manifest"]
    names = [d["name"] for d in manifest["system"]["dimensions"]]
    by_position: dict[int, dict[str, Score]] = {}
    respondents: dict[int, str] = {}
    for row in found:
        respondents[row["position"]] = row["respondent"]
        by_position.setdefault(row["position"], {})[row["dimension"]] = Score(
            **{k: row[k] for k in ("score", "low", "high", "n", "refused", "missing", "detail")}
        )
    rows = tuple(
        Row(
            respondent=respondents[position],
            simulated=manifest["rows"][position]["simulated"],
            system=head["system"],
            dimensions={name: by_position[position][name] for name in names},
            notes=tuple(manifest["rows"][position]["notes"]),
        )
        for position in sorted(by_position)
    )
    return Measurement(head["id"], utc(head["created"]), head["system"], manifest, rows)


def utc(when: datetime) -> datetime:
    """Return a stored time with its zone: SQLite keeps none, PostgreSQL gives the session's."""
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def found_answers(
    measurement: Measurement, columns: Iterable[Any], where: Sequence[Any] = ()
) -> Executable:
    """Return the query of a measurement's answers with their items, responses and verdicts.

    Args:
        measurement: whose answers.
        columns: of the four tables; `verdicts.body` is to be read with `verdicts_of`.
        where: further conditions.
    """
    return (
        select(*columns)
        .select_from(
            answers.join(item_table, answers.c.item == item_table.c.id)
            .outerjoin(
                responses,
                (answers.c.key == responses.c.key) & (answers.c.repeat == responses.c.repeat),
            )
            .outerjoin(
                verdicts,
                (verdicts.c.key == answers.c.key)
                & (verdicts.c.repeat == answers.c.repeat)
                & (verdicts.c.item == answers.c.item)
                & (verdicts.c.judge == measurement.manifest["judge_id"]),
            )
        )
        .where(answers.c.measurement == measurement.id, *where)
        .order_by(*_PLACE)
    )


def verdicts_of(found: Mapping[str, Any]) -> Sequence[Any]:
    """Return the verdicts that a measurement's scores rest on, of a row with reading and verdicts.

    What the judge first left out may have been judged for a later measurement.
    """
    return () if found["reading"] == UNJUDGED else found["verdicts"] or ()


def items_query(measurement: Measurement) -> Executable:
    """Return the query of a measurement's items."""
    asked = select(answers.c.item).where(answers.c.measurement == measurement.id)
    return (
        select(item_table.c.id, item_table.c.body)
        .where(item_table.c.id.in_(asked))
        .order_by(item_table.c.id)
    )


async def load_cases(
    store: Store,
    measurement: Measurement,
    per_respondent: int | None = None,
    kinds: Sequence[str] = FREE,
) -> list[Case]:
    """Return answers with their verdicts, for people to read.

    Args:
        store: the open store.
        measurement: whose answers.
        per_respondent: at most this many for each respondent, spread over the items, with one at
            least of each outcome; None: all.
        kinds: kinds of items wanted.
    """
    bodies = {row["id"]: row["body"] for row in await store.rows(items_query(measurement))}
    wanted = {item for item, body in bodies.items() if body["kind"] in kinds}
    columns = (
        *(answers.c.reading, answers.c.outcome, responses.c.text, responses.c.request),
        *(item_table.c.body.label("item"), verdicts.c.body.label("verdicts")),
    )
    cases: list[Case] = []
    for position, places in (await _places(store, measurement, wanted)).items():
        # texts are long and many: only those of the places picked are fetched
        picked = [places[i][:3] for i in spread([p[3] for p in places], per_respondent)]
        for start in range(0, len(picked), _CASES_AT_ONCE):
            block = picked[start : start + _CASES_AT_ONCE]
            where = [answers.c.position == position, tuple_(*_PLACE[1:]).in_(block)]
            rows = await store.rows(found_answers(measurement, columns, where))
            cases += [_case(row, measurement.rows[position]) for row in rows]
    return cases


async def _places(
    store: Store, measurement: Measurement, wanted: Collection[str]
) -> dict[int, list[tuple[str, int, int, str]]]:
    """Return item, presentation, repeat and outcome of every answer to some items, by position."""
    query = (
        select(*_PLACE, answers.c.outcome)
        .where(answers.c.measurement == measurement.id)
        .order_by(*_PLACE)
    )
    found: dict[int, list[tuple[str, int, int, str]]] = defaultdict(list)
    async with contextlib.aclosing(store.stream(query, 1_000)) as blocks:
        async for rows in blocks:
            for row in rows:
                if row["item"] in wanted:
                    item, outcome = sys.intern(row["item"]), sys.intern(row["outcome"])
                    found[row["position"]].append(
                        (item, row["presentation"], row["repeat"], outcome)
                    )
    return found


def spread(outcomes: Sequence[str], count: int | None) -> list[int]:
    """Pick places evenly, among them the first of each outcome that is not the usual one.

    Returns:
        `count` indices in rising order, all of them if there are no more or `count` is None.
    """
    if count is None or len(outcomes) <= count:
        return list(range(len(outcomes)))
    if count < 1:
        return []
    _, *others = Counter(outcomes).most_common()
    rare = [outcomes.index(outcome) for outcome, _ in others[: count - 1]]
    rest = [i for i in range(len(outcomes)) if i not in rare]
    left = count - len(rare)
    return sorted([*rare, *(rest[len(rest) * i // left] for i in range(left))])


def _case(row: Mapping[str, Any], of: Row) -> Case:
    names = ("dimension", "expressed", "valence", "confidence", "start", "end")
    return Case(
        respondent=of.respondent,
        simulated=of.simulated,
        system=of.system,
        item=_shown(row),
        response=row["text"] or "",
        outcome=row["outcome"],
        marks=tuple(Mark(**{n: v.get(n) for n in names}) for v in verdicts_of(row)),
        reading=None if row["reading"] == UNJUDGED else row["reading"],
    )


def _shown(row: Mapping[str, Any]) -> Item:
    """Return the item; of a conversation with what the message shown beside it answers."""
    item = Item.from_row(row["item"])
    if item.kind != "conversation" or row["request"] is None:
        return item
    said = [message["content"] for message in row["request"]["messages"]]
    return item.model_copy(update={"text": said[-1]}) if said else item


def new_measurement(
    plan_id: str,
    system: str,
    manifest: dict[str, Any],
    rows: Sequence[Row],
    created: datetime | None = None,
) -> Measurement:
    """Return a measurement, identified by what it was made from and what it found.

    Args:
        plan_id: of the plan.
        system: id of the value system.
        manifest: without date and rows.
        rows: the scores.
        created: its date, of a simulated one; None: now.
    """
    from valuecompass.hashing import digest

    created = created or datetime.now(UTC)
    found = [row.json() for row in rows]
    manifest = manifest | {
        "created": created.isoformat(timespec="seconds"),
        "rows": [{"simulated": r.simulated, "notes": list(r.notes)} for r in rows],
    }
    return Measurement(digest([plan_id, found], 16), created, system, manifest, tuple(rows))
