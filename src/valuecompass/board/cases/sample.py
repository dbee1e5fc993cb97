"""A seeded sample of cases that stands for all of them where there is no server to search.

It is drawn from what is kept of each item (`measure.item_table`) and the places of answers, and
reads no text: an export of a million cases must not wait for the index that searches need.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anyio.to_thread
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from valuecompass.board.cases.address import Address
from valuecompass.board.cases.index import OUTCOMES
from valuecompass.hashing import digest
from valuecompass.judges.protocol import THRESHOLD
from valuecompass.measure.archive import items_query
from valuecompass.measure.item_table import ItemTable, answered
from valuecompass.measure.measurement import Measurement
from valuecompass.store import Store, answers

MOST, SEED = 17, 1
"""Of the sample that exports hold."""
RULE = (
    "For each respondent and dimension at most {n} cases. Items whose answers count at least .5 "
    "on the dimension, those that count less, and those that count nothing take turns, and among "
    "each the outcomes; they are drawn by chance (seed {seed}), no item twice while others are "
    "left. A case may stand for several dimensions."
)
_BLOCK = 10_000
_PLACE = ("position", "item", "presentation", "repeat")
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Drawable:
    """What a sample of N cases is drawn from.

    items: ids. places: (N, 5) position, place of the item, presentation, repeat, place of the
    outcome in `OUTCOMES`; in the order of the store's key.
    counts: (R, items, D) what the respondent's answers to an item count on each dimension, on
    0-1; NaN: nothing. aimed: (items, D) whether an item is aimed at a dimension.
    """

    measurement: str
    names: tuple[str, ...]
    items: tuple[str, ...]
    places: Ints
    counts: NDArray[np.float32]
    aimed: NDArray[np.bool_]

    def address(self, at: int) -> Address:
        """Return where a case is."""
        place: list[int] = self.places[at].tolist()
        position, item, presentation, repeat, _ = place
        return Address(self.measurement, position, self.items[item], presentation, repeat)


async def drawable(store: Store, measurement: Measurement) -> Drawable:
    """Read what a sample is drawn from. Memory: some 100 bytes a case.

    Args:
        store: the open store.
        measurement: one of our own.
    """
    rows = await store.rows(items_query(measurement))
    aims = {row["id"]: row["body"]["dimensions"] for row in rows}
    at = {item: place for place, item in enumerate(aims)}
    query = select(*(answers.c[name] for name in _PLACE), answers.c.outcome)
    query = query.where(answers.c.measurement == measurement.id)
    blocks = [np.zeros((0, 5), dtype=np.int64)]
    key = query.order_by(*(answers.c[name] for name in _PLACE))
    async with contextlib.aclosing(store.stream(key, _BLOCK)) as found:
        async for block in found:
            blocks.append(_placed(block, at))
    table = (await answered(store, measurement)).table
    names = table.names
    aimed = [[name in own for name in names] for own in aims.values()]
    return Drawable(
        measurement.id,
        names,
        tuple(aims),
        np.concatenate(blocks),
        _counts(table, at),
        np.array(aimed, dtype=bool).reshape(len(aims), len(names)),
    )


def _placed(block: Sequence[Mapping[str, Any]], at: Mapping[str, int]) -> Ints:
    return np.array(
        [
            (r["position"], at[r["item"]], r["presentation"], r["repeat"], _OUTCOME[r["outcome"]])
            for r in block
        ],
        dtype=np.int64,
    )


_OUTCOME = {name: place for place, name in enumerate(OUTCOMES)}


def _counts(table: ItemTable, at: Mapping[str, int]) -> NDArray[np.float32]:
    # items of which no answer counts are not in the table
    found = np.full((len(table.respondents), len(at), len(table.names)), np.nan, dtype=np.float32)
    found[:, [at[item] for item in table.items]] = table.means
    return found


async def sample_addresses(
    store: Store, measurement: Measurement, most: int, seed: int
) -> tuple[list[Address], int]:
    """Return at most `most` cases for each respondent and dimension, spread as `RULE` says.

    Args:
        store: the open store.
        measurement: one of our own.
        most: cases for a respondent and dimension, >= 0.
        seed: equal seeds give equal samples, on any machine.

    Returns:
        Addresses in order, each once; and how many cases the measurement has.
    """
    of = await drawable(store, measurement)
    places = await anyio.to_thread.run_sync(_drawn, of, most, seed)
    return [of.address(place) for place in places], len(of.places)


def _drawn(of: Drawable, most: int, seed: int) -> list[int]:
    kept: set[int] = set()
    starts = np.searchsorted(of.places[:, 0], np.arange(len(of.counts) + 1))
    bounds: list[int] = starts.tolist()
    for position in range(len(of.counts) if most > 0 else 0):
        own: Ints = np.arange(bounds[position], bounds[position + 1])
        items = of.places[own, 1]
        for at, name in enumerate(of.names):
            counted = of.counts[position, items, at]
            about = ~np.isnan(counted) | of.aimed[items, at]
            if not about.any():
                continue
            salt = digest([seed, of.measurement, position, name], 16)
            order = np.random.default_rng(int(salt, 16)).permutation(np.flatnonzero(about))
            # 2: at least .5, 1: less, 0: nothing
            strength = (counted[order] >= THRESHOLD).astype(int) + ~np.isnan(counted[order])
            kinds = strength * len(OUTCOMES) + of.places[own[order], 4]
            kept.update(_spread(own[order], kinds, of.places[:, 1], most))
    return sorted(kept)


def _spread(order: Ints, kinds: Ints, item: Ints, most: int) -> list[int]:
    """Take one of each kind of case in turn; of each kind new items before old ones."""
    queues: list[list[int]] = [
        # more than can be taken: some stand for items that are taken already
        order[kinds == kind][: 4 * most].tolist()
        for kind in sorted(set(kinds.tolist()), reverse=True)
    ]
    picked: list[int] = []
    items: set[int] = set()
    while len(picked) < most and any(queues):
        for queue in queues:
            if queue and len(picked) < most:
                place = next((n for n, p in enumerate(queue) if int(item[p]) not in items), 0)
                picked.append(queue.pop(place))
                items.add(int(item[picked[-1]]))
    return picked
