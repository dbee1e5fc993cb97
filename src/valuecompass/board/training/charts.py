"""Charts of the report on training, as inline SVG: pure functions from numbers to markup.

They are as wide as their box. All numbers stand in text beside them, so they are hidden from screen
readers. Before and after differ in shape, colour comes second.
"""

from __future__ import annotations

from typing import Any, Literal

from markupsafe import Markup

from valuecompass.board.evolution.charts import Scale

__all__ = ["PERCENT", "dumbbell", "key", "margin"]

PERCENT = Scale(0, 100)
_SIGNS = {
    "before": '<circle class="was" r="5.2"/>',
    "after": '<path class="dot" d="M0-6L5.4 0 0 6-5.4 0z"/>',
}
_HIGH = 78
_MIDDLE = 40
"""Height of a chart with a margin, and of the track in it, pixels."""


def key(side: Literal["before", "after"]) -> Markup:
    """Return the sign of a model for a legend."""
    return Markup(
        f'<svg class="key s0" width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true" '
        f'focusable="false">{_SIGNS[side]}</svg>'
    )


def dumbbell(before: float | None, after: float | None) -> Markup:
    """Return two values on 0-100, joined; only the axis where they are not known."""
    ends = [f'<line class="track" x1="{t}%" x2="{t}%" y1="-3.5" y2="3.5"/>' for t in (0, 100)]
    parts = ['<line class="track" x1="0" x2="100%"/>', *ends]
    if before is not None and after is not None:
        was, now = _at(before, PERCENT), _at(after, PERCENT)
        parts.append(f'<line class="join" x1="{was}" x2="{now}"/>')
        # a nested svg can be moved by per cent, which a path cannot
        for x, side in ((was, "before"), (now, "after")):
            parts.append(f'<svg x="{x}" overflow="visible">{_SIGNS[side]}</svg>')
    return Markup(
        '<svg class="range s0" width="100%" height="22" aria-hidden="true" focusable="false">'
        f'<svg y="50%" overflow="visible">{"".join(parts)}</svg></svg>'
    )


def margin(one: Any, beyond: Literal[-1, 1]) -> Markup:
    """Return a difference with its interval beside the margin that it may not overstep.

    Args:
        one: `difference`, `low` and `high`, None where not known, and `margin`, >= 0.
        beyond: whether rises or falls are side effects.
    """
    limit = beyond * one["margin"]
    ends = [one[name] for name in ("difference", "low", "high")]
    scale = Scale.of([1.4 * limit, -0.4 * limit, *ends], zero=True)
    edge = scale.at(limit)
    left, wide = (edge, 1 - edge) if beyond > 0 else (0.0, edge)
    zone = f'<span class="beyond" style="left:{100 * left:.2f}%;width:{100 * wide:.2f}%"></span>'
    anchor, aside = ("end", -6) if edge > 0.5 else ("start", 6)
    parts = [
        '<line class="track" x1="0" x2="100%"/>',
        _upright("nought", 0, scale, -19),
        _upright("limit", limit, scale, -28),
        f'<text class="margin" x="{_at(limit, scale)}" dx="{aside}" y="-24" '
        f'text-anchor="{anchor}">margin {_told(limit)}</text>',
        *(
            f'<text class="tick" x="{_at(t, scale)}" y="35" text-anchor="middle">{_told(t)}</text>'
            for t in scale.ticks()
            if 0.03 < scale.at(t) < 0.97  # a number at an end would stick out
        ),
    ]
    if one["low"] is not None:
        low, high = _at(one["low"], scale), _at(one["high"], scale)
        parts.append(f'<line class="whisker" x1="{low}" x2="{high}"/>')
        parts += [f'<line class="whisker" x1="{x}" x2="{x}" y1="-6" y2="6"/>' for x in (low, high)]
    if one["difference"] is not None:
        parts.append(f'<circle class="dot" cx="{_at(one["difference"], scale)}" r="5.5"/>')
    return Markup(
        f'<span class="within">{zone}<svg class="range s0" width="100%" height="{_HIGH}" '
        f'aria-hidden="true" focusable="false"><svg y="{_MIDDLE}" overflow="visible">'
        f"{''.join(parts)}</svg></svg></span>"
    )


def _at(value: float, scale: Scale) -> str:
    return f"{100 * scale.at(value):.2f}%"


def _upright(kind: str, value: float, scale: Scale, top: int) -> str:
    x = _at(value, scale)
    return f'<line class="{kind}" x1="{x}" x2="{x}" y1="{top}" y2="19"/>'


def _told(value: float) -> str:
    return f"{value:+.4g}".replace("-", "−") if value else "0"
