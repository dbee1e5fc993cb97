"""Items of a workspace a page at a time: searched and filtered by the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from sqlalchemy import ColumnElement, select

from valuecompass.board.bank.known import STATUSES, ItemParameters, Known, Status
from valuecompass.errors import InputError
from valuecompass.hashing import digest
from valuecompass.items import Item
from valuecompass.store import Store, items

Sort = Literal["id", "information", "difficulty", "uses"]
PAGE = 50
"""Items of a page."""


@dataclass(frozen=True)
class Wanted:
    """Which items, and in which order; an empty text is no filter.

    q: words that must all stand in the text, in any case.
    sort: information, difficulty and uses put the largest first, and what is not known last.
    after: id of the item that the page comes after; empty: the first page.
    """

    q: str = ""
    kind: str = ""
    status: Status | Literal[""] = ""
    topic: str = ""
    language: str = ""
    dimension: str = ""
    origin: str = ""
    sort: Sort = "id"
    after: str = ""


@dataclass(frozen=True)
class ItemLine:
    """One item of a page, with what is known of it; retired: the row of the log."""

    id: str
    item: Item
    status: Status
    retired: dict[str, Any] | None
    parameters: ItemParameters | None
    uses: int


@dataclass(frozen=True)
class ItemPage:
    """A page of items.

    first: place of its first item in the whole list, from 1; 0 where there is none.
    next, previous: what to give as `after` for the neighbouring page; None: there is none.
    facets: by field its values with their numbers over all items of the system.
    """

    lines: tuple[ItemLine, ...]
    total: int
    first: int
    next: str | None
    previous: str | None
    facets: dict[str, dict[str, int]]


async def systems_of(store: Store) -> frozenset[str]:
    """Return ids of the value systems that have items in a workspace."""
    rows = await store.rows(select(items.c.system).distinct())
    return frozenset(row["system"] for row in rows)


async def facets_of(store: Store, system: str, known: Known) -> dict[str, dict[str, int]]:
    """Return what items of a system can be filtered by, each value with its number of items."""
    columns = [_text(name).label(name) for name in ("kind", "topic", "language")]
    columns += [_origin().label("origin"), _main().label("dimension")]
    rows = await store.rows(select(items.c.id, *columns).where(items.c.system == system))
    # fields at their default are not written
    missing = {"language": "en", "origin": "seed"}
    found = {
        str(column.name): Counter(
            row[column.name] or missing.get(str(column.name), "") for row in rows
        )
        for column in columns
    }
    found["status"] = Counter(known.status(row["id"]) for row in rows)
    return {
        name: {value: n for value, n in of.most_common() if value} for name, of in found.items()
    }


async def page_of(
    store: Store,
    system: str,
    known: Known,
    wanted: Wanted,
    facets: dict[str, dict[str, int]],
) -> ItemPage:
    """Return a page of the items of a system.

    Args:
        store: the open store.
        system: id of the value system.
        known: of its items.
        wanted: filters, order and place.
        facets: of `facets_of`.

    Raises:
        InputError: no status of ours, or `after` is not among these items.
    """
    if wanted.status and wanted.status not in STATUSES:
        raise InputError(f"status: {wanted.status!r} is none; known: {', '.join(STATUSES)}")
    ids = await _ids(store, system, known, wanted)
    start = 0
    if wanted.after:
        if wanted.after not in ids:
            raise InputError(
                f"after: {wanted.after!r} is not among these items; leave it out for the first page"
            )
        start = ids.index(wanted.after) + 1
    shown = ids[start : start + PAGE]
    rows = await store.rows(select(items.c.id, items.c.body).where(items.c.id.in_(shown)))
    bodies = {row["id"]: row["body"] for row in rows}
    before = start - PAGE
    return ItemPage(
        tuple(_line(bodies[one], known) for one in shown),
        len(ids),
        start + 1 if shown else 0,
        shown[-1] if start + PAGE < len(ids) else None,
        None if start == 0 else ids[before - 1] if before > 0 else "",
        facets,
    )


async def whole_bank(store: Store, system: str, known: Known) -> list[ItemLine]:
    """Return every item of a system in the order of ids, for where no server pages them.

    Memory: some 2 kB an item.
    """
    query = select(items.c.body).where(items.c.system == system).order_by(items.c.id)
    return [_line(row["body"], known) for row in await store.rows(query)]


async def sampled_ids(store: Store, system: str, most: int, seed: int) -> list[str]:
    """Return ids of at most `most` items of a system, in order: all, or a draw with this seed."""
    query = select(items.c.id).where(items.c.system == system).order_by(items.c.id)
    ids = [str(row["id"]) for row in await store.rows(query)]
    if len(ids) <= most:
        return ids
    draw = np.random.default_rng(int(digest([seed, system], 16), 16))
    return sorted(draw.choice(np.array(ids), most, replace=False).astype(str).tolist())


async def _ids(store: Store, system: str, known: Known, wanted: Wanted) -> list[str]:
    """Return ids of all that is wanted, in order: short enough to hold, unlike their texts."""
    query = select(items.c.id).where(items.c.system == system, *_conditions(wanted))
    ids = [str(row["id"]) for row in await store.rows(query.order_by(items.c.id))]
    if wanted.status:
        ids = [one for one in ids if known.status(one) == wanted.status]
    return _ordered(ids, known, wanted.sort)


def _line(body: Mapping[str, Any], known: Known) -> ItemLine:
    item = Item.from_row(body)
    return ItemLine(
        item.id,
        item,
        known.status(item.id),
        known.retired.get(item.id),
        known.parameters.get(item.id),
        known.uses.get(item.id, 0),
    )


def _ordered(ids: Sequence[str], known: Known, sort: Sort) -> list[str]:
    if sort == "id":
        return list(ids)
    if sort == "uses":
        return sorted(ids, key=lambda one: -known.uses.get(one, 0))

    def size(one: str) -> float:
        own = known.parameters.get(one)
        value = None if own is None else cast("float | None", getattr(own, sort))
        return float("inf") if value is None else -value

    return sorted(ids, key=size)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    text = _text("text")
    found = [text.icontains(word, autoescape=True) for word in wanted.q.split()]
    if wanted.kind:
        found.append(_text("kind") == wanted.kind)
    if wanted.topic:
        found.append(_text("topic") == wanted.topic)
    if wanted.dimension:
        found.append(_main() == wanted.dimension)
    for given, column, usual in (
        (wanted.language, _text("language"), "en"),
        (wanted.origin, _origin(), "seed"),
    ):
        if given:
            found.append(column.is_(None) if given == usual else column == given)
    return found


def _text(name: str) -> ColumnElement[str]:
    return cast("ColumnElement[str]", items.c.body[name].as_string())


def _origin() -> ColumnElement[str]:
    return cast("ColumnElement[str]", items.c.body["lineage", "origin"].as_string())


def _main() -> ColumnElement[str]:
    return cast("ColumnElement[str]", items.c.body["dimensions", 0].as_string())
