"""What the page of a report on training shows, in the words and order of the page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from valuecompass.board.evolution.charts import Scale, span_bar
from valuecompass.board.page import svg
from valuecompass.board.training import charts
from valuecompass.board.training.tables import RATES, Table, change, rates, system_tables
from valuecompass.wording import elide, number

__all__ = [
    "Check",
    "Row",
    "Shown",
    "checks",
    "difference_axis",
    "gate_verdict",
    "systems",
    "verdict",
]

Json = Mapping[str, Any]
HARM = ("harm", "harm_elsewhere")
_NAMED = 3
"""Dimensions that a verdict names."""
_NAME_LIMIT = 120
"""Characters of a name beside a chart; tables have it whole."""
WHY = {
    "passed": "The whole interval lies within the margin.",
    "failed": "The whole interval lies beyond the margin.",
    "not known": "The interval lies on both sides of the margin: more texts or a wider margin "
    "would tell.",
    "not measured": "There is no interval to hold against the margin.",
}
GATE = {
    "passed": "The gate on side effects is passed: fluency, coherence and ability stayed within "
    "their margins.",
    "failed": "The gate on side effects failed: {} beyond the margin.",
    "not known": "Whether there are side effects beyond the margins is not known ({}).",
}


@dataclass(frozen=True)
class Row:
    """One rate or score before and after, and its difference."""

    label: str
    before: str | None
    after: str | None
    """Both None where nothing was measured in both models."""
    pair: Markup
    bar: Markup | None
    told: str
    word: str
    sure: bool
    """A difference is shown; of a dimension, also over all of them."""


@dataclass(frozen=True)
class Shown:
    """One value system of the page."""

    anchor: str
    name: str
    gate: Json | None
    harm: bool
    """It knows harm: a higher score is a better one."""
    items: int
    answers: int
    trained_on: int
    verdict: tuple[str, ...]
    differing: tuple[tuple[str, str], ...]
    """Names of dimensions that differ, and whether they rose or fell."""
    more: int
    """Further ones."""
    rates: tuple[Row, ...]
    scores: tuple[Row, ...]
    unmeasured: tuple[str, ...]
    """Dimensions without an answer that was judged."""
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Check:
    """One part of the gate on side effects."""

    name: str
    meaning: str
    allowed: str
    status: str
    why: str
    told: str
    measured: str
    """Both values and n; empty where there are none."""
    chart: Markup


def systems(found: Json) -> tuple[Shown, ...]:
    """Return the value systems of a report; all differences share one scale."""
    scale = _scale(found)
    return tuple(
        _shown(f"system-{at}", one, scale)
        for at, one in enumerate(found["systems"].values(), start=1)
    )


def _shown(anchor: str, one: Json, scale: Scale) -> Shown:
    known = {name: score for name, score in one["dimensions"].items() if score["answers"]}
    differing = tuple((name, _way(s)) for name, s in known.items() if s["discovered"])
    return Shown(
        anchor=anchor,
        name=elide(one["name"], _NAME_LIMIT),
        gate=one["judge_gate"],
        harm=one["harm"] is not None,
        items=one["refusals"]["items"],
        answers=one["refusals"]["answers"],
        trained_on=one["trained_on"],
        verdict=tuple(verdict(one)),
        differing=differing[:_NAMED],
        more=len(differing[_NAMED:]),
        rates=tuple(
            _row(RATES[key], rate, scale, "not 0", _clear(rate)) for key, rate in rates(one).items()
        ),
        scores=tuple(
            _row(name, score, scale, "differs", score["discovered"])
            for name, score in known.items()
        ),
        unmeasured=tuple(name for name in one["dimensions"] if name not in known),
        tables=tuple(system_tables(one["name"], one)),
    )


def _row(label: str, one: Json, scale: Scale, word: str, sure: bool) -> Row:
    value, low, high = (one[key] for key in ("difference", "low", "high"))
    known = value is not None
    return Row(
        label=elide(label, _NAME_LIMIT),
        before=number(one["before"], 1) if known else None,
        after=number(one["after"], 1) if known else None,
        pair=charts.dumbbell(one["before"], one["after"]),
        bar=span_bar(value, low, high, scale, 0) if known else None,
        told=change(one),
        word=word if sure else _doubt(one),
        sure=sure,
    )


def _doubt(one: Json) -> str:
    """Say why no difference is shown; nothing where nothing was measured, which is said already."""
    if one["difference"] is None:
        return ""
    if one["low"] is None:
        return "no interval"
    return "not after correction" if _clear(one) else "no difference shown"


def _clear(one: Json) -> bool:
    """Return whether the interval leaves out 0."""
    return one["low"] is not None and (one["low"] > 0 or one["high"] < 0)


def _way(one: Json) -> str:
    return "rose" if one["difference"] > 0 else "fell"


def verdict(one: Json) -> Iterator[str]:
    """Yield sentences: what became of harm, what else moved, and of what nothing is shown."""
    still: list[str] = []
    unmeasured: list[str] = []
    for key, rate in rates(one).items():
        name = RATES[key]
        if rate["difference"] is None:
            unmeasured.append(name)
        elif key not in HARM and rate["low"] is not None and not _clear(rate):
            still.append(name)
        else:
            limits = f" ({_limits(rate)})" if key in HARM else ""
            yield f"{name.capitalize()}{_moved(rate)}{limits}."
    if still:
        yield f"No difference shown in {_listed(still)}."
    if unmeasured:
        yield f"Not measured: {_listed(unmeasured)}."
    if _clear(told := one["surprise"]):
        sign = " A judge may take broken text for harmless." if told["difference"] > 0 else ""
        before, after = (number(told[side], 2) for side in ("before", "after"))
        less = "less" if told["difference"] > 0 else "more"
        yield (
            f"To the model before, the answers after are {less} probable than its own: "
            f"{before} and {after} nats a token.{sign}"
        )


def _moved(rate: Json) -> str:
    before, after = (f"{number(rate[side], 1)}\u00a0%" for side in ("before", "after"))
    if rate["low"] is None:
        return f": {before} before, {after} after, without an interval"
    if not _clear(rate):
        return f": no difference shown, {before} before, {after} after"
    return f" {_way(rate)} from {before} to {after}"


def _limits(rate: Json) -> str:
    told = f"{number(rate['difference'], 1)} points"
    if rate["low"] is None:
        return told
    return f"{told}, 95\u00a0% {number(rate['low'], 1)} to {number(rate['high'], 1)}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def checks(gate: Json) -> tuple[Check, ...]:
    """Return the parts of the gate on side effects."""
    fluent, whole, able = gate["fluency"], gate["coherence"], gate["ability"]
    return (
        Check(
            name="Fluency",
            meaning="How improbable harmless replies of our own wording are to the model; lower "
            "is more fluent.",
            allowed=f"the rise may be {fluent['margin']:g}",
            status=fluent["status"],
            why=_why(fluent),
            told=change(fluent, 3),
            measured=_sides(
                fluent,
                3,
                "nats a token",
                f"{fluent['items']:,} texts of {fluent['tokens']:,} tokens",
            ),
            chart=charts.margin(fluent, 1),
        ),
        Check(
            name="Coherence",
            meaning="How improbable the answers are to the model before; broken text is, whatever "
            "it is about. A judge may take it for harmless.",
            allowed=f"the rise may be {whole['margin']:g}",
            status=whole["status"],
            why=_why(whole),
            told=change(whole, 3),
            measured=_sides(
                whole,
                3,
                "nats a token",
                f"{whole['answers']:,} answers to {whole['items']:,} items",
            ),
            chart=charts.margin(whole, 1),
        ),
        Check(
            name="Ability",
            meaning="Plain questions of our own wording with four answers, the right one of which "
            "has to be the most probable.",
            allowed=f"the loss may be {able['margin']:g} points",
            status=able["status"],
            why=_why(able),
            told=change(able),
            measured=_sides(
                able,
                1,
                "% right",
                f"of {able['items']:,} questions {able['gained']:,} gained, {able['lost']:,} lost "
                f"(McNemar's exact test, p = {able['mcnemar']:.2g})",
            ),
            chart=charts.margin(able, -1),
        ),
    )


def gate_verdict(gate: Json) -> str:
    """Return what the gate says in one sentence."""
    parts = {name: gate[name]["status"] for name in ("fluency", "coherence", "ability")}
    if gate["status"] == "failed":
        failed = [name for name, status in parts.items() if status == "failed"]
        return GATE["failed"].format(f"{_listed(failed)} suffered")
    return GATE[gate["status"]].format(", ".join(f"{n} {status}" for n, status in parts.items()))


def _why(one: Json) -> str:
    why: str = one.get("why", "")
    return f"{why[0].upper()}{why[1:]}." if why else WHY[one["status"]]


def _sides(one: Json, digits: int, unit: str, of: str) -> str:
    if one["difference"] is None:
        return ""
    before, after = (number(one[side], digits) for side in ("before", "after"))
    return f"{before} {unit} before, {after} after; {of}."


def difference_axis(found: Json) -> Markup:
    """Return the axis below all differences."""
    reach = _scale(found).high
    told = [number(x, 0) for x in (-reach, -reach / 2, 0, reach / 2, reach)]
    return svg.axis([t if t[0] in "0−" else f"+{t}" for t in told])


def _scale(found: Json) -> Scale:
    """Return a scale, the same to both sides of 0, that holds all differences of a report."""
    every = [
        one
        for system in found["systems"].values()
        for one in (*rates(system).values(), *system["dimensions"].values())
    ]
    ends = [one[key] for one in every for key in ("difference", "low", "high")]
    reach = 10 * math.ceil(max([10.0, *(abs(x) for x in ends if x is not None)]) / 10)
    return Scale(-reach, reach)
