"""Test items, the seed bank, forms, import and export."""

from valuecompass.items.bank import seed_items
from valuecompass.items.forms import (
    SIZES,
    Asking,
    Form,
    Size,
    built_in_form,
    builtin_form,
    builtin_sizes,
    form_items,
    form_of_items,
    form_text,
    read_form,
    select_form,
)
from valuecompass.items.schema import (
    KINDS,
    TOPICS,
    Item,
    Kind,
    Lineage,
    Media,
    Side,
    ToolSpec,
    Turn,
)

__all__ = [
    "KINDS",
    "SIZES",
    "TOPICS",
    "Asking",
    "Form",
    "Item",
    "Kind",
    "Lineage",
    "Media",
    "Side",
    "Size",
    "ToolSpec",
    "Turn",
    "built_in_form",
    "builtin_form",
    "builtin_sizes",
    "form_items",
    "form_of_items",
    "form_text",
    "read_form",
    "seed_items",
    "select_form",
]
