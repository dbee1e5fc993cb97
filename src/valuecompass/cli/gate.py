"""`valuecompass gate`: a check for builds; exit code 1 when a model has drifted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from valuecompass.cli.app import (
    WORKSPACE,
    Db,
    Json,
    Judge,
    JudgeMode,
    MaxCalls,
    MaxUsd,
    StrongJudge,
    System,
    Workspace,
    app,
    echo_json,
)
from valuecompass.cli.shown import say, table

if TYPE_CHECKING:
    from valuecompass.measure.gate import Gated


@app.command()
def gate(
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="The respondent, named as at the baseline; one of a roster: MODEL@file=R.toml, "
            "its table with the same label.",
        ),
    ],
    baseline: Annotated[
        str, typer.Option(help="Day (YYYY-MM-DD) or id of the measurement to compare with.")
    ],
    system: System = "schwartz",
    max_shift: Annotated[
        str,
        typer.Option(
            help="Largest shift that is no drift: 0.2sd (of the baseline's items) or points, 5."
        ),
    ] = "0.2sd",
    form: Annotated[str, typer.Option(help="As at the baseline.")] = "short",
    items: Annotated[Path | None, typer.Option(help="As at the baseline.")] = None,
    judge: Judge = "local",
    judge_mode: JudgeMode = "one-call",
    strong_judge: StrongJudge = None,
    occasion: Annotated[
        str | None, typer.Option(help="Name of this repetition.  [default: today's date]")
    ] = None,
    max_calls: MaxCalls = None,
    max_usd: MaxUsd = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML.")] = None,
    summary: Annotated[Path | None, typer.Option(help="Write a Markdown summary.")] = None,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Ask a model again until it is sure whether its values have drifted.

    Items are asked in a random order, each compared with the same item at the baseline. The limits
    hold at every moment (a confidence sequence), so stopping early costs no false alarms.

    Exit codes: 0 no drift shown, 1 drift, 2 bad input, 3 budget reached, 130 interrupted.
    """
    import anyio

    from valuecompass.board.gate_report import junit as junit_of
    from valuecompass.board.gate_report import markdown
    from valuecompass.files import check_writable, write_text
    from valuecompass.measure.gate import Shift
    from valuecompass.measure.run import Settings
    from valuecompass.models import Limits

    settings = Settings(
        models=[model],
        systems=[system],
        form=form,
        items=items,
        judge=judge,
        judge_mode=judge_mode,
        strong_judge=strong_judge,
        workspace=workspace,
        db=db,
        limits=Limits(max_calls, None, max_usd),
    )
    shift = Shift.parse(max_shift)

    async def run() -> Gated:
        from valuecompass.board.boards import measurement_of
        from valuecompass.measure.gate import gate as gated
        from valuecompass.measure.run import resolve_system
        from valuecompass.models import parse_respondent
        from valuecompass.store import open_store

        theory = resolve_system(system)
        name = parse_respondent(model, [theory]).name
        async with open_store(workspace, db, create=False) as store:
            before = await measurement_of(store, theory.id, baseline, name)
            return await gated(
                store, model, before, shift, settings, occasion=occasion, tell=_progress
            )

    for path in (junit, summary):
        if path is not None:
            check_writable(path)
    found = anyio.run(run)
    if json:
        echo_json(found.json())
    else:
        _show(found)
    if junit is not None:
        write_text(junit, junit_of(found))
    if summary is not None:
        write_text(summary, markdown(found))
    if found.status == "drift":
        raise typer.Exit(1)


def _progress(done: int, total: int) -> None:
    typer.echo(f"{done} of {total} items", err=True)


def _show(found: Gated) -> None:
    from valuecompass.board.gate_report import STATES, sentence

    rows: list[list[str]] = []
    for name, one in found.json()["dimensions"].items():
        told = "-"
        if one["shift"] is not None:
            told = f"{one['shift']:+.1f} [{one['low']:+.1f}, {one['high']:+.1f}]"
        rows.append([name, told, f"±{one['limit']:.1f}", f"{one['n']}", STATES[one["status"]]])
    table(["dimension", "shift", "limit", "n", ""], rows)
    say(sentence(found))
