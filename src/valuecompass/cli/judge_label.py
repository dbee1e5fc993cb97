"""`valuecompass judge label`: labels by people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from valuecompass.cli.app import WORKSPACE, Db, Json, Seed, Workspace, echo_json, quoted
from valuecompass.cli.judge_common import OwnSystems, own_systems

if TYPE_CHECKING:
    from valuecompass.cli.label_screen import Screen
    from valuecompass.judges.labels.adjudication import Both
    from valuecompass.judges.labels.walk import Walk

label_app = typer.Typer(
    help="Label responses by hand: draw a task, two people annotate, a third decides.",
    no_args_is_help=True,
)


@label_app.command()
def draw(
    system: Annotated[
        str | None,
        typer.Option("--system", "-s", help="Value system, by id: its newest measurement."),
    ] = None,
    measurement: Annotated[
        str | None, typer.Option(help="Measurement, by id, instead of the newest.")
    ] = None,
    n: Annotated[int, typer.Option(min=1, help="Rows.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="The task's file.")] = Path("task.jsonl"),
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Draw responses of a measurement to be labelled blind: no respondent, no verdict.

    Every judged response and dimension has the same chance; a text that came to one item more than
    once is one response. The task is spread over dimensions,
    respondents and the judge's verdicts from lowest to highest; an answer that was judged on
    several dimensions comes with two of them.
    """
    import anyio

    from valuecompass.errors import InputError
    from valuecompass.judges.labels.labelling import write_task
    from valuecompass.wording import visible

    if (system is None) == (measurement is None):
        raise InputError("give either --system ID or --measurement ID")
    drawn = anyio.run(_draw, workspace, db, system, measurement, n, seed)
    write_task(out, drawn.task)
    for note in _notes(drawn, n):
        typer.echo(f"Note: {note}", err=True)
    if json:
        echo_json({"task": str(out), "hash": drawn.task.hash, "rows": len(drawn.task.units)})
        return
    typer.echo(f"{len(drawn.task.units)} rows to label: {visible(str(out))}")
    command = f"valuecompass judge label annotate {quoted(out)} --annotator NAME"
    typer.echo(f"Next: {visible(command)}")


async def _draw(
    workspace: Path, db: str | None, system: str | None, measurement: str | None, n: int, seed: int
) -> Any:
    import numpy as np

    from valuecompass.errors import InputError
    from valuecompass.measure.archive import find_measurement, latest_measurements
    from valuecompass.measure.labelling import draw
    from valuecompass.store import open_store

    async with open_store(workspace, db, create=False) as store:
        if measurement is None:
            (found,) = await latest_measurements(store, system)
        elif (found := await find_measurement(store, measurement)) is None:
            raise InputError(f"--measurement {measurement}: not in {store.name}")
        return await draw(store, found, n, np.random.default_rng(seed))


def _notes(drawn: Any, n: int) -> list[str]:
    """Return what may spoil the use of the labels."""
    rows = len(drawn.task.units)
    notes: list[str] = []
    if rows < n:
        notes.append(f"there are only {rows} different rows with a verdict; all are in the task")
    if drawn.unread:
        notes.append(f"{drawn.unread} answers without a verdict were left out")
    few = min(drawn.high, rows - drawn.high)
    if few < 10:
        side = "above" if few == drawn.high else "below"
        notes.append(
            f"the judge puts only {few} of these rows {side} .5: expect few such labels, and draw "
            "more (--n) if the 10 of each that an AUC needs are not among them"
        )
    return notes


@label_app.command()
def annotate(
    task: Annotated[
        Path,
        typer.Argument(help="JSONL rows: system, item, response, dimension, principle (optional)."),
    ],
    annotator: Annotated[str, typer.Option(help="Your name, for the file and for your order.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="[default: labels-ANNOTATOR.jsonl]")
    ] = None,
    system: OwnSystems = None,
) -> None:
    """Label one row after the other with single keys; repeat the command to go on.

    Without a terminal the keys are read from standard input, one a line.
    """
    from valuecompass.cli.label_screen import Screen, ended
    from valuecompass.judges.labels.labelling import read_task, resume
    from valuecompass.judges.labels.walk import Walk

    own = own_systems(system)
    whole = read_task(task, own)
    path = out or Path(f"labels-{annotator}.jsonl")
    file = resume(path, whole, annotator, task, own)
    walk = Walk(whole.ordered_for(annotator), file.labels, file.put)
    _go(Screen(walk), walk, path)
    typer.echo(ended(walk, str(path)))


@label_app.command()
def adjudicate(
    first: Annotated[Path, typer.Argument(help="One annotator's labels.")],
    second: Annotated[Path, typer.Argument(help="Another's of the same task.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The final rows.")] = Path(
        "labels.jsonl"
    ),
    agreed_only: Annotated[
        bool, typer.Option("--agreed-only", help="Leave out what they disagree on; ask nothing.")
    ] = False,
    seed: Seed = 0,
    system: OwnSystems = None,
    json: Json = False,
) -> None:
    """Show how far two annotators agree, and decide where they do not.

    Both labels are shown without names. The final rows go to `judge evaluate` and
    `judge calibrate`.
    """
    import numpy as np

    from valuecompass.cli.label_screen import Screen, ended, show_agreement
    from valuecompass.judges.labels.adjudication import agreement, pair_up, settle
    from valuecompass.judges.labels.labelling import read_given
    from valuecompass.judges.labels.walk import Walk
    from valuecompass.wording import visible

    own = own_systems(system)
    both = pair_up(read_given(first, own), read_given(second, own))
    file = settle(out, both, agreed_only=agreed_only)
    found = agreement(both, np.random.default_rng(seed))
    if not json:
        show_agreement(found)
    for note in _left_out(both):
        typer.echo(f"Note: {note}", err=True)
    if not agreed_only and both.disputed:
        walk = Walk([pair.unit for pair in both.disputed], file.decided, file.put)
        _go(Screen(walk, {pair.unit.id: pair for pair in both.disputed}), walk, out)
        typer.echo(ended(walk, "third decisions"), err=True)
    if json:
        decided = len(file.decided)
        echo_json({**found, "decided": decided, "labels": str(out), "rows": file.count})
        return
    typer.echo(f"{file.count} of {len(both.pairs)} rows: {visible(str(out))}")


def _left_out(both: Both) -> list[str]:
    """Return which rows of the task the labels say nothing of."""
    notes: list[str] = []
    if both.single:
        notes.append(f"{both.single} rows have one label only and are left out")
    if both.unlabelled:
        rows = len(both.pairs) + both.single + both.unlabelled
        notes.append(
            f"{both.unlabelled} of {rows} rows of the task have no label; if these are the unclear "
            "ones, a judge will look better on the others than it is: label them, too"
        )
    return notes


def _go(screen: Screen, walk: Walk, path: Path) -> None:
    from valuecompass.errors import Interrupted

    try:
        screen.go()
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted; {walk.labelled} of {walk.total} done, all on disk in {path}: "
            "repeat the command to go on"
        ) from None
