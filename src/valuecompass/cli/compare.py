"""`valuecompass compare` and `valuecompass drift`: differences that are sure, and how sure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from valuecompass.cli.app import (
    WORKSPACE,
    Date,
    Db,
    Json,
    Seed,
    System,
    Workspace,
    app,
    echo_json,
)
from valuecompass.cli.shown import say, table

Respondent = Annotated[str, typer.Argument(help="Name of a respondent, as on the board.")]


@app.command()
def compare(
    respondents: Annotated[
        list[str], typer.Argument(help="Two to eight respondents, as on the board.")
    ],
    system: System = "schwartz",
    date: Date = None,
    items: Annotated[int, typer.Option(min=0, help="Items to name that separate a pair.")] = 5,
    seed: Seed = 0,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Compare respondents dimension by dimension on the items that both answered.

    A difference is marked when the false discovery rate over all of them is at most 5 %.
    """
    import anyio

    from valuecompass.board.comparison import compare as compared
    from valuecompass.measure.run import resolve_system

    theory = resolve_system(system).id

    async def run() -> dict[str, Any]:
        return await compared(workspace, db, theory, respondents, date=date, seed=seed, items=items)

    found = anyio.run(run)
    if json:
        echo_json(found)
        return
    for pair in found["pairs"]:
        say(f"{pair['a']} less {pair['b']}")
        table(
            ["dimension", "first", "second", "difference", "q", "n", ""],
            [_row(name, cell) for name, cell in pair["dimensions"].items()],
        )
        if pair["items"]:
            say("They differ most on:")
        for one in pair["items"]:
            say(f"  {one['difference']:+.0f} {one['dimension']}: {one['text'][:160]}")
    for notice in found["notices"]:
        say(f"Note: {notice}")


@app.command()
def drift(
    respondent: Respondent,
    system: System = "schwartz",
    baseline: Annotated[
        str | None,
        typer.Option(help="Day or id of the measurement to compare with.  [default: the first]"),
    ] = None,
    seed: Seed = 0,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Say how a respondent's scores have moved between dated measurements.

    Measure again with: valuecompass run --occasion NAME.
    """
    import anyio

    from valuecompass.board.drift import drift as drifted
    from valuecompass.board.drift import when
    from valuecompass.measure.run import resolve_system

    theory = resolve_system(system).id

    async def run() -> dict[str, Any]:
        return await drifted(workspace, db, respondent, theory, baseline=baseline, seed=seed)

    found = anyio.run(run)
    if json:
        echo_json(found)
        return
    names = when(found["series"])
    say(f"{found['respondent']} was measured on: {', '.join(names.values())}")
    for change in found["changes"]:
        say(" to ".join(names[one] for one in change["measurements"]))
        rows = [_row(name, cell) for name, cell in change["dimensions"].items()]
        titles = ["dimension", "change", "q", "n", ""]
        table(titles, [[row[0], *row[3:]] for row in rows])
        for note in change["notes"]:
            say(f"  {note}")
    for notice in found["notices"]:
        say(f"Note: {notice}")


def _row(name: str, cell: Mapping[str, Any]) -> list[str]:
    if cell["difference"] is None:
        told = "missing"
    elif cell["low"] is None:
        told = f"{cell['difference']:+.2f}"
    else:
        told = f"{cell['difference']:+.1f} [{cell['low']:+.1f}, {cell['high']:+.1f}]"
    return [
        name,
        _number(cell.get("a")),
        _number(cell.get("b")),
        told,
        "-" if cell["q"] is None else f"{cell['q']:.3f}",
        "-" if cell["n"] is None else f"{cell['n']}",
        "differs" if cell["discovered"] else "",
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}" if abs(value) > 1 else f"{value:.3f}"
