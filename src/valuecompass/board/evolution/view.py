"""What the page of a report on a run shows, in the words and order of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from valuecompass.board.evolution.charts import Line, Scale, histogram, lines, span_bar
from valuecompass.wording import number

__all__ = [
    "Comparison",
    "Entry",
    "comparisons",
    "course_charts",
    "course_rows",
    "curve_chart",
    "curve_rows",
    "figure",
    "reward_chart",
    "reward_name",
    "reward_rows",
]

Json = Mapping[str, Any]
_YEARS = 80
"""Years between the first and the last up to which those without items have a place, too."""
FIGURES = {
    "between": (
        "Variance between models on an item",
        "Squared points on 0–1, beyond what a model varies by itself when asked again. A model's "
        "quirk on one item counts.",
    ),
    "shared": (
        "Variance between models that items of other topics share",
        "The part of the above that is a position of the model and comes back elsewhere. This is "
        "what orders models.",
    ),
    "divergence": (
        "Generalised Jensen–Shannon divergence",
        "Nats an item, of shrunk rates, less what the same answers give when they are dealt out to "
        "models at random.",
    ),
    "information": (
        "Information about a model's position",
        "Nats an answer, by the two-parameter logistic model fitted to all sets together, less "
        "what the set's answers give when they are dealt out to models at random. Quirks do not "
        "count, nor what the judge gets wrong: it is assumed, not measured, to find 95 of 100 "
        "values that an answer expresses, and none in 95 of 100 answers without.",
    ),
}
COVERS = {
    ("items", "respondents"): "the choice of items (whole topics) and of models",
    ("items",): "the choice of items (whole topics) alone; the models are held as they are",
    ("respondents",): "the choice of models alone: the items come from too few topics",
    (): "nothing: too few topics and too few models to draw from",
}

STOPPED = {
    "calls": "no requests left",
    "pulls": "all pulls made",
    "widths": "target width reached",
    "topics": "no topic left to work on",
}
REASONS = {
    "same": "the same as another",
    "variant": "another's words, but for case, punctuation and numbers",
    "similar": "too similar to another",
    "rewritten as": "replaced by what it was rewritten as",
    "no better than": "rewritten from another, and no better",
}
"""Kinds of reasons that need a word more."""
NATS = ("information", "objective")
"""Rewards with a unit; the others are ratios of counts, or variances of labels."""
ROWS = 12
"""Of a table beside a chart of the course, at most."""


@dataclass(frozen=True)
class Entry:
    """One estimate: its words and its mark on the common scale."""

    label: str
    told: str
    bar: Markup | None
    sure: bool
    """Of a difference: its limits leave out 0."""


@dataclass(frozen=True)
class Comparison:
    """One figure over all sets, and the differences from the first."""

    title: str
    meaning: str
    reason: str | None
    covers: str
    values: tuple[Entry, ...]
    differences: tuple[Entry, ...]


def comparisons(told_apart: Json) -> list[Comparison]:
    """Return the figures that say how well sets tell models apart."""
    found: list[Comparison] = []
    for name, (title, meaning) in FIGURES.items():
        own: Json = told_apart[name]
        covers = COVERS[tuple(own["covers"])]
        found.append(
            Comparison(
                title,
                meaning,
                own["reason"],
                covers,
                _entries(own["values"]),
                _entries(own["differences"], less=True),
            )
        )
    return found


def figure(estimate: Json, digits: int = 2) -> str:
    """Return an estimate with its limits as text."""
    value = estimate["value"]
    if value is None:
        return "not known"
    told = number(value, digits)
    if estimate["low"] is None:
        return told
    return f"{told} [{number(estimate['low'], digits)}, {number(estimate['high'], digits)}]"


CURVES = {"part": "with all items, the subset among them", "apart": "with as many other items"}


def curve_chart(curve: Json) -> Markup | None:
    """Return the rank correlation by number of items; None where there is no point."""
    series = [
        Line(
            label,
            tuple((b["size"], b["value"]) for b in curve[name]),
            tuple((b["low"], b["high"]) for b in curve[name]),
        )
        for name, label in CURVES.items()
        if curve[name]
    ]
    if not series:
        return None
    lowest = min([0.0, *(low for one in series for low, _ in one.band)])
    return lines(
        series,
        x_title="items",
        y_title="Spearman",
        name="Rank correlation by number of items",
        logarithmic=True,
        y_scale=Scale(max(-1.0, lowest), 1.02),
    )


def curve_rows(curve: Json) -> list[list[str]]:
    """Return the numbers of the curve: items, and the correlation of each kind."""
    told = {name: {b["size"]: figure(b) for b in curve[name]} for name in CURVES}
    sizes = sorted({size for of in told.values() for size in of})
    return [[f"{size:,}", *(of.get(size, "–") for of in told.values())] for size in sizes]


def course_charts(course: Sequence[Json], reward: str) -> list[tuple[str, Markup, tuple[str, ...]]]:
    """Return charts of a run's course over its requests: title, chart, names of the lines."""

    def line(key: str, label: str) -> Line:
        told = tuple((p["requests"], p[key]) for p in course if p[key] is not None)
        return Line(label, told)

    most = course[0]["top_of"]
    charts = (
        ("Rewards found", reward, (("best", "best"), ("top", f"mean of the best {most}"))),
        (
            "Topics tried, candidates rewarded",
            "number",
            (("topics", "topics"), ("found", "candidates")),
        ),
    )
    found: list[tuple[str, Markup, tuple[str, ...]]] = []
    for title, y_title, keys in charts:
        series = [one for key, label in keys if (one := line(key, label)).points]
        if series:
            chart = lines(series, x_title="requests", y_title=y_title, name=title)
            found.append((title, chart, tuple(one.label for one in series)))
    return found


def course_rows(course: Sequence[Json]) -> list[list[str]]:
    """Return the numbers of the course, of some pulls from the first to the last."""
    steps = min(len(course), ROWS) - 1
    at = [round(k * (len(course) - 1) / steps) for k in range(steps + 1)] if steps else [0]
    return [
        [
            f"{p['requests']:,}",
            *("–" if p[key] is None else number(p[key], 2) for key in ("best", "top")),
            f"{p['topics']:,}",
            f"{p['found']:,}",
        ]
        for p in (course[k] for k in at)
    ]


def reward_name(manifest: Json) -> str:
    """Return what an axis of rewards is called, with the unit where there is one."""
    return "reward (nats)" if manifest.get("config", {}).get("reward") in NATS else "reward"


def reward_rows(rewards: Json) -> list[list[str]]:
    """Return the numbers of the histograms: from, to, and both counts."""
    low, high = (
        [number(x, 2) for x in part] for part in (rewards["edges"][:-1], rewards["edges"][1:])
    )
    counts = (map(str, rewards["histograms"][key]) for key in ("selected", "fresh"))
    return [list(row) for row in zip(low, high, *counts, strict=True)]


def reward_chart(rewards: Json, reward: str) -> Markup:
    """Return the rewards that items were selected by beside those of fresh answers."""
    names = {"selected": "as selected", "fresh": "on fresh answers"}
    counts = {label: rewards["histograms"][key] for key, label in names.items()}
    return histogram(
        rewards["edges"], counts, x_title=reward, name="Rewards as selected and on fresh answers"
    )


def shares(rows: Sequence[Json], most: int = 14) -> list[tuple[str, int, float]]:
    """Return name, number and share of the largest of the commonest entries; the rest as one."""
    shown, rest = rows[:most], rows[most:]
    entries = [(_name(row["name"]), int(row["n"])) for row in shown]
    if rest:
        entries.append((f"{len(rest)} others", sum(int(row["n"]) for row in rest)))
    top = max((n for _, n in entries), default=1)
    return [(name, n, n / top) for name, n in entries]


def years(rows: Sequence[Json]) -> list[tuple[int, int]]:
    """Return every year from the first to the last with its number, of few enough to be drawn."""
    known = {int(row["name"]): int(row["n"]) for row in rows}
    if max(known) - min(known) > _YEARS:
        return sorted(known.items())
    return [(year, known.get(year, 0)) for year in range(min(known), max(known) + 1)]


def _name(name: Any) -> str:
    return "not known" if name is None else str(name)


def _entries(estimates: Json, *, less: bool = False) -> tuple[Entry, ...]:
    ends = [one[key] for one in estimates.values() for key in ("value", "low", "high")]
    scale = Scale.of(ends, zero=True)
    found: list[Entry] = []
    for at, (name, one) in enumerate(estimates.items()):
        value, low, high = (one[key] for key in ("value", "low", "high"))
        index = at + 1 if less else at
        bar = None if value is None else span_bar(value, low, high, scale, index)
        sure = low is not None and (low > 0 or high < 0)
        found.append(Entry(f"evolved less {name}" if less else name, figure(one, 4), bar, sure))
    return tuple(found)
