"""`valuecompass token`: who may start runs and label, over the web."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from valuecompass.cli.app import WORKSPACE, Db, Json, Workspace, app, console, echo_json, plain

if TYPE_CHECKING:
    from valuecompass.store import Store

T = TypeVar("T")
token_app = typer.Typer(help="Tokens for the web: who may run and label.", no_args_is_help=True)
app.add_typer(token_app, name="token")


@token_app.command()
def create(
    name: Annotated[str, typer.Option(help="Of who is to hold it; jobs and labels carry it.")],
    scope: Annotated[
        str, typer.Option(help="operator (runs, budgets and labels) or annotator (labels).")
    ],
    days: Annotated[
        int | None, typer.Option(min=1, help="Days until it ends.  [default: it does not]")
    ] = None,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Make a token and print it. It is shown this once: the workspace keeps a hash only."""
    from valuecompass.web.tokens import create_token

    token, text = _with_store(workspace, db, lambda s: create_token(s, name, scope, days), True)
    if json:
        echo_json({**token.json(), "token": text})
        return
    typer.echo(text)
    until = "" if token.expires is None else f", until {token.expires:%Y-%m-%d}"
    typer.echo(
        f"Token of {token.name} ({token.scope}{until}). It is not shown again: keep it where "
        "passwords are kept.",
        err=True,
    )


@token_app.command("list")
def list_all(workspace: Workspace = WORKSPACE, db: Db = None, json: Json = False) -> None:
    """Show all tokens, without their secrets."""
    from rich.table import Table

    from valuecompass.web.tokens import list_tokens

    found = [token.json() for token in _with_store(workspace, db, list_tokens)]
    if json:
        echo_json({"tokens": found})
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("id", "name", "scope", "created", "expires", "state"):
        table.add_column(title)
    for one in found:
        state = "valid" if one["valid"] else "revoked" if one["revoked"] else "expired"
        days = [(one[k] or "never")[:10] for k in ("created", "expires")]
        table.add_row(*map(plain, (one["id"], one["name"], one["scope"], *days, state)))
    console().print(table)


@token_app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="Name or id of a valid token.")],
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Let a token open nothing any more, at once."""
    from valuecompass.web.tokens import revoke_token

    token = _with_store(workspace, db, lambda store: revoke_token(store, name))
    if json:
        echo_json(token.json())
        return
    typer.echo(f"The token of {token.name} ({token.id}) is revoked.")


def _with_store(
    workspace: Path, db: str | None, work: Callable[[Store], Awaitable[T]], create: bool = False
) -> T:
    import anyio

    from valuecompass.store import open_store

    async def opened() -> T:
        async with open_store(workspace, db, create=create) as store:
            return await work(store)

    return anyio.run(opened)
