"""`valuecompass workspace`: simulated ones of any size, and the index that cases are found with."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Annotated

import typer

from valuecompass.cli.app import WORKSPACE, Db, Json, Workspace, app, console, echo_json
from valuecompass.cli.shown import say

workspace_app = typer.Typer(help="Make simulated workspaces, and index cases for search.")
app.add_typer(workspace_app, name="workspace")


@workspace_app.command()
def synth(
    respondents: Annotated[int, typer.Option(help="Simulated respondents, 1 to 500.")] = 33,
    items: Annotated[int, typer.Option(help="Questions; each respondent answers all.")] = 12_310,
    dims: Annotated[int, typer.Option(help="Dimensions, 2 to 10; 10 are Schwartz's values.")] = 10,
    dates: Annotated[int, typer.Option(help="Dated measurements, 91 days apart.")] = 4,
    seed: Annotated[int, typer.Option(help="All texts and values follow from it.")] = 1,
    workspace: Workspace = WORKSPACE,
    json: Json = False,
) -> None:
    """Make a workspace with a simulated board, to try pages and to measure speed.

    Nobody is asked: answers and verdicts follow from planted values and are marked as simulated.
    """
    import anyio

    from valuecompass.measure.synth import Synthetic, build_workspace
    from valuecompass.measure.synth.build import size_text

    settings = Synthetic(respondents, items, dims, dates, seed)
    with progress("answers") as tell:
        built = anyio.run(build_workspace, workspace, settings, tell)
    if json:
        echo_json(built.json())
        return
    days = ", ".join(f"{m.created:%Y-%m-%d}" for m in built.measurements)
    say(
        f"Simulated: {respondents} respondents, {items:,} items, {dims} dimensions, {dates} "
        f"measurements ({days}), {built.answers:,} answers"
    )
    say(f"Built in {built.seconds:.0f} s; {size_text(built.bytes)} in {workspace}")


@workspace_app.command()
def index(
    system: Annotated[
        str | None, typer.Option("--system", "-s", help="Of this value system. [default: of all]")
    ] = None,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Index the cases of all measurements for search; else it happens when one is first searched.

    The files are in the folder search of the workspace, one a measurement.
    """
    import anyio

    from valuecompass.board.cases import build_indexes

    with progress("cases") as tell:
        done = anyio.run(build_indexes, workspace, db, system, tell)
    if json:
        echo_json({"indexed": done.made, "there": done.there})
        return
    say(f"Indexed {len(done.made)} measurements; {len(done.there)} had been already")


@contextmanager
def progress(what: str) -> Generator[Callable[[int, int], None]]:
    """Yield what is told (done, total); a terminal shows a bar, a pipe nothing."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    shown = console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
