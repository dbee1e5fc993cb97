"""The workspace's database: one schema, migrations, group-committed writes."""

from valuecompass.store.schema import (
    answers,
    item_tables,
    items,
    ledger,
    measurements,
    metadata,
    responses,
    scores,
    verdicts,
)
from valuecompass.store.store import DATABASE, Store, blocks, open_store, storable

__all__ = [
    "DATABASE",
    "Store",
    "answers",
    "blocks",
    "item_tables",
    "items",
    "ledger",
    "measurements",
    "metadata",
    "open_store",
    "responses",
    "scores",
    "storable",
    "verdicts",
]
