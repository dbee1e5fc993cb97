"""A living bank in a workspace: the next form of it, and the items that retire from it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from valuecompass.errors import InputError
from valuecompass.evolve.lifecycle.forms import FormRules, living_form
from valuecompass.evolve.lifecycle.history import Past, log_retirements, past_of, retired_items
from valuecompass.evolve.lifecycle.information import Worth, worth
from valuecompass.evolve.lifecycle.retire import (
    Retirement,
    RetireRules,
    drifting,
    exposed,
    saturated,
)
from valuecompass.items import Form, Item, seed_items
from valuecompass.items.io import select_items, silent
from valuecompass.store import open_store, opened
from valuecompass.values import BUILTIN, ValueSystem, builtin_system

__all__ = [
    "Place",
    "due",
    "list_retired",
    "read_bank",
    "restore_item",
    "retire_items",
    "select_living_form",
]

Json = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a workspace is: folder, or URL of another database."""

    workspace: Path
    db: str | None = None


def read_bank(
    files: Iterable[Path], system: ValueSystem, tell: Callable[[str], None] = silent
) -> list[Item]:
    """Return the items of several files, each once; of no file the seed bank's.

    tell: told of items of other systems, which are left out.

    Raises:
        InputError: a file is wrong, or a system of one's own has no file.
    """
    given = list(files)
    if not given:
        if system.id not in BUILTIN or system != builtin_system(system.id):
            raise InputError(
                f"{system.id}: a system of your own needs items of your own (--items FILE)"
            )
        return list(seed_items(system.id))
    found: dict[str, Item] = {}
    for path in given:
        for item in select_items(path, [system], tell):
            # what evolved knows more of itself than a copy of it
            if item.id not in found or not found[item.id].lineage.rewards:
                found[item.id] = item
    if not found:
        raise InputError(f"{', '.join(map(str, given))}: no items")
    return list(found.values())


async def select_living_form(
    place: Place,
    system: ValueSystem,
    items: Sequence[Item],
    rules: FormRules,
    name: str,
    *,
    previous: Form | None = None,
    include_retired: bool = False,
) -> tuple[Form, Json]:
    """Select a form by what the workspace knows of the items.

    Args:
        place: of the workspace; one that is not there knows nothing.
        system: of the items.
        items: the bank.
        rules: of the selection.
        name: of the form.
        previous: the form that anchors come from.
        include_retired: whether items may be selected that were retired.

    Returns:
        The form, and the documented JSON object: ``form`` (name, hash, anchors and numbers),
        ``items`` with what was known of each, ``retired`` and ``used_up`` (numbers left out).

    Raises:
        InputError: as `forms.living_form`.
    """
    async with opened(place.workspace, place.db, make=False) as store:
        past = await past_of(store, system)
    told = worth(items, past.evidence, past.latest)
    barred = () if include_retired else past.retired
    form = living_form(
        items, system, rules, told, name, uses=past.uses, barred=barred, previous=previous
    )
    return form, {
        "form": {"name": form.name, "hash": form.hash, "previous": form.previous},
        "items": described(form, told, past),
        "retired": sum(item.id in barred for item in items),
        "used_up": sum(past.uses.get(item.id, 0) >= rules.most_uses for item in items),
    }


def described(form: Form, told: Worth, past: Past) -> list[Json]:
    """Return what was known of each item of a form when it was selected."""
    at = {item: k for k, item in enumerate(told.items)}
    return [
        {
            "item": item,
            "anchor": item in form.anchors,
            "information": _number(told.information[at[item]]),
            "difficulty": _number(told.difficulty[at[item]]),
            "respondents": int(told.answered[at[item]]),
            "uses": past.uses.get(item, 0),
        }
        for item in form.items
    ]


async def retire_items(
    place: Place,
    system: ValueSystem,
    items: Sequence[Item],
    rules: RetireRules,
    *,
    dry_run: bool = False,
) -> Json:
    """Retire items by rule and log why.

    Args:
        place: of a workspace that is there.
        system: of the items.
        items: the bank.
        rules: of retirement.
        dry_run: say what would be retired, and log nothing.

    Returns:
        The documented JSON object: ``retired``, each with item, reason and figures; ``checked``,
        how many items the workspace knows of those given; ``logged``.

    Raises:
        InputError: there is no such workspace.
    """
    async with open_store(place.workspace, place.db, create=False) as store:
        past = await past_of(store, system)
        told = worth(items, past.evidence, past.latest)
        found = due(past, told, rules)
        if not dry_run:
            await log_retirements(store, system.id, found)
    return {
        "system": system.id,
        "checked": int((told.answered > 0).sum()),
        "retired": [{"item": r.item, "reason": r.reason, "detail": r.detail} for r in found],
        "logged": not dry_run,
    }


def due(
    past: Past, told: Worth, rules: RetireRules, among: Collection[str] | None = None
) -> list[Retirement]:
    """Return what is to be retired by rule and is not yet, each item for one reason.

    An item that was taken back into use stays until it is asked again.

    Drift is looked for between the two newest sittings of a board, three respondents or more and
    no season's pool, that share items and were judged alike.

    Args:
        past: what is known.
        told: what the items tell.
        rules: of retirement.
        among: ids of the items in question; None: those of `told`.
    """
    mine = set(told.items if among is None else among)
    found = [
        *saturated(told, rules.saturated),
        *exposed(past.uses, rules.most_uses, mine),
        *_drifted(past, rules),
    ]
    first: dict[str, Retirement] = {}
    for one in found:
        if one.item in mine and one.item not in past.retired and one.item not in past.restored:
            first.setdefault(one.item, one)
    return list(first.values())


def _drifted(past: Past, rules: RetireRules) -> list[Retirement]:
    boards = past.boards
    for k in range(len(boards) - 1, 0, -1):
        after = boards[k]
        for before in reversed(boards[:k]):
            again = before.occasion != after.occasion or before.form != after.form
            shared = set(before.table.items) & set(after.table.items)
            if again and shared and before.judge == after.judge:
                return drifting(before.table, after.table, rules.level)
    return []


async def restore_item(place: Place, item: str) -> Json:
    """Take a retired item back into use: a new row of the log.

    Raises:
        InputError: it is not retired.
    """
    async with open_store(place.workspace, place.db, create=False) as store:
        rows = [row for row in await retired_items(store) if row["item"] == item]
        if not rows:
            raise InputError(
                f"--undo {item}: not retired here; valuecompass items list --retired names those "
                "that are"
            )
        for row in rows:
            was = {"was": row["reason"], "since": row["date"]}
            await log_retirements(store, row["system"], [Retirement(item, "restored", was)])
    return {"item": item, "reason": "restored", "was": rows[0]["reason"]}


async def list_retired(place: Place) -> list[Json]:
    """Return the items that are retired, with reasons.

    Raises:
        InputError: there is no such workspace.
    """
    async with open_store(place.workspace, place.db, create=False) as store:
        return await retired_items(store)


def _number(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None
