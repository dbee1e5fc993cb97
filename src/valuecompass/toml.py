"""Reading TOML with complaints that name the line and the field."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from valuecompass.errors import InputError

FieldPath = tuple[str | int, ...]
"""Where a value stands: names of tables and keys, places in lists (0 = first)."""

_TABLE = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_-]+)\s*\]")
_KEY = re.compile(r"^\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*=")
_MULTILINE = re.compile(r'"""|\'\'\'')


def load_toml(text: str, source: str) -> dict[str, Any]:
    """Return the tables of a TOML text.

    Raises:
        InputError: it is not TOML; the message names the line.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a plain ValueError
        raise InputError(f"{source}: not valid TOML: {error}") from None


def field_lines(text: str) -> dict[FieldPath, int]:
    """Map the paths of tables and keys to line numbers (1 = first)."""
    lines: dict[FieldPath, int] = {}
    counts: dict[str, int] = {}
    at: FieldPath = ()
    inside = ""
    for number, line in enumerate(text.splitlines(), start=1):
        began = inside
        for quotes in _MULTILINE.findall(line):
            inside = "" if inside == quotes else inside or quotes
        if began:
            continue
        if table := _TABLE.match(line):
            name = table[2]
            at = (name,)
            lines.setdefault(at, number)
            if table[1] == "[[":
                at = (name, counts.get(name, 0))
                counts[name] = counts.get(name, 0) + 1
                lines[at] = number
        elif key := _KEY.match(line):
            lines.setdefault((*at, key[1]), number)
    return lines


def place(source: str, lines: Mapping[FieldPath, int], path: FieldPath) -> str:
    """Return ``FILE, line N: field``; a path without a line is placed at what encloses it.

    Args:
        source: the file's name.
        lines: of `field_lines`.
        path: the field complained of.
    """
    at = path
    while at and at not in lines:
        at = at[:-1]
    field = ".".join(str(p + 1) if isinstance(p, int) else p for p in path)
    return f"{source}, line {lines.get(at, 1)}: {field}"


def plain(kind: str, message: str) -> str:
    """Return pydantic's message for an error type, said plainly."""
    said = {"extra_forbidden": "unknown field", "missing": "this field is missing"}
    return said.get(kind, message.removeprefix("Value error, "))
