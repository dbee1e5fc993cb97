"""A gate's figures: each with its Monte-Carlo error, and whether it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

LEVEL = 0.99
"""Of the interval of a figure over worlds."""
Rule = Literal["at least", "at most", "above", "within"]


@dataclass(frozen=True)
class Goal:
    """What a figure is held to.

    at least, at most: its interval contains the number or lies on the safe side of it. within: the
    same of both ends of +- the number. above: the whole interval lies above it.
    """

    rule: Rule
    number: float

    def held(self, low: float, high: float) -> bool:
        """Whether the interval of a figure meets it."""
        if self.rule == "at least":
            return high >= self.number
        if self.rule == "at most":
            return low <= self.number
        if self.rule == "above":
            return low > self.number
        return low <= self.number and high >= -self.number

    def __str__(self) -> str:
        return (
            f"within ±{self.number:g}" if self.rule == "within" else f"{self.rule} {self.number:g}"
        )


@dataclass(frozen=True)
class Figure:
    """A mean over worlds.

    Attributes:
        what: it says.
        value: the mean.
        error: its Monte-Carlo standard error.
        low: lower limit of the 99 % interval.
        high: upper limit.
        worlds: how many.
        goal: what it is held to; None: only shown.
        beside: what is shown beside it, by name.
    """

    what: str
    value: float
    error: float
    low: float
    high: float
    worlds: int
    goal: Goal | None
    beside: dict[str, float]

    @property
    def held(self) -> bool | None:
        """Whether it meets its goal; None without one."""
        return None if self.goal is None else self.goal.held(self.low, self.high)

    def json(self) -> dict[str, Any]:
        """Return the documented JSON object; numbers that do not exist are null."""
        names = ("value", "error", "low", "high")
        return {
            "what": self.what,
            **{name: _finite(getattr(self, name)) for name in names},
            "worlds": self.worlds,
            "goal": None if self.goal is None else str(self.goal),
            "held": self.held,
            "beside": {name: _finite(x) for name, x in self.beside.items()},
        }


def figure(what: str, per_world: ArrayLike, goal: Goal | None = None, **beside: float) -> Figure:
    """Return the figure of one number a world.

    Where each number is 0 or 1 the limits are Clopper and Pearson's, else Student's.
    """
    x = np.asarray(per_world, dtype=np.float64)
    value, error = float(x.mean()), float(x.std(ddof=1) / np.sqrt(len(x)))
    if np.isin(x, (0, 1)).all():
        ends = stats.binomtest(int(x.sum()), len(x)).proportion_ci(LEVEL, "exact")
        low, high = float(ends.low), float(ends.high)
    else:
        half = float(stats.t.ppf((1 + LEVEL) / 2, len(x) - 1)) * error
        low, high = value - half, value + half
    return Figure(what, value, error, low, high, len(x), goal, dict(beside))


def table(figures: Sequence[Figure]) -> str:
    """Return a Markdown table."""
    lines = [
        "| figure | value | error | 99 % interval | worlds | goal | held | beside it |",
        "|---|--:|--:|---|--:|---|---|---|",
    ]
    for f in figures:
        beside = ", ".join(f"{name.replace('_', ' ')} {x:.3f}" for name, x in f.beside.items())
        goal, held = ("", "") if f.goal is None else (str(f.goal), "yes" if f.held else "**NO**")
        lines.append(
            f"| {f.what} | {f.value:.3f} | {f.error:.4f} | [{f.low:.3f}, {f.high:.3f}] "
            f"| {f.worlds} | {goal} | {held} | {beside} |"
        )
    return "\n".join(lines)


def _finite(x: float) -> float | None:
    return round(float(x), 6) if np.isfinite(x) else None
