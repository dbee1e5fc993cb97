"""Parses a value system from TOML text; every complaint names the line and the field."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from pydantic import ValidationError

from valuecompass.errors import InputError
from valuecompass.values.schema import ValueSystem

_HEADER = re.compile(r"^\s*\[\[\s*([A-Za-z0-9_-]+)\s*\]\]")
_KEY = re.compile(r"^\s*([A-Za-z0-9_-]+)\s*=")


def parse_system(text: str, source: str) -> ValueSystem:
    """Return the value system that a TOML text describes.

    Args:
        text: the file's content.
        source: its name, for messages.

    Raises:
        InputError: not TOML, or a field is missing, unknown or wrong; the message has the form
            ``FILE, line N: field: what is wrong``.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source}: not valid TOML: {error}") from None
    try:
        return ValueSystem.model_validate(data)
    except ValidationError as error:
        lines = _field_lines(text)
        complaints = [_complaint(dict(e), lines, source) for e in error.errors()]
        raise InputError("\n".join(complaints)) from None


def _complaint(error: dict[str, Any], lines: dict[tuple[str | int, ...], int], source: str) -> str:
    path: tuple[str | int, ...] = error["loc"]
    at = path
    while at and at not in lines:
        at = at[:-1]
    line = lines.get(at, 1)
    message = str(error["msg"]).removeprefix("Value error, ")
    if not path:
        # a rule across fields: point at the first line that holds the name it complains of
        return f"{source}: {message}"
    field = ".".join(str(p + 1) if isinstance(p, int) else p for p in path)
    if error["type"] == "extra_forbidden":
        message = "unknown field"
    elif error["type"] == "missing":
        message = "this field is missing"
    return f"{source}, line {line}: {field}: {message}"


def _field_lines(text: str) -> dict[tuple[str | int, ...], int]:
    """Map the paths of tables and keys to line numbers (1 = first)."""
    lines: dict[tuple[str | int, ...], int] = {}
    counts: dict[str, int] = {}
    at: tuple[str | int, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = header[1]
            at = (table, counts.get(table, 0))
            counts[table] = counts.get(table, 0) + 1
            lines[at] = number
        elif key := _KEY.match(line):
            lines.setdefault((*at, key[1]), number)
    return lines
