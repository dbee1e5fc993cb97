"""`valuecompass export`: scores as a table, or a whole study for analysis elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from valuecompass.cli.app import WORKSPACE, Db, Json, Workspace, app, echo_json, quoted
from valuecompass.cli.shown import say

if TYPE_CHECKING:
    from valuecompass.measure.study import Selection


@app.command()
def export(
    out: Annotated[
        Path | None, typer.Argument(help="FILE.parquet or FILE.csv: only the table of scores.")
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option(
            help="Folder for everything: tables, codebook, methods paragraph, manifest, checksums."
        ),
    ] = None,
    inspect: Annotated[
        Path | None,
        typer.Option(help="Folder for logs of Inspect, one a respondent: its viewer opens them."),
    ] = None,
    system: Annotated[
        list[str] | None,
        typer.Option(
            "--system", "-s", help="Value system, by id. Repeat for more.  [default: all]"
        ),
    ] = None,
    measurement: Annotated[
        list[str] | None,
        typer.Option(help="Measurement, by id. Repeat for more.  [default: newest of each system]"),
    ] = None,
    format: Annotated[
        str | None, typer.Option(help="Of a study's tables: parquet or csv.  [default: parquet]")
    ] = None,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Write measurements as tidy tables: one row per score, response, verdict, reading and item.

    A folder with an earlier export is replaced; any other that is not empty is left alone.
    """
    from valuecompass.errors import InputError
    from valuecompass.measure.study import Selection, export_scores, export_study

    if sum(place is not None for place in (out, study, inspect)) != 1:
        raise InputError("give FILE.parquet or FILE.csv, or --study FOLDER, or --inspect FOLDER")
    which = Selection(tuple(system or ()), tuple(measurement or ()))
    if inspect is not None:
        _inspect(inspect, which, workspace, db, json)
        return
    if out is not None:
        if format is not None:
            raise InputError("--format goes with --study; a file's suffix says its format")
        done = export_scores(out, which, workspace=workspace, db=db)
    else:
        assert study is not None
        if format not in (None, "parquet", "csv"):
            raise InputError(f"--format {format}: give parquet or csv")
        done = export_study(study, which, workspace=workspace, db=db, format=format or "parquet")
    if json:
        kind = "study" if study is not None else "scores"
        echo_json({kind: str(done.path), "measurements": done.measurements, "rows": done.rows})
        return
    for table, rows in done.rows.items():
        typer.echo(f"{table}: {rows:,} rows")
    typer.echo(f"{'Study' if study is not None else 'Scores'}: {done.path}")


def _inspect(folder: Path, which: Selection, workspace: Path, db: str | None, json: bool) -> None:
    import anyio

    from valuecompass.measure.logged import export_logs
    from valuecompass.measure.study.export import choose
    from valuecompass.store import open_store

    async def work() -> list[Path]:
        async with open_store(workspace, db, create=False) as store:
            return await export_logs(store, await choose(store, which), folder)

    written = anyio.run(work)
    if json:
        echo_json({"logs": [str(path) for path in written]})
        return
    for path in written:
        say(f"{path}")
    say(f"Open them with: inspect view --log-dir {quoted(folder)}")
