"""`valuecompass models`: the weights that come in packages, and rosters of models to ask."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from valuecompass.cli.app import Json, app, console, echo_json

models_app = typer.Typer(
    help="Weights that run here, and rosters of models to ask.", no_args_is_help=True
)
app.add_typer(models_app, name="models")


@models_app.command("list")
def list_models(json: Json = False) -> None:
    """List known weights and whether they are here."""
    from rich.table import Table

    from valuecompass.assets import ASSETS, cache_folder, is_cached

    if json:
        echo_json(
            {
                "cache": str(cache_folder()),
                "models": [
                    {
                        "name": a.name,
                        "what": a.what,
                        "licence": a.licence,
                        "megabytes": a.megabytes,
                        "cached": is_cached(a.name),
                    }
                    for a in ASSETS.values()
                ],
            }
        )
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("name", "what", "licence", "MB", "here"):
        table.add_column(title)
    for a in ASSETS.values():
        table.add_row(
            a.name, a.what, a.licence, str(a.megabytes), "yes" if is_cached(a.name) else "no"
        )
    console().print(table)
    typer.echo(f"cache: {cache_folder()}")


@models_app.command()
def roster(
    name: Annotated[Path, typer.Argument(help="A roster that comes along, or a TOML file.")] = Path(
        "current"
    ),
    json: Json = False,
) -> None:
    """List a roster: who can be asked, at what price, when the price was looked up."""
    from valuecompass.cli.shown import table
    from valuecompass.models import parse_roster
    from valuecompass.models.batching import has_batches

    found = parse_roster(name)
    if json:
        rows = [r.model_dump(mode="json", exclude_none=True) for r in found]
        echo_json({"roster": str(name), "respondents": rows})
        return
    shown: list[list[str]] = []
    for r in found:
        prices = ["-"] * 3
        if r.price is not None:
            own = [r.price.input, r.price.output]
            batch = (
                "-" if r.price.batch is None or not has_batches(r.model) else f"{r.price.batch:g}"
            )
            prices = [*(f"{p:g}" for p in own), batch]
        context = "-" if r.context is None else f"{r.context:,}"
        shown.append([r.model, *prices, context, str(r.checked or "-")])
    table(["model", "in", "out", "batch", "context", "checked"], shown)
    typer.echo("in, out: US dollars per million tokens; batch: share of that in batches")


@models_app.command()
def get(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names as listed; none: all of them.")
    ] = None,
) -> None:
    """Fetch weights into the cache, checked by hash."""
    from rich.progress import Progress

    from valuecompass.assets import ASSETS, fetch

    for name in names or list(ASSETS):
        with Progress(console=console(stderr=True), transient=True) as bars:
            task = bars.add_task(name, total=None)

            def show(done: int, total: int, task: object = task, bars: Progress = bars) -> None:
                bars.update(task, completed=done, total=total)  # pyright: ignore[reportArgumentType]

            folder = fetch(name, show)
        typer.echo(f"{name}: {folder}")
