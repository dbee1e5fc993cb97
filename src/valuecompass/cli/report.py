"""`valuecompass report`: one offline HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from valuecompass.cli.app import WORKSPACE, Db, Json, Workspace, app, echo_json, quoted


@app.command()
def report(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="[default: WORKSPACE/report.html]")
    ] = None,
    cases: Annotated[
        int, typer.Option(min=0, help="Answers to show per respondent and system.")
    ] = 6,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Write the newest measurement of every system as one self-contained HTML file."""
    import anyio

    from valuecompass.board.page.publish import write_report
    from valuecompass.errors import InputError

    path = out or workspace / "report.html"
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"-o {path}: the report is HTML; give a name that ends in .html")
    size = anyio.run(write_report, workspace, db, path, cases)
    if json:
        echo_json({"report": str(path), "bytes": size})
    else:
        typer.echo(f"Report: {path}")
        typer.echo(f"Open it with: {opener()} {quoted(path)}")


def opener() -> str:
    """Return the command that opens a file on this kind of machine."""
    import sys

    return {"darwin": "open", "win32": "start"}.get(sys.platform, "xdg-open")
