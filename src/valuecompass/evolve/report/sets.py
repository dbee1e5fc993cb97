"""Sets of items that are compared: at equal counts, with like dimensions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from valuecompass.evolve.targets import MOST
from valuecompass.hashing import digest
from valuecompass.items import Item

__all__ = ["UNLABELLED", "ItemSet", "clusters", "equal_sets", "mix_difference"]

UNLABELLED = "read under another system"
"""Method of a question whose dimensions in its system are not known."""


@dataclass(frozen=True)
class ItemSet:
    """Items of one value system under a name.

    compared: how many of them, from the first, are held against the other sets.
    available: items there were to draw from.
    """

    name: str
    items: tuple[Item, ...]
    compared: int
    available: int


def equal_sets(
    sets: Mapping[str, Sequence[Item]], most: int, seed: int, beside: Sequence[str] = ()
) -> list[ItemSet]:
    """Draw as many items from each set, by main dimension like the first set.

    All are drawn at random, the first set, too: what is compared is its average item. Where a set
    has too few items of a dimension, items of others fill up. Further items of the first set follow
    those that are compared, for figures of its own.

    Args:
        sets: by name; the first gives the mix.
        most: items drawn from each, at most; the smallest set decides how many are compared.
        seed: of the draws; another set beside it changes no set's order.
        beside: names of sets that are not compared at equal counts: they have up to `most` items,
            like all of the first.
    """
    (first, own), *others = sets.items()
    size = min([most, *(len(items) for name, items in sets.items() if name not in beside)])
    drawn = _shuffled(own, seed, first)[:most]
    found = [ItemSet(first, tuple(drawn), size, len(own))]
    for name, items in others:
        held = len(drawn) if name in beside else size
        wanted = Counter(map(_main, drawn[:held]))
        chosen = _like(_shuffled(items, seed, name), wanted, held)
        found.append(ItemSet(name, tuple(chosen), 0 if name in beside else size, len(items)))
    return found


def mix_difference(first: Sequence[Item], second: Sequence[Item]) -> float:
    """Return the total variation of two sets' main dimensions, 0 (alike) to 1 (none in common).

    NaN where a set has no items, or some of which the main dimension is not known.
    """
    a, b = Counter(map(_main, first)), Counter(map(_main, second))
    if not first or not second or None in a | b:
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


def _like(order: Sequence[Item], wanted: Mapping[str | None, int], size: int) -> list[Item]:
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


def _main(item: Item) -> str | None:
    """Return the main dimension; None of an item that names all because nobody knows which."""
    unknown = item.lineage.method == UNLABELLED or len(item.dimensions) > MOST
    return None if unknown else item.dimensions[0]
