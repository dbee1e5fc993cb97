"""`valuecompass profile` and `import`: what models wrote elsewhere, and logs of our tasks."""

from __future__ import annotations

import sys
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
    Workspace,
    app,
    console,
    echo_json,
    say_report,
)

if TYPE_CHECKING:
    from valuecompass.measure.observed import Found


Prices = Annotated[
    Path | None,
    typer.Option(
        "--roster", help="File with the judge's price, for --max-usd; nobody in it is asked."
    ),
]


@app.command()
def profile(
    file: Annotated[
        list[Path],
        typer.Argument(
            help="Inspect logs (.eval, .json; Petri's too), chats in OpenAI's or ShareGPT's layout "
            "(.jsonl, .json), tables with a column of texts (.csv, .tsv, .parquet, .jsonl), or "
            "folders of these."
        ),
    ],
    system: Annotated[
        list[str] | None,
        typer.Option(
            "--system",
            "-s",
            help="A value system: id or TOML file. Repeat for more.  [default: schwartz]",
        ),
    ] = None,
    respondent: Annotated[
        str | None,
        typer.Option(help="Who wrote all of it.  [default: as the file says, else its name]"),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="At most so many conversations of each respondent, a fixed choice at random.",
        ),
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Column of what the model wrote.  [default: response ...]")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help="Column of what it was asked.  [default: prompt ...]")
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Column of who wrote it.  [default: respondent, model ...]")
    ] = None,
    conversation: Annotated[
        str | None,
        typer.Option(help="Column that is the same in all rows of a conversation."),
    ] = None,
    judge: Judge = "local",
    judge_mode: JudgeMode = "one-call",
    strong_judge: StrongJudge = None,
    max_calls: MaxCalls = None,
    max_usd: MaxUsd = None,
    roster: Prices = None,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
    csv: Annotated[bool, typer.Option(help="Scores as CSV on stdout.")] = False,
) -> None:
    """Score the values in what models already wrote. Nobody is asked anything.

    The result is observational: respondents were not all asked the same. Interrupted or out of
    budget? Repeat the command.
    """
    import anyio

    from valuecompass.cli.judge_common import progress
    from valuecompass.cli.run import csv_text, document
    from valuecompass.items.transcripts import Columns
    from valuecompass.measure.observed import find, profile_async
    from valuecompass.measure.run import Settings
    from valuecompass.models import Limits

    columns = Columns(text=text, prompt=prompt, model=by, conversation=conversation)
    found = find(file, columns, respondent=respondent, sample=sample)
    typer.echo(_said(found), err=True)
    settings = Settings(
        systems=system or ["schwartz"],
        judge=judge,
        judge_mode=judge_mode,
        strong_judge=strong_judge,
        roster=roster,
        workspace=workspace,
        db=db,
        limits=Limits(max_calls, None, max_usd),
    )
    done = anyio.run(profile_async, found, settings, progress())
    if json:
        echo_json(document(done))
    elif csv:
        sys.stdout.write(csv_text(done))
    else:
        from valuecompass.board.page.terminal import terminal_board

        terminal_board(done, console())
        say_report(workspace, db)


def _said(found: Found) -> str:
    told = [f"{len(found.conversations):,} conversations"]
    told += [f"{n:,} the same word for word, left out" for n in [found.duplicates] if n]
    told += [f"{n:,} without a word of a model" for n in [found.silent] if n]
    told += [f"{n:,} not drawn" for n in [found.left_out] if n]
    told += [f"{n:,} JSON files are neither logs nor chats" for n in [found.other_files] if n]
    return ", ".join(told)


@app.command("import")
def import_log(
    file: Annotated[
        list[Path],
        typer.Argument(
            help="Logs of inspect eval valuecompass/..., or of export --inspect; samples_*.jsonl "
            "of lm_eval --log_samples on tasks of items export --format lm-eval."
        ),
    ],
    respondent: Annotated[
        str | None,
        typer.Option(help="Who answered lm-eval's samples.  [default: the model's name]"),
    ] = None,
    judge: Judge = "local",
    judge_mode: JudgeMode = "one-call",
    strong_judge: StrongJudge = None,
    max_calls: MaxCalls = None,
    max_usd: MaxUsd = None,
    roster: Prices = None,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Import logs of Inspect or lm-eval as measurements, judged here. Nobody is asked.

    Other logs: valuecompass profile.
    """
    import anyio

    from valuecompass.cli.run import document
    from valuecompass.measure.log_import import import_logs
    from valuecompass.measure.run import Settings
    from valuecompass.models import Limits

    settings = Settings(
        judge=judge,
        judge_mode=judge_mode,
        strong_judge=strong_judge,
        roster=roster,
        workspace=workspace,
        db=db,
        limits=Limits(max_calls, None, max_usd),
    )
    done = anyio.run(import_logs, file, settings, respondent)
    if json:
        echo_json(document(done))
        return
    from valuecompass.board.page.terminal import terminal_board

    terminal_board(done, console())
