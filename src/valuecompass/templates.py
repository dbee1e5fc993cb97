"""Jinja templates that come with a package: prompts, methods texts, pages."""

from __future__ import annotations

from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


def environment(
    *packages: str, folder: str = "templates", markup: bool = False, **options: Any
) -> Environment:
    """Return the templates that stand in a folder of these packages, the first to have one wins.

    A name that a template uses and nobody gave is an error, never an empty text.

    Args:
        packages: dotted names, such as `valuecompass.measure`.
        folder: relative to each package; "." is the package's own.
        markup: what is printed is escaped as HTML, unless it is markup already. Prompts and plain
            texts must not be: their readers would see the escapes.
        options: further arguments of `jinja2.Environment`.
    """
    return Environment(
        loader=ChoiceLoader([PackageLoader(package, folder) for package in packages]),
        autoescape=markup,
        undefined=StrictUndefined,
        auto_reload=False,
        **options,
    )
