"""What the report shows of one measurement: rows, columns, charts, in the order of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from markupsafe import Markup

from valuecompass.board.page import svg
from valuecompass.board.page.svg import Arc, Estimate, Series
from valuecompass.judges.quality.calibration import Gate
from valuecompass.measure.measurement import Case, Measurement, Row, Score
from valuecompass.values import ValueSystem
from valuecompass.wording import date, short_labels

__all__ = [
    "Line",
    "Respondent",
    "Section",
    "detail",
    "detail_label",
    "dimension_order",
    "estimate",
    "people",
    "section",
    "system_of",
]

VIOLATION = ("evr", "mvp", "apv")
_DETAIL_LABELS = {
    "within": "trade-off scale",
    "evr": "EVR",
    "mvp": "MVP",
    "apv": "APV",
    "rate": "share as judged",
    "corrected": "share corrected for the judge's errors",
}
_RADAR_AXES = range(3, 25)
_BANDS_AT_ONCE = 3


@dataclass(frozen=True)
class Respondent:
    """One respondent, with the number that gives it colour, marker and dash on the whole page."""

    index: int
    name: str
    label: str
    simulated: bool


@dataclass(frozen=True)
class Line:
    """One respondent's scores in the section's dimension order; None where there are no data."""

    respondent: Respondent
    scores: tuple[Score | None, ...]
    notes: tuple[str, ...]

    @property
    def measured(self) -> bool:
        """Whether any dimension has a score."""
        return any(s and s.score is not None for s in self.scores)


@dataclass(frozen=True)
class Section:
    """One measurement as the page shows it."""

    anchor: str
    title: str
    when: str
    measurement: Measurement
    system: ValueSystem
    names: tuple[str, ...]
    """Dimensions: the order of columns and of the axes of the radar."""
    groups: tuple[tuple[str, int], ...]
    """Headings over neighbouring columns and their widths, where groups do not overlap."""
    lines: tuple[Line, ...]
    radar: Markup | None
    details: tuple[str, ...]
    """Keys of further scores."""

    @property
    def measured(self) -> tuple[Line, ...]:
        """Respondents with at least one score."""
        return tuple(line for line in self.lines if line.measured)

    @property
    def bands(self) -> bool:
        """Whether all intervals are readable in the radar at once."""
        return len(self.measured) <= _BANDS_AT_ONCE

    @property
    def has_violations(self) -> bool:
        """Whether violation metrics were computed."""
        return any(key in self.details for key in VIOLATION)

    @property
    def gate(self) -> Gate | None:
        """Whether the judge may be relied on here; None where nothing was judged."""
        return self.measurement.gate

    @property
    def corrected(self) -> bool:
        """Whether shares were to be corrected for the judge's errors."""
        scores = (score for line in self.lines for score in line.scores if score)
        return any("corrected" in score.detail for score in scores)

    @property
    def share(self) -> str:
        """The further score that `corrected` corrects."""
        return "expression_rate" if self.system.scoring == "expression" else "rate"

    def priorities(self, line: Line) -> list[tuple[str, Estimate]]:
        """Return a respondent's trade-off scale, highest first; empty where there is none."""
        scale = [
            (name, found)
            for name, score in zip(self.names, line.scores, strict=True)
            if (found := detail(score, "within"))
        ]
        return sorted(scale, key=lambda pair: -pair[1].score)


def people(
    measurements: Sequence[Measurement], cases: Sequence[Case] = ()
) -> dict[str, Respondent]:
    """Return every respondent in the order of first appearance, by name."""
    simulated: dict[str, bool] = {}
    for row in (*(r for m in measurements for r in m.rows), *cases):
        simulated[row.respondent] = simulated.get(row.respondent, False) or row.simulated
    labels = short_labels(list(simulated))
    return {
        name: Respondent(i, name, labels[name], simulated[name]) for i, name in enumerate(simulated)
    }


def system_of(measurement: Measurement) -> ValueSystem:
    """Return the value system that a measurement was made with, as its manifest holds it."""
    return ValueSystem.model_validate(measurement.manifest["system"])


def dimension_order(system: ValueSystem, rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the theory's circle or the file's order, then what only the rows name."""
    extra = dict.fromkeys(name for row in rows for name in row.dimensions)
    return tuple(dict.fromkeys((*(system.circle or system.names), *extra)))


def section(
    measurement: Measurement, known: dict[str, Respondent], number: int, *, dated: bool
) -> Section:
    """Prepare one measurement for the page.

    Args:
        measurement: the scores.
        known: all respondents of the page, by name.
        number: position of the section, for its anchor.
        dated: put the date into the title, because the system appears more than once.
    """
    system = system_of(measurement)
    names = dimension_order(system, measurement.rows)
    lines = tuple(
        Line(known[r.respondent], tuple(r.dimensions.get(n) for n in names), r.notes)
        for r in measurement.rows
    )
    anchor, when = f"system-{number}", date(measurement.created)
    keys = dict.fromkeys(
        key
        for line in lines
        for score in line.scores
        if score
        for key in score.detail
        if detail(score, key)
    )
    return Section(
        anchor=anchor,
        title=f"{system.name}, {when}" if dated else system.name,
        when=when,
        measurement=measurement,
        system=system,
        names=names,
        groups=_column_groups(system, names),
        lines=lines,
        radar=_radar(system, names, lines, f"rim{number}"),
        details=tuple(keys),
    )


def estimate(score: Score | None) -> Estimate | None:
    """Return a score for drawing; None where not measured."""
    if score is None or score.score is None:
        return None
    return Estimate(score.score, score.low, score.high)


def detail(score: Score | None, key: str) -> Estimate | None:
    """Return a further score for drawing; None where there is none."""
    found = score.detail.get(key) if score else None
    if not isinstance(found, dict):
        return None
    values = cast("dict[str, Any]", found)
    if not isinstance(values.get("score"), int | float):
        return None
    return Estimate(values["score"], values.get("low"), values.get("high"))


def detail_label(key: str) -> str:
    """Return a further score's name for people."""
    return _DETAIL_LABELS.get(key, key.replace("_", " "))


def _column_groups(system: ValueSystem, names: Sequence[str]) -> tuple[tuple[str, int], ...]:
    spans = [
        (sorted(names.index(d) for d in group.dimensions), group.name) for group in system.groups
    ]
    spans.sort()
    if [i for at, _ in spans for i in at] != list(range(len(names))):
        return ()
    return tuple((name, len(at)) for at, name in spans)


def _radar(
    system: ValueSystem, names: Sequence[str], lines: Sequence[Line], uid: str
) -> Markup | None:
    series = [
        Series(line.respondent.index, line.respondent.label, tuple(map(estimate, line.scores)))
        for line in lines
        if line.measured
    ]
    if len(names) not in _RADAR_AXES or not series:
        return None
    return svg.radar(
        names,
        series,
        arcs=_arcs(system, names),
        name=f"Radar chart of {system.name}, 0 to 100",
        uid=uid,
    )


def _arcs(system: ValueSystem, names: Sequence[str]) -> tuple[Arc, ...]:
    """Place the groups whose dimensions are neighbours on the circle along its rim.

    A dimension of two groups lies on their border, as Hedonism does in Schwartz's circle.
    """
    n = len(names)
    shared = {d for d in names if sum(d in group.dimensions for group in system.groups) > 1}
    arcs: list[Arc] = []
    for group in system.groups:
        inside = {names.index(d) for d in group.dimensions}
        starts = [i for i in inside if (i - 1) % n not in inside]
        if len(starts) != 1:
            continue
        first = starts[0]
        last = first + len(inside) - 1
        arcs.append(
            Arc(
                group.name,
                first - (0 if names[first] in shared else 0.5),
                last + (0 if names[last % n] in shared else 0.5),
            )
        )
    return tuple(arcs)
