"""Templates of offline pages: one gate that every text passes, and the same words for numbers."""

from __future__ import annotations

import html
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from valuecompass import templates, wording
from valuecompass.board.page import svg

__all__ = ["asset", "environment"]

_PAGE = "valuecompass.board.page"


@cache
def asset(package: str, name: str) -> str:
    """Return a file of a package's templates."""
    return (files(package) / "templates" / name).read_text(encoding="utf-8")


def environment(package: str) -> Environment:
    """Return the templates of a package, then those of the report.

    What they print is made visible and escaped, unless it is markup already.
    """
    made = templates.environment(
        package, _PAGE, markup=True, finalize=_finalize, trim_blocks=True, lstrip_blocks=True
    )
    names: dict[str, Any] = made.globals
    names |= {"svg": svg}
    filters: dict[str, Any] = made.filters
    filters |= {
        "number": wording.number,
        "interval": wording.interval,
        "counted": wording.count,
        "clip": wording.clip,
        "breakable": _breakable,
    }
    return made


def _finalize(value: Any) -> Any:
    # the last gate of every printed expression, before autoescape
    return (
        value if isinstance(value, Markup) or not isinstance(value, str) else wording.visible(value)
    )


def _breakable(name: str) -> Markup:
    """Allow line breaks after the joints of a name, so that it wraps where people would."""
    text = html.escape(wording.visible(name))
    for joint in ("@", "?", "&amp;"):
        text = text.replace(joint, f"<wbr>{joint}")
    for joint in "/,":
        text = text.replace(joint, f"{joint}<wbr>")
    return Markup(text)
