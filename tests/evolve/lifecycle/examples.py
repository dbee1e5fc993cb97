"""Items and tables of items for the tests of this room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from valuecompass.evolve.lifecycle.information import Worth
from valuecompass.items import Item, Lineage
from valuecompass.measure.item_table import ItemTable
from valuecompass.values import builtin_system

SCHWARTZ = builtin_system("schwartz")
NAMES = SCHWARTZ.names


def question(number: int, dimension: str, **lineage: Any) -> Item:
    return Item(
        kind="question",
        system="schwartz",
        text=f"Should village {number} keep its {dimension} in house {number * 7}?",
        dimensions=(dimension,),
        lineage=Lineage(origin="evolved", **lineage),
    )


def tradeoff(number: int, first: str, second: str) -> Item:
    return Item.model_validate(
        {
            "kind": "tradeoff",
            "system": "schwartz",
            "text": f"Village {number} has to choose.",
            "dimensions": (first, second),
            "sides": [
                {"dimension": first, "text": f"One thing for village {number}"},
                {"dimension": second, "text": f"Another thing for village {number}"},
            ],
        }
    )


def bank(each: int, dimensions: Sequence[str] = NAMES) -> list[Item]:
    return [question(100 * at + n, d) for at, d in enumerate(dimensions) for n in range(each)]


def worth_of(
    items: Sequence[Item], information: Sequence[float], difficulty: Sequence[float] | None = None
) -> Worth:
    n = len(items)
    told = np.asarray(information, dtype=float)
    where = np.full(n, np.nan) if difficulty is None else np.asarray(difficulty, dtype=float)
    ids = tuple(item.id for item in items)
    return Worth(ids, told, told + 0.1, where, np.full(n, 9))


def logistic(x: Any) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(x)))


def table(
    items: Sequence[Item],
    theta: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    rng: np.random.Generator,
    *,
    opinions: int = 3,
    prefix: str = "model",
) -> ItemTable:
    """Answers of models at (R, D) positions to items of slopes and difficulties (n,).

    A model shows an item's own dimension by its position, and no other one.
    """
    at = [NAMES.index(item.dimensions[0]) for item in items]
    totals = np.zeros((len(theta), len(items), len(NAMES)))
    counts = np.full_like(totals, opinions)
    chance = logistic(a * (theta[:, at] - b))
    totals[:, range(len(items)), at] = rng.binomial(opinions, chance)
    names = tuple(f"{prefix} {k}" for k in range(len(theta)))
    return ItemTable(names, tuple(i.id for i in items), NAMES, totals, counts)
