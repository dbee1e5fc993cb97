"""Are respondents otherwise on public items than on fresh ones that nobody can have trained on?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from valuecompass.board.boards import Board, alike, named, own_heads
from valuecompass.board.comparison import items_of
from valuecompass.errors import InputError
from valuecompass.hashing import canonical
from valuecompass.measure.archive import load_measurement
from valuecompass.measure.item_table import ItemTable, item_table
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.points import finite
from valuecompass.stats.comparison import benjamini_hochberg
from valuecompass.store import Store

Array = NDArray[np.float64]
FDR = 0.05
DRAWS = 2_000
NO_FRESH = (
    "No fresh form was measured, so that nothing is known of contamination. Measure the same "
    "respondents on a parallel form of new items and name it with --fresh."
)
FORMS = (
    "A difference that most respondents share speaks of the items of the two forms rather than of "
    "contamination; that of one respondent beyond the others' speaks of the respondent."
)
EITHER_WAY = (
    "In this value system no end of a dimension is the good one: an answer that was trained on may "
    "be higher or lower."
)


async def contamination(store: Store, board: Board, fresh: str | None) -> dict[str, Any]:
    """Compare respondents' scores on a board's public items with those on fresh items.

    Items that both forms have are left out of both.

    Args:
        store: the open store.
        board: a board of our own measurements: the public items.
        fresh: id or day of a measurement on another form, or None.

    Returns:
        ``fresh`` (id of the measurement, or None), ``reason`` (why there is none), ``items`` of
        either kind, ``respondents``: name -> dimension -> ``difference`` (public less fresh, points
        of 0-100), ``low``, ``high``, ``q`` over all, ``suspicious``, and ``beyond`` (the
        difference less the mean of the other respondents', with limits); and ``notices``.

    Raises:
        InputError: no such measurement, one of the same form, otherwise judged, or of others.
    """
    if fresh is None:
        return {"fresh": None, "reason": NO_FRESH, "items": None, "respondents": None}
    other = await _fresh(store, board, fresh)
    table = await item_table(store, other)
    shared = [name for name in board.respondents if name in table.respondents]
    if not shared:
        raise InputError(
            f"--fresh {fresh}: it has no respondent of the board; measure {board.respondents[0]}"
        )
    public = await items_of(store, board, shared)
    rows = [table.respondents.index(name) for name in shared]
    fresh_own = ItemTable(
        tuple(shared), table.items, table.names, table.totals[rows], table.counts[rows]
    )
    tables = (_without(public, table.items), _without(fresh_own, public.items))
    notices = [FORMS] + ([EITHER_WAY] if board.system.scoring in ("expression", "rating") else [])
    return {
        "fresh": other.id,
        "reason": None,
        "items": {"public": len(tables[0].items), "fresh": len(tables[1].items)},
        "respondents": differences(*tables),
        "notices": notices,
    }


def differences(public: ItemTable, fresh: ItemTable) -> dict[str, Any]:
    """Return scores on public less fresh items, by respondent and dimension.

    Args:
        public: items that may have been trained on.
        fresh: other items, the same respondents in the same order.

    Returns:
        As ``respondents`` of `contamination`. ``suspicious``: higher on the public items at a false
        discovery rate of 5 % over respondents and dimensions, by Welch's t; ``q`` is None where
        either side has a single item.

    Source: Welch (1947), Biometrika 34, 28-35; Satterthwaite (1946), Biometrics Bulletin 2, 110-114
    (degrees of freedom); Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57, 289-300.
    """
    apart = public.scores() - fresh.scores()
    drawn = public.draws(DRAWS), fresh.draws(DRAWS, salt="fresh: ")
    draws = drawn[0] - drawn[1]
    low, high = _limits(apart, draws)
    q, discovered = benjamini_hochberg(_welch(apart, (public, fresh), drawn), FDR)
    beyond = apart - _others(apart)
    ends = _limits(beyond, draws - _others(draws))
    found: dict[str, Any] = {}
    for r, name in enumerate(public.respondents):
        found[name] = {
            dimension: {
                "difference": finite(apart[r, d], 4),
                "low": finite(low[r, d], 4),
                "high": finite(high[r, d], 4),
                "q": finite(q[r, d], 4),
                "suspicious": bool(discovered[r, d] and apart[r, d] > 0),
                "beyond": {
                    "difference": finite(beyond[r, d], 4),
                    "low": finite(ends[0][r, d], 4),
                    "high": finite(ends[1][r, d], 4),
                },
            }
            for d, dimension in enumerate(public.names)
            if np.isfinite(apart[r, d])
        }
    return found


def _welch(apart: Array, tables: Sequence[ItemTable], drawn: Sequence[Array]) -> Array:
    """Return p of differences (R, D), NaN where a side has fewer than two items.

    The Bayesian bootstrap of n items has their variance over n + 1; the square of the error of
    their mean is that variance over n - 1.
    """
    df = [(table.counts > 0).sum(axis=1) - 1.0 for table in tables]
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = [of.var(axis=0, ddof=1) * (n + 2) / n for of, n in zip(drawn, df, strict=True)]
        total = squares[0] + squares[1]
        joint = total**2 / sum(of**2 / n for of, n in zip(squares, df, strict=True))
        return np.asarray(2 * stdtr(joint, -np.abs(apart) / np.sqrt(total)), dtype=np.float64)


def _limits(value: Array, draws: Array) -> tuple[Array, Array]:
    """Return limits of 95 % that hold the value: (..., R, D) draws along the first axis."""
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    return np.minimum(low, value), np.maximum(high, value)


def _others(values: Array) -> Array:
    """Return for each respondent the mean of the others, NaN where nobody else has a value."""
    seen = ~np.isnan(values)
    total = np.where(seen, values, 0.0).sum(axis=-2, keepdims=True) - np.where(seen, values, 0.0)
    count = seen.sum(axis=-2, keepdims=True) - seen
    return np.divide(total, count, out=np.full(values.shape, np.nan), where=count > 0)


def _without(table: ItemTable, items: tuple[str, ...]) -> ItemTable:
    gone = set(items)
    kept = [i for i, item in enumerate(table.items) if item not in gone]
    if not kept:
        raise InputError("--fresh: every item of one form is also in the other; none is fresh")
    own = tuple(table.items[i] for i in kept)
    return ItemTable(
        table.respondents, own, table.names, table.totals[:, kept], table.counts[:, kept]
    )


async def _fresh(store: Store, board: Board, text: str) -> Measurement:
    """Return the measurement named: by its id, or the newest of a day on another form."""
    heads = named(await own_heads(store, board.system.id), text, "--fresh")
    manifest = board.measurements[0].manifest
    other = [head for head in heads if head["manifest"]["form"] != manifest["form"]]
    if not other:
        raise InputError(
            f"--fresh {text}: no measurement of {board.system.id} on another form than the board's"
        )
    found = await load_measurement(store, other[0])
    if alike(found.manifest | {"form": None}) != alike(manifest | {"form": None}):
        changed = [
            key
            for key in ("judge", "opinions", "prompts", "system", "calibration")
            if canonical(found.manifest.get(key)) != canonical(manifest.get(key))
        ]
        raise InputError(
            f"--fresh {text}: measured otherwise than the board ({', '.join(changed)}); "
            "measure it again like the board"
        )
    return found
