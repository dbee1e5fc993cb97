"""Value systems: theories of values as data.

The five built-in systems are TOML files in `systems/`; a user's own file has the same form.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from valuecompass.values.parse import parse_system
from valuecompass.values.schema import EXPRESSED, Dimension, Group, Scoring, ValueSystem

__all__ = [
    "BUILTIN",
    "EXPRESSED",
    "Dimension",
    "Group",
    "Scoring",
    "ValueSystem",
    "builtin_system",
    "parse_system",
]

BUILTIN = ("schwartz", "moral-foundations", "safety", "llm-unique", "big-five")
"""Ids of the systems that come with the package; the first four are those of the demo."""


@cache
def builtin_system(system_id: str) -> ValueSystem:
    """Return a built-in value system.

    Raises:
        KeyError: there is no built-in system of this id.
    """
    if system_id not in BUILTIN:
        raise KeyError(system_id)
    name = f"{system_id}.toml"
    text = (files("valuecompass.values") / "systems" / name).read_text(encoding="utf-8")
    return parse_system(text, name)
