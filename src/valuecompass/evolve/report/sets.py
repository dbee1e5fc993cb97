"""Sets of items that are compared: drawn at equal counts, with like dimensions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from valuecompass.hashing import digest
from valuecompass.items import Item

__all__ = ["ItemSet", "clusters", "equal_sets", "mix_difference"]


@dataclass(frozen=True)
class ItemSet:
    """Items of one value system under a name.

    available: items there were to draw from.
    """

    name: str
    items: tuple[Item, ...]
    available: int


def equal_sets(sets: Mapping[str, Sequence[Item]], most: int, seed: int) -> list[ItemSet]:
    """Draw as many items from each set, by main dimension like the first set.

    All are drawn at random, the first set, too: what is compared is its average item. Where a set
    has too few items of a dimension, items of others fill up.

    Args:
        sets: by name; the first gives the mix.
        most: items drawn from each, at most; the smallest set decides.
        seed: of the draws; another set beside it changes no set's order.
    """
    size = min([most, *map(len, sets.values())])
    wanted: Counter[str] | None = None
    found: list[ItemSet] = []
    for name, items in sets.items():
        order = _shuffled(items, seed, name)
        chosen = order[:size] if wanted is None else _like(order, wanted, size)
        wanted = wanted or Counter(map(_main, chosen))
        found.append(ItemSet(name, tuple(chosen), len(items)))
    return found


def mix_difference(first: Sequence[Item], second: Sequence[Item]) -> float:
    """Return the total variation of two sets' main dimensions, 0 (alike) to 1 (none in common)."""
    a, b = Counter(map(_main, first)), Counter(map(_main, second))
    if not first or not second:
        return float("nan")
    return sum(abs(a[n] / len(first) - b[n] / len(second)) for n in a | b) / 2


def clusters(items: Sequence[Item], topics: Mapping[str, str]) -> list[str]:
    """Return what each item was made from: its topic, else its first parent, else itself.

    Args:
        items: of a set.
        topics: id of an evolved item -> id of its seed.
    """
    return [
        topics.get(i.id) or (i.lineage.parents[0] if i.lineage.parents else i.id) for i in items
    ]


def _like(order: Sequence[Item], wanted: Mapping[str, int], size: int) -> list[Item]:
    left = Counter(wanted)
    chosen: list[Item] = []
    rest: list[Item] = []
    for item in order:
        if left[_main(item)] > 0 and len(chosen) < size:
            left[_main(item)] -= 1
            chosen.append(item)
        else:
            rest.append(item)
    return [*chosen, *rest[: size - len(chosen)]]


def _shuffled(items: Sequence[Item], seed: int, name: str) -> list[Item]:
    rng = np.random.default_rng(int(digest([seed, name], 12), 16))
    # by id first: the same items in another order are the same set
    ordered: list[Any] = sorted(items, key=lambda item: item.id)
    return [ordered[i] for i in rng.permutation(len(ordered))]


def _main(item: Item) -> str:
    return item.dimensions[0]
