"""The report on a run as one HTML file that needs nothing but a browser."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from valuecompass.board.evolution import charts, view
from valuecompass.board.page.facts import facts, script_json
from valuecompass.board.page.templating import asset, environment

__all__ = ["render_evolution"]

_PACKAGE = "valuecompass.board.evolution"


def render_evolution(document: Mapping[str, Any]) -> str:
    """Return a self-contained HTML page of a report on a run.

    Nothing is loaded from anywhere, there is no script, and a content security policy forbids both.
    All texts are escaped, and characters that act instead of being read are made visible.

    Args:
        document: what `evolve.report.document.evolution_report` returns.

    Returns:
        HTML5, to be written as UTF-8.
    """
    run = document["run"]
    return (
        _environment()
        .get_template("evolution.html.j2")
        .render(
            d=document,
            run=run,
            title=f"Items of run {run['id'][:8]}",
            manifest=facts(run["manifest"]),
            data=script_json(document),
            style=Markup(asset("valuecompass.board.page", "report.css")),
            more_style=Markup(asset(_PACKAGE, "evolution.css")),
        )
    )


@cache
def _environment() -> Environment:
    made = environment(_PACKAGE)
    names: dict[str, Any] = made.globals
    names |= {"view": view, "charts": charts}
    filters: dict[str, Any] = made.filters
    filters |= {"figure": view.figure, "shares": view.shares}
    return made
