"""`valuecompass doctor`: is everything here that a run needs?"""

from __future__ import annotations

import typer

from valuecompass.cli.app import WORKSPACE, Json, Workspace, app, console, echo_json, plain


@app.command()
def doctor(workspace: Workspace = WORKSPACE, json: Json = False) -> None:
    """Check the installation, weights, keys (by name), workspace and machine.

    Exit code 1 when something is broken; what is merely absent is a note.
    """
    from valuecompass.doctor import checkup

    findings = checkup(workspace)
    if json:
        echo_json({"checks": [vars(f) for f in findings]})
    else:
        from rich.table import Table

        signs = {
            "ok": ("ok", "green"),
            "note": ("note", "yellow"),
            "broken": ("BROKEN", "bold red"),
        }
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for finding in findings:
            word, style = signs[finding.state]
            table.add_row(plain(word, style=style), plain(finding.what), plain(finding.detail))
        console().print(table)
    if any(f.state == "broken" for f in findings):
        raise typer.Exit(1)
