"""Parses a value system from TOML text; every complaint names the line and the field."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from valuecompass.errors import InputError
from valuecompass.toml import FieldPath, field_lines, load_toml, place, plain
from valuecompass.values.schema import Misfit, ValueSystem


def parse_system(text: str, source: str) -> ValueSystem:
    """Return the value system that a TOML text describes.

    Args:
        text: the file's content.
        source: its name, for messages.

    Raises:
        InputError: not TOML, or a field is missing, unknown or wrong; the message has the form
            ``FILE, line N: field: what is wrong``.
    """
    data = load_toml(text, source)
    try:
        return ValueSystem.model_validate(data)
    except ValidationError as error:
        lines = field_lines(text)
        complaints = [_complaint(dict(e), lines, source) for e in error.errors()]
        raise InputError("\n".join(complaints)) from None


def _complaint(error: dict[str, Any], lines: dict[FieldPath, int], source: str) -> str:
    path: FieldPath = error["loc"]
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, Misfit):
        path = cause.path
    return f"{place(source, lines, path)}: {plain(error['type'], error['msg'])}"
