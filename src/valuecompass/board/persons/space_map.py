"""The value space as a picture: one SVG file that loads nothing and reads in light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from rich.cells import cell_len

from valuecompass.board.persons.space import Point, Space, stress_in_words
from valuecompass.wording import short_labels

__all__ = ["space_svg"]

Array = NDArray[np.float64]
_WIDTH, _HEIGHT, _HEAD, _FOOT = 1000.0, 760.0, 64.0, 48.0
_ASIDE, _ABOVE = 150.0, 40.0
"""Room for labels beside and above the outermost points."""
_LETTER, _LINE, _NAME = 7.8, 16.0, 28
_MOST = 6
"""Names in one place that are written out."""
_REACHES = (11.0, 24.0, 42.0, 64.0, 90.0, 120.0)
_TURNS = 16
_STYLE = """
svg { background: #fff; --ink: #1b2430; --muted: #586273; --line: #b9b1a0; --respondent: #1463a8;
 --culture: #bb4a14; --person: #0b7a5c; --paper: #fff; font: 13px system-ui, sans-serif }
@media (prefers-color-scheme: dark) { svg { background: #11161d; --ink: #e6e8ec; --muted: #a1acbc;
 --line: #566275; --respondent: #6fb4f0; --culture: #f3986a; --person: #54c9a4; --paper: #11161d } }
.paper { fill: var(--paper) } .title { font-size: 20px; font-weight: 600; fill: var(--ink) }
.note { fill: var(--muted) } .lead { stroke: var(--line); stroke-width: 1 }
.respondent { fill: var(--respondent) } .culture { fill: var(--culture) }
.person { fill: var(--person); font-weight: 700 }
path { stroke: var(--paper); stroke-width: 1.2 }
text { paint-order: stroke; stroke: var(--paper); stroke-width: 3px }
"""
_MARKERS = {
    "respondent": "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z",
    "culture": "M0-7L6.4 0 0 7-6.4 0z",
    "person": "M0-10L2.6-3.4 9.5-3.1 4.1 1.2 5.9 8.1 0 4.2-5.9 8.1-4.1 1.2-9.5-3.1-2.6-3.4z",
}
"""Kinds differ in shape as well as in colour."""


@dataclass(frozen=True)
class _Place:
    """Points of one kind that lie on each other."""

    kind: str
    x: float
    y: float
    names: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def width(self) -> float:
        return max(map(cell_len, self.lines)) * _LETTER

    @property
    def height(self) -> float:
        return len(self.lines) * _LINE


def space_svg(space: Space, title: str) -> str:
    """Return the map as a self-contained SVG.

    Both axes have one scale, no unit and no zero: only distances carry a meaning. Names that would
    cover each other move away from their marker, on a line.

    Args:
        space: what to draw.
        title: heading; plain text, as are all names.
    """
    places = _places(space.points)
    boxes = _labels(places)
    stress = "none" if space.stress is None else f"{space.stress:.2f}"
    kinds = [kind for kind in _MARKERS if any(p.kind == kind for p in places)]
    told = f"{title}: {len(space.points)} profiles on a map, stress {stress}"
    size = f"{_WIDTH:g} {_HEIGHT:g}"
    head = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {}" role="img" aria-label="{}">'
        '<style>{}</style><rect class="paper" width="100%" height="100%"/>'
        '<text class="title" x="24" y="34">{}</text><text class="note" x="24" y="54">{}</text>'
    ).format(
        size,
        _clean(told),
        Markup(_STYLE),
        _clean(title),
        f"Near = values in a similar order. Stress {stress}, {stress_in_words(space.stress)}.",
    )
    body = [
        *(_lead(p, box) for p, box in zip(places, boxes, strict=True)),
        *map(_marker, places),
        *(_text(p, box) for p, box in zip(places, boxes, strict=True)),
        *(_legend(kind, at) for at, kind in enumerate(kinds)),
    ]
    return str(head + Markup("").join(body) + Markup("</svg>\n"))


def _places(points: Sequence[Point]) -> list[_Place]:
    at = np.array([(p.x, -p.y) for p in points])
    low, high = at.min(axis=0), at.max(axis=0)
    room = np.array([_WIDTH - 2 * _ASIDE, _HEIGHT - _HEAD - _FOOT - 2 * _ABOVE])
    scale = float((room / np.maximum(high - low, 1e-9)).min())
    middle = np.array([_WIDTH / 2, _HEAD + (_HEIGHT - _HEAD - _FOOT) / 2])
    drawn = middle + (at - (low + high) / 2) * scale
    shown = short_labels([p.name for p in points], _NAME)
    groups: dict[tuple[str, float, float], list[Point]] = {}
    for point, (x, y) in zip(points, drawn.round(), strict=True):
        groups.setdefault((point.kind, float(x), float(y)), []).append(point)
    return [
        _Place(kind, x, y, tuple(p.name for p in of), _lines(of, shown))
        for (kind, x, y), of in groups.items()
    ]


def _lines(points: Sequence[Point], shown: dict[str, str]) -> tuple[str, ...]:
    lines = [shown[p.name] + (" (simulated)" if p.simulated else "") for p in points]
    if len(lines) > _MOST:
        lines = [*lines[: _MOST - 1], f"and {len(lines) - _MOST + 1} more"]
    return tuple(lines)


def _labels(places: Sequence[_Place]) -> Array:
    """Return a box (left, top, right, bottom) for each label, the crowded ones placed first."""
    markers = np.array([(p.x - 7, p.y - 7, p.x + 7, p.y + 7) for p in places])
    centres = np.array([(p.x, p.y) for p in places])
    gaps = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    boxes = np.full((len(places), 4), np.nan)
    crowded = np.argsort(-(gaps < 60).sum(axis=1), kind="stable")
    for i in map(int, crowded):
        taken = np.vstack([markers, boxes[~np.isnan(boxes[:, 0])]])
        options = _options(places[i])
        wide = np.minimum(options[:, None, 2], taken[:, 2]) - np.maximum(
            options[:, None, 0], taken[:, 0]
        )
        high = np.minimum(options[:, None, 3], taken[:, 3]) - np.maximum(
            options[:, None, 1], taken[:, 1]
        )
        covered = (wide.clip(min=0) * high.clip(min=0)).sum(axis=1)
        outside = (
            (4 - options[:, 0]).clip(min=0)
            + (_HEAD - options[:, 1]).clip(min=0)
            + (options[:, 2] - _WIDTH + 4).clip(min=0)
            + (options[:, 3] - _HEIGHT + _FOOT).clip(min=0)
        )
        # of equal ones the first, which is the nearest
        boxes[i] = options[int(np.argmin(covered + 100 * outside + np.arange(len(options)) / 2))]
    return boxes


def _options(place: _Place) -> Array:
    """Return boxes around a marker, nearest first, to the right of it first."""
    found: list[tuple[float, float, float, float]] = []
    for reach in _REACHES:
        for turn in range(_TURNS):
            side = (turn + 1) // 2 * (1 if turn % 2 else -1)
            angle = 2 * math.pi * side / _TURNS
            x = place.x + math.cos(angle) * (reach + place.width / 2)
            y = place.y + math.sin(angle) * (reach + place.height / 2)
            w, h = place.width / 2, place.height / 2
            found.append((x - w, y - h, x + w, y + h))
    return np.array(found)


def _lead(place: _Place, box: Array) -> Markup:
    """Return the line from a marker to its label, where that is not beside it."""
    x = min(max(place.x, box[0]), box[2])
    y = min(max(place.y, box[1]), box[3])
    if math.hypot(x - place.x, y - place.y) < 14:
        return Markup("")
    return Markup('<line class="lead" x1="{:.0f}" y1="{:.0f}" x2="{:.0f}" y2="{:.0f}"/>').format(
        place.x, place.y, x, y
    )


def _marker(place: _Place) -> Markup:
    return Markup(
        '<path class="{}" transform="translate({:.0f} {:.0f})" d="{}"><title>{}</title></path>'
    ).format(place.kind, place.x, place.y, _MARKERS[place.kind], _clean(", ".join(place.names)))


def _text(place: _Place, box: Array) -> Markup:
    # a label to the left of its marker ends at it
    right = (box[0] + box[2]) / 2 < place.x - 8
    anchor, x = ("end", box[2]) if right else ("start", box[0])
    return Markup("").join(
        Markup('<text class="{}" text-anchor="{}" x="{:.0f}" y="{:.0f}">{}</text>').format(
            place.kind, anchor, x, box[1] + 12 + _LINE * i, line
        )
        for i, line in enumerate(place.lines)
    )


def _legend(kind: str, at: int) -> Markup:
    x, y = 34 + 130 * at, _HEIGHT - 20
    return Markup(
        '<path class="{}" transform="translate({} {})" d="{}"/>'
        '<text class="note" x="{}" y="{}">{}</text>'
    ).format(kind, x, y, _MARKERS[kind], x + 14, y + 4, kind)


def _clean(text: str) -> str:
    """Return a text on one line with nothing in it that acts or that XML forbids."""
    from valuecompass.wording import visible

    return " ".join(visible(text).split())
