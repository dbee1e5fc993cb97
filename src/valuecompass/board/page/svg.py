"""The report's charts as inline SVG: pure functions from numbers and labels to markup.

Colours come from the page: an element of class ``sK`` draws in respondent colour K (``--c``).
Respondents differ in colour, marker shape and dash, so colour alone never carries the meaning.
Every axis runs over the full 0-100.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from valuecompass.wording import interval, number, visible

__all__ = ["STYLES", "Arc", "Estimate", "Series", "axis", "marker", "radar", "range_bar", "rose"]

STYLES = 8
"""Distinct colours, markers and dashes; the ninth respondent begins again with the first."""

_MARKERS = (
    "M-4.6 0a4.6 4.6 0 1 0 9.2 0a4.6 4.6 0 1 0-9.2 0z",
    "M-4.1-4.1h8.2v8.2h-8.2z",
    "M0-5.6L5.3 4.2H-5.3z",
    "M0-6L5.4 0 0 6-5.4 0z",
    "M0 5.6L5.3-4.2H-5.3z",
    "M-1.7-5.2h3.4v3.5h3.5v3.4h-3.5v3.5h-3.4v-3.5h-3.5v-3.4h3.5z",
    "M-5.2 0L-2.6-4.6h5.2L5.2 0 2.6 4.6h-5.2z",
    "M-4.6-2.3L-2.3-4.6 0-2.3 2.3-4.6 4.6-2.3 2.3 0 4.6 2.3 2.3 4.6 0 2.3-2.3 4.6-4.6 2.3-2.3 0z",
)
_DASHES = ("none", "8 3", "2 3", "9 3 2 3", "5 2 1.5 2 1.5 2", "13 4", "4 4", "1.5 4")
_RADIUS, _HOLE = 150.0, 16.0
_TICKS = (0, 25, 50, 75, 100)


@dataclass(frozen=True)
class Estimate:
    """A score with its interval, on 0-100; an interval may be absent."""

    score: float
    low: float | None
    high: float | None

    def __str__(self) -> str:
        """Return `62, interval 48–75`."""
        ends = interval(self.low, self.high)
        return f"{number(self.score)}, interval {ends}" if ends else number(self.score)


@dataclass(frozen=True)
class Series:
    """One respondent's estimates in the order of the axes; None where not measured."""

    index: int
    label: str
    estimates: tuple[Estimate | None, ...]


@dataclass(frozen=True)
class Arc:
    """A group of dimensions along the rim of a radar: from axis `first` to axis `last`.

    Positions are fractions of axes: -0.5 is half an axis before the first.
    """

    label: str
    first: float
    last: float


def rose(size: int) -> Markup:
    """Return the compass rose, a decorative mark of `size` pixels."""
    points: list[str] = []
    for turn in range(0, 360, 45):
        reach = 46 if turn % 90 == 0 else 27
        for side in (-1, 1):
            waist = _polar(11, turn + side * 22.5)
            shade = "lit" if side < 0 else "dark"
            tip = _polar(reach, turn)
            points.append(f'<path class="{shade}" d="M0 0L{tip}L{waist}z"/>')
    return Markup(
        f'<svg class="rose" width="{size}" height="{size}" viewBox="-50 -50 100 100" '
        'aria-hidden="true" focusable="false"><circle class="ring" r="36"/>'
        '<circle class="ring fine" r="32"/>'
        + "".join(points)
        + '<circle class="hub" r="3.2"/></svg>'
    )


def marker(index: int) -> Markup:
    """Return a respondent's marker on a stretch of its line, for legends."""
    k = index % STYLES
    return Markup(
        f'<svg class="key s{k}" width="30" height="14" viewBox="-15 -7 30 14" aria-hidden="true" '
        f'focusable="false"><path class="line" stroke-dasharray="{_DASHES[k]}" d="M-15 0H15"/>'
        f'<path class="dot" d="{_MARKERS[k]}"/></svg>'
    )


def range_bar(estimate: Estimate, index: int, *, bar: bool = False) -> Markup:
    """Return one estimate with its interval on a 0-100 track that is as wide as its box.

    The numbers stand in text beside it, so it is hidden from screen readers.

    Args:
        estimate: what to draw; drawn within 0-100.
        index: the respondent's number, for colour and marker.
        bar: draw a bar from 0 to the score, instead of the bare track.
    """
    k = index % STYLES
    at = _clamp(estimate.score)
    if bar:
        parts = [f'<rect class="bar" y="-7" height="14" width="{at:g}%"/>']
    else:
        parts = ['<line class="track" x1="0" x2="100%"/>']
        parts += [f'<line class="track" x1="{t}%" x2="{t}%" y1="-3.5" y2="3.5"/>' for t in (0, 100)]
    if estimate.low is not None and estimate.high is not None:
        low, high = _clamp(estimate.low), _clamp(estimate.high)
        parts.append(f'<line class="whisker" x1="{low:g}%" x2="{high:g}%"/>')
        parts += [
            f'<line class="whisker" x1="{x:g}%" x2="{x:g}%" y1="-4" y2="4"/>' for x in (low, high)
        ]
    # a nested svg can be moved by per cent, which a path cannot
    parts.append(f'<svg x="{at:g}%" overflow="visible"><path class="dot" d="{_MARKERS[k]}"/></svg>')
    return Markup(
        f'<svg class="range s{k}" width="100%" height="18" aria-hidden="true" focusable="false">'
        f'<svg y="50%" overflow="visible">{"".join(parts)}</svg></svg>'
    )


def axis(labels: Sequence[str] = tuple(map(str, _TICKS))) -> Markup:
    """Return the scale for a column of range bars.

    Args:
        labels: what stands at 0, 25, 50, 75 and 100 % of its width.
    """
    ticks = zip(_TICKS, labels, strict=True)
    texts = "".join(
        f'<text x="{t}%" y="12" text-anchor="middle">{told}</text>' for t, told in ticks
    )
    return Markup(
        '<svg class="axis" width="100%" height="16" aria-hidden="true" focusable="false">'
        f"{texts}</svg>"
    )


def radar(
    axes: Sequence[str], series: Sequence[Series], *, arcs: Sequence[Arc] = (), name: str, uid: str
) -> Markup:
    """Return a radar chart over the full 0-100 with every respondent overlaid.

    0 is a small ring, not a point, so that low profiles stay distinct. A dimension that was not
    measured leaves a gap. Interval bands are drawn in a group ``band rK`` for the page to show.

    Args:
        axes: names of at least three dimensions, clockwise from the top.
        series: estimates, one per axis.
        arcs: groups of dimensions, drawn along the rim.
        name: what the chart shows, for screen readers.
        uid: unique in the page, letters and digits, for the paths of the groups' names.
    """
    told = "; ".join(f"{s.label}: {_told(axes, s)}" for s in series)
    turns = [360 * i / len(axes) for i in range(len(axes))]
    body = [
        _web(turns),
        *(_rim(arc, len(axes), f"{uid}g{i}") for i, arc in enumerate(arcs)),
        *(_axis_label(a, turn, bool(arcs)) for a, turn in zip(axes, turns, strict=True)),
        *(_band(s, turns) for s in series),
        *(_profile(s, turns) for s in series),
        *(
            Markup('<text class="tick" x="-6" y="{}">{}</text>').format(f"{3.5 - _reach(t):.1f}", t)
            for t in _TICKS
        ),
    ]
    return (
        Markup('<svg class="radar" viewBox="-275 -222 550 444" role="img" aria-label="{}">').format(
            visible(f"{name}. {told}")
        )
        + Markup("").join(body)
        + Markup("</svg>")
    )


def _told(axes: Sequence[str], series: Series) -> str:
    pairs = zip(axes, series.estimates, strict=True)
    return ", ".join(f"{a} {number(e.score if e else None)}" for a, e in pairs)


def _web(turns: Sequence[float]) -> Markup:
    rings = "".join(f'<circle class="ring t{t}" r="{_reach(t):.1f}"/>' for t in _TICKS)
    spokes = "".join(f"M{_polar(_HOLE, turn)}L{_polar(_RADIUS, turn)}" for turn in turns)
    return Markup(f'{rings}<path class="spoke" d="{spokes}"/>')


def _rim(arc: Arc, n: int, uid: str) -> Markup:
    step = 360 / n
    start, stop = arc.first * step + 2, arc.last * step - 2
    long = int(stop - start > 180)
    line = f"M{_polar(_RADIUS + 9, start)}A159 159 0 {long} 1 {_polar(_RADIUS + 9, stop)}"
    upside_down = 90 < ((start + stop) / 2) % 360 < 270
    # text below the centre runs the other way round, on a wider circle, to stay upright
    r = _RADIUS + (24 if upside_down else 15)
    a, b = (stop, start) if upside_down else (start, stop)
    path = f"M{_polar(r, a)}A{r:g} {r:g} 0 {long} {int(not upside_down)} {_polar(r, b)}"
    label = visible(arc.label)
    room = math.radians(stop - start) * r
    if len(label) * 6.6 > room:
        label = label[: max(1, int(room / 6.6) - 1)] + "…"
    return Markup(
        '<path class="rim" d="{}"/><path id="{}" fill="none" d="{}"/><text class="group">'
        '<textPath href="#{}" startOffset="50%" text-anchor="middle">{}</textPath></text>'
    ).format(line, uid, path, uid, label)


_LINE = 18
"""Units from line to line of a label: the type is 16.5 on a phone."""


def _axis_label(name: str, turn: float, outside_rim: bool) -> Markup:
    radius = _RADIUS + (34 if outside_rim else 16)
    x, y = _point(radius, turn)
    anchor = "middle" if abs(x) < 25 else "start" if x > 0 else "end"
    shown = visible(name)
    spaced = shown.replace("/", "/ ") if len(shown) > 15 else shown
    lines = textwrap.wrap(spaced, 15, max_lines=3, placeholder="…") or [spaced]
    # a block of lines grows upwards above the centre, downwards below it
    top = y + 4 - (len(lines) - 1) * _LINE * (0.5 - y / radius / 2)
    spans = Markup("").join(
        Markup('<tspan x="{}" y="{}">{}</tspan>').format(f"{x:.1f}", f"{top + _LINE * i:.1f}", line)
        for i, line in enumerate(lines)
    )
    return Markup('<text class="name" text-anchor="{}">{}</text>').format(anchor, spans)


def _band(series: Series, turns: Sequence[float]) -> Markup:
    quads: list[str] = []
    n = len(turns)
    for i, here in enumerate(series.estimates):
        there = series.estimates[(i + 1) % n]
        ends = [(e.low, e.high) for e in (here, there) if e]
        if len(ends) < 2 or any(low is None or high is None for low, high in ends):
            continue
        (low, high), (low2, high2) = ends
        a, b = turns[i], turns[(i + 1) % n]
        corners = ((low, a), (low2, b), (high2, b), (high, a))
        quads.append("M" + "L".join(_polar(_reach(v or 0), t) for v, t in corners) + "z")
    k = series.index % STYLES
    return Markup(f'<path class="band s{k} r{series.index}" d="{"".join(quads)}"/>')


def _profile(series: Series, turns: Sequence[float]) -> Markup:
    n, k = len(turns), series.index % STYLES
    strokes: list[str] = []
    dots: list[str] = []
    for i, here in enumerate(series.estimates):
        if here is None:
            continue
        at = _polar(_reach(here.score), turns[i])
        x, y = at.split()
        dots.append(f'<path class="dot" transform="translate({x} {y})" d="{_MARKERS[k]}"/>')
        before, there = series.estimates[i - 1], series.estimates[(i + 1) % n]
        # one continuous path where nothing is missing, so that the dashes run on
        if before is None or i == 0:
            strokes.append(f"M{at}")
        if there is not None:
            strokes.append(f"L{_polar(_reach(there.score), turns[(i + 1) % n])}")
    return Markup(
        f'<g class="profile s{k} r{series.index}"><path class="line" '
        f'stroke-dasharray="{_DASHES[k]}" d="{"".join(strokes)}"/>{"".join(dots)}</g>'
    )


def _clamp(value: float) -> float:
    return round(min(100.0, max(0.0, value)), 2)


def _reach(value: float) -> float:
    return _HOLE + (_RADIUS - _HOLE) * _clamp(value) / 100


def _point(radius: float, turn: float) -> tuple[float, float]:
    angle = math.radians(turn - 90)
    return radius * math.cos(angle), radius * math.sin(angle)


def _polar(radius: float, turn: float) -> str:
    x, y = _point(radius, turn)
    return f"{x:.1f} {y:.1f}"
