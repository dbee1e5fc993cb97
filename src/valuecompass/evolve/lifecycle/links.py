"""Scores of two forms on one scale, through the anchors that both hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr, stdtrit

from valuecompass.measure.item_table import ItemTable
from valuecompass.measure.points import finite
from valuecompass.stats.anchored import anchored
from valuecompass.stats.comparison import benjamini_hochberg

__all__ = ["FDR", "linked_scores", "stacked"]

FDR = 0.05
"""False discovery rate over all changes of respondents that are claimed."""
Array = NDArray[np.float64]
Json = dict[str, Any]


def linked_scores(before: ItemTable, after: ItemTable, anchors: Collection[str]) -> Json:
    """Return the positions of the respondents of two forms on one scale.

    By `stats.anchored`, dimension by dimension. Where a respondent of the same name answered both,
    the change is given, too, by its answers to the anchors, each compared with itself, and by both
    whole forms: not quite the difference of its two positions, and with narrower limits.

    Args:
        before: what was measured on the earlier form.
        after: on the later one.
        anchors: items of both that hold the link; other common items count as different ones.

    Returns:
        By dimension: ``shift`` with its limits (how much higher the respondents of the later form
        stand on average, in logits; None where the link failed, with ``why``), ``anchors``,
        ``respondents`` (by name ``before`` and ``after``, each with score, low and high, 0 being
        the mean of the respondents of the earlier form; ``change`` with its limits, p and q, the
        number of ``anchors`` that the respondent answered both times, and whether it is
        ``discovered`` at a false discovery rate of 5 % over all dimensions and respondents; None
        with fewer than 2 such anchors). Limits of ``after`` and ``change`` hold the error of the
        link.
    """
    found = {
        name: _of_dimension(before, after, anchors, at) for at, name in enumerate(before.names)
    }
    people = [p for one in found.values() for p in one["respondents"].values()]
    changes = [p["change"] for p in people if p["change"] is not None]
    if changes:
        q, discovered = benjamini_hochberg([c["p"] for c in changes], FDR)
        for change, value, sure in zip(changes, q.tolist(), discovered.tolist(), strict=True):
            change |= {"q": value, "discovered": sure}
    return found


def _of_dimension(before: ItemTable, after: ItemTable, anchors: Collection[str], at: int) -> Json:
    shared = [item for item in before.items if item in after.items and item in anchors]
    responses, tied = stacked(before, after, shared, at)
    names = (*before.respondents, *after.respondents)
    on_y = np.repeat([False, True], [len(before.respondents), len(after.respondents)])
    again = [name for name in before.respondents if name in set(after.respondents)]
    first = len(before.respondents)
    same = [(names.index(name), first + after.respondents.index(name)) for name in again]
    try:
        link = anchored(responses, on_y, tied, same=same)
    except ValueError as error:
        return {"shift": None, "anchors": 0, "why": str(error), "respondents": {}}
    limit, alone = float(stdtrit(link.degrees, 0.975)), float(ndtri(0.975))
    people: dict[str, Json] = {
        name: {"before": None, "after": None, "change": None} for name in names
    }
    for row, (name, later) in enumerate(zip(names, on_y.tolist(), strict=True)):
        # what holds no error of the link has not its degrees of freedom
        error = limit * np.hypot(link.se[row], link.shift_se) if later else alone * link.se[row]
        people[name]["after" if later else "before"] = _interval(link.theta[row], float(error))
    changes = zip(link.changes, link.changes_se, link.changes_degrees.tolist(), strict=True)
    for name, (moved, error, degrees) in zip(again, changes, strict=True):
        if np.isfinite(moved):
            limits = _interval(float(moved), float(stdtrit(degrees, 0.975) * error))
            p = 2 * float(stdtr(degrees, -abs(moved) / error))
            change = {"difference": limits.pop("score"), **limits, "p": p}
            people[name]["change"] = {**change, "anchors": degrees + 1}
    shift = _interval(link.shift, limit * link.shift_se)
    return {"shift": shift, "anchors": link.degrees + 1, "respondents": people}


def stacked(
    before: ItemTable, after: ItemTable, shared: Sequence[str], at: int
) -> tuple[Array, NDArray[np.bool_]]:
    """Return responses to both forms, (respondents of both, items), and which items are anchors."""
    own = [item for item in after.items if item not in set(shared)]
    items = [*before.items, *own]
    place = {item: k for k, item in enumerate(before.items)}
    columns = [place[i] if i in shared else len(place) + own.index(i) for i in after.items]
    first = len(before.respondents)
    found = np.full((first + len(after.respondents), len(items)), np.nan)
    found[:first, : len(place)] = before.means[:, :, at]
    found[first:, columns] = after.means[:, :, at]
    tied = np.zeros(len(items), dtype=np.bool_)
    tied[[place[item] for item in shared]] = True
    return found, tied


def _interval(value: float, spread: float) -> Json:
    numbers = {"score": value, "low": value - spread, "high": value + spread}
    return {name: finite(float(x), 6) for name, x in numbers.items()}
