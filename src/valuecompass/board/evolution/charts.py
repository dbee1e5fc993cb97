"""Charts of the report on a run, as inline SVG: pure functions from numbers to markup.

Colours come from the page, as in `board.page.svg`; lines differ in dash, too, and every number
stands in a table or in text beside its chart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from valuecompass.wording import visible

__all__ = ["Line", "Scale", "histogram", "lines", "span_bar"]

_DASHES = ("none", "7 4", "2 3", "9 3 2 3")
_WIDTH, _HEIGHT = 640.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 18.0, 14.0, 52.0


@dataclass(frozen=True)
class Scale:
    """The ends of an axis."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float | None], *, zero: bool = False) -> Scale:
        """Return a scale that holds all values with a little room, and 0 if asked for."""
        known = [v for v in values if v is not None and math.isfinite(v)] or [0.0, 1.0]
        low, high = min(known), max(known)
        if zero:
            low, high = min(low, 0.0), max(high, 0.0)
        room = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
        return cls(low if zero and low == 0 else low - room, high if high == 0 else high + room)

    def at(self, value: float) -> float:
        """Return where a value lies, 0 to 1; what lies outside lies at the end."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def ticks(self, about: int = 6) -> list[float]:
        """Return round numbers inside the scale."""
        rough = (self.high - self.low) / about
        unit = 10 ** math.floor(math.log10(rough))
        step = next(unit * k for k in (1, 2, 5, 10) if unit * k >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [k * step for k in range(first, last + 1)]


@dataclass(frozen=True)
class Line:
    """Points of a line in rising x; `band` holds limits of each, where it has any."""

    label: str
    points: tuple[tuple[float, float], ...]
    band: tuple[tuple[float, float], ...] = ()


def span_bar(
    value: float, low: float | None, high: float | None, scale: Scale, index: int
) -> Markup:
    """Return one value with its limits on a track as wide as its box, with a mark at 0.

    The numbers stand in text beside it, so it is hidden from screen readers.
    """

    def percent(x: float) -> str:
        return f"{100 * scale.at(x):.2f}%"

    parts = ['<line class="track" x1="0" x2="100%"/>']
    if scale.low <= 0 <= scale.high:
        parts.append(f'<line class="nought" x1="{percent(0)}" x2="{percent(0)}" y1="-9" y2="9"/>')
    if low is not None and high is not None:
        parts.append(f'<line class="whisker" x1="{percent(low)}" x2="{percent(high)}"/>')
        parts += [
            f'<line class="whisker" x1="{percent(x)}" x2="{percent(x)}" y1="-4" y2="4"/>'
            for x in (low, high)
        ]
    parts.append(f'<circle class="dot" cx="{percent(value)}" r="5"/>')
    return Markup(
        f'<svg class="range s{index % 8}" width="100%" height="22" aria-hidden="true" '
        f'focusable="false"><svg y="50%" overflow="visible">{"".join(parts)}</svg></svg>'
    )


def lines(
    series: Sequence[Line],
    *,
    x_title: str,
    y_title: str,
    name: str,
    logarithmic: bool = False,
    y_scale: Scale | None = None,
) -> Markup:
    """Return a chart of lines over a common axis; a line of one point is a dot.

    Args:
        series: at most four, drawn in colours and dashes 0 to 3.
        x_title: what the horizontal axis shows.
        y_title: what the vertical one shows.
        name: of the chart, for screen readers.
        logarithmic: the horizontal axis is; all x > 0.
        y_scale: ends of the vertical axis; None: what the values need.
    """
    told = [p for one in series for p in one.points]
    xs = [math.log10(x) if logarithmic else x for x, _ in told]
    ends = [v for one in series for limits in one.band for v in limits]
    across = Scale.of(xs) if len(set(xs)) > 1 else Scale(xs[0] - 0.5, xs[0] + 0.5)
    up = y_scale or Scale.of([*(y for _, y in told), *ends])
    body = [_frame(up, x_title, y_title)]
    marks = sorted({x for x, _ in told}) if logarithmic else across.ticks(8)
    body.append(_x_ticks(_thinned(marks, across) if logarithmic else marks, across, logarithmic))
    for k, one in enumerate(series):
        places = [(_x(x, across, logarithmic), _y(y, up)) for x, y in one.points]
        if one.band:
            highs = [
                f"{x:.1f} {_y(high, up):.1f}"
                for (x, _), (_, high) in zip(places, one.band, strict=True)
            ]
            lows = [
                f"{x:.1f} {_y(low, up):.1f}"
                for (x, _), (low, _) in zip(places, one.band, strict=True)
            ]
            body.append(f'<path class="area s{k}" d="M{"L".join([*highs, *reversed(lows)])}z"/>')
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        body.append(f'<path class="line s{k}" stroke-dasharray="{_DASHES[k]}" d="M{path}"/>')
        if len(places) <= 15:
            body += [
                f'<circle class="dot s{k}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in places
            ]
    return _chart(body, name)


def histogram(
    edges: Sequence[float], counts: Mapping[str, Sequence[int]], *, x_title: str, name: str
) -> Markup:
    """Return histograms over the same bins, side by side in each bin."""
    across = Scale(edges[0], edges[-1])
    up = Scale(0, 1.08 * max(1, *(n for of in counts.values() for n in of)))
    body = [_frame(up, x_title, "items"), _x_ticks(across.ticks(8), across, logarithmic=False)]
    for k, of in enumerate(counts.values()):
        for at, n in enumerate(of):
            left, right = (_x(edges[at + j], across, logarithmic=False) for j in (0, 1))
            wide = (right - left) / len(counts)
            top = _y(n, up)
            body.append(
                f'<rect class="block s{k}" x="{left + k * wide + 0.5:.1f}" y="{top:.1f}" '
                f'width="{max(0.5, wide - 1):.1f}" height="{_y(0, up) - top:.1f}"/>'
            )
    return _chart(body, name)


def key(index: int) -> Markup:
    """Return the sign of a line for legends."""
    return Markup(
        f'<svg class="key s{index}" width="30" height="12" viewBox="-15 -6 30 12" '
        f'aria-hidden="true" focusable="false"><path class="line" '
        f'stroke-dasharray="{_DASHES[index]}" d="M-15 0H15"/></svg>'
    )


def _chart(body: Sequence[str], name: str) -> Markup:
    head = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        f"{_WIDTH:g}", f"{_HEIGHT:g}", visible(name)
    )
    return head + Markup("".join(body)) + Markup("</svg>")


def _frame(up: Scale, x_title: str, y_title: str) -> str:
    parts = [
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_y(t, up):.1f}" '
        f'y2="{_y(t, up):.1f}"/><text class="tick" x="{_LEFT - 8}" y="{_y(t, up) + 4:.1f}" '
        f'text-anchor="end">{_told(t)}</text>'
        for t in up.ticks()
    ]
    titles = (
        Markup('<text class="title" x="{}" y="{}" text-anchor="middle">{}</text>').format(
            f"{(_LEFT + _WIDTH - _RIGHT) / 2:g}", f"{_HEIGHT - 6:g}", visible(x_title)
        ),
        Markup(
            '<text class="title" transform="translate(14 {}) rotate(-90)" text-anchor="middle">'
            "{}</text>"
        ).format(f"{(_TOP + _HEIGHT - _BOTTOM) / 2:g}", visible(y_title)),
    )
    return "".join([*parts, *map(str, titles)])


def _x_ticks(marks: Sequence[float], across: Scale, logarithmic: bool) -> str:
    return "".join(
        f'<text class="tick" x="{_x(t, across, logarithmic):.1f}" y="{_HEIGHT - _BOTTOM + 18:g}" '
        f'text-anchor="middle">{_told(t)}</text>'
        for t in marks
    )


def _thinned(marks: Sequence[float], across: Scale) -> list[float]:
    """Leave out marks whose numbers would touch."""
    found: list[float] = []
    for mark in marks:
        if not found or _x(mark, across, True) - _x(found[-1], across, True) > 46:
            found.append(mark)
    return found


def _x(value: float, across: Scale, logarithmic: bool) -> float:
    own = math.log10(value) if logarithmic else value
    return _LEFT + across.at(own) * (_WIDTH - _LEFT - _RIGHT)


def _y(value: float, up: Scale) -> float:
    return _HEIGHT - _BOTTOM - up.at(value) * (_HEIGHT - _TOP - _BOTTOM)


def _told(value: float) -> str:
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return text.replace("-", "−")
