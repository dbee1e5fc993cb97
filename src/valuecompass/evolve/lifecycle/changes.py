"""What a season changed: items in and out with reasons, anchors and their drift, linked scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from valuecompass.evolve.lifecycle.history import Past, Sitting
from valuecompass.evolve.lifecycle.links import FDR, linked_scores
from valuecompass.evolve.lifecycle.retire import Retirement, drifting
from valuecompass.items import Form, Item
from valuecompass.values import ValueSystem
from valuecompass.wording import visible

__all__ = ["change_log", "change_text"]

Json = dict[str, Any]
SHOWN = 80
"""Characters of an item's text in the Markdown."""


def change_log(
    name: str,
    system: ValueSystem,
    previous: Form,
    form: Form,
    selection: Json,
    past: Past,
    evolution: Json,
) -> tuple[Json, list[Retirement]]:
    """Return what changed, and the items found to drift between both measurements.

    Args:
        name: of the season.
        system: of both forms.
        previous: the form before.
        form: the new one.
        selection: what was known when it was selected.
        past: the workspace with the season's measurement.
        evolution: id and further facts of the run.

    Returns:
        The documented JSON object: ``season``, ``system``, ``previous`` and ``form`` (name, hash,
        number of items), ``evolution``, ``entered`` and ``left`` (items with the reason why),
        ``overlap`` (new items that repeated old ones), ``anchors`` (each with whether it drifts and
        on which dimensions), ``measurements`` (ids before and after), ``linked`` (as
        `links.linked_scores`: positions in logits, 0 the mean of the respondents of the form
        before), ``moved`` (changes discovered) and ``notes``.
    """
    before, after = _sittings(past, previous, form, name)
    notes: list[str] = []
    linked: Json = {}
    drifted: list[Retirement] = []
    if before is None or after is None:
        which = previous.name if before is None else form.name
        notes.append(f"no measurement of {which} by this judge is in the workspace: nothing linked")
    else:
        known = set(before.respondents)
        if new := [who for who in after.respondents if who not in known]:
            notes.append(f"no change is given of those not measured before: {', '.join(new)}")
        drifted = [r for r in drifting(before.table, after.table) if r.item in form.anchors]
        holding = set(form.anchors) - {r.item for r in drifted}
        linked = linked_scores(before.table, after.table, holding)
        failed: dict[str, list[str]] = {}
        for dimension, one in linked.items():
            if one["shift"] is None:
                failed.setdefault(one["why"], []).append(dimension)
        notes += [f"not linked, {why}: {', '.join(of)}" for why, of in failed.items()]
    wrong = {r.item: r.detail["dimensions"] for r in drifted}
    return {
        "season": name,
        "system": system.id,
        "previous": _named(previous),
        "form": _named(form),
        "evolution": evolution,
        "entered": _entered(previous, form, selection),
        "left": _left(previous, form, selection),
        "overlap": selection["overlap"],
        "anchors": [
            {"item": item, "drifting": item in wrong, "dimensions": wrong.get(item, [])}
            for item in form.anchors
        ],
        "measurements": {
            "before": list(before.measurements) if before else [],
            "after": list(after.measurements) if after else [],
        },
        "linked": linked,
        "moved": _moved(linked),
        "notes": notes,
    }, drifted


def _sittings(
    past: Past, previous: Form, form: Form, name: str
) -> tuple[Sitting | None, Sitting | None]:
    """Return what the form before was measured on, and the sitting of the season."""
    now = [s for s in past.sittings if s.form == form.hash and s.occasion == name]
    if not now:
        return None, None
    return past.reported(previous.hash, now[-1].judge), now[-1]


def _named(form: Form) -> Json:
    return {"name": form.name, "hash": form.hash, "items": len(form.items)}


def _entered(previous: Form, form: Form, selection: Json) -> list[Json]:
    new = set(selection["new"])
    known = {one["item"]: one for one in selection["items"]}
    return [
        {
            "item": item,
            "why": "evolved" if item in new else "from the bank",
            "information": known[item]["information"],
        }
        for item in form.items
        if item not in previous.items
    ]


def _left(previous: Form, form: Form, selection: Json) -> list[Json]:
    why: dict[str, str] = {**selection["barred"]}
    why |= {one["item"]: one["reason"] for one in selection["retired"]}
    return [
        {"item": item, "why": why.get(item, "not selected")}
        for item in previous.items
        if item not in form.items
    ]


def _moved(linked: Json) -> list[Json]:
    return [
        {"respondent": who, "dimension": dimension, **one["change"]}
        for dimension, found in linked.items()
        for who, one in found["respondents"].items()
        if one["change"] is not None and one["change"]["discovered"]
    ]


# --- for people ---


def change_text(log: Json, items: Mapping[str, Item]) -> str:
    """Return the change log as Markdown."""
    lines = [
        f"# Season {_inert(log['season'])}",
        "",
        f"{_inert(log['form']['name'])} ({log['form']['hash']}) after "
        f"{_inert(log['previous']['name'])} "
        f"({log['previous']['hash']}): {log['form']['items']} items, {len(log['anchors'])} of them "
        f"anchors, {len(log['entered'])} new, {len(log['left'])} left out.",
        "",
    ]
    if log["evolution"]["simulated"]:
        lines += ["**Simulated respondents: this says nothing of real models.**", ""]
    lines += [f"- {_inert(note)}" for note in log["notes"]]
    lines += _scores(log)
    lines += _list("Anchors that drift", [a for a in log["anchors"] if a["drifting"]], items)
    lines += _list("Left the form", log["left"], items)
    lines += _list("Entered the form", log["entered"], items)
    lines += _list("Repeat an item of the bank", log["overlap"], items)
    return "\n".join(lines) + "\n"


def _scores(log: Json) -> list[str]:
    if not log["linked"]:
        return []
    names = {who: None for one in log["linked"].values() for who in one["respondents"]}
    lines = [
        "## Linked scores",
        "",
        "Positions in logits of an item of average slope; 0 is the mean of those measured before. "
        "95 % intervals; of now and of the change they hold the error of the link. A change "
        "compares answers to the anchors one by one, too: it is not quite the difference of both "
        "positions.",
        "",
        "| respondent | dimension | before | now | change |",
        "|---|---|--:|--:|--:|",
    ]
    for who in names:
        for dimension, one in log["linked"].items():
            if (row := one["respondents"].get(who)) is None:
                continue
            change = row["change"]
            cells = [_interval(row["before"]), _interval(row["after"]), _change(change)]
            lines.append(f"| {_inert(who)} | {_inert(dimension)} | {' | '.join(cells)} |")
    lines += [
        "",
        f"A change in bold is discovered at a false discovery rate of {FDR:.0%} over all of them.",
        "",
    ]
    return lines


def _interval(one: Json | None) -> str:
    if one is None or one["score"] is None:
        return ""
    return f"{one['score']:+.1f} ({one['low']:+.1f} to {one['high']:+.1f})"


def _change(change: Json | None) -> str:
    if change is None:
        return ""
    text = f"{change['difference']:+.1f} ({change['low']:+.1f} to {change['high']:+.1f})"
    return f"**{text}**" if change["discovered"] else text


def _list(title: str, rows: Sequence[Json], items: Mapping[str, Item]) -> list[str]:
    if not rows:
        return []
    lines = [f"## {title}", ""]
    for row in rows:
        text = items[row["item"]].text if row["item"] in items else ""
        about = row.get("why") or ", ".join(row.get("dimensions") or row.get("repeats") or ())
        short = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
        lines.append(f"- {row['item']} ({_inert(about)}) {_inert(short)}".rstrip())
    return [*lines, ""]


def _inert(text: str) -> str:
    """Return what a model or a user wrote so that Markdown and terminals take it as text."""
    plain = " ".join(visible(text).split())
    for sign in "\\`*_{}[]<>#|!&":
        plain = plain.replace(sign, f"\\{sign}" if sign not in "<>&" else f"&#{ord(sign)};")
    return plain
