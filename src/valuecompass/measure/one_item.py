"""What respondents made of a single item: a look-up, where a table would read every answer."""

from __future__ import annotations

from itertools import groupby

from valuecompass.items import Item
from valuecompass.measure.archive import found_answers
from valuecompass.measure.item_table import ItemTable, answered_of, result_of
from valuecompass.measure.measurement import Measurement
from valuecompass.store import Store, answers, verdicts
from valuecompass.values import ValueSystem


async def answered_one(store: Store, measurement: Measurement, item: Item) -> ItemTable | None:
    """Return what a single item says, whatever its kind.

    Args:
        store: the open store.
        measurement: one of our own.
        item: one that was asked in it, or not.

    Returns:
        A table of one item; None where nobody gave an answer that counts.
    """
    system = ValueSystem.model_validate(measurement.manifest["system"])
    names = ("position", "item", "presentation", "repeat", "outcome", "reading")
    columns = (*(answers.c[n] for n in names), verdicts.c.body.label("verdicts"))
    # the key is named from its first part on, so that nothing has to be searched
    where = (answers.c.position.in_(range(len(measurement.rows))), answers.c.item == item.id)
    rows = await store.rows(found_answers(measurement, columns, where))
    results = (
        (position, [result_of(row, item, system) for row in own])
        for position, own in groupby(rows, key=lambda row: row["position"])
    )
    table = answered_of(measurement, [item], results).table
    return table if table.items else None
