"""`valuecompass systems`: value systems and their dimensions."""

from __future__ import annotations

from typing import Annotated

import typer

from valuecompass.cli.app import Json, app, console, echo_json, plain


@app.command()
def systems(
    name: Annotated[
        str | None, typer.Argument(help="A system's id, or your own TOML file to check.")
    ] = None,
    json: Json = False,
) -> None:
    """List the value systems, or show one with its dimensions; checks a file of your own."""
    from rich.table import Table

    from valuecompass.measure.run import resolve_system
    from valuecompass.values import BUILTIN, builtin_system

    chosen = [resolve_system(name)] if name else [builtin_system(i) for i in BUILTIN]
    if json:
        echo_json({"systems": [s.model_dump(mode="json") for s in chosen]})
        return
    out = console()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1 if name else 0, 0))
    if name is None:
        for title in ("id", "name", "scoring", "dimensions"):
            table.add_column(title, overflow="fold", no_wrap=title == "id")
        for s in chosen:
            table.add_row(s.id, s.name, s.scoring, ", ".join(s.names))
        out.print(table)
        return
    system = chosen[0]
    out.print(plain(f"{system.name} ({system.id}), scored by {system.scoring}", style="bold"))
    out.print(plain(f"{system.summary}\nSource: {system.source}\n"))
    for title in ("dimension", "definition", "aliases"):
        table.add_column(title)
    for d in system.dimensions:
        table.add_row(plain(d.name), plain(d.definition), plain(", ".join(d.aliases)))
    out.print(table)
