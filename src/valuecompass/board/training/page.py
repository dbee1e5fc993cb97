"""The report on training as one HTML file that needs nothing but a browser."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from valuecompass.board.page.facts import facts, script_json
from valuecompass.board.page.templating import asset, environment
from valuecompass.board.training import charts, tables, view
from valuecompass.wording import elide

__all__ = ["render_training"]

_PACKAGE = "valuecompass.board.training"
_TITLE_LIMIT = 60
_MADE = ("before", "after", "engine", "measurements")


def render_training(document: Mapping[str, Any]) -> str:
    """Return a self-contained HTML page of a report on training.

    Nothing is loaded from anywhere, there is no script, and a content security policy forbids both.
    All texts are escaped, and characters that act instead of being read are made visible. Folders
    of this machine are left out: a page is there to be passed on.

    Args:
        document: what `align.train.report.report` returns.

    Returns:
        HTML5, to be written as UTF-8.
    """
    sides = {
        side: {key: value for key, value in document[side].items() if key != "folder"}
        for side in ("before", "after")
    }
    shown = {**document, **sides}
    names = (elide(sides[side]["name"], _TITLE_LIMIT) for side in ("before", "after"))
    return (
        _environment()
        .get_template("training.html.j2")
        .render(
            d=shown,
            title=f"Before and after training: {' and '.join(names)}",
            systems=view.systems(shown),
            checks=view.checks(shown["gate"]),
            axis=view.difference_axis(shown),
            made=facts({key: shown[key] for key in _MADE}),
            data=script_json(shown),
            style=Markup(asset("valuecompass.board.page", "report.css")),
            more_style=Markup(asset(_PACKAGE, "training.css")),
        )
    )


@cache
def _environment() -> Environment:
    made = environment(_PACKAGE)
    names: dict[str, Any] = made.globals
    names |= {"view": view, "charts": charts, "tables": tables}
    filters: dict[str, Any] = made.filters
    filters |= {"elided": elide}
    return made
