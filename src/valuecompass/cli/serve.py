"""`valuecompass serve`: the pages and the API of a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from valuecompass.cli.app import WORKSPACE, Db, Workspace, app


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any that is free.")] = 8321,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine's open it up.")
    ] = "127.0.0.1",
    host_name: Annotated[
        list[str] | None,
        typer.Option(help="Further name under which it may be asked, such as values.example.org."),
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            help="Address of a server in front, whose X-Forwarded-For is believed: limits count "
            "the callers that it names, not itself."
        ),
    ] = None,
    closed: Annotated[
        bool, typer.Option("--closed", help="Reading needs a token, too (valuecompass token).")
    ] = False,
    workers: Annotated[
        int, typer.Option(min=1, help="Runs that operators start, at a time; others wait.")
    ] = 1,
    allow_private: Annotated[
        bool,
        typer.Option(
            "--allow-private",
            help="Operators may name endpoints in private networks and on this machine.",
        ),
    ] = False,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
) -> None:
    """Show a workspace as web pages: board, respondents, cases, cultures and more.

    It answers on this machine alone unless --host says otherwise, and stops with Ctrl-C.
    """
    import ipaddress

    from valuecompass.errors import InputError
    from valuecompass.web.serving import run_server
    from valuecompass.web.settings import Settings

    for given in proxy or ():
        try:
            ipaddress.ip_network(given)
        except ValueError:
            raise InputError(f"--proxy {given}: give an IP address or network") from None
    # in a request the address of IPv6 stands in brackets
    names = (*Settings.hosts, f"[{host}]" if ":" in host else host, *(host_name or ()))
    settings = Settings(
        Path(workspace),
        db,
        hosts=names,
        proxies=tuple(proxy or ()),
        closed=closed,
        workers=workers,
        allow_private=allow_private,
    )
    run_server(settings, host, port, ready=_ready)


def _ready(address: str) -> None:
    typer.echo(f"Value Compass is at {address}/")
    typer.echo("Stop it with Ctrl-C.", err=True)
