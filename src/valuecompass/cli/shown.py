"""How commands show what they found to people: sentences, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from valuecompass.cli.app import console, plain

WIDEST = 24
"""Characters of a name's word that a table keeps together."""


def say(sentence: str) -> None:
    """Print a sentence in which nothing acts."""
    console().print(plain(sentence))


def table(titles: list[str], rows: list[list[str]], where: Any = None) -> None:
    """Print a table, its first column left, the others right.

    Args:
        titles: of the columns.
        rows: as many cells each.
        where: a console; None: stdout.
    """
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    names = [titles[0], *(row[0] for row in rows)]
    widest = max(len(word) for name in names for word in [*plain(name).split(), ""])
    for place, title in enumerate(titles):
        shown.add_column(
            plain(title),
            justify="right" if place else "left",
            overflow="fold",
            # names stay whole: a figure can be read over two lines, half a name cannot
            min_width=None if place else min(widest, WIDEST),
        )
    for row in rows:
        # a line break in a name would begin a row that is nobody's
        shown.add_row(*(plain(cell.replace("\n", "␊")) for cell in row))
    (where or console()).print(shown, "")


def number(value: float | None) -> str:
    """Return a figure with two digits, or a dash."""
    return "-" if value is None else f"{value:.2f}"


def span(figure: Mapping[str, Any], sign: str = "") -> str:
    """Return a figure (`value`, `low`, `high`) with its limits, or a dash; sign: "+" shows it."""
    if figure["value"] is None:
        return "-"
    if figure["low"] is None:
        return f"{figure['value']:{sign}.2f}"
    return f"{figure['value']:{sign}.2f} [{figure['low']:{sign}.2f}, {figure['high']:{sign}.2f}]"


def dollars(usd: float | None) -> str:
    """Return an amount, or that it is unknown."""
    return "unknown" if usd is None else f"{usd:,.2f}" if usd >= 1 or not usd else f"{usd:.4f}"
