"""Who differs from whom: what survives when all pairs and dimensions are looked at together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuecompass.board.findings.finding import FDR, Control, Finding, Found, Kind, address, limits
from valuecompass.measure.item_table import ItemTable
from valuecompass.stats.comparison import Claims, benjamini_hochberg, claims

Array = NDArray[np.float64]
LARGEST = 5
"""Largest differences that are told."""
COMPARED = 8
"""Respondents that the page of comparisons takes."""


@dataclass(frozen=True)
class Seen:
    """What one sort of respondents answered.

    scores, low, high: (R, D) on 0-100, as on the board; the items' table has the same axes.
    """

    system: str
    date: str
    simulated: bool
    table: ItemTable
    scores: Array
    low: Array
    high: Array

    @property
    def query(self) -> dict[str, str]:
        """Which board."""
        return {"system": self.system, "date": self.date}


def differences(seen: Seen, rng: np.random.Generator) -> Found:
    """Return the sure differences of some respondents, and where there is none.

    All pairs are tested on every dimension (`stats.claims`, paired on items), with the false
    discovery rate held at 5 % over them all. That somebody is above all others is tested by the
    largest p-value of its pairs, which is one for "not above all" (intersection-union, Berger
    1982), again at 5 % over all respondents, dimensions and both ends.
    """
    if len(seen.table.respondents) < 2:
        return Found()
    found = claims(seen.table.means, np.asarray(seen.table.items), rng, fdr=FDR)
    ends, tested = _ends(seen, found)
    tests = int((~np.isnan(found.p)).sum())
    how = f"false discovery rate of 5 % over {tests:,} pairs and dimensions"
    return Found(
        (*ends, *_largest(seen, found), *_nothing(seen, found)),
        (
            Control("largest differences", tests, int(found.discovered.sum()), how, seen.simulated),
            Control(
                "highest and lowest",
                tested,
                len(ends),
                f"false discovery rate of 5 % over {tested:,} claims of being above or below all",
                seen.simulated,
            ),
        ),
    )


def _ends(seen: Seen, found: Claims) -> tuple[list[Finding], int]:
    """Return who is surely above or below all others on a dimension, and the claims tested."""
    names, dims = seen.table.respondents, seen.table.names
    leads = {sign: _leads(found, len(names), len(dims), sign) for sign in (1, -1)}
    p = np.stack([leads[sign] for sign in (1, -1)])
    q, sure = benjamini_hochberg(p, FDR)
    ends: list[Finding] = []
    for at, r, d in np.argwhere(sure).tolist():
        sign = 1 if at == 0 else -1
        row = _closest(found, r, d, sign)
        i, j = _pair(found, row)
        turn = 1 if i == r else -1
        other = names[j if i == r else i]
        gap = [100 * turn * float(x[row, d]) for x in (found.difference, found.low, found.high)]
        low, high = sorted(gap[1:])
        who, what = names[r], dims[d]
        word = "strongest" if sign > 0 else "weakest"
        place = "behind" if sign > 0 else "above"
        score = limits(float(seen.scores[r, d]), float(seen.low[r, d]), float(seen.high[r, d]))
        apart = limits(sign * gap[0], min(sign * low, sign * high), max(sign * low, sign * high))
        ends.append(
            _finding(
                seen,
                found,
                row,
                d,
                kind="highest and lowest",
                sentence=(
                    f"{who} shows {what} {word} of all {len(names)}: {score}. The nearest, "
                    f"{other}, is {apart} points {place}."
                ),
                who=(who, other),
                numbers=(gap[0], low, high),
                q=float(q[at, r, d]),
            )
        )
    return ends, int((~np.isnan(p)).sum())


def _leads(found: Claims, r: int, d: int, sign: int) -> Array:
    """Return the p-value of being above (sign 1) or below all others, (R, D); NaN: not tested."""
    p = np.full((r, d), np.nan)
    for one in range(r):
        own = (found.pairs == one).any(axis=1)
        ahead = np.where(found.pairs[own, :1] == one, 1, -1) * sign * found.difference[own]
        # a test of one side may take the p-value of both, which is larger
        each = np.where(ahead > 0, found.p[own], 1.0)
        each[np.isnan(found.p[own])] = np.nan
        p[one] = each.max(axis=0)
    return p


def _closest(found: Claims, r: int, d: int, sign: int) -> int:
    own = np.flatnonzero((found.pairs == r).any(axis=1))
    gap = np.where(found.pairs[own, 0] == r, 1, -1) * sign * found.difference[own, d]
    return int(own[np.argmin(gap)])


def _pair(found: Claims, row: int) -> tuple[int, int]:
    return int(found.pairs[row, 0]), int(found.pairs[row, 1])


def _largest(seen: Seen, found: Claims) -> list[Finding]:
    size = np.where(found.discovered, np.abs(np.nan_to_num(found.difference)), -1.0)
    order = np.argsort(-size, axis=None, kind="stable")[:LARGEST]
    told: list[Finding] = []
    for place in order.tolist():
        row, d = divmod(place, found.difference.shape[1])
        if size[row, d] < 0:
            break
        i, j = _pair(found, row)
        turn = 1 if found.difference[row, d] > 0 else -1
        more, less = (i, j) if turn > 0 else (j, i)
        gap = [100 * turn * float(x[row, d]) for x in (found.difference, found.low, found.high)]
        low, high = sorted(gap[1:])
        who = (seen.table.respondents[more], seen.table.respondents[less])
        n = int(found.n[row, d])
        told.append(
            _finding(
                seen,
                found,
                row,
                d,
                kind="largest differences",
                sentence=(
                    f"{who[0]} shows {seen.table.names[d]} more than {who[1]}: by "
                    f"{limits(gap[0], low, high)} points on the {n:,} items that both answered."
                ),
                who=who,
                numbers=(gap[0], low, high),
                q=float(found.q[row, d]),
            )
        )
    return told


def _nothing(seen: Seen, found: Claims) -> list[Finding]:
    """Return dimensions on which no pair is told apart, with the largest difference left open."""
    told: list[Finding] = []
    for d, name in enumerate(seen.table.names):
        if np.isnan(found.difference[:, d]).any() or found.discovered[:, d].any():
            continue
        row = int(np.argmax(np.abs(found.difference[:, d])))
        i, j = (seen.table.respondents[k] for k in _pair(found, row))
        gap, low, high = (100 * float(x[row, d]) for x in (found.difference, found.low, found.high))
        wide = max(100 * float(np.abs([found.low[:, d], found.high[:, d]]).max()), 0.0)
        told.append(
            _finding(
                seen,
                found,
                row,
                d,
                kind="not told apart",
                sentence=(
                    f"On {name} no two of {len(seen.table.respondents)} respondents are told "
                    f"apart. The largest difference, {i} less {j}, is "
                    f"{limits(gap, low, high, sign=True)} points; differences "
                    f"of up to {wide:.0f} points are not excluded."
                ),
                who=(i, j),
                numbers=(gap, low, high),
                q=float(found.q[row, d]),
            )
        )
    return told


def _finding(
    seen: Seen,
    found: Claims,
    row: int,
    d: int,
    *,
    kind: Kind,
    sentence: str,
    who: tuple[str, ...],
    numbers: tuple[float, float, float],
    q: float,
) -> Finding:
    value, low, high = (round(x, 4) for x in numbers)
    query = seen.query | {"with": who}
    return Finding(
        kind=kind,
        sentence=sentence,
        respondents=who,
        dimensions=(seen.table.names[d],),
        simulated=seen.simulated,
        value=value,
        low=low,
        high=high,
        unit="points",
        n=int(found.n[row, d]),
        counted="items that both answered",
        q=q,
        page=address("/compare", query),
        api=address(f"/api/v1/boards/{seen.system}/comparison", {"date": seen.date, "with": who}),
    )
