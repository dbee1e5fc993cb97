"""The workspace's database: one schema, migrations, group-committed writes."""

from valuecompass.store.schema import (
    answers,
    evolution_events,
    evolutions,
    item_tables,
    items,
    ledger,
    measurements,
    metadata,
    responses,
    retirements,
    scores,
    verdicts,
)
from valuecompass.store.store import DATABASE, Store, blocks, open_store, opened, storable

__all__ = [
    "DATABASE",
    "Store",
    "answers",
    "blocks",
    "evolution_events",
    "evolutions",
    "item_tables",
    "items",
    "ledger",
    "measurements",
    "metadata",
    "open_store",
    "opened",
    "responses",
    "retirements",
    "scores",
    "storable",
    "verdicts",
]
