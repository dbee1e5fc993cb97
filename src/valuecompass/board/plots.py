"""Figures for papers and notebooks, drawn by matplotlib (extra ``notebook``).

Respondents differ in colour (Okabe & Ito, told apart with any colour vision) and in marker; a
simulated one is hollow and says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valuecompass.blocking import blocking
from valuecompass.board.comparison import FDR, compare
from valuecompass.errors import InputError
from valuecompass.files import listed
from valuecompass.measure.measurement import Measurement, Row, Score, several
from valuecompass.wording import short_labels, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_circle", "plot_difference", "plot_profile"]

COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7"),
    *("#e69f00", "#56b4e9", "#000000", "#8c8c00"),
)
MARKERS = "os^DvPXd"
MOST = len(MARKERS)
"""Respondents that one figure tells apart."""
_NAME = 44
"""Characters of a name."""
_LABELS = {
    "score": "Score (0–100)",
    "within": "Trade-off scale (0–100; 50: chosen as often as not)",
}
_UNJUDGED = ("within", "self_report")
"""Scores read off choices and ratings."""
_Source = Measurement | Sequence[Measurement]


def plot_profile(
    source: _Source,
    *,
    kind: str = "score",
    respondents: str | Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a measurement's scores: a dot with its 95 % interval for each dimension and respondent.

    Compare respondents on one dimension. Dimensions of one respondent share a scale only in
    ``kind="within"``.

    Args:
        source: one measurement, or a list of one.
        kind: "score" or a further score of the system: "within", "endorsement", "evr" ...
        respondents: names of those drawn, eight at most; None: all.
        ax: where to draw; None: a figure of its own.

    Raises:
        InputError: no such kind or respondent, too many of them, or no matplotlib.
    """
    measurement, rows = _chosen(source, respondents)
    names = _dimensions(measurement)
    found = [[_estimate(row.dimensions[name], kind) for name in names] for row in rows]
    _check_kind(measurement, kind, found)
    axes = _axes(ax, (7, 1.6 + len(names) * (0.22 + 0.11 * len(rows))))
    for at, (row, of_one) in enumerate(zip(rows, found, strict=True)):
        shift = _dodged(at, len(rows))
        value, low, high = (_column(of_one, end) for end in range(3))
        places = [place + shift for place in range(len(names))]
        _whiskers(axes, value, places, low, high, _style(at, hollow=row.simulated))
    axes.set_yticks(range(len(names)), [visible(n) for n in names], parse_math=False)
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.set_xlim(0, 100)
    axes.set_xlabel(f"{_label(kind)}, 95 % interval")
    axes.grid(axis="x", alpha=0.3)
    _frame(axes, measurement, kind)
    _legend(axes, rows, found)
    return axes


def plot_difference(
    source: _Source, a: str, b: str, *, ax: Axes | None = None, db: str | None = None
) -> Axes:
    """Draw how two respondents differ: first less second on the items that both answered.

    A filled dot is a difference at a false discovery rate of 5 % over the dimensions; a hollow one
    may be chance. The numbers are those of ``valuecompass compare``.

    Args:
        source: one measurement, or a list of one.
        a: name of the first respondent.
        b: name of the second.
        ax: where to draw; None: a figure of its own.
        db: SQLAlchemy URL of the database, where that is not the workspace's own file.

    Raises:
        InputError: no such respondent, no item that both answered, or no matplotlib.
    """
    measurement, rows = _chosen(source, (a, b))
    if measurement.workspace is None and db is None:
        raise InputError("plot_difference: give a measurement as run and profile return them")
    ours = partial(compare, date=measurement.id, items=0)
    workspace = measurement.workspace or Path()
    told = blocking(ours, workspace, db, measurement.system, [a, b])
    ((pair),) = told["pairs"]
    cells: dict[str, dict[str, Any]] = pair["dimensions"]
    if not any(cell["n"] for cell in cells.values()):
        raise InputError(
            f"plot_difference: {a} and {b} answered no item in common, so there is no difference "
            "to draw"
        )
    axes = _axes(ax, (7, 1.6 + 0.33 * len(cells)))
    for place, cell in enumerate(cells.values()):
        value, low, high = (_number(cell[key]) for key in ("difference", "low", "high"))
        style = _style(0, hollow=not cell["discovered"])
        _whiskers(axes, [value], [place], [low], [high], style)
    axes.axvline(0, color="0.4", linewidth=1, zorder=0)
    ticks = [f"{visible(name)} (n = {cell['n']})" for name, cell in cells.items()]
    axes.set_yticks(range(len(cells)), ticks, parse_math=False)
    axes.set_ylim(len(cells) - 0.45, -0.55)
    axes.set_xlabel(f"Difference in points, 95 % interval (filled: q ≤ {FDR:.2f}; n items)")
    axes.grid(axis="x", alpha=0.3)
    labels = _names(rows)
    _frame(axes, measurement, "score", f"{labels[0]}\nless {labels[1]}")
    return axes


def plot_circle(
    source: _Source,
    *,
    kind: str = "within",
    respondents: str | Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw scores around the circle in which a theory orders its dimensions (Schwartz).

    Where the theory holds, neighbours have like scores and opposite ones unlike. The default is the
    trade-off scale, the one on which dimensions of a respondent can be compared.

    Args:
        source: one measurement, or a list of one.
        kind: as for `plot_profile`.
        respondents: names of those drawn, eight at most; None: all.
        ax: polar axes; None: a figure of its own.

    Raises:
        InputError: the value system has no circle, the axes are not polar, or as `plot_profile`.
    """
    measurement, rows = _chosen(source, respondents)
    names: list[str] = list(measurement.manifest["system"].get("circle") or ())
    if not names:
        raise InputError(f"plot_circle: {measurement.system} has no circular order")
    found = [[_estimate(row.dimensions[name], kind) for name in names] for row in rows]
    _check_kind(measurement, kind, found)
    axes = _axes(ax, (7, 7), projection="polar")
    if axes.name != "polar":
        raise InputError("plot_circle: give polar axes (subplot_kw={'projection': 'polar'})")
    step = 2 * math.pi / len(names)
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    for at, (row, of_one) in enumerate(zip(rows, found, strict=True)):
        shift = step * _dodged(at, len(rows)) / 2
        angles = [place * step + shift for place in range(len(names))]
        value, low, high = (_column(of_one, end) for end in range(3))
        style = _style(at, hollow=row.simulated)
        axes.vlines(angles, low, high, color=style["color"], linewidth=1.6, zorder=2)
        closed = [*angles, angles[0]], [*value, value[0]]
        axes.plot(*closed, color=style["color"], linewidth=0.7, alpha=0.6, zorder=1)
        axes.plot(angles, value, linestyle="none", zorder=3, **style)
    axes.set_ylim(0, 100)
    axes.set_yticks([25, 50, 75, 100])
    axes.set_xticks([place * step for place in range(len(names))])
    axes.set_xticklabels([visible(n) for n in names], parse_math=False)
    for label, place in zip(axes.get_xticklabels(), range(len(names)), strict=True):
        side = round(math.sin(place * step), 6)  # a name begins or ends at the circle
        label.set_horizontalalignment("left" if side > 0 else "right" if side < 0 else "center")
    axes.tick_params(axis="x", pad=4)
    axes.set_axisbelow(True)
    axes.set_rlabel_position(math.degrees(step / 2))  # between two dimensions
    axes.grid(alpha=0.3)
    _frame(axes, measurement, kind, _label(kind) + ", 95 % interval")
    _legend(axes, rows, found)
    return axes


# what is drawn ----------------------------------------------------------------------------------

_Estimate = tuple[float, float, float]
"""Score, lower and upper limit; NaN where there is none."""


def _chosen(
    source: _Source, respondents: str | Sequence[str] | None
) -> tuple[Measurement, Sequence[Row]]:
    measurements = several(source)
    if len(measurements) > 1:
        which = ", ".join(f"[{at}] of {m.system}" for at, m in enumerate(measurements))
        raise InputError(f"a figure shows one measurement; choose one: {which}")
    (measurement,) = measurements
    by_name = {row.respondent: row for row in measurement.rows}
    wanted = list(by_name if respondents is None else dict.fromkeys(listed(respondents)))
    if not wanted:
        raise InputError(f"respondents=[]: name at least one; there are: {', '.join(by_name)}")
    if unknown := [name for name in wanted if name not in by_name]:
        raise InputError(f"{unknown[0]}: not in this measurement; there are: {', '.join(by_name)}")
    if len(wanted) > MOST:
        raise InputError(
            f"a figure tells {MOST} respondents apart, not {len(wanted)}: name some "
            "(respondents=[...])"
        )
    return measurement, [by_name[name] for name in wanted]


def _dimensions(measurement: Measurement) -> list[str]:
    return [d["name"] for d in measurement.manifest["system"]["dimensions"]]


def _estimate(score: Score, kind: str) -> tuple[_Estimate, int]:
    """Return an estimate and its n."""
    if kind == "score":
        return (_number(score.score), _number(score.low), _number(score.high)), score.n
    found: dict[str, Any] = score.detail.get(kind, {})
    value, low, high = (_number(found.get(key)) for key in ("score", "low", "high"))
    return (value, low, high), found.get("n", 0)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _column(of_one: Sequence[tuple[_Estimate, int]], end: int) -> list[float]:
    return [estimate[end] for estimate, _ in of_one]


def _check_kind(
    measurement: Measurement, kind: str, found: Sequence[Sequence[tuple[_Estimate, int]]]
) -> None:
    if all(math.isnan(estimate[0]) for of_one in found for estimate, _ in of_one):
        scores = [score for row in measurement.rows for score in row.dimensions.values()]
        known = sorted({key for score in scores for key in score.detail})
        raise InputError(
            f"kind={kind!r}: nothing of this kind was measured here; there are: "
            f"{', '.join(['score', *known])}"
        )


# how it is drawn --------------------------------------------------------------------------------


def _axes(ax: Axes | None, inches: tuple[float, float], **how: Any) -> Any:
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ModuleNotFoundError:
        raise InputError("figures need matplotlib: pip install 'valuecompass[notebook]'") from None
    pyplot: Any = plt
    _, made = pyplot.subplots(figsize=inches, layout="constrained", subplot_kw=how)
    return made


def _dodged(at: int, many: int) -> float:
    """Return how far from a dimension's place a respondent is drawn, in dimensions."""
    return 0.6 * (at - (many - 1) / 2) / many


def _style(at: int, *, hollow: bool) -> dict[str, Any]:
    colour = COLOURS[at % MOST]
    face = "white" if hollow else colour
    return {"marker": MARKERS[at % MOST], "color": colour, "mfc": face, "mec": colour, "ms": 5.5}


def _whiskers(
    ax: Any,
    value: Sequence[float],
    places: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    style: dict[str, Any],
) -> None:
    ax.hlines(places, low, high, color=style["color"], linewidth=1.6, zorder=2)
    ax.plot(value, places, linestyle="none", zorder=3, **style)


def _names(rows: Sequence[Row]) -> list[str]:
    short = short_labels([row.respondent for row in rows], _NAME)
    return [short[r.respondent] + (" (simulated)" if r.simulated else "") for r in rows]


def _label(kind: str) -> str:
    return _LABELS.get(kind, f"{kind.replace('_', ' ').capitalize()} (0–100)")


def _frame(ax: Any, measurement: Measurement, kind: str, title: str = "") -> None:
    name = visible(measurement.manifest["system"]["name"])
    title = f"{name}\n{title}" if title else name
    gate = None if kind in _UNJUDGED else measurement.gate
    if gate is not None and gate.status == "failed":
        title = f"Demonstration: this judge failed its gate here\n{title}"
    if measurement.observational:
        title += "\nobservational: texts as they were found"
    ax.set_title(title, fontsize="medium", parse_math=False)
    if ax.name != "polar":
        ax.spines[["top", "right"]].set_visible(False)


def _legend(ax: Any, rows: Sequence[Row], found: Sequence[Sequence[tuple[_Estimate, int]]]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linewidth=1.6, **_style(at, hollow=row.simulated))
        for at, row in enumerate(rows)
    ]
    legend = ax.legend(
        handles,
        [str(at) for at in range(len(rows))],
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        borderaxespad=4,  # lines below the axes: room for ticks and the axis' name
        frameon=False,
    )
    # set behind matplotlib's back: it leaves out labels that begin with an underscore
    for text, name, of_one in zip(legend.get_texts(), _names(rows), found, strict=True):
        counts = sorted({n for (value, *_), n in of_one if not math.isnan(value)})
        n = f"{counts[0]}–{counts[-1]}" if len(counts) > 1 else f"{counts[0] if counts else 0}"
        text.set_parse_math(False)
        text.set_text(f"{name}, n = {n}")
