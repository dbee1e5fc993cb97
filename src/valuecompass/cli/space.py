"""`valuecompass space`: a map of respondents, cultures and a person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from valuecompass.cli.app import WORKSPACE, Date, Db, Json, System, Workspace, app, echo_json
from valuecompass.cli.match import AnswerFile, QuestionFile

if TYPE_CHECKING:
    from valuecompass.board.persons.space import Space

NOTED = {"culture": " (culture)"}


@app.command()
def space(
    system: System = "schwartz",
    profiles: Annotated[
        Path | None,
        typer.Option(help='Cultures: {"China": {"Power": 2, ...}, ...}. [default: none]'),
    ] = None,
    answers: AnswerFile = None,
    questionnaire: QuestionFile = None,
    date: Date = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the map as a picture (.svg).")
    ] = None,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Show who orders values like whom: nearest neighbours, and a map of two axes.

    Near on the map means values in a similar order. The stress says how far a flat map can be
    believed.
    """
    import anyio

    from valuecompass.board.boards import load_board
    from valuecompass.board.cultures.profiles import read_profiles
    from valuecompass.board.persons.match import read_person
    from valuecompass.board.persons.space import value_space
    from valuecompass.board.persons.space_map import space_svg
    from valuecompass.errors import InputError
    from valuecompass.files import write_text
    from valuecompass.measure.run import resolve_system

    if out and out.suffix.lower() != ".svg":
        raise InputError(f"-o {out}: the map is SVG; give a name that ends in .svg")
    if questionnaire and not answers:
        raise InputError("--questionnaire goes with --answers FILE")
    theory = resolve_system(system).id
    board = anyio.run(lambda: load_board(workspace, db, theory, date=date, samples=0))
    found = value_space(
        board,
        read_profiles(profiles, board.system) if profiles else None,
        read_person(board.system, answers, questionnaire) if answers else None,
    )
    if out:
        write_text(out, space_svg(found, f"Value space: {board.system.name}"))
        typer.echo(f"Map: {out}", err=True)
    if json:
        echo_json(found.json())
        return
    _show(found)


def _show(found: Space) -> None:
    from valuecompass.board.persons.space import stress_in_words
    from valuecompass.cli.shown import table
    from valuecompass.wording import number, short_labels, visible

    short = short_labels([p.name for p in found.points], 20)
    rows = [
        [
            p.name + NOTED.get(p.kind, "") + (" (simulated)" if p.simulated else ""),
            *(f"{short[name]} {number(rho, 2)}" for name, rho in p.nearest),
        ]
        for p in found.points
    ]
    most = max(map(len, rows))
    titles = ["", "nearest (rho)", "second", "third"][:most]
    table(titles, [row + [""] * (most - len(row)) for row in rows])
    shown = "" if found.stress is None else f" {found.stress:.2f}"
    typer.echo(f"Stress of the flat map:{shown} ({stress_in_words(found.stress)})")
    if found.pca:
        shares = ", ".join(f"{100 * share:.0f} %" for share in found.pca.explained[:3])
        typer.echo(f"Principal components of the respondents' scores explain: {shares}")
    for notice in found.notices:
        typer.echo(visible(f"Note: {notice}"))
