"""`valuecompass export-site`: the pages of a workspace as files."""

from __future__ import annotations

import signal
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from valuecompass.cli.app import WORKSPACE, Db, Json, Workspace, app, console, echo_json, quoted
from valuecompass.cli.shown import say


def _interrupted(*_: object) -> None:
    signal.raise_signal(signal.SIGINT)


@app.command("export-site")
def export_site(
    folder: Annotated[Path, typer.Argument(help="Folder to write; an earlier export is replaced.")],
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Write the pages with all scores as files that any file server can show.

    Of the cases it holds a sample, which the pages say. Nothing can be run or labelled there.
    """
    import anyio

    from valuecompass.web.export import export_site

    # who ends it finds nothing half-written, as with Ctrl-C
    signal.signal(signal.SIGTERM, _interrupted)
    began = time.monotonic()
    with console(stderr=True).status("Writing pages …") as status:
        done = anyio.run(
            lambda: export_site(
                folder,
                workspace=Path(workspace),
                db=db,
                progress=lambda count: status.update(f"{count:,} documents"),
            )
        )
    if json:
        echo_json(asdict(done) | {"path": str(done.path), "seconds": time.monotonic() - began})
        return
    say(f"Site: {folder} ({done.documents:,} documents, {done.bytes / 1e6:.1f} MB)")
    say(f"Look at it with: python -m http.server -d {quoted(folder)} --bind 127.0.0.1")
