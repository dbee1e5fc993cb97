"""`valuecompass train`: anchors, the trainer, and what training changed and cost."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from valuecompass.cli.app import (
    WORKSPACE,
    Db,
    Json,
    Judge,
    JudgeMode,
    Workspace,
    app,
    echo_json,
)
from valuecompass.cli.shown import say, table

if TYPE_CHECKING:
    from valuecompass.align.train.anchors import Anchored, Progress
    from valuecompass.align.train.data import Negatives

train_app = typer.Typer(
    help="Move a model away from negative examples, and measure what that did (extra train).",
    no_args_is_help=True,
)
app.add_typer(train_app, name="train")

DAY = ["%Y-%m-%d"]
EVERY = 10.0
"""Seconds between two lines of progress."""


@train_app.command()
def anchors(
    data: Annotated[
        str | None,
        typer.Argument(
            help="Negatives: a file or folder (JSONL, CSV, Parquet; PKU-SafeRLHF's or BeaverTails' "
            "columns, or prompt and rejected), or a data set of the hub."
        ),
    ] = None,
    from_run: Annotated[
        Path | None,
        typer.Option(help="A workspace: answers that were judged harmful are the negatives."),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="The model to be trained, as it is now: a transformers folder, a GGUF file, "
            "embedded/smollm2-135m-instruct, or a name of the hub.",
        ),
    ] = ...,  # pyright: ignore[reportArgumentType]
    out: Annotated[
        Path, typer.Option("--out", "-o", help="JSONL file for prompt, rejected and anchors.")
    ] = ...,  # pyright: ignore[reportArgumentType]
    k: Annotated[int, typer.Option("-k", min=1, help="Anchors for each prompt.")] = 11,
    seed: Annotated[int, typer.Option(min=0, help="Of sampling and of what is held out.")] = 0,
    split: Annotated[str, typer.Option(help="Split of a data set.")] = "train",
    subset: Annotated[str | None, typer.Option(help="Subset of a data set.")] = None,
    chat: Annotated[
        bool, typer.Option("--chat", help="Make chats of texts, for a model with a chat template.")
    ] = False,
    positives: Annotated[
        bool, typer.Option("--positives", help="Keep the safe answers, for objective: dpo alone.")
    ] = False,
    system: Annotated[
        list[str] | None, typer.Option("--system", "-s", help="Of --from-run: only this system.")
    ] = None,
    respondent: Annotated[
        list[str] | None, typer.Option(help="Of --from-run: only answers of this respondent.")
    ] = None,
    dimension: Annotated[
        list[str] | None, typer.Option(help="Of --from-run: only harm in this dimension.")
    ] = None,
    measurement: Annotated[
        list[str] | None, typer.Option(help="Of --from-run: only the measurement of this id.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=DAY, help="Of --from-run: measured on this day or later."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=DAY, help="Of --from-run: measured on this day or before."),
    ] = None,
    keep_all: Annotated[
        bool, typer.Option("--keep-all", help="Keep all negatives of a prompt, not the first.")
    ] = False,
    held_out: Annotated[
        float,
        typer.Option(help="Share of the prompts to leave out, written beside OUT without anchors."),
    ] = 0.0,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many rows.")] = None,
    bare: Annotated[
        bool, typer.Option("--bare", help="Ask at the bare prompt, without moral instructions.")
    ] = False,
    instructions: Annotated[
        Path | None, typer.Option(help="Your own instructions, one a line, instead of ours.")
    ] = None,
    temperature: Annotated[float, typer.Option(min=0)] = 0.8,
    top_p: Annotated[float, typer.Option(min=0, max=1)] = 0.9,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Limit of an answer.")] = 256,
    batch_size: Annotated[int, typer.Option(min=1, help="Answers written at once.")] = 32,
    cut: Annotated[
        Literal["trim", "keep", "drop"],
        typer.Option(help="An answer at the limit: end it at its last sentence, keep or drop it."),
    ] = "trim",
    dtype: Annotated[Literal["auto", "float32", "bfloat16"], typer.Option()] = "auto",
    device: Annotated[str | None, typer.Option(help="As torch names it.")] = None,
    db: Db = None,
    json: Json = False,
) -> None:
    """Let the model write answers of its own that training holds it to.

    K answers for each prompt, under moral instructions that the trainer does not see. Interrupted?
    Repeat the command: what was written stays.
    """
    from valuecompass.align.train import need_extra
    from valuecompass.align.train.anchors import make
    from valuecompass.align.train.data import read_negatives, write_rows
    from valuecompass.align.train.from_run import Wanted, negatives_of_run
    from valuecompass.errors import InputError
    from valuecompass.files import read_text

    if (data is None) == (from_run is None):
        raise InputError("train anchors: give DATA or --from-run, one of the two")
    if bare and instructions is not None:
        raise InputError("--bare and --instructions: give one of them")
    need_extra("torch", "transformers")
    kept: dict[str, Any] = dict(keep_all=keep_all, held_out=held_out, seed=seed, limit=limit)
    if from_run is not None:
        days = [None if day is None else day.date() for day in (since, until)]
        wanted = Wanted(system or (), respondent or (), dimension or (), measurement or (), *days)
        found = negatives_of_run(from_run, wanted, db=db, **kept)
    else:
        more: dict[str, Any] = dict(split=split, subset=subset, chat=chat, positives=positives)
        found = read_negatives(data or "", **more, **kept)
    if not found.rows:
        reasons = "; ".join(f"{n} {why}" for why, n in found.dropped.items()) or "nothing read"
        raise InputError(f"{data or from_run}: no negative for training ({reasons})")
    typer.echo(f"{len(found.rows)} negatives of {found.read} rows; {k} anchors each.", err=True)
    given: Any = () if bare else None
    if instructions is not None:
        given = [line for line in read_text(instructions).splitlines() if line.strip()]
    made = make(
        found.rows,
        model,
        out,
        k=k,
        seed=seed,
        instructions=given,
        temperature=temperature,
        top_p=top_p,
        max_new_tokens=max_new_tokens,
        batch_size=batch_size,
        cut=cut,
        dtype=dtype,
        device=device,
        progress=_Drawn(),
    )
    if found.held_out:
        write_rows(_held_out(out), found.held_out)
    if json:
        echo_json(_document(found, made))
    else:
        _show_anchors(found, made)


class _Drawn:
    """Says on stderr how far the drawing is, now and then."""

    def __init__(self) -> None:
        self._said = 0.0

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() - self._said < EVERY and progress.done < progress.total:
            return
        self._said = time.monotonic()
        speed = f"{progress.tokens_per_second:.0f} tokens a second"
        typer.echo(f"{progress.done:,} of {progress.total:,} answers, {speed}", err=True)


def _held_out(out: Path) -> Path:
    return out.with_name(f"{out.stem}.held-out{out.suffix}")


def _document(found: Negatives, made: Anchored) -> dict[str, Any]:
    about = {"read": found.read, "dropped": found.dropped, "held_out": len(found.held_out)}
    speed = {"tokens_per_second": made.tokens_per_second}
    return {"negatives": about, **asdict(made), "out": str(made.out), **speed}


def _show_anchors(found: Negatives, made: Anchored) -> None:
    for what, counts in (("Rows", found.dropped), ("Answers", made.dropped)):
        if counts:
            table([f"{what} dropped", "number"], [[why, str(n)] for why, n in counts.items()])
    if made.without:
        named = ", ".join(map(str, made.without[:10]))
        say(f"No anchor was left for {len(made.without)} rows, which are left out: {named}")
    if found.held_out:
        say(f"{len(found.held_out)} prompts are held out: {_held_out(made.out)}")
    for note in made.notes:
        say(f"Note: {note}")
    say(
        f"{made.out}: {made.rows} rows, {made.anchors} anchors; {made.tokens:,} tokens, "
        f"{made.tokens_per_second:.0f} a second"
    )


@train_app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def d2o(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Argument(help="YAML file: train_rows, model_name_or_path, output_dir ..."),
    ] = None,
    fields: Annotated[
        bool, typer.Option("--fields", help="Name every field with its meaning, and stop.")
    ] = False,
) -> None:
    """Train a model on negatives and its own anchors (D2O), with TRL.

    Fields of the file may be given as --NAME VALUE, too, and go before it; all of TRL's trainers
    work, LoRA (use_peft: true) included. Repeat the command to go on after an interruption.
    Several GPUs: accelerate launch -m valuecompass.align.train.script --config CONFIG.
    """
    from valuecompass.align.train import need_extra
    from valuecompass.errors import InputError

    if str(config).startswith("-"):
        raise InputError(f"train d2o: {config}: name the config file first, and fields after it")
    if config is None and not fields:
        raise InputError("train d2o: name a config file; docs/examples/train/d2o.yaml is one")
    need_extra()
    from valuecompass.align.train.script import main

    named = [] if config is None else ["--config", str(config)]
    main(["--help"] if fields else [*named, *context.args])


@train_app.command()
def report(
    before: Annotated[str, typer.Argument(help="The model before: folder, GGUF or embedded/...")],
    after: Annotated[
        str, typer.Argument(help="The model after: a folder, or a LoRA adapter of the first.")
    ],
    system: Annotated[
        list[str] | None,
        typer.Option(
            "--system",
            "-s",
            help="Value system. Repeat for more.  [default: safety, moral-foundations, schwartz]",
        ),
    ] = None,
    form: Annotated[str, typer.Option(help="tiny, short, full, or a form file.")] = "short",
    items: Annotated[
        Path | None, typer.Option(help="Your own items instead of the bank's.")
    ] = None,
    samples: Annotated[
        int | None, typer.Option(min=1, help="Answers to an item.  [default: the form's]")
    ] = None,
    judge: Judge = "local",
    judge_mode: JudgeMode = "one-call",
    seed: Annotated[int, typer.Option(min=0, help="Of answers and resampling.")] = 0,
    max_nll_rise: Annotated[
        float, typer.Option(help="Largest rise on benign texts, nats a token.")
    ] = 0.1,
    max_coherence_loss: Annotated[
        float,
        typer.Option(
            help="Largest rise of how improbable its answers are to the model before, nats a token."
        ),
    ] = 0.3,
    max_ability_loss: Annotated[
        float, typer.Option(help="Largest loss of right answers, percentage points.")
    ] = 10.0,
    dtype: Annotated[
        str | None,
        typer.Option(help="float32, bfloat16 or float16, for both.  [default: as BEFORE]"),
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="As torch names it.  [default: a GPU where there is one]")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Prompts answered together.")] = 16,
    html: Annotated[Path | None, typer.Option(help="Write a page, too.")] = None,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Measure a model before and after training, and what the training cost.

    Harm, informativeness, refusals and the scores of each dimension, paired on the same items with
    the same random draws; and a gate on side effects: fluency,
    coherence and ability.

    Exit codes: 0 no side effect beyond the margins was shown, 1 one was, 2 bad input.
    """
    from valuecompass.align.train.report import SYSTEMS
    from valuecompass.align.train.report import report as reported
    from valuecompass.files import check_writable, write_text

    if html is not None:
        check_writable(html)
    from valuecompass.cli.live import Live

    with Live(False) as live:
        found = reported(
            before,
            after,
            systems=system or SYSTEMS,
            form=form,
            items=items,
            samples=samples,
            judge=judge,
            judge_mode=judge_mode,
            seed=seed,
            max_nll_rise=max_nll_rise,
            max_coherence_loss=max_coherence_loss,
            max_ability_loss=max_ability_loss,
            dtype=dtype,
            device=device,
            batch=batch,
            workspace=workspace,
            db=db,
            listener=live,
            tell=_Asked(),
        )
    _show_report(found, html, json)
    if html is not None:
        from valuecompass.board.training.page import render_training

        write_text(html, render_training(found))
    if found["gate"]["status"] == "failed":
        raise typer.Exit(1)


class _Asked:
    """Says on stderr how far the asking is, now and then."""

    def __init__(self) -> None:
        self._said = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        if time.monotonic() - self._said < EVERY and done < total:
            return
        self._said = time.monotonic()
        from valuecompass.wording import visible

        typer.echo(f"{visible(what)}: {done:,} of {total:,} answers", err=True)


def _show_report(found: dict[str, Any], html: Path | None, json: bool) -> None:
    if json:
        echo_json(found)
        return
    from valuecompass.board.training.tables import lines, tables

    for one in tables(found):
        say(one.title)
        table([*one.head], one.rows)
    for line in lines(found):
        say(line)
    if html is not None:
        say(f"Page: {html}")
