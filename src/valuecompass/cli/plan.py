"""`valuecompass plan`: what a profile of a wanted precision costs at least."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from valuecompass.cli.app import WORKSPACE, Db, Json, Judge, JudgeMode, Workspace, app, echo_json

if TYPE_CHECKING:
    from valuecompass.measure.cheapest import SystemPlan

FOUR = ("schwartz", "moral-foundations", "safety", "llm-unique")


@app.command()
def plan(
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="Respondent whose price and tokens count.  [default: of the roster, the one of "
            "the middle price]",
        ),
    ] = None,
    roster: Annotated[
        Path | None, typer.Option(help="Roster to take it from.  [default: current]")
    ] = None,
    system: Annotated[
        list[str] | None,
        typer.Option(
            "--system", "-s", help=f"Value system; repeat for more.  [default: {', '.join(FOUR)}]"
        ),
    ] = None,
    target: Annotated[
        float, typer.Option(help="Half of the 95 % interval wanted, in points of 0-100.")
    ] = 5.0,
    judge: Judge = "local",
    judge_mode: JudgeMode = "one-call",
    forms: Annotated[
        Path | None,
        typer.Option(help="Folder for the planned forms; run them with --form FILE."),
    ] = None,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Say what the cheapest profile of a wanted precision takes, for each value system.

    The variance is that of a measurement in the workspace, of this respondent where there is one,
    else of a small model that was measured for this. Where the bank's items do not reach it, the
    half-width they allow is shown with the calls that the wanted one would take. Nothing is asked.
    """
    import anyio

    from valuecompass.measure.run import Settings, cheapest_plans

    settings = Settings(
        models=[] if model is None else [model],
        roster=roster,
        systems=system or list(FOUR),
        judge=judge,
        judge_mode=judge_mode,
        workspace=workspace,
        db=db,
    )
    respondent, plans = anyio.run(cheapest_plans, settings, target, forms)
    if json:
        echo_json(document(respondent.name, target, plans))
    else:
        _show(respondent.name, target, plans)


def document(respondent: str, target: float, plans: list[SystemPlan]) -> dict[str, Any]:
    """Return the documented JSON object: the plans and their sums."""
    return {
        "respondent": respondent,
        "target": target,
        "plans": [p.json() for p in plans],
        "total": _total(plans),
    }


def _total(plans: list[SystemPlan]) -> dict[str, Any]:
    usd, batch = (
        None if any(getattr(p, k) is None for p in plans) else sum(getattr(p, k) for p in plans)
        for k in ("usd", "batch_usd")
    )
    return {
        "dimensions": sum(len(p.dimensions) for p in plans),
        "dimensions_reached": sum(d.reached for p in plans for d in p.dimensions),
        "calls": sum(p.answers + p.judge_calls for p in plans),
        "calls_needed": sum(p.calls_needed for p in plans),
        "usd": usd,
        "batch_usd": batch,
        "saving": None if usd is None or batch is None else usd - batch,
    }


def _range(values: list[float | None]) -> str:
    known = [v for v in values if v is not None]
    return f"{min(known):.1f}-{max(known):.1f}" if known else "unknown"


def _show(respondent: str, target: float, plans: list[SystemPlan]) -> None:
    from valuecompass.cli.forecast import judge_source
    from valuecompass.cli.shown import dollars, say, table

    say(f"Half-width of at most {target:g} points on every dimension, for {respondent}\n")
    rows = [
        [
            p.system,
            f"{len(p.form.items)} x {p.repeats}",
            f"{p.answers + p.judge_calls:,}",
            dollars(p.usd),
            dollars(p.batch_usd),
            _range([d.half_width for d in p.dimensions]),
            f"{sum(d.reached for d in p.dimensions)} of {len(p.dimensions)}",
            "-" if p.reached else f"{p.calls_needed:,}",
        ]
        for p in plans
    ]
    whole = _total(plans)
    reached = f"{whole['dimensions_reached']} of {whole['dimensions']}"
    sums = [f"{whole['calls']:,}", dollars(whole["usd"]), dollars(whole["batch_usd"])]
    rows.append(["all", "", *sums, "", reached, f"{whole['calls_needed']:,}"])
    titles = ["system", "items", "calls", "USD", "batches", "half-width", "reached"]
    table([*titles, "takes"], rows)
    if not all(p.reached for p in plans):
        say(
            "takes: calls that the half-width wanted would take of a bank large enough, each item "
            "asked once\n"
        )
    for p in plans:
        for note in p.notes:
            say(f"{p.system}: {note}")
    sources: dict[str, list[str]] = {}
    for p in plans:
        counted = f"{p.measured} stored answers" if p.measured else "a reference without thinking"
        mark = "SIMULATED: " if p.simulated else ""
        if p.judge_calls:
            counted += f"; the judge's {judge_source(p.judge_measured)}"
        sources.setdefault(f"{mark}{p.pilot}; tokens: {counted}", []).append(p.system)
    say("\nVariance and tokens from:")
    for source, named in sources.items():
        say(f"  {', '.join(named)}: {source}")
