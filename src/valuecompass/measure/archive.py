"""Measurements in the store: written once, read back whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from valuecompass.errors import InputError
from valuecompass.items import Item
from valuecompass.measure.measurement import Case, Mark, Measurement, Row, Score
from valuecompass.measure.scoring import Result
from valuecompass.store import Store, answers, measurements, responses, scores, verdicts
from valuecompass.store import items as item_table


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
    answer_rows = [
        {
            "measurement": measurement.id,
            "position": position,
            "item": r.item.id,
            "presentation": r.presentation,
            "repeat": r.repeat,
            "key": r.key,
            "reading": r.reading,
        }
        for position, of_one in enumerate(results)
        for r in of_one
    ]
    item_rows = [{"id": i.id, "system": measurement.system, "body": i.row()} for i in items]
    writes = [
        (store.insert_new(item_table), item_rows),
        (store.insert_new(measurements), [head]),
        (store.insert_new(scores), score_rows),
        (store.insert_new(answers), answer_rows),
    ]
    await store.write(*((statement, rows) for statement, rows in writes if rows))


async def find_measurement(store: Store, measurement_id: str) -> Measurement | None:
    """Return a measurement by id, or None."""
    rows = await store.rows(select(measurements).where(measurements.c.id == measurement_id))
    return await _load(store, rows[0]) if rows else None


async def latest_measurements(store: Store, system: str | None = None) -> list[Measurement]:
    """Return the newest measurement of each value system, in the order of the systems' first.

    Raises:
        InputError: there is none.
    """
    query = select(measurements).order_by(measurements.c.created)
    if system is not None:
        query = query.where(measurements.c.system == system)
    newest: dict[str, Mapping[str, Any]] = {}
    for row in await store.rows(query):
        newest[row["system"]] = row
    if not newest:
        raise InputError(
            f"{store.name}: no measurement yet; make one with: valuecompass run -m MODEL -s SYSTEM"
        )
    return [await _load(store, row) for row in newest.values()]


async def _load(store: Store, head: Mapping[str, Any]) -> Measurement:
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
    created = head["created"]
    if created.tzinfo is None:  # SQLite keeps no zone; we store UTC
        created = created.replace(tzinfo=UTC)
    return Measurement(head["id"], created, head["system"], manifest, rows)


async def load_cases(
    store: Store,
    measurement: Measurement,
    per_respondent: int | None = None,
    kinds: Sequence[str] = ("question", "opening", "request", "stem"),
) -> list[Case]:
    """Return answers with their verdicts, for people to read.

    Args:
        store: the open store.
        measurement: whose answers.
        per_respondent: at most this many for each respondent, spread over the items; None: all.
        kinds: kinds of items wanted.
    """
    query = (
        select(
            answers.c.position,
            answers.c.repeat,
            answers.c.reading,
            answers.c.key,
            item_table.c.id.label("item_id"),
            item_table.c.body.label("item"),
            responses.c.text,
            responses.c.outcome,
            verdicts.c.body.label("verdicts"),
        )
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
        .where(answers.c.measurement == measurement.id)
        .order_by(answers.c.position, item_table.c.id, answers.c.presentation, answers.c.repeat)
    )
    chosen: dict[int, list[Mapping[str, Any]]] = {}
    for row in await store.rows(query):
        if row["item"]["kind"] in kinds:
            chosen.setdefault(row["position"], []).append(row)
    cases: list[Case] = []
    for position, rows in chosen.items():
        step = 1 if per_respondent is None else max(1, len(rows) // per_respondent)
        for row in rows[::step][:per_respondent]:
            cases.append(_case(row, measurement.rows[position]))
    return cases


def _case(row: Mapping[str, Any], of: Row) -> Case:
    names = ("dimension", "expressed", "valence", "confidence", "start", "end")
    return Case(
        respondent=of.respondent,
        simulated=of.simulated,
        system=of.system,
        item=Item.model_validate({k: v for k, v in row["item"].items() if k != "id"}),
        response=row["text"] or "",
        outcome=row["outcome"] or "missing",
        marks=tuple(Mark(**{n: v.get(n) for n in names}) for v in row["verdicts"] or ()),
        reading=row["reading"],
    )


def new_measurement(
    plan_id: str, system: str, manifest: dict[str, Any], rows: Sequence[Row]
) -> Measurement:
    """Return a measurement dated now, identified by what it was made from and what it found."""
    from valuecompass.hashing import digest

    created = datetime.now(UTC)
    found = [row.json() for row in rows]
    manifest = manifest | {
        "created": created.isoformat(timespec="seconds"),
        "rows": [{"simulated": r.simulated, "notes": list(r.notes)} for r in rows],
    }
    return Measurement(digest([plan_id, found], 16), created, system, manifest, tuple(rows))
