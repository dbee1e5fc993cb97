"""Measurements that cost nothing: recorded ratings, whose scores anybody can work out by hand."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from valuecompass.board.boards import Board, load_board
from valuecompass.hashing import digest
from valuecompass.items import Item
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.run import run
from valuecompass.models import Respondent
from valuecompass.store import DATABASE

TRAITS = ("Openness", "Conscientiousness", "Extraversion", "Agreeableness", "Neuroticism")
OF_EACH = 4
"""Items of each trait."""
Ratings = Mapping[str, Sequence[int | None]]
"""Of each trait its items' ratings from 1 to 6; None is no answer, and a trait left out, too."""


def likert_items(of_each: int = OF_EACH, traits: Sequence[str] = TRAITS) -> list[Item]:
    return [
        Item(
            kind="likert",
            system="big-five",
            text=f"Statement {n} of the trait that is number {TRAITS.index(trait)}.",
            dimensions=(trait,),
            keying=1,
            scale=(1, 6),
        )
        for trait in traits
        for n in range(of_each)
    ]


def item_file(folder: Path, items: Sequence[Item], name: str = "items.jsonl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    rows = [{k: v for k, v in item.row().items() if k != "id"} for item in items]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rated(
    folder: Path, name: str, ratings: Ratings, items: Sequence[Item], **more: Any
) -> Respondent:
    """Return a respondent whose ratings are recorded; who has none for an item refuses it."""
    own = {trait: iter(of_one) for trait, of_one in ratings.items()}
    path = folder / f"answers-{digest([name, str(ratings)], 12)}.jsonl"
    rows: list[dict[str, str]] = []
    for item in items:
        rating = next(own.get(item.dimensions[0], iter(())), None)
        said = "I'm sorry, but I can't help with that." if rating is None else str(rating)
        rows.append({"item": item.id, "response": said})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return Respondent(name=name, model=f"recorded/{path}", **more)


def level(*means: float, of_each: int = OF_EACH) -> Ratings:
    """Return ratings, trait by trait, that are as high as wanted: a mean of 1 to 6 each."""
    found: dict[str, list[int | None]] = {}
    for trait, mean in zip(TRAITS, means, strict=False):
        total = round(mean * of_each)
        found[trait] = [total // of_each + (n < total % of_each) for n in range(of_each)]
    return found


def measured(
    folder: Path,
    ratings: Mapping[str, Ratings],
    *,
    day: str | None = None,
    items: Sequence[Item] | None = None,
    **settings: Any,
) -> Measurement:
    """Measure respondents by their recorded ratings in the workspace `folder/ws`."""
    items = likert_items() if items is None else items
    file = item_file(folder, items)
    respondents = [rated(folder, name, own, items) for name, own in ratings.items()]
    (found,) = run(
        respondents, ["big-five"], items=file, form="tiny", workspace=folder / "ws", **settings
    )
    if day is not None:
        dated(folder / "ws", found, day)
    return found


def dated(workspace: Path, measurement: Measurement, day: str) -> None:
    """Let a measurement be of another day."""
    with sqlite3.connect(workspace / DATABASE) as connection:
        changed = connection.execute(
            "update measurements set created = ? where id = ?",
            (f"{day} 12:00:00.000000", measurement.id),
        )
        assert changed.rowcount == 1
    connection.close()


def board_of(workspace: Path, system: str = "big-five", **how: Any) -> Board:
    return anyio.run(partial(load_board, workspace, None, system, **how))


def table_file(folder: Path, rows: Sequence[Mapping[str, Any]], name: str = "table.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(json.dumps(list(rows)), encoding="utf-8")
    return path


def imported(folder: Path, rows: Sequence[Mapping[str, Any]], day: str, **how: Any) -> None:
    """Import a table into the workspace `folder/ws`."""
    from datetime import date

    from valuecompass.measure.published import import_table
    from valuecompass.values import builtin_system

    system = builtin_system(how.pop("system", "big-five"))
    path = table_file(folder, rows)
    load = partial(import_table, path, system, date.fromisoformat(day), workspace=folder / "ws")
    anyio.run(partial(load, **how))
