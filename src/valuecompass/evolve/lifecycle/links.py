"""Scores of two forms on one scale, through the anchors that both hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuecompass.measure.item_table import ItemTable
from valuecompass.measure.points import finite
from valuecompass.stats.comparison import benjamini_hochberg
from valuecompass.stats.linking import LinkedRates, link_rates

__all__ = ["FDR", "linked_scores"]

FDR = 0.05
"""False discovery rate over all changes of respondents that are claimed."""
Array = NDArray[np.float64]
Json = dict[str, Any]


def linked_scores(before: ItemTable, after: ItemTable, anchors: Collection[str]) -> Json:
    """Return the scores on the later form on the scale of the earlier one.

    By `stats.link_rates`, dimension by dimension: what a respondent would show on the earlier form,
    by how both groups differ on the anchors. Where a respondent of the same name answered both, the
    change is given, too.

    Args:
        before: what was measured on the earlier form.
        after: on the later one.
        anchors: items of both that hold the link; other common items count as different ones.

    Returns:
        By dimension: ``shift`` (points added to scores of the later form; None where the link
        failed, with ``why``), ``anchors``, ``respondents`` (by name ``before`` and ``after``, each
        with score, low and high; ``change`` with its limits, p and q, and whether it is
        ``discovered`` at a false discovery rate of 5 % over all dimensions and respondents).
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
    responses = _stacked(before, after, shared, at)
    on_y = np.repeat([False, True], [len(before.respondents), len(after.respondents)])
    tied = [i for i in shared if _asked(before, i, at) and _asked(after, i, at)]
    try:
        link = link_rates(responses, on_y)
    except ValueError as error:
        return {"shift": None, "anchors": len(tied), "why": str(error), "respondents": {}}
    people: dict[str, Json] = {
        name: {"before": None, "after": None, "change": None}
        for name in (*before.respondents, *after.respondents)
    }
    limit = _student(link.degrees)
    names = (*before.respondents, *after.respondents)
    for row, (name, later) in enumerate(zip(names, on_y.tolist(), strict=True)):
        spread = limit * float(np.sqrt(link.covariance[row, row]))
        people[name]["after" if later else "before"] = _interval(float(link.score[row]), spread)
    for name in set(before.respondents) & set(after.respondents):
        people[name]["change"] = _change(link, before, after, name, limit)
    return {"shift": finite(link.shift, 6), "anchors": len(tied), "respondents": people}


def _stacked(before: ItemTable, after: ItemTable, shared: Sequence[str], at: int) -> Array:
    """Return responses to both forms, (respondents of both, items): anchors share a column."""
    own = [item for item in after.items if item not in set(shared)]
    place: Mapping[str, int] = {item: k for k, item in enumerate(before.items)}
    columns = [place[i] if i in shared else len(place) + own.index(i) for i in after.items]
    first = len(before.respondents)
    found = np.full((first + len(after.respondents), len(place) + len(own)), np.nan)
    found[:first, : len(place)] = before.means[:, :, at]
    found[first:, columns] = after.means[:, :, at]
    return found


def _asked(table: ItemTable, item: str, at: int) -> bool:
    return bool(table.counts[:, table.items.index(item), at].any())


def _student(degrees: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.975))


def _change(
    link: LinkedRates, before: ItemTable, after: ItemTable, name: str, limit: float
) -> Json | None:
    from scipy.special import stdtr

    old = before.respondents.index(name)
    new = len(before.respondents) + after.respondents.index(name)
    moved = float(link.score[new] - link.score[old])
    c = link.covariance
    error = float(np.sqrt(c[new, new] + c[old, old] - 2 * c[new, old]))
    if not np.isfinite(moved) or not error > 0:
        return None
    p = 2 * float(stdtr(link.degrees, -abs(moved) / error))
    limits = _interval(moved, limit * error)
    return {"difference": limits.pop("score"), **limits, "p": p}


def _interval(value: float, spread: float) -> Json:
    numbers = {"score": value, "low": value - spread, "high": value + spread}
    return {name: finite(x, 6) for name, x in numbers.items()}
