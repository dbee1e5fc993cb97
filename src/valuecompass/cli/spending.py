"""`valuecompass spending`: what was asked, and what it cost."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from valuecompass.cli.app import WORKSPACE, Db, Json, Workspace, app, console, echo_json, plain


@app.command()
def spending(
    release_interrupted: Annotated[
        bool,
        typer.Option(
            "--release-interrupted",
            help="Stop counting what interrupted requests had reserved (after a look at the bill).",
        ),
    ] = False,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Show calls, tokens and US dollars per model, reserved sums apart."""
    import anyio

    rows = anyio.run(_rows, workspace, db, release_interrupted)
    if json:
        echo_json({"spending": rows})
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("model", "state", "calls", "tokens", "US dollars"):
        table.add_column(title, justify="left" if title in ("model", "state") else "right")
    for row in rows:
        table.add_row(
            plain(row["model"]),
            row["state"],
            f"{row['calls']:,}",
            f"{row['tokens']:,}",
            f"{row['usd']:.4f}",
        )
    console().print(table)


async def _rows(workspace: Any, db: str | None, release: bool) -> list[dict[str, Any]]:
    from valuecompass.models.budget import release_interrupted, spending_by_model
    from valuecompass.store import open_store

    async with open_store(workspace, db, create=False) as store:
        if release:
            await release_interrupted(store)
        return await spending_by_model(store)
