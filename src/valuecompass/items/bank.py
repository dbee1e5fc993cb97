"""The seed bank that comes with the package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from valuecompass.items.rows import jsonl_rows, parse_items
from valuecompass.items.schema import Item
from valuecompass.values import builtin_system

SEED_FILES: dict[str, tuple[str, ...]] = {
    "schwartz": (
        *("schwartz-questions", "schwartz-tradeoffs", "schwartz-likert"),
        "schwartz-scenarios",
    ),
    "moral-foundations": ("moral-openings", "moral-judgements", "moral-scenarios"),
    "safety": ("safety-requests", "safety-scenarios"),
    "llm-unique": ("llm-unique-stems",),
    "big-five": ("big-five-likert",),
}


@cache
def seed_items(system_id: str) -> tuple[Item, ...]:
    """Return the seed items of a built-in system, in file order.

    Raises:
        KeyError: there is no built-in system of this id.
    """
    system = builtin_system(system_id)
    found: list[Item] = []
    for stem in SEED_FILES[system_id]:
        name = f"{stem}.jsonl"
        text = (files("valuecompass.items") / "seed" / name).read_text(encoding="utf-8")
        found += parse_items(jsonl_rows(text, name), name, system, origin="seed")
    return tuple(found)
