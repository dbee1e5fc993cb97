"""`valuecompass run`: measure models."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    Workspace,
    app,
    console,
    echo_json,
    say_report,
)

if TYPE_CHECKING:
    from valuecompass.measure import Measurement


@app.command()
def run(
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="Respondent: openai/gpt-5-mini, embedded/smollm2-135m-instruct, a GGUF file, "
            "simulated/schwartz?Power=1.5 ...; NAME@prime=Power, NAME@system=TEXT or "
            "NAME@file=R.toml primes it; NAME@answers=logprobs takes the options' "
            "log-probabilities (base models). Repeat for more.",
        ),
    ] = None,
    roster: Annotated[
        Path | None,
        typer.Option(help="TOML file with [[respondents]] tables, or current, which comes along."),
    ] = None,
    system: Annotated[
        list[str] | None,
        typer.Option(
            "--system",
            "-s",
            help="Value system: schwartz, moral-foundations, safety, llm-unique, big-five, "
            "or a TOML file. Repeat for more.  [default: schwartz]",
        ),
    ] = None,
    form: Annotated[
        str,
        typer.Option(help="tiny (minutes on a CPU), short, full, scenario, or a form file."),
    ] = "short",
    items: Annotated[
        Path | None, typer.Option(help="Your own items (JSONL, CSV, Parquet) instead of the bank.")
    ] = None,
    judge: Judge = "local",
    judge_mode: JudgeMode = "one-call",
    strong_judge: StrongJudge = None,
    opinions: Annotated[
        str, typer.Option(help="Joining the points of an answer: any, mean, rank-weighted.")
    ] = "any",
    calibration: Annotated[
        Path | None,
        typer.Option(help="File of judge calibrate: show shares corrected for the judge's errors."),
    ] = None,
    occasion: Annotated[
        str | None,
        typer.Option(
            help="Ask everything anew under this name (2026-12, say); valuecompass drift compares."
        ),
    ] = None,
    max_calls: MaxCalls = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=0, help="Stop before more tokens than this.")
    ] = None,
    max_usd: MaxUsd = None,
    timeout: Annotated[
        int, typer.Option(min=1, help="Seconds for one attempt of a request.")
    ] = 300,
    batch: Annotated[
        bool,
        typer.Option(
            "--batch",
            help="Ask in batches where the provider has them: cheaper, within a day. Leave it "
            "running: what is in a batch when it is killed is billed and lost.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan with each respondent's price and stop.")
    ] = False,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Scores as CSV on stdout.")] = False,
) -> None:
    """Ask models, judge their answers, score them, and keep a dated measurement.

    Interrupted or out of budget? Repeat the command: what was answered is not asked again.

    Exit codes: 0 done, 2 bad input, 3 budget reached, 130 interrupted.
    """
    import anyio

    from valuecompass.errors import InputError
    from valuecompass.measure.forecast import document as forecast
    from valuecompass.measure.run import Settings, run_async
    from valuecompass.models import Limits, Patience

    if json and csv:
        raise InputError("--json and --csv: give one of them")
    if dry_run and csv:
        raise InputError("--csv: a dry run has no scores; give --json, or leave --dry-run out")
    settings = Settings(
        models=model or [],
        roster=roster,
        systems=system or ["schwartz"],
        form=form,
        items=items,
        judge=judge,
        judge_mode=judge_mode,
        strong_judge=strong_judge,
        occasion=occasion,
        opinions=opinions,
        calibration=calibration,
        workspace=workspace,
        db=db,
        batch=batch,
        limits=Limits(max_calls, max_tokens, max_usd),
        patience=Patience(attempt_timeout=timeout, timeout=6 * timeout),
    )
    from valuecompass.cli.live import Live

    with Live(dry_run) as live:
        measurements = anyio.run(run_async, settings, live)
    if json:
        # of a dry run what it would take, of a run what it made
        echo_json(forecast(live.outlooks) if dry_run else document(measurements) | live.money)
    elif dry_run:
        from valuecompass.cli.forecast import show_forecast

        show_forecast(live.outlooks)
    elif csv:
        sys.stdout.write(csv_text(measurements))
    else:
        from valuecompass.board.page.terminal import terminal_board

        terminal_board(measurements, console())
        say_report(workspace, db)


def document(measurements: list[Measurement]) -> dict[str, Any]:
    """Return the documented JSON object: rows, and what made them."""
    return {
        "rows": [row.json() for m in measurements for row in m.rows],
        "manifest": {
            "measurements": [
                {"id": m.id, "created": m.created.isoformat(timespec="seconds"), **m.manifest}
                for m in measurements
            ]
        },
    }


def csv_text(measurements: list[Measurement]) -> str:
    """Return scores as CSV, one row per respondent and dimension."""
    import csv
    import io

    from valuecompass.measure.study.tables import csv_cell
    from valuecompass.wording import visible

    out = io.StringIO()
    writer = csv.writer(out)
    names = ("score", "low", "high", "n", "refused", "missing")
    who = ("measurement", "created", "system", "respondent", "simulated", "dimension")
    writer.writerow([*who, *names, "judge_gate"])
    for m in measurements:
        gate = None if m.gate is None else m.gate.status
        for row in m.rows:
            for dimension, score in row.dimensions.items():
                head = [m.id, m.created.isoformat(timespec="seconds"), m.system]
                values = [getattr(score, name) for name in names]
                named = [csv_cell(visible(n)) for n in (row.respondent, dimension)]
                who = [named[0], row.simulated, named[1]]
                writer.writerow([*head, *who, *values, gate])
    return out.getvalue()
