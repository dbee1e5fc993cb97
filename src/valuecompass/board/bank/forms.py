"""Forms that were measured in a workspace, and what they hold."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from valuecompass.board.bank.known import asked_in
from valuecompass.board.boards import age
from valuecompass.items.forms import built_in_form
from valuecompass.measure.archive import utc
from valuecompass.store import Store, measurements


@dataclass(frozen=True)
class UsedForm:
    """One form of a value system.

    hash: of its items, anchors and conditions of asking.
    items: how many were asked.
    anchors: how many of them tie it to the form before; None: not known here (a form that came from
        a file which the workspace does not keep).
    shared: items that the form measured before it had, too; None for the first.
    built_in: whether it comes with the package.
    measurements: ids with their days, newest first.
    respondents: names over all of them.
    """

    name: str
    hash: str
    system: str
    items: int
    anchors: int | None
    shared: int | None
    built_in: bool
    observational: bool
    measurements: tuple[tuple[str, str], ...]
    respondents: tuple[str, ...]


async def used_forms(store: Store) -> tuple[UsedForm, ...]:
    """Return the forms that were measured here, newest first."""
    rows = await store.rows(select(measurements).where(measurements.c.kind == "measured"))
    heads = sorted(rows, key=age)
    groups: dict[tuple[str, str], list[int]] = {}
    names: dict[tuple[str, str], str] = {}
    for at, head in enumerate(heads):
        form: dict[str, str] = head["manifest"].get("form") or {}
        key = str(head["system"]), form.get("hash", "")
        groups.setdefault(key, []).append(at)
        names[key] = form.get("name") or "without a name"
    found: list[UsedForm] = []
    before: dict[str, frozenset[str]] = {}
    for (system, hash), places in groups.items():
        own = [heads[at] for at in places]
        asked = await asked_in(store, own[0])
        manifest = own[0]["manifest"]
        known = built_in_form(system, hash)
        found.append(
            UsedForm(
                name=names[system, hash],
                hash=hash,
                system=system,
                items=len(asked),
                anchors=None if known is None else len(known.anchors),
                shared=len(asked & before[system]) if system in before else None,
                built_in=known is not None,
                observational="observational" in manifest,
                measurements=tuple(
                    (h["id"], utc(h["created"]).date().isoformat()) for h in reversed(own)
                ),
                respondents=tuple(
                    dict.fromkeys(r["name"] for h in own for r in h["manifest"]["respondents"])
                ),
            )
        )
        before[system] = asked
    return tuple(reversed(found))
