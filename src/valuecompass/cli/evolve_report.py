"""`valuecompass evolve report`: what a run made, what it took, and what its items are worth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from valuecompass.cli.app import (
    WORKSPACE,
    Db,
    Json,
    Judge,
    JudgeMode,
    MaxCalls,
    MaxUsd,
    Seed,
    StrongJudge,
    Workspace,
    echo_json,
)
from valuecompass.cli.shown import dollars, number, say, span, table


def report(
    run: Annotated[
        str | None,
        typer.Argument(help="Id of a run, or its first characters.  [default: the newest]"),
    ] = None,
    examinees: Annotated[
        list[str] | None,
        typer.Option(
            "--examinees",
            help="Model that answers the items, named as for run -m. Repeat for more.  "
            "[default: the run's examinees, else its pool]",
        ),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            help="What the evolved items are compared with: seeds, an item file, or none. Repeat "
            "for more.  [default: seeds]"
        ),
    ] = None,
    other: Annotated[
        str | None, typer.Option(help="Id of another run: do its items give the same scores?")
    ] = None,
    judge: Judge = "local",
    judge_mode: JudgeMode = "one-call",
    strong_judge: StrongJudge = None,
    size: Annotated[
        int,
        typer.Option(
            min=0,
            help="Most items of each set; as many of each are compared. 0: nobody is asked.",
        ),
    ] = 200,
    repeats: Annotated[
        int, typer.Option(min=1, max=100, help="Answers of each model to each item.")
    ] = 2,
    prime: Annotated[
        bool,
        typer.Option(
            "--prime",
            help="Ask every examinee the evolved items once more for each value, told to put that "
            "value first.",
        ),
    ] = False,
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML file.")] = None,
    max_calls: MaxCalls = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=0, help="Stop before more tokens than this.")
    ] = None,
    max_usd: MaxUsd = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be asked, with its price, and stop.")
    ] = False,
    seed: Seed = 0,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Report on a run: its items, its cost, and how well they tell models apart.

    Evolved items, seeds and other sets are put to the same models at equal counts, on answers that
    selected nothing. Interrupted or out of budget? Repeat the command.

    Exit codes: 0 done, 2 bad input, 3 budget reached, 130 interrupted.
    """
    import anyio

    from valuecompass.cli.live import Live
    from valuecompass.errors import InputError
    from valuecompass.evolve.report.document import evolution_report
    from valuecompass.evolve.report.measuring import ReportSettings
    from valuecompass.measure.run import Settings
    from valuecompass.models import Limits

    if html is not None and html.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--html {html}: the report is HTML; give a name that ends in .html")
    settings = ReportSettings(
        Settings(
            models=examinees or [],
            judge=judge,
            judge_mode=judge_mode,
            strong_judge=strong_judge,
            workspace=workspace,
            db=db,
            limits=Limits(max_calls, max_tokens, max_usd),
        ),
        run=run,
        against=_sets(against),
        size=size,
        repeats=repeats,
        prime=prime,
        other=other,
        seed=seed,
    )
    with Live(dry_run) as live:
        found = anyio.run(evolution_report, settings, live)
    if dry_run:
        _show_plan(live, found["not_compared"], json=json)
        return
    if html is not None:
        from valuecompass.board.evolution.page import render_evolution
        from valuecompass.files import write_text

        write_text(html, render_evolution(found))
    if json:
        echo_json(found)
        return
    _show(found)
    if html is not None:
        say(f"Report: {html}")


def _sets(against: list[str] | None) -> list[str]:
    from valuecompass.errors import InputError
    from valuecompass.evolve.report.measuring import SEEDS

    if against is not None and "none" in against:
        if len(against) > 1:
            raise InputError("--against none: evolved items stand alone; name no other set beside")
        return []
    return against or [SEEDS]


def _show_plan(live: Any, why: str, *, json: bool) -> None:
    from valuecompass.cli.forecast import show_forecast
    from valuecompass.measure.forecast import document

    if json:
        echo_json(document(live.outlooks) | {"not_compared": None if live.outlooks else why})
    elif live.outlooks:
        show_forecast(live.outlooks)
    else:
        say(f"No comparison: {why}.")


def _show(found: Mapping[str, Any]) -> None:
    counts, cost = found["counts"], found["cost"]
    say(
        f"Run {found['run']['id']}: {counts['kept']:,} items kept of "
        f"{found['spread']['topics']:,} topics, {counts['rejected']:,} candidates rejected."
    )
    each = cost["per_survivor"]["requests"]
    told = "" if each is None else f", {each:.1f} an item kept"
    paid = "" if cost["total"]["usd"] is None else f"; {dollars(cost['total']['usd'])} US dollars"
    say(f"Requests: {cost['total']['requests']:,}{told}{paid}.")
    rewards = found["rewards"]
    if rewards["reason"] is None:
        say(
            f"Mean reward as selected {rewards['selected']:.3f}, "
            f"on fresh answers {rewards['fresh']:.3f}."
        )
    table(
        ["texts", "n", "words", "Self-BLEU", "Dist-2", "similarity", "to seeds"],
        [
            [
                one["set"],
                f"{one['texts']:,}",
                *(number(one[k]) for k in ("words", "self_bleu", "dist_2", "similarity")),
                number(one["similarity_to_reference"]),
            ]
            for one in found["texts"]["sets"]
        ],
    )
    for one in found["systems"]:
        _show_system(one)
    if found["not_compared"]:
        say(f"No comparison: {found['not_compared']}.")
    for notice in found["notices"]:
        say(f"Note: {notice}")


def _show_system(one: Mapping[str, Any]) -> None:
    from valuecompass.board.evolution.view import FIGURES, figure

    size = one["sets"][0]["compared"]
    models = [*one["models"]]
    say(f"{one['name']}: {size:,} items of each set, {len(models)} models, judge {one['judge']}")
    for own in one["notes"]:
        say(f"Note: {own['respondent']}: {own['note']}")
    rows: list[list[str]] = []
    for name, (title, _) in FIGURES.items():
        own = one["told_apart"][name]
        if own["reason"]:
            say(f"{title}: not shown: {own['reason']}.")
            continue
        for at, estimates in own["values"].items():
            less = own["differences"].get(at)
            gap = "" if less is None else figure(less, 4)
            rows.append([title, at, figure(estimates, 4), gap])
            title = ""
    if rows:
        table(["", "set", "estimate", "evolved less it"], rows)
    if one["reliability"]["reason"] is None:
        say(
            f"Five parts: alpha {span(one['reliability']['pooled_alpha'])}, coefficient of "
            f"variation {span(one['reliability']['variation'])}."
        )
    swap = one["swap"]
    if swap["reason"] is None:
        say(f"Other run: ICC {span(swap['icc'])}, Spearman {span(swap['spearman'])}.")
    primed = one["priming"]
    if primed["reason"] is None:
        for key, label in (("target", "target"), ("opposite", "opposites")):
            own = primed["all"][key]
            say(
                f"Priming, {label}: {number(own['baseline'])} to {number(own['primed'])}, "
                f"t {number(own['t'])}, d {number(own['d'])}, {own['n']} pairs."
            )
