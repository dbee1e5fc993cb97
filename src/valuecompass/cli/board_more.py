"""`valuecompass board log` and `board win-rate`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from valuecompass.cli.app import WORKSPACE, Date, Db, Json, Seed, System, Workspace, echo_json
from valuecompass.cli.shown import number, say, table


def log(
    system: Annotated[
        str | None, typer.Option("--system", "-s", help="Of this value system only.")
    ] = None,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """List all measurements and imported tables with their dates; none is ever changed."""
    import anyio

    from valuecompass.board.history import history
    from valuecompass.measure.run import resolve_system

    theory = None if system is None else resolve_system(system).id
    found = anyio.run(history, workspace, db, theory)
    if json:
        echo_json(found)
        return
    table(
        ["id", "date", "system", "respondents", "made of"],
        [
            [
                entry["id"],
                entry["date"][:10],
                entry["system"],
                f"{entry['respondents']:,}",
                _made_of(entry),
            ]
            for entry in found["measurements"]
        ],
    )


def win_rate(
    system: System = "schwartz",
    date: Date = None,
    team: Annotated[
        str, typer.Option(help="sum (the larger group should win, as in TrueSkill) or mean.")
    ] = "sum",
    seed: Seed = 0,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Rate respondents as AdAEM does, and say how far that depends on the order of the items."""
    import anyio

    from valuecompass.board.win_rate import ORDERS
    from valuecompass.board.win_rate import win_rate as rated
    from valuecompass.errors import InputError
    from valuecompass.measure.run import resolve_system

    if team not in ("sum", "mean"):
        raise InputError(f"--team {team}: give sum or mean")
    theory = resolve_system(system).id

    async def run() -> dict[str, Any]:
        return await rated(workspace, db, theory, date=date, team=team, seed=seed)

    found = anyio.run(run)
    if json:
        echo_json(found)
        return
    for name, rho in found["order_rho"].items():
        cells = [(row["respondent"], row["dimensions"][name]) for row in found["rows"]]
        say(f"{name}: rank correlation between two of {ORDERS} orders {number(rho)}")
        table(
            ["respondent", "win rate", "SD over orders", "items"],
            [[who, number(c["score"]), number(c["order_sd"]), f"{c['n']}"] for who, c in cells],
        )
    for notice in found["notices"]:
        say(f"Note: {notice}")


def _made_of(entry: dict[str, Any]) -> str:
    if entry["kind"] == "published":
        return f"published table {entry['source']}"
    occasion = "" if entry["occasion"] is None else f", occasion {entry['occasion']}"
    return f"{entry['form']}, judge {entry['judge']}{occasion}"
