"""When an item has had its day: the rules, on arrays alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from valuecompass.errors import InputError
from valuecompass.evolve.lifecycle.information import Worth
from valuecompass.measure.item_table import ItemTable
from valuecompass.stats.dif import paired_dif
from valuecompass.stats.linking import concurrent

__all__ = ["Reason", "RetireRules", "Retirement", "drifting", "exposed", "saturated"]

Reason = Literal["saturated", "exposed", "drifting", "withdrawn", "restored"]
"""restored: taken back into use; the row of the log says that the earlier ones no longer hold."""
FEWEST = 6
"""Respondents that must have answered an item before it can be called saturated: that three models
agree says little of the next one."""
PAIRED = 6
"""Respondents measured twice from which on each is compared with itself."""
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Retirement:
    """That an item is not to be selected any more, and why.

    detail: the figures that decided it.
    """

    item: str
    reason: Reason
    detail: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class RetireRules:
    """The rules.

    Attributes:
        most_uses: an item asked on so many occasions is exposed: by then it may stand in training
            data.
        saturated: an item is saturated when a response to it surely tells less than this about its
            respondent, in nats summed over dimensions (one fair yes-or-no question: .69).
        level: false discovery rate of drifting items, over all dimensions.

    Raises:
        InputError: a number is out of range.
    """

    most_uses: int = 4
    saturated: float = 0.15
    level: float = 0.05

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if self.most_uses < 1:
            raise InputError(f"--most-uses {self.most_uses}: give 1 at least")
        if self.saturated < 0:
            raise InputError(f"--saturated {self.saturated:g}: give 0 or more nats")


def saturated(worth: Worth, bound: float) -> list[Retirement]:
    """Return items that no longer tell respondents apart.

    What counts is the upper 95 % limit of the item's information, so that an item about which
    little is known stays.

    Args:
        worth: of the items among the respondents that count.
        bound: in nats.
    """
    sure = (worth.high < bound) & (worth.answered >= FEWEST)
    return [
        Retirement(
            worth.items[at],
            "saturated",
            {
                "information": round(float(worth.information[at]), 4),
                "high": round(float(worth.high[at]), 4),
                "bound": bound,
                "respondents": int(worth.answered[at]),
            },
        )
        for at in np.flatnonzero(sure)
    ]


def exposed(uses: Mapping[str, int], most: int, among: Collection[str]) -> list[Retirement]:
    """Return items of `among` that were asked on `most` occasions or more."""
    return [
        Retirement(item, "exposed", {"uses": n, "most": most})
        for item, n in sorted(uses.items())
        if n >= most and item in among
    ]


def drifting(before: ItemTable, after: ItemTable, level: float = 0.05) -> list[Retirement]:
    """Return items that mean something else than before: harder or easier than all others moved.

    Where six respondents or more were measured both times, each is compared with itself
    (`stats.paired_dif`); else both groups are laid on one scale and items tested for equal
    difficulty (`stats.concurrent`), which finds large drift alone. Each dimension is tested at
    `level` over their number.

    Args:
        before: what was measured first.
        after: what was measured later, of the same dimensions.
        level: false discovery rate over all dimensions.
    """
    shared = [item for item in before.items if item in set(after.items)]
    again = [name for name in before.respondents if name in set(after.respondents)]
    if not shared:
        return []
    found: dict[str, dict[str, Any]] = {}
    for at, name in enumerate(before.names):
        if len(again) >= PAIRED:
            first, second = (_answers(t, again, shared, at) for t in (before, after))
            flagged = paired_dif(first, second).q <= level / len(before.names)
        else:
            flagged = _unequal(before, after, shared, at, level / len(before.names))
        for item in np.array(shared)[flagged].tolist():
            found.setdefault(item, {"dimensions": []})["dimensions"].append(name)
    return [Retirement(item, "drifting", detail) for item, detail in found.items()]


def _unequal(
    before: ItemTable, after: ItemTable, shared: list[str], at: int, level: float
) -> NDArray[np.bool_]:
    # items of one form alone say where its respondents stand
    own = [[i for i in t.items if i not in set(shared)] for t in (before, after)]
    items = [*shared, *own[0], *own[1]]
    responses = np.full((len(before.respondents) + len(after.respondents), len(items)), np.nan)
    n = len(before.respondents)
    end = len(shared) + len(own[0])
    responses[:n, :end] = _answers(before, before.respondents, [*shared, *own[0]], at)
    responses[n:, : len(shared)] = _answers(after, after.respondents, shared, at)
    responses[n:, end:] = _answers(after, after.respondents, own[1], at)
    if not (~np.isnan(responses)).any():
        return np.zeros(len(shared), dtype=np.bool_)
    groups = np.repeat([0, 1], [n, len(after.respondents)])
    return concurrent(responses, groups, level=level).drifting[: len(shared)]


def _answers(table: ItemTable, who: Collection[str], items: list[str], at: int) -> Array:
    """Return 1 where most of what a respondent showed expresses the dimension, (R, n)."""
    rows = [table.respondents.index(name) for name in who]
    columns = [table.items.index(item) for item in items]
    shares = table.means[:, :, at][np.ix_(rows, columns)]
    return np.where(np.isnan(shares), np.nan, shares >= 0.5)
