"""`valuecompass evolve`: let test items evolve, and report on what that made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from valuecompass.cli.app import (
    WORKSPACE,
    Db,
    Json,
    Judge,
    Workspace,
    app,
    echo_json,
)
from valuecompass.cli.evolve_report import report

evolve_app = typer.Typer(help="Let test items evolve, and report on it.", no_args_is_help=True)
app.add_typer(evolve_app, name="evolve")


@evolve_app.command()
def adaem(
    pool: Annotated[
        list[str],
        typer.Option(
            "--pool",
            help="Model that answers, named as for run -m. Repeat for more.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Where the kept items go: FILE.jsonl, .csv or .parquet."),
    ] = Path("items.jsonl"),
    system: Annotated[
        list[str] | None,
        typer.Option(
            "--system",
            "-s",
            help="Value system: id or TOML file. Repeat: every answer is judged by each."
            "  [default: schwartz]",
        ),
    ] = None,
    seeds: Annotated[
        str,
        typer.Option(
            help="Questions to start from: bank (ours), or a file of items, an inventory, a "
            "Touche23-ValueEval file or folder."
        ),
    ] = "bank",
    kind: Annotated[str, typer.Option(help="Of the items: question or tradeoff.")] = "question",
    language: Annotated[str, typer.Option(help="Of the items: en, es or zh.")] = "en",
    strong: Annotated[
        list[str] | None,
        typer.Option(
            "--strong",
            help="Further model that answers; with --preset paper to the final reward only. "
            "Repeat for more.",
        ),
    ] = None,
    explorer: Annotated[
        list[str] | None,
        typer.Option(
            "--explorer", help="Model that writes the items. Repeat for more.  [default: the pool]"
        ),
    ] = None,
    examinees: Annotated[
        list[str] | None,
        typer.Option(
            "--examinees",
            help="Model that you will measure with the items: you are warned if it takes part "
            "here. Repeat for more.",
        ),
    ] = None,
    judge: Judge = "local",
    judge_mode: Annotated[
        str | None,
        typer.Option(
            help="one-call, per-value (a request for each opinion and value) or concepts."
            "  [default: as the preset says]"
        ),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(help="File written by judge calibrate: rewards allow for the judge's errors."),
    ] = None,
    calls: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Most requests of all kinds, stored answers included; needed, unless the "
            "settings limit the pulls.",
        ),
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(min=0, help="Stop before spending more tokens than this.")
    ] = None,
    usd: Annotated[
        float | None, typer.Option(min=0, help="Stop before spending more US dollars than this.")
    ] = None,
    preset: Annotated[str, typer.Option(help="ours, or paper: the method as printed.")] = "ours",
    config: Annotated[
        Path | None, typer.Option(help="TOML file with settings in place of the preset's.")
    ] = None,
    disentanglement: Annotated[
        float | None,
        typer.Option(
            help="Weight of R_Dis in the paper's reward: 0.5 or -0.5.  [default: 0.5; paper: -0.5]"
        ),
    ] = None,
    keep: Annotated[
        int | None, typer.Option(min=1, help="Most items to keep.  [default: 100; paper: all]")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of all random draws.  [default: 0]")
    ] = None,
    safety: Annotated[
        str,
        typer.Option(
            help="What keeps harmful texts out: local (a few rules), none, or a model by name."
        ),
    ] = "local",
    rejected: Annotated[
        Path | None,
        typer.Option(
            help="JSONL file for what was rejected, with reasons; may hold harmful texts."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what the run would take, with prices, and stop.")
    ] = False,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Find questions on which models differ (AdAEM): write, ask, judge, reward, repeat.

    Interrupted or out of budget? Repeat the command: what was answered is not asked again.

    Exit codes: 0 done, 2 bad input, 3 budget reached, 130 interrupted.
    """
    import anyio

    from valuecompass.cli.evolve_live import EvolveLive, show_evolved, show_prospect
    from valuecompass.evolve.outputs import check_outputs
    from valuecompass.evolve.run import evolve_async
    from valuecompass.evolve.settings import EvolveSettings

    settings = EvolveSettings(
        pool=pool,
        systems=system or ["schwartz"],
        seeds=seeds,
        kind=kind,  # pyright: ignore[reportArgumentType]  (told as a user's error)
        language=language,
        strong=strong or [],
        explorers=explorer or [],
        examinees=examinees or [],
        judge=judge,
        judge_mode=judge_mode,
        calibration=calibration,
        preset=preset,  # pyright: ignore[reportArgumentType]
        config=config,
        disentanglement=disentanglement,
        seed=seed,
        keep=keep,
        safety=safety,
        calls=calls,
        tokens=tokens,
        usd=usd,
        workspace=workspace,
        db=db,
    )
    check_outputs(settings, out, rejected)
    with EvolveLive(dry_run) as live:
        done = anyio.run(evolve_async, settings, live)
    if done is None:
        assert live.outlook is not None
        if json:
            echo_json(live.outlook.json())
        else:
            show_prospect(live.outlook)
        return
    done.write(out, rejected)
    if json:
        echo_json(done.json() | {"out": str(out) if done.items else None})
    else:
        show_evolved(done, out)


evolve_app.command()(report)
